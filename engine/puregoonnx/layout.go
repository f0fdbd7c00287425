package puregoonnx

import (
	"fmt"
	"slices"
)

// identity passes its input on (also Dropout in inference).
func identity(c *call) (*array, error) { return c.in[0], nil }

// reshape: 0 keeps a dimension, -1 takes what is left.
func reshape(c *call) (*array, error) {
	x := c.in[0]
	want, _ := c.list(1, "shape")
	shape, free, n := slices.Clone(want), -1, 1
	for i, d := range shape {
		switch {
		case d == -1 && free < 0:
			free = i
			continue
		case d == 0 && c.int("allowzero", 0) == 0:
			if i >= len(x.shape) {
				return nil, fmt.Errorf("shape %v keeps a dimension that %v lacks", want, x.shape)
			}
			shape[i] = x.shape[i]
		case d < 0 || d > maxValues:
			return nil, fmt.Errorf("shape %v", want)
		}
		if shape[i] != 0 && n > maxValues/shape[i] {
			return nil, fmt.Errorf("shape %v", want)
		}
		n *= shape[i]
	}
	if free >= 0 {
		if n == 0 || x.size()%n != 0 {
			return nil, fmt.Errorf("%v does not reshape to %v", x.shape, want)
		}
		shape[free] = x.size() / n
	}
	return x.reshaped(shape)
}

func flatten(c *call) (*array, error) {
	x, a := c.in[0], c.int("axis", 1)
	if a < 0 {
		a += len(x.shape)
	}
	if a < 0 || a > len(x.shape) {
		return nil, fmt.Errorf("axis %d of %v", a, x.shape)
	}
	return x.reshaped([]int{product(x.shape[:a]), product(x.shape[a:])})
}

func squeeze(c *call) (*array, error) {
	x := c.in[0]
	axes, given := c.list(1, "axes")
	drop, err := axesSet(axes, len(x.shape), false)
	if err != nil {
		return nil, err
	}
	shape := []int{}
	for i, d := range x.shape {
		if drop[i] && d != 1 {
			return nil, fmt.Errorf("axis %d of %v is not 1", i, x.shape)
		}
		if !drop[i] && (given || d != 1) {
			shape = append(shape, d)
		}
	}
	return x.reshaped(shape)
}

func unsqueeze(c *call) (*array, error) {
	x := c.in[0]
	axes, _ := c.list(1, "axes")
	if len(axes) > maxRank {
		return nil, fmt.Errorf("axes %v", axes)
	}
	add, err := axesSet(axes, len(x.shape)+len(axes), false)
	if err != nil {
		return nil, err
	}
	shape, next := make([]int, len(add)), 0
	for i := range shape {
		if add[i] {
			shape[i] = 1
			continue
		}
		if next == len(x.shape) {
			return nil, fmt.Errorf("axes %v repeat", axes)
		}
		shape[i] = x.shape[next]
		next++
	}
	return x.reshaped(shape)
}

func transpose(c *call) (*array, error) {
	x, order := c.in[0], c.ints("perm")
	if order == nil {
		for i := range x.shape {
			order = append([]int{i}, order...)
		}
	}
	return transposeTo(x, order)
}

// transposeTo moves axis order[i] to place i.
func transposeTo(x *array, order []int) (*array, error) {
	seen := make([]bool, len(x.shape))
	shape, stride, own := make([]int, len(x.shape)), make([]int, len(x.shape)), strides(x.shape)
	if len(order) != len(x.shape) {
		return nil, fmt.Errorf("order %v for %v", order, x.shape)
	}
	for i, o := range order {
		if o < 0 || o >= len(seen) || seen[o] {
			return nil, fmt.Errorf("order %v for %v", order, x.shape)
		}
		seen[o] = true
		shape[i], stride[i] = x.shape[o], own[o]
	}
	return gatherStrided(x, shape, 0, stride)
}

// gatherStrided reads x from an offset with any strides.
func gatherStrided(x *array, shape []int, offset int, stride []int) (*array, error) {
	out, err := x.like(shape...)
	if err != nil || out.size() == 0 {
		return out, err
	}
	if x.kind == float {
		walk(out.f, x.f, shape, offset, stride)
	} else {
		walk(out.i, x.i, shape, offset, stride)
	}
	return out, nil
}

func walk[T any](out, x []T, shape []int, at int, stride []int) {
	index, rank := make([]int, len(shape)), len(shape)
	inner, step := 1, 0
	if rank > 0 {
		inner, step = shape[rank-1], stride[rank-1]
	}
	for o := 0; o < len(out); o += inner {
		for j, from := 0, at; j < inner; j, from = j+1, from+step {
			out[o+j] = x[from]
		}
		for d := rank - 2; d >= 0; d-- {
			index[d]++
			at += stride[d]
			if index[d] < shape[d] {
				break
			}
			at -= stride[d] * shape[d]
			index[d] = 0
		}
	}
}

