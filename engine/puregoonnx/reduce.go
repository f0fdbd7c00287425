package puregoonnx

import (
	"math"
	"slices"
)

// reduction folds axes (an attribute, or an input in newer opsets).
// finish gets the folded value and the number of values.
func reduction(start float64, step func(acc, v float64) float64, finish func(acc float64, n int) float64) func(c *call) ([]*array, error) {
	return single(func(c *call) (*array, error) {
		x := c.in[0]
		axes, _ := c.list(1, "axes")
		if len(axes) == 0 && c.int("noop_with_empty_axes", 0) != 0 {
			return x, nil
		}
		reduced, err := axesSet(axes, len(x.shape), true)
		if err != nil {
			return nil, err
		}
		full, kept := slices.Clone(x.shape), []int{}
		n := 1
		for i, d := range x.shape {
			if reduced[i] {
				full[i] = 1
				n *= d
			} else {
				kept = append(kept, d)
			}
		}
		if c.int("keepdims", 1) != 0 {
			kept = full
		}
		out, err := x.like(kept...)
		if err != nil {
			return nil, err
		}
		sums := make([]float64, out.size())
		for i := range sums {
			sums[i] = start
		}
		fold(sums, x, broadcastStrides(full, x.shape), step)
		for i, v := range sums {
			v = finish(v, n)
			if x.kind == float {
				out.f[i] = float32(v)
			} else {
				out.i[i] = int64(v)
			}
		}
		return out, nil
	})
}

// fold walks x once and adds each value to its sum; strides are 0 along reduced axes.
func fold(sums []float64, x *array, stride []int, step func(acc, v float64) float64) {
	index, at := make([]int, len(x.shape)), 0
	for i := range x.size() {
		v := 0.0
		if x.kind == float {
			v = float64(x.f[i])
		} else {
			v = float64(x.i[i])
		}
		sums[at] = step(sums[at], v)
		for d := len(index) - 1; d >= 0; d-- {
			index[d]++
			at += stride[d]
			if index[d] < x.shape[d] {
				break
			}
			at -= stride[d] * x.shape[d]
			index[d] = 0
		}
	}
}

// softmax normalises along an axis; before opset 13, along all axes from it on.
// With logarithm it is LogSoftmax.
func softmax(logarithm bool) func(c *call) ([]*array, error) {
	return single(func(c *call) (*array, error) {
		x := c.in[0]
		otherwise := -1
		if c.opset < 13 {
			otherwise = 1
		}
		ax, err := axis(c.int("axis", otherwise), len(x.shape))
		if err != nil {
			return nil, err
		}
		out, err := x.like(x.shape...)
		if err != nil {
			return nil, err
		}
		outer, length, inner := product(x.shape[:ax]), x.shape[ax], product(x.shape[ax+1:])
		if c.opset < 13 {
			length, inner = length*inner, 1
		}
		for o := range outer {
			for i := range inner {
				softmaxLine(x.f, out.f, o*length*inner+i, length, inner, logarithm)
			}
		}
		return out, nil
	})
}

func softmaxLine(x, out []float32, at, length, stride int, logarithm bool) {
	top := math.Inf(-1)
	for j := range length {
		top = max(top, float64(x[at+j*stride]))
	}
	sum := 0.0
	for j := range length {
		sum += math.Exp(float64(x[at+j*stride]) - top)
	}
	for j := range length {
		v := float64(x[at+j*stride]) - top
		if logarithm {
			out[at+j*stride] = float32(v - math.Log(sum))
		} else {
			out[at+j*stride] = float32(math.Exp(v) / sum)
		}
	}
}

// argmax gives the index of the best value along an axis.
func argmax(better func(a, b float32) bool) func(c *call) ([]*array, error) {
	return single(func(c *call) (*array, error) {
		x := c.in[0]
		ax, err := axis(c.int("axis", 0), len(x.shape))
		if err != nil {
			return nil, err
		}
		shape := slices.Clone(x.shape)
		shape[ax] = 1
		out, err := newArray(integer, shape...)
		if err != nil {
			return nil, err
		}
		inner, last := product(x.shape[ax+1:]), c.int("select_last_index", 0) != 0
		for i := range out.i {
			at := i/inner*inner*x.shape[ax] + i%inner
			best := 0
			for j := 1; j < x.shape[ax]; j++ {
				v, top := x.f[at+j*inner], x.f[at+best*inner]
				if better(v, top) || last && v == top {
					best = j
				}
			}
			out.i[i] = int64(best)
		}
		if c.int("keepdims", 1) == 0 {
			return out.reshaped(slices.Delete(shape, ax, ax+1))
		}
		return out, nil
	})
}
