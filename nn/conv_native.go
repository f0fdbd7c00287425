package nn

import (
	"runtime"
	"sync"
	"weak"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
)

// GoMLX's own gradient of a convolution needs input dilation (which ONNX lacks) for strides, and splits
// a grouped convolution into one convolution a group. This file gives the gradient in operators that
// ONNX Runtime has and runs fast, and registers it as THE gradient of the convolutions built here;
// convolutions built elsewhere keep GoMLX's.

var (
	geometries sync.Map // weak.Pointer[Node] -> geometry
	register   = sync.OnceFunc(func() {
		fallback := VJPRegistration[NodeTypeConvGeneral]
		VJPRegistration[NodeTypeConvGeneral] = func(node *Node, v []*Node, s shapes.Shape) []*Node {
			if g, ok := geometries.Load(weak.Make(node)); ok {
				x, w := node.Inputs()[0], node.Inputs()[1]
				geo := g.(geometry)
				return []*Node{convGradInput(v[0], w, geo), convGradKernel(v[0], x, geo)}
			}
			return fallback(node, v, s)
		}
	})
)

func nativeConv(x, w *Node, geo geometry) *Node {
	register()
	y := ConvGeneral(x, w, axes(len(geo.in)), repeat(geo.stride, len(geo.in)), pads(geo), nil, nil, geo.groups, 1)
	key := weak.Make(y)
	geometries.Store(key, geo)
	runtime.AddCleanup(y, func(k weak.Pointer[Node]) { geometries.Delete(k) }, key)
	return y
}

// convGradInput is the gradient with respect to x: v, spread out by the stride, convolved with the
// flipped kernel, in and out channels exchanged within each group.
func convGradInput(v, w *Node, geo geometry) *Node {
	rank := len(geo.in)
	k := geo.kernel
	co, ci := geo.cout/geo.groups, geo.cin/geo.groups
	flipped := w
	if k > 1 {
		spatial := make([]int, rank)
		for i := range spatial {
			spatial[i] = 2 + i
		}
		flipped = Reverse(w, spatial...)
	}
	ks := repeat(k, rank)
	if geo.groups == 1 || (co > 1 || ci > 1) {
		f := Reshape(flipped, append([]int{geo.groups, co, ci}, ks...)...)
		f = Transpose(f, 1, 2)
		flipped = Reshape(f, append([]int{geo.cin, co}, ks...)...)
	}
	v = dilate(v, geo)
	padding := make([][2]int, rank)
	for i := range padding {
		length := geo.stride*(geo.out[i]-1) + 1
		if geo.stride > 1 {
			length = geo.stride * geo.out[i] // dilate leaves the last gap in
		}
		lo := k - 1 - geo.pad
		padding[i] = [2]int{lo, geo.in[i] - length - lo + k - 1}
	}
	for i := range padding { // the last gap may reach beyond the input
		if over := -padding[i][1]; over > 0 {
			v = SliceAxis(v, 2+i, AxisRange(0, v.Shape().Dimensions[2+i]-over))
			padding[i][1] = 0
		}
	}
	return ConvGeneral(v, flipped, axes(rank), repeat(1, rank), padding, nil, nil, geo.groups, 1)
}

// dilate puts stride-1 zeros after every element of each spatial axis, by concatenation and reshape
// (ONNX has no input dilation, and Pad has no interior). The zeros are made from v, so that they follow its batch.
func dilate(v *Node, geo geometry) *Node {
	if geo.stride == 1 {
		return v
	}
	for i := range geo.out {
		dims := v.Shape().Dimensions
		wide := append(append([]int{}, dims[:3+i]...), 1)
		wide = append(wide, dims[3+i:]...)
		parts := []*Node{Reshape(v, wide...)}
		gap := MulScalar(parts[0], 0)
		for range geo.stride - 1 {
			parts = append(parts, gap)
		}
		out := append([]int{}, dims...)
		out[2+i] *= geo.stride
		v = Reshape(Concatenate(parts, 3+i), out...)
	}
	return v
}

// convGradKernel is the gradient with respect to w: x convolved with v, where the batch takes the role
// of the channels. With groups, each group stays a group.
func convGradKernel(v, x *Node, geo geometry) *Node {
	rank := len(geo.in)
	ks := repeat(geo.kernel, rank)
	co, ci := geo.cout/geo.groups, geo.cin/geo.groups
	if geo.kernel == 1 && geo.stride == 1 && geo.groups == 1 {
		s := product(geo.in)
		xs := Reshape(x, geo.batch, ci, s)
		vs := Reshape(v, geo.batch, co, s)
		w := ReduceSum(Dot(vs, xs).General([]int{2}, []int{0}, []int{2}, []int{0}), 0)
		return Reshape(w, append([]int{co, ci}, ks...)...)
	}
	// x: [B, G*ci, S] -> [ci, G*B, S];  v: [B, G*co, So] -> [G*co, B, So]
	xt := Reshape(x, append([]int{geo.batch, geo.groups, ci}, geo.in...)...)
	perm := []int{2, 1, 0}
	for i := range rank {
		perm = append(perm, 3+i)
	}
	xt = Reshape(TransposeAllAxes(xt, perm...), append([]int{ci, geo.groups * geo.batch}, geo.in...)...)
	vt := Transpose(v, 0, 1)
	y := ConvGeneral(xt, vt, axes(rank), repeat(1, rank), pads(geo), nil, repeat(geo.stride, rank), geo.groups, 1) // [ci, G*co, k'...]
	for i := range rank {
		if y.Shape().Dimensions[2+i] > geo.kernel {
			y = SliceAxis(y, 2+i, AxisRange(0, geo.kernel))
		}
	}
	return Transpose(y, 0, 1)
}

func axes(rank int) compute.ConvolveAxesConfig {
	s := make([]int, rank)
	for i := range s {
		s[i] = 2 + i
	}
	return compute.ConvolveAxesConfig{
		InputBatch: 0, InputChannels: 1, InputSpatial: s,
		KernelOutputChannels: 0, KernelInputChannels: 1, KernelSpatial: s,
		OutputBatch: 0, OutputChannels: 1, OutputSpatial: s,
	}
}

func pads(geo geometry) [][2]int {
	p := make([][2]int, len(geo.in))
	for i := range p {
		// The right side gets what the last window needs, no more: the output size is fixed by the left.
		p[i] = [2]int{geo.pad, geo.stride*(geo.out[i]-1) + geo.kernel - geo.pad - geo.in[i]}
		p[i][1] = max(p[i][1], 0)
	}
	return p
}

func repeat(v, n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = v
	}
	return s
}