func concat(c *call) (*array, error) {
	first := c.in[0]
	ax, err := axis(c.int("axis", 1), len(first.shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(first.shape)
	shape[ax] = 0
	for _, x := range c.in {
		if x == nil || x.kind != first.kind || len(x.shape) != len(shape) {
			return nil, fmt.Errorf("inputs do not fit together")
		}
		for i, d := range x.shape {
			if i != ax && d != shape[i] {
				return nil, fmt.Errorf("%v does not fit %v", x.shape, first.shape)
			}
		}
		shape[ax] += x.shape[ax]
	}
	out, err := first.like(shape...)
	if err != nil {
		return nil, err
	}
	outer, inner, at := product(shape[:ax]), product(shape[ax+1:]), 0
	for _, x := range c.in {
		run := x.shape[ax] * inner
		for o := range outer {
			copyRun(out, o*shape[ax]*inner+at, x, o*run, run)
		}
		at += run
	}
	return out, nil
}

// split cuts along an axis: by an attribute, an input, or evenly by the number of outputs.
func split(c *call) ([]*array, error) {
	x := c.in[0]
	ax, err := axis(c.int("axis", 0), len(x.shape))
	if err != nil {
		return nil, err
	}
	parts, given := c.list(1, "split")
	if !given {
		n := c.int("num_outputs", c.outputs)
		if n < 1 || n > maxPorts {
			return nil, fmt.Errorf("%d parts", n)
		}
		each := (x.shape[ax] + n - 1) / n
		for i := range n {
			parts = append(parts, max(0, min(each, x.shape[ax]-i*each)))
		}
	}
	stride, at := strides(x.shape), 0
	var out []*array
	for _, p := range parts {
		if p < 0 || p > x.shape[ax]-at {
			return nil, fmt.Errorf("parts %v of %d", parts, x.shape[ax])
		}
		shape := slices.Clone(x.shape)
		shape[ax] = p
		a, err := gatherStrided(x, shape, at*stride[ax], stride)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
		at += p
	}
	if at != x.shape[ax] {
		return nil, fmt.Errorf("parts %v of %d", parts, x.shape[ax])
	}
	return out, nil
}

// slice takes starts, ends, axes and steps from attributes (before opset 10) or inputs.
func slice(c *call) (*array, error) {
	x := c.in[0]
	starts, _ := c.list(1, "starts")
	ends, _ := c.list(2, "ends")
	axes, given := c.list(3, "axes")
	if !given {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	steps, given := c.list(4, "steps")
	if !given {
		steps = slices.Repeat([]int{1}, min(len(starts), maxRank))
	}
	if len(starts) != len(ends) || len(starts) != len(axes) || len(starts) != len(steps) {
		return nil, fmt.Errorf("starts %v, ends %v, axes %v, steps %v", starts, ends, axes, steps)
	}
	shape, stride, offset := slices.Clone(x.shape), strides(x.shape), 0
	own := slices.Clone(stride)
	for i, a := range axes {
		a, err := axis(a, len(x.shape))
		if err != nil {
			return nil, err
		}
		start, n, err := sliceRange(starts[i], ends[i], steps[i], x.shape[a])
		if err != nil {
			return nil, err
		}
		shape[a], stride[a] = n, own[a]*steps[i]
		offset += start * own[a]
	}
	return gatherStrided(x, shape, offset, stride)
}

// sliceRange clamps an ONNX slice of n values to its first index and length.
func sliceRange(start, end, step, n int) (first, length int, err error) {
	if step == 0 || step > maxValues || step < -maxValues {
		return 0, 0, fmt.Errorf("step %d", step)
	}
	lo, hi := 0, n
	if step < 0 {
		lo, hi = -1, n-1
	}
	place := func(v int) int {
		if v < 0 {
			v = max(v, -maxValues-1) + n
		}
		return min(max(v, lo), hi)
	}
	start, end = max(place(start), 0), place(end) // unlike NumPy, ONNX clamps a start to the first value
	if step > 0 {
		return start, max(0, (end-start+step-1)/step), nil
	}
	return start, max(0, (start-end-step-1)/-step), nil
}

func gather(c *call) (*array, error) {
	x, index := c.in[0], c.in[1]
	ax, err := axis(c.int("axis", 0), len(x.shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Concat(x.shape[:ax], index.shape, x.shape[ax+1:])
	out, err := x.like(shape...)
	if err != nil {
		return nil, err
	}
	outer, n, inner := product(x.shape[:ax]), x.shape[ax], product(x.shape[ax+1:])
	for i, v := range index.i {
		at, err := axis(int(v), n)
		if err != nil {
			return nil, fmt.Errorf("index %d of %d", v, n)
		}
		for o := range outer {
			copyRun(out, (o*len(index.i)+i)*inner, x, (o*n+at)*inner, inner)
		}
	}
	return out, nil
}

// shapeOf is ONNX Shape, with start and end since opset 15.
func shapeOf(c *call) (*array, error) {
	s := c.in[0].shape
	first, n, err := sliceRange(c.int("start", 0), c.int("end", len(s)), 1, len(s))
	if err != nil {
		return nil, err
	}
	out, err := newArray(integer, n)
	for i := range n {
		out.i[i] = int64(s[first+i])
	}
	return out, err
}
