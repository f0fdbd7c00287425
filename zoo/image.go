package zoo

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas

	"consilium/clinical"
	"consilium/nn"
)

func init() {
	add(Arch{Name: "mobilenet2d", Kinds: []clinical.Kind{clinical.KindImage}, Rank: 3,
		About: "MobileNetV3-style: depthwise separable, squeeze-excite, hard-swish, group norm; about 97,000 weights",
		Build: mobilenet2d})
	add(Arch{Name: "resnet2d", Kinds: []clinical.Kind{clinical.KindImage}, Rank: 3,
		About: "small residual network for comparison; about 310,000 weights",
		Build: resnet2d})
	add(Arch{Name: "cnn5", Kinds: []clinical.Kind{clinical.KindImage}, Rank: 3,
		About: "five plain 3x3 convolutions: the yardstick of the speed comparison",
		Build: cnn5})
	add(Arch{Name: "cnn3", Kinds: []clinical.Kind{clinical.KindImage}, Rank: 3,
		About: "three 3x3 convolutions with stride, group norm; about 24,000 weights: small enough for a hospital's spare computer",
		Build: cnn3})
	add(Arch{Name: "linear", Kinds: []clinical.Kind{clinical.KindImage}, Rank: 3,
		About: "logistic regression on the pixels: the floor that every network has to beat",
		Build: Linear})
	add(Arch{Name: "resnet3d", Kinds: []clinical.Kind{clinical.KindVolume}, Rank: 4,
		About: "residual network with 3x3x3 kernels, so that neighbouring slices are seen together",
		Build: resnet3d})
}

func mobilenet2d(classes int) nn.Network {
	rows := []nn.Inverted{
		{Kernel: 3, Expand: 32, Out: 16, Stride: 1, SE: true, ReLU: true},
		{Kernel: 3, Expand: 64, Out: 24, Stride: 2, SE: true, ReLU: true},
		{Kernel: 3, Expand: 96, Out: 24, Stride: 1, SE: true, ReLU: true},
		{Kernel: 5, Expand: 96, Out: 40, Stride: 2, SE: true},
		{Kernel: 5, Expand: 120, Out: 40, Stride: 1, SE: true},
		{Kernel: 5, Expand: 120, Out: 48, Stride: 1, SE: true},
	}
	return func(b *nn.Build, x *Node) (logits, features *Node) {
		x = nn.HardSwish(b.GroupNorm("n", b.Conv("stem", x, nn.Conv{Out: 16, Kernel: 3}), 8))
		x = inverted(b, x, rows)
		x = nn.HardSwish(b.GroupNorm("hn", b.Conv("head", x, nn.Conv{Out: 128, Kernel: 1}), 8))
		return classifier(b, nn.GlobalPool(x), 128, classes, 0.2), x
	}
}

func inverted(b *nn.Build, x *Node, rows []nn.Inverted) *Node {
	for i, r := range rows {
		x = b.InvertedResidual(blockName(i), x, r)
	}
	return x
}

func blockName(i int) string { return "block" + string(rune('1'+i)) }

func resnet2d(classes int) nn.Network {
	return func(b *nn.Build, x *Node) (logits, features *Node) {
		x = nn.ReLU(b.GroupNorm("n", b.Conv("stem", x, nn.Conv{Out: 32, Kernel: 3}), 8))
		x = b.Basic("block1", x, 32, 1)
		x = b.Basic("block2", x, 64, 2)
		x = b.Basic("block3", x, 128, 2)
		return b.Dense("logits", b.Dropout(nn.GlobalPool(x), 0.2), classes), x
	}
}

func cnn5(classes int) nn.Network {
	return func(b *nn.Build, x *Node) (logits, features *Node) {
		for i, c := range []nn.Conv{{Out: 32}, {Out: 32, Stride: 2}, {Out: 64}, {Out: 64, Stride: 2}, {Out: 128}} {
			c.Kernel = 3
			b.In(blockName(i), func() { x = nn.ReLU(b.GroupNorm("n", b.Conv("c", x, c), 8)) })
		}
		return b.Dense("logits", nn.GlobalPool(x), classes), x
	}
}

func cnn3(classes int) nn.Network {
	return func(b *nn.Build, x *Node) (logits, features *Node) {
		for i, out := range []int{16, 32, 64} {
			b.In(blockName(i), func() {
				x = nn.ReLU(b.GroupNorm("n", b.Conv("c", x, nn.Conv{Out: out, Kernel: 3, Stride: 2}), 4))
			})
		}
		return b.Dense("logits", nn.GlobalPool(x), classes), x
	}
}

func resnet3d(classes int) nn.Network {
	return func(b *nn.Build, x *Node) (logits, features *Node) {
		x = nn.ReLU(b.GroupNorm("n", b.Conv("stem", x, nn.Conv{Out: 16, Kernel: 3, Stride: 2}), 8))
		x = b.Basic("block1", x, 32, 2)
		x = b.Basic("block2", x, 64, 2)
		return b.Dense("logits", b.Dropout(nn.GlobalPool(x), 0.2), classes), x
	}
}

// Linear has no hidden layer and takes inputs of any rank; its only feature map is the input itself.
func Linear(classes int) nn.Network {
	return func(b *nn.Build, x *Node) (logits, features *Node) {
		flat := 1
		for _, d := range x.Shape().Dimensions[1:] {
			flat *= d
		}
		return b.Dense("logits", Reshape(x, x.Shape().Dimensions[0], flat), classes), x
	}
}
