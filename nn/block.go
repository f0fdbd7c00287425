package nn

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
)

// Inverted is one row of a MobileNetV3 table: expand 1x1, depthwise kernel, squeeze-excite, project 1x1.
type Inverted struct {
	Kernel, Expand, Out, Stride int
	SE                          bool
	ReLU                        bool // else hard-swish
}

// normGroups is the group count of every group norm in a block.
const normGroups = 8

// InvertedResidual is the MobileNetV3 block (Howard et al. 2019, figure 4), of any spatial rank, with group norm.
func (b *Build) InvertedResidual(name string, x *Node, r Inverted) (y *Node) {
	act := HardSwish
	if r.ReLU {
		act = ReLU
	}
	b.In(name, func() {
		y = act(b.GroupNorm("n1", b.Conv("expand", x, Conv{Out: r.Expand, Kernel: 1}), normGroups))
		y = act(b.GroupNorm("n2", b.Conv("depth", y, Conv{Out: r.Expand, Kernel: r.Kernel, Stride: r.Stride, Groups: r.Expand}), normGroups))
		if r.SE {
			y = b.SqueezeExcite("se", y, 4)
		}
		y = b.GroupNorm("n3", b.Conv("project", y, Conv{Out: r.Out, Kernel: 1}), normGroups)
		if r.Stride <= 1 && x.Shape().Dimensions[1] == r.Out {
			y = Add(x, y)
		}
	})
	return y
}

// Basic is the two-convolution residual block (He et al. 2016) with group norm, of any spatial rank.
func (b *Build) Basic(name string, x *Node, out, stride int) (y *Node) {
	b.In(name, func() {
		y = ReLU(b.GroupNorm("n1", b.Conv("c1", x, Conv{Out: out, Kernel: 3, Stride: stride}), normGroups))
		y = b.GroupNorm("n2", b.Conv("c2", y, Conv{Out: out, Kernel: 3}), normGroups)
		skip := x
		if stride > 1 || x.Shape().Dimensions[1] != out {
			skip = b.GroupNorm("n3", b.Conv("skip", x, Conv{Out: out, Kernel: 1, Stride: stride}), normGroups)
		}
		y = ReLU(Add(y, skip))
	})
	return y
}
