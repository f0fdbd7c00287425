package puregoonnx

import (
	"fmt"
	"math"
	"slices"
)

// unary applies f to every element.
func unary(f func(x float32) float32) func(c *call) ([]*array, error) {
	return unaryWith(func(*node) func(float32) float32 { return f })
}

// unaryWith lets the node's attributes choose the function.
func unaryWith(choose func(n *node) func(x float32) float32) func(c *call) ([]*array, error) {
	return single(func(c *call) (*array, error) {
		f, x := choose(c.node), c.in[0]
		out, err := x.like(x.shape...)
		if err != nil {
			return nil, err
		}
		c.chunks(len(x.f), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				out.f[i] = f(x.f[i])
			}
		})
		return out, nil
	})
}

// chunks shares 0..n out to the threads in runs that are worth a goroutine.
func (c *call) chunks(n int, work func(lo, hi int)) {
	const run = 1 << 14
	c.parallel((n+run-1)/run, func(i int) { work(i*run, min((i+1)*run, n)) })
}

// double lifts a float64 function.
func double(f func(float64) float64) func(float32) float32 {
	return func(x float32) float32 { return float32(f(float64(x))) }
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

func clamp(x, lo, hi float32) float32 { return min(max(x, lo), hi) }

func gelu(n *node) func(float32) float32 {
	if n.text("approximate", "none") == "tanh" {
		return double(func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		})
	}
	return double(func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) })
}

// negate and absolute take integers too.
func signed(f func(float32) float32, g func(int64) int64) func(c *call) ([]*array, error) {
	forFloats := unary(f)
	return func(c *call) ([]*array, error) {
		x := c.in[0]
		if x.kind == float {
			return forFloats(c)
		}
		out, err := x.like(x.shape...)
		if err != nil {
			return nil, err
		}
		for i, v := range x.i {
			out.i[i] = g(v)
		}
		return []*array{out}, nil
	}
}

// broadcastShape joins two shapes by ONNX's (NumPy's) rule.
func broadcastShape(a, b []int) ([]int, error) {
	out := make([]int, max(len(a), len(b)))
	for i := range out {
		da, db := 1, 1
		if j := i - (len(out) - len(a)); j >= 0 {
			da = a[j]
		}
		if j := i - (len(out) - len(b)); j >= 0 {
			db = b[j]
		}
		switch {
		case da == db || db == 1:
			out[i] = da
		case da == 1:
			out[i] = db
		default:
			return nil, fmt.Errorf("%v and %v do not broadcast", a, b)
		}
	}
	return out, nil
}

// broadcastStrides gives the element strides of a shape read as the wider shape out: 0 where it repeats.
func broadcastStrides(shape, out []int) []int {
	s := make([]int, len(out))
	own := strides(shape)
	for i := range shape {
		if shape[i] != 1 {
			s[i+len(out)-len(shape)] = own[i]
		}
	}
	return s
}

// zip walks two inputs and the output together: out[i] = f(a[..], b[..]).
func zip[T, R any](out []R, shape []int, a []T, as []int, b []T, bs []int, f func(T, T) R) {
	if len(out) == 0 {
		return
	}
	rank := len(shape)
	inner, sa, sb := 1, 0, 0
	if rank > 0 {
		inner, sa, sb = shape[rank-1], as[rank-1], bs[rank-1]
	}
	index := make([]int, rank)
	ia, ib := 0, 0
	for o := 0; o < len(out); o += inner {
		ja, jb := ia, ib
		for j := range inner {
			out[o+j] = f(a[ja], b[jb])
			ja += sa
			jb += sb
		}
		for d := rank - 2; d >= 0; d-- {
			index[d]++
			ia += as[d]
			ib += bs[d]
			if index[d] < shape[d] {
				break
			}
			ia -= as[d] * shape[d]
			ib -= bs[d] * shape[d]
			index[d] = 0
		}
	}
}

