package puregoonnx

import (
	"fmt"
	"slices"
)

// Operators that make values, or more of them.

func expand(c *call) (*array, error) {
	want, _ := c.list(1, "shape")
	if _, err := count(want); err != nil {
		return nil, err
	}
	shape, err := broadcastShape(c.in[0].shape, want)
	if err != nil {
		return nil, err
	}
	return expandTo(c.in[0], shape)
}

// tile repeats along each axis.
func tile(c *call) (*array, error) {
	x, repeats := c.in[0], c.in[1].asInts()
	if len(repeats) != len(x.shape) || len(x.shape)*2 > maxRank*2 {
		return nil, fmt.Errorf("repeats %v for %v", repeats, x.shape)
	}
	out := x
	for ax, n := range repeats {
		if n < 0 || n > maxValues {
			return nil, fmt.Errorf("repeats %v", repeats)
		}
		shape := slices.Clone(out.shape)
		if shape[ax] > 0 && n > maxValues/shape[ax] {
			return nil, fmt.Errorf("repeats %v", repeats)
		}
		shape[ax] *= n
		next, err := x.like(shape...)
		if err != nil {
			return nil, err
		}
		run := product(out.shape[ax:])
		for o := range product(out.shape[:ax]) {
			for r := range n {
				copyRun(next, (o*n+r)*run, out, o*run, run)
			}
		}
		out = next
	}
	return out, nil
}

func constantOfShape(c *call) (*array, error) {
	value := &array{kind: float, shape: []int{1}, f: []float32{0}}
	if a := c.attributes["value"]; a != nil {
		var err error
		if value, err = decodeTensor(a.GetT()); err != nil {
			return nil, err
		}
	}
	if value.size() != 1 {
		return nil, fmt.Errorf("the value has %d elements", value.size())
	}
	value, err := value.reshaped([]int{})
	if err != nil {
		return nil, err
	}
	return expandTo(value, c.in[0].asInts())
}

func constant(c *call) (*array, error) {
	switch {
	case c.has("value"):
		return decodeTensor(c.attributes["value"].GetT())
	case c.has("value_float"):
		return &array{kind: float, shape: []int{}, f: []float32{c.float("value_float", 0)}}, nil
	case c.has("value_floats"):
		f := c.attributes["value_floats"].GetFloats()
		return &array{kind: float, shape: []int{len(f)}, f: f}, nil
	case c.has("value_int"):
		return &array{kind: integer, shape: []int{}, i: []int64{int64(c.int("value_int", 0))}}, nil
	case c.has("value_ints"):
		i := c.attributes["value_ints"].GetInts()
		return &array{kind: integer, shape: []int{len(i)}, i: i}, nil
	}
	return nil, fmt.Errorf("this kind of constant is not supported")
}

// rangeOf is ONNX Range for scalars of one kind.
func rangeOf(c *call) (*array, error) {
	at := func(i int) float64 {
		if a := c.in[i]; a.kind == float {
			return float64(a.f[0])
		} else {
			return float64(a.i[0])
		}
	}
	if c.in[0].size() != 1 || c.in[1].size() != 1 || c.in[2].size() != 1 || at(2) == 0 {
		return nil, fmt.Errorf("bad bounds")
	}
	n := (at(1) - at(0)) / at(2)
	if !(n < maxValues) {
		return nil, fmt.Errorf("%g values", n)
	}
	length := max(int(n), 0)
	if float64(length) < n {
		length++
	}
	out, err := c.in[0].like(length)
	if err != nil {
		return nil, err
	}
	for i := range length {
		if v := at(0) + float64(i)*at(2); out.kind == float {
			out.f[i] = float32(v)
		} else {
			out.i[i] = int64(v)
		}
	}
	return out, nil
}

// pad supports the modes constant, edge and reflect.
func pad(c *call) (*array, error) {
	x := c.in[0]
	pads, _ := c.list(1, "pads")
	axes, given := []int(nil), false
	if a := c.optional(3); a != nil {
		axes, given = a.asInts(), true
	}
	if !given {
		for i := range x.shape {
			axes = append(axes, i)
		}
	}
	if len(pads) != 2*len(axes) {
		return nil, fmt.Errorf("pads %v for %v", pads, x.shape)
	}
	value := c.float("value", 0)
	if v := c.optional(2); v != nil {
		if v.kind != float || len(v.f) != 1 {
			return nil, fmt.Errorf("the value is not a scalar")
		}
		value = v.f[0]
	}
	out := x
	for i, a := range axes {
		a, err := axis(a, len(x.shape))
		if err != nil {
			return nil, err
		}
		if out, err = padAxis(out, a, pads[i], pads[i+len(axes)], c.text("mode", "constant"), value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func padAxis(x *array, ax, before, after int, mode string, value float32) (*array, error) {
	n := x.shape[ax]
	if max(before, after) > maxValues || min(before, after) < -n || n+before+after < 0 {
		return nil, fmt.Errorf("pads %d and %d of %v", before, after, x.shape)
	}
	if mode == "reflect" && (before >= n || after >= n) || mode == "edge" && n == 0 {
		return nil, fmt.Errorf("mode %s with pads %d and %d of %d", mode, before, after, n)
	}
	shape := slices.Clone(x.shape)
	shape[ax] = n + before + after
	out, err := x.like(shape...)
	if err != nil {
		return nil, err
	}
	inner := product(shape[ax+1:])
	for o := range product(shape[:ax]) {
		for i := range shape[ax] {
			from, at := i-before, (o*shape[ax]+i)*inner
			switch {
			case from >= 0 && from < n:
			case mode == "constant":
				fill(out.f[at:at+inner], value)
				continue
			case mode == "edge":
				from = min(max(from, 0), n-1)
			case mode == "reflect" && from < 0:
				from = -from
			case mode == "reflect":
				from = 2*(n-1) - from
			default:
				return nil, fmt.Errorf("mode %q is not supported", mode)
			}
			copyRun(out, at, x, (o*n+from)*inner, inner)
		}
	}
	return out, nil
}
