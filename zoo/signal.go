package zoo

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas

	"consilium/clinical"
	"consilium/nn"
)

func init() {
	add(Arch{Name: "mobilenet-ecg", Kinds: []clinical.Kind{clinical.KindECG}, Rank: 2,
		About: "1-D MobileNetV3-style net with attention over time, for 12 leads x 5000 samples",
		Build: mobilenetECG})
	add(Arch{Name: "gru-cough", Kinds: []clinical.Kind{clinical.KindSound}, Rank: 2,
		About: "strided convolutions over log-mel frames, bidirectional GRU, attention over time",
		Build: gruCough})
	add(Arch{Name: "dense-table", Kinds: []clinical.Kind{clinical.KindTable}, Rank: 1,
		About: "two hidden layers for a row of clinical variables",
		Build: denseTable})
}

// mobilenetECG takes [B, leads, samples].
func mobilenetECG(classes int) nn.Network {
	rows := []nn.Inverted{
		{Kernel: 9, Expand: 48, Out: 24, Stride: 2, SE: true, ReLU: true},
		{Kernel: 9, Expand: 72, Out: 32, Stride: 2, SE: true, ReLU: true},
		{Kernel: 9, Expand: 96, Out: 32, Stride: 2, SE: true, ReLU: true},
		{Kernel: 9, Expand: 96, Out: 48, Stride: 2, SE: true},
		{Kernel: 9, Expand: 144, Out: 48, Stride: 2, SE: true},
		{Kernel: 9, Expand: 144, Out: 64, Stride: 2, SE: true},
	}
	return func(b *nn.Build, x *Node) (logits, features *Node) {
		x = nn.HardSwish(b.GroupNorm("n", b.Conv("stem", x, nn.Conv{Out: 24, Kernel: 15, Stride: 4}), 8))
		x = inverted(b, x, rows)
		x = nn.HardSwish(b.GroupNorm("hn", b.Conv("head", x, nn.Conv{Out: 128, Kernel: 1}), 8))
		pooled := b.AttentionPool("attend", Transpose(x, 1, 2), 32)
		return b.Dense("logits", b.Dropout(pooled, 0.2), classes), x
	}
}

// gruCough takes [B, frames, mels].
func gruCough(classes int) nn.Network {
	return func(b *nn.Build, x *Node) (logits, features *Node) {
		x = Transpose(x, 1, 2)
		for i, out := range []int{48, 64, 64} {
			b.In(blockName(i), func() {
				x = nn.HardSwish(b.GroupNorm("n", b.Conv("c", x, nn.Conv{Out: out, Kernel: 5, Stride: 2}), 8))
			})
		}
		states := b.BiGRU("gru", Transpose(x, 1, 2), 48)
		pooled := b.AttentionPool("attend", states, 32)
		return b.Dense("logits", b.Dropout(pooled, 0.3), classes), Transpose(states, 1, 2)
	}
}

// denseTable takes [B, columns]; the features are the last hidden layer as one-pixel maps.
func denseTable(classes int) nn.Network {
	return func(b *nn.Build, x *Node) (logits, features *Node) {
		x = nn.HardSwish(b.Dense("h1", x, 64))
		x = nn.HardSwish(b.Dense("h2", b.Dropout(x, 0.2), 32))
		return b.Dense("logits", x, classes), ExpandAxes(x, -1)
	}
}