// combine broadcasts two arrays of one kind through a function for that kind. A nil function refuses its kind.
func combine(a, b *array, result kind, f func(x, y float32) float32, g func(x, y int64) int64, p func(x, y float32) int64) (*array, error) {
	if (a.kind == float) != (b.kind == float) {
		return nil, fmt.Errorf("inputs have different element types")
	}
	shape, err := broadcastShape(a.shape, b.shape)
	if err != nil {
		return nil, err
	}
	out, err := newArray(result, shape...)
	if err != nil {
		return nil, err
	}
	as, bs := broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape)
	switch {
	case a.kind == float && f != nil:
		zip(out.f, shape, a.f, as, b.f, bs, f)
	case a.kind == float && p != nil:
		zip(out.i, shape, a.f, as, b.f, bs, p)
	case a.kind != float && g != nil:
		zip(out.i, shape, a.i, as, b.i, bs, g)
	default:
		return nil, fmt.Errorf("this element type is not supported here")
	}
	return out, nil
}

// arithmetic folds all inputs from the left.
func arithmetic(f func(x, y float32) float32, g func(x, y int64) int64) func(c *call) ([]*array, error) {
	return single(func(c *call) (*array, error) {
		out := c.in[0]
		for _, x := range c.in[1:] {
			if x == nil {
				return nil, fmt.Errorf("an input is missing")
			}
			var err error
			if out, err = combine(out, x, out.kind, f, g, nil); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}

// comparison gives booleans.
func comparison(p func(x, y float32) bool, g func(x, y int64) bool) func(c *call) ([]*array, error) {
	return single(func(c *call) (*array, error) {
		return combine(c.in[0], c.in[1], boolean, nil,
			func(x, y int64) int64 { return truth(g(x, y)) },
			func(x, y float32) int64 { return truth(p(x, y)) })
	})
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// divide refuses integer division by zero, which is undefined in ONNX.
func divide(c *call) ([]*array, error) {
	if b := c.in[1]; b.kind != float {
		for _, v := range b.i {
			if v == 0 {
				return nil, fmt.Errorf("integer division by zero")
			}
		}
	}
	return arithmetic(func(x, y float32) float32 { return x / y }, func(x, y int64) int64 { return x / y })(c)
}

// clip bounds by attributes (before opset 11) or inputs.
func clip(c *call) (*array, error) {
	lo, hi := c.float("min", float32(math.Inf(-1))), c.float("max", float32(math.Inf(1)))
	for i, bound := range []*float32{&lo, &hi} {
		if a := c.optional(i + 1); a != nil {
			if len(a.f) != 1 {
				return nil, fmt.Errorf("a bound is not a scalar")
			}
			*bound = a.f[0]
		}
	}
	out, err := c.in[0].like(c.in[0].shape...)
	if err != nil {
		return nil, err
	}
	for i, v := range c.in[0].f {
		out.f[i] = clamp(v, lo, hi)
	}
	return out, nil
}

// parametricRelu is PRelu: the slope broadcasts to x.
func parametricRelu(c *call) (*array, error) {
	return combine(c.in[0], c.in[1], float, func(x, slope float32) float32 {
		if x < 0 {
			return x * slope
		}
		return x
	}, nil, nil)
}

// where chooses by a condition; all three inputs broadcast.
func where(c *call) (*array, error) {
	condition, x, y := c.in[0], c.in[1], c.in[2]
	if x.kind != y.kind {
		return nil, fmt.Errorf("the branches have different element types")
	}
	shape, err := broadcastShape(x.shape, y.shape)
	if err == nil {
		shape, err = broadcastShape(shape, condition.shape)
	}
	if err != nil {
		return nil, err
	}
	for _, a := range []**array{&condition, &x, &y} {
		if *a, err = expandTo(*a, shape); err != nil {
			return nil, err
		}
	}
	out, err := x.like(shape...)
	if err != nil {
		return nil, err
	}
	for i, yes := range condition.i {
		from := y
		if yes != 0 {
			from = x
		}
		copyRun(out, i, from, i, 1)
	}
	return out, nil
}

// expandTo repeats an array to a shape that it broadcasts to.
func expandTo(a *array, shape []int) (*array, error) {
	if joint, err := broadcastShape(a.shape, shape); err != nil || !slices.Equal(joint, shape) {
		return nil, fmt.Errorf("%v does not broadcast to %v", a.shape, shape)
	}
	out, err := a.like(shape...)
	if err != nil {
		return nil, err
	}
	s := broadcastStrides(a.shape, shape)
	if a.kind == float {
		zip(out.f, shape, a.f, s, a.f, s, func(x, _ float32) float32 { return x })
	} else {
		zip(out.i, shape, a.i, s, a.i, s, func(x, _ int64) int64 { return x })
	}
	return out, nil
}
