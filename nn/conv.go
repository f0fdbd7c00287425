package nn

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
)

// Conv describes a convolution of any rank with odd kernels, centred ("same") padding of k/2, one kernel
// size and stride for all spatial axes, and optionally groups (Groups = channels: depthwise).
type Conv struct {
	Out, Kernel, Stride, Groups int
	Bias                        bool
}

// geometry is a Conv applied to a shape.
type geometry struct {
	kernel, stride, pad, groups int
	in, out                     []int // spatial sizes
	cin, cout, batch            int
}

// Conv applies a convolution to x [B, C, spatial...].
func (b *Build) Conv(name string, x *Node, c Conv) (y *Node) {
	if c.Stride == 0 {
		c.Stride = 1
	}
	if c.Groups == 0 {
		c.Groups = 1
	}
	rank := x.Rank() - 2
	cin := x.Shape().Dimensions[1]
	shape := []int{c.Out, cin / c.Groups}
	for range rank {
		shape = append(shape, c.Kernel)
	}
	b.In(name, func() {
		w := b.Weight("w", HeNormal, true, shape...)
		geo := geometry{kernel: c.Kernel, stride: c.Stride, pad: c.Kernel / 2, groups: c.Groups,
			cin: cin, cout: c.Out, batch: x.Shape().Dimensions[0], in: x.Shape().Dimensions[2:]}
		for _, n := range geo.in {
			geo.out = append(geo.out, (n-1)/c.Stride+1)
		}
		if b.Native {
			y = nativeConv(x, w, geo)
		} else {
			y = loweredConv(x, w, geo)
		}
		if c.Bias {
			y = Add(y, perChannel(b.Weight("b", ZeroInit, false, c.Out), y.Rank()))
		}
	})
	return y
}

// perChannel shapes a vector [C] so that it broadcasts over [B, C, spatial...].
func perChannel(v *Node, rank int) *Node {
	dims := make([]int, rank)
	for i := range dims {
		dims[i] = 1
	}
	dims[1] = v.Shape().Dimensions[0]
	return Reshape(v, dims...)
}
