package nn

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
)

// loweredConv is convolution as matrix products over shifted copies of x, from operators whose gradient
// every backend has. The pure Go backend runs it ten times faster than its own convolution.
// Strided slices are avoided (their gradient needs interior padding): x is cut into stride phases by
// reshape, and a shift picks from a phase.
func loweredConv(x, w *Node, geo geometry) *Node {
	rank := len(geo.in)
	padded := padZeros(x, geo)
	if geo.groups == geo.cin && geo.cout == geo.cin {
		return depthwise(padded, w, geo)
	}
	s := product(geo.out)
	k := product(repeat(geo.kernel, rank))
	columns := make([]*Node, 0, k)
	eachOffset(geo, func(offset []int) {
		columns = append(columns, Reshape(shifted(padded, offset, geo), geo.batch, geo.groups, geo.cin/geo.groups, 1, s))
	})
	cols := columns[0]
	if k > 1 {
		cols = Concatenate(columns, 3)
	}
	ci, co := geo.cin/geo.groups, geo.cout/geo.groups
	outDims := append([]int{geo.batch, geo.cout}, geo.out...)
	if geo.groups == 1 {
		cols = TransposeAllAxes(Reshape(cols, geo.batch, ci*k, s), 1, 0, 2) // [ci*k, B, S]
		y := Dot(Reshape(w, co, ci*k), Reshape(cols, ci*k, geo.batch*s)).Product()
		y = TransposeAllAxes(Reshape(y, co, geo.batch, s), 1, 0, 2)
		return Reshape(y, outDims...)
	}
	cols = Reshape(TransposeAllAxes(cols, 1, 2, 3, 0, 4), geo.groups, ci*k, geo.batch*s)
	y := Dot(Reshape(w, geo.groups, co, ci*k), cols).General([]int{2}, []int{0}, []int{1}, []int{0}) // [G, co, B*S]
	y = TransposeAllAxes(Reshape(y, geo.groups, co, geo.batch, s), 2, 0, 1, 3)
	return Reshape(y, outDims...)
}

// depthwise sums shifted copies, each scaled by its kernel weight per channel.
func depthwise(padded, w *Node, geo geometry) *Node {
	rank := len(geo.in)
	k := product(repeat(geo.kernel, rank))
	flat := Reshape(w, geo.cin, k)
	var y *Node
	i := 0
	eachOffset(geo, func(offset []int) {
		tap := perChannel(Reshape(SliceAxis(flat, 1, AxisElem(i)), geo.cin), rank+2)
		term := Mul(shifted(padded, offset, geo), tap)
		if y == nil {
			y = term
		} else {
			y = Add(y, term)
		}
		i++
	})
	return y
}

// padZeros surrounds x so that every window fits and every spatial size divides by the stride.
func padZeros(x *Node, geo geometry) *Node {
	for i := range geo.in {
		size := geo.stride * (geo.out[i] + (geo.kernel-1)/geo.stride)
		size = max(size, (geo.pad+geo.in[i]+geo.stride-1)/geo.stride*geo.stride)
		parts := []*Node{x}
		dims := append([]int{}, x.Shape().Dimensions...)
		if geo.pad > 0 {
			dims[2+i] = geo.pad
			parts = []*Node{zeros(x.Graph(), dims...), x}
		}
		if right := size - geo.pad - geo.in[i]; right > 0 {
			dims[2+i] = right
			parts = append(parts, zeros(x.Graph(), dims...))
		}
		if len(parts) > 1 {
			x = Concatenate(parts, 2+i)
		}
	}
	return x
}

// shifted picks, for a kernel offset, the element that each output position sees.
func shifted(padded *Node, offset []int, geo geometry) *Node {
	y := padded
	for i, o := range offset {
		axis := 2 + i
		if geo.stride > 1 {
			dims := y.Shape().Dimensions
			split := append(append([]int{}, dims[:axis]...), dims[axis]/geo.stride, geo.stride)
			split = append(split, dims[axis+1:]...)
			picked := SliceAxis(Reshape(y, split...), axis+1, AxisElem(o%geo.stride))
			out := append([]int{}, dims...)
			out[axis] = dims[axis] / geo.stride
			y = Reshape(picked, out...)
			o /= geo.stride
		}
		y = SliceAxis(y, axis, AxisRange(o, o+geo.out[i]))
	}
	return y
}

// eachOffset visits kernel positions in row-major order.
func eachOffset(geo geometry, f func(offset []int)) {
	rank := len(geo.in)
	offset := make([]int, rank)
	for {
		f(offset)
		i := rank - 1
		for ; i >= 0; i-- {
			if offset[i]++; offset[i] < geo.kernel {
				break
			}
			offset[i] = 0
		}
		if i < 0 {
			return
		}
	}
}
