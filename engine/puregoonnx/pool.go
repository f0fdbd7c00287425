package puregoonnx

import (
	"fmt"
	"math"
)

// pool slides a window over each channel; reduce gets the values inside the input and the window's divisor.
func pool(c *call, start float32, step func(acc, v float32) float32, finish func(acc float32, inside, all int) float32) (*array, error) {
	x := c.in[0]
	if len(x.shape) < 3 {
		return nil, fmt.Errorf("input %v has no spatial dimensions", x.shape)
	}
	w, err := newWindow(c.node, x.shape, c.ints("kernel_shape"))
	if err != nil {
		return nil, err
	}
	out, err := newArray(float, append([]int{x.shape[0], x.shape[1]}, w.spatial(w.out)...)...)
	if err != nil {
		return nil, err
	}
	volume, pixels := w.in.volume(), w.out.volume()
	c.parallel(x.shape[0]*x.shape[1], func(i int) {
		plane, to := x.f[i*volume:(i+1)*volume], out.f[i*pixels:(i+1)*pixels]
		for p := range to {
			o := triple{p / (w.out[1] * w.out[2]), p / w.out[2] % w.out[1], p % w.out[2]}
			to[p] = w.reduce(plane, o, start, step, finish)
		}
	})
	return out, nil
}

// reduce folds the values under the window at output o.
func (w *window) reduce(plane []float32, o triple, start float32, step func(acc, v float32) float32, finish func(acc float32, inside, all int) float32) float32 {
	acc, inside, all := start, 0, 1
	for i := range maxSpatial { // cells over the padded input: what hangs over by ceil_mode does not count
		first := o[i]*w.stride[i] - w.pad[i]
		cells := 0
		for k := range w.kernel[i] {
			if first+k*w.dilation[i] < w.in[i]+w.end[i] {
				cells++
			}
		}
		all *= cells
	}
	for kd := range w.kernel[0] {
		d := w.at(0, o[0], kd)
		for kh := range w.kernel[1] {
			h := w.at(1, o[1], kh)
			if !w.inside(0, d) || !w.inside(1, h) {
				continue
			}
			for kw := range w.kernel[2] {
				if x := w.at(2, o[2], kw); w.inside(2, x) {
					acc = step(acc, plane[(d*w.in[1]+h)*w.in[2]+x])
					inside++
				}
			}
		}
	}
	return finish(acc, inside, all)
}

func maxPool(c *call) (*array, error) {
	return pool(c, float32(math.Inf(-1)), func(acc, v float32) float32 { return max(acc, v) },
		func(acc float32, _, _ int) float32 { return acc })
}

func averagePool(c *call) (*array, error) {
	padded := c.int("count_include_pad", 0) != 0
	return pool(c, 0, func(acc, v float32) float32 { return acc + v },
		func(acc float32, inside, all int) float32 {
			if padded {
				return acc / float32(all)
			}
			return acc / float32(max(inside, 1))
		})
}

// globalPool reduces all spatial dimensions to 1.
func globalPool(reduce func(values []float32) float32) func(c *call) ([]*array, error) {
	return single(func(c *call) (*array, error) {
		x := c.in[0]
		if len(x.shape) < 3 {
			return nil, fmt.Errorf("input %v has no spatial dimensions", x.shape)
		}
		shape := append([]int{}, x.shape...)
		for i := range shape[2:] {
			shape[i+2] = 1
		}
		out, err := newArray(float, shape...)
		if err != nil {
			return nil, err
		}
		volume := product(x.shape[2:])
		for i := range out.f {
			out.f[i] = reduce(x.f[i*volume : (i+1)*volume])
		}
		return out, nil
	})
}

func mean(values []float32) float32 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v)
	}
	return float32(sum / float64(len(values)))
}

func largest(values []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range values {
		m = max(m, v)
	}
	return m
}
