package puregoonnx

import "fmt"

// maxColumns bounds the unfolded patches of one product: 4 MiB, which a cache of level 2 or 3 holds.
const maxColumns = 1 << 20

// conv is ONNX Conv in 1 to 3 dimensions: x [N, C, spatial], weights [M, C/group, kernel], bias [M].
// Dense groups are unfolded and multiplied; depthwise ones are summed directly.
func conv(c *call) (*array, error) {
	x, weights := c.in[0], c.in[1]
	if len(weights.shape) != len(x.shape) || len(x.shape) < 3 {
		return nil, fmt.Errorf("input %v does not fit weights %v", x.shape, weights.shape)
	}
	w, err := newWindow(c.node, x.shape, weights.shape[2:])
	if err != nil {
		return nil, err
	}
	n, channels, filters, group := x.shape[0], x.shape[1], weights.shape[0], c.int("group", 1)
	if group < 1 || channels != weights.shape[1]*group || filters%group != 0 {
		return nil, fmt.Errorf("%d channels in %d groups do not fit weights %v", channels, group, weights.shape)
	}
	out, err := newArray(float, append([]int{n, filters}, w.spatial(w.out)...)...)
	if err != nil {
		return nil, err
	}
	bias := c.optional(2)
	if bias != nil && len(bias.f) != filters {
		return nil, fmt.Errorf("bias %v for %d filters", bias.shape, filters)
	}
	cv := &convolution{window: w, channels: weights.shape[1], filters: filters / group}
	volume, pixels := w.in.volume(), w.out.volume()
	c.parallel(n*group, func(i int) {
		g := i % group
		from := x.f[i*cv.channels*volume : (i+1)*cv.channels*volume]
		to := out.f[i*cv.filters*pixels : (i+1)*cv.filters*pixels]
		if bias != nil {
			for f := range cv.filters {
				fill(to[f*pixels:(f+1)*pixels], bias.f[g*cv.filters+f])
			}
		}
		taps := cv.channels * w.kernel.volume()
		cv.group(c, from, weights.f[g*cv.filters*taps:(g+1)*cv.filters*taps], to)
	})
	return out, nil
}

func fill(s []float32, v float32) {
	for i := range s {
		s[i] = v
	}
}

// convolution is one group: channels in, filters out.
type convolution struct {
	window
	channels, filters int
}

// group adds one group of one example to to, which holds the bias.
func (cv *convolution) group(c *call, from, weights, to []float32) {
	switch {
	case cv.channels == 1 && cv.filters <= 2:
		cv.direct(from, weights, to)
	case cv.pointwise():
		multiply(cv.filters, cv.out.volume(), cv.channels, weights, from, 1, to, cv.out.volume())
	default:
		cv.unfolded(c, from, weights, to)
	}
}

// pointwise says that the kernel is 1 and every input is used once, in order.
func (cv *convolution) pointwise() bool {
	return cv.kernel == triple{1, 1, 1} && cv.stride == triple{1, 1, 1} && cv.pad == triple{} && cv.end == triple{}
}

// unfolded multiplies the weights with the patches, a block of output rows at a time.
func (cv *convolution) unfolded(c *call, from, weights, to []float32) {
	taps, pixels, width := cv.channels*cv.kernel.volume(), cv.out.volume(), cv.out[2]
	rows := cv.out[0] * cv.out[1]
	block := max(1, min(rows, maxColumns/max(1, taps*width)))
	columns := make([]float32, taps*block*width)
	for row := 0; row < rows && c.ctx.Err() == nil; row += block {
		count := min(block, rows-row)
		cv.unfold(from, row, count, columns)
		multiply(cv.filters, count*width, taps, weights, columns, 1, to[row*width:], pixels)
	}
}

// unfold writes the patches of output rows row..row+count as a matrix taps x (count*width).
func (cv *convolution) unfold(from []float32, row, count int, columns []float32) {
	width, at := cv.out[2], 0
	for ch := range cv.channels {
		plane := from[ch*cv.in.volume():]
		for kd := range cv.kernel[0] {
			for kh := range cv.kernel[1] {
				for kw := range cv.kernel[2] {
					lo, hi := cv.span(2, kw)
					for r := row; r < row+count; r++ {
						to := columns[at : at+width]
						at += width
						d, h := cv.at(0, r/cv.out[1], kd), cv.at(1, r%cv.out[1], kh)
						if !cv.inside(0, d) || !cv.inside(1, h) || lo == hi {
							clear(to)
							continue
						}
						clear(to[:lo])
						clear(to[hi:])
						source := plane[(d*cv.in[1]+h)*cv.in[2]+cv.at(2, lo, kw):]
						pick(to[lo:hi], source, cv.stride[2])
					}
				}
			}
		}
	}
}

// pick copies every stride-th value.
func pick(to, from []float32, stride int) {
	if stride == 1 {
		copy(to, from)
		return
	}
	for i := range to {
		to[i] = from[i*stride]
	}
}

// direct adds tap by tap, row by row: the quick way when a channel has its own filter.
func (cv *convolution) direct(from, weights, to []float32) {
	width := cv.out[2]
	for f := range cv.filters {
		taps := weights[f*cv.kernel.volume():]
		plane := to[f*cv.out.volume():]
		for kd := range cv.kernel[0] {
			for kh := range cv.kernel[1] {
				for kw := range cv.kernel[2] {
					weight := taps[(kd*cv.kernel[1]+kh)*cv.kernel[2]+kw]
					lo, hi := cv.span(2, kw)
					if lo == hi {
						continue
					}
					for r := range cv.out[0] * cv.out[1] {
						d, h := cv.at(0, r/cv.out[1], kd), cv.at(1, r%cv.out[1], kh)
						if cv.inside(0, d) && cv.inside(1, h) {
							source := from[(d*cv.in[1]+h)*cv.in[2]+cv.at(2, lo, kw):]
							addScaled(plane[r*width+lo:r*width+hi], source, weight, cv.stride[2])
						}
					}
				}
			}
		}
	}
}

// addScaled is to += weight * every stride-th value of from.
func addScaled(to, from []float32, weight float32, stride int) {
	if stride == 1 {
		from = from[:len(to)]
		for i, v := range from {
			to[i] += weight * v
		}
		return
	}
	for i := range to {
		to[i] += weight * from[i*stride]
	}
}
