package imaging

import (
	"image"
	"math"

	"consilium/clinical"
)

// tap is one output position along an axis: the sum over input lo..hi with the
// two ends weighted and everything between at weight one. Box averages and
// linear interpolation are both of this form.
type tap struct {
	lo, hi      int
	first, last float32
}

func (t tap) weight(i int) float32 {
	switch i {
	case t.lo:
		return t.first
	case t.hi:
		return t.last
	}
	return 1
}

// axis resizes along one dimension: outputs are norm times the tap's sum.
type axis struct {
	taps []tap
	norm float32
}

// spans plans n outputs over the input interval [from, to) of an axis with size
// samples. Sample i covers [i, i+1).
func spans(from, to float64, n, size int) axis {
	scale := (to - from) / float64(n)
	a := axis{taps: make([]tap, n), norm: 1}
	if scale <= 1 {
		for i := range a.taps {
			a.taps[i] = linear(from+(float64(i)+0.5)*scale-0.5, size)
		}
		return a
	}
	a.norm = float32(1 / scale)
	for i := range a.taps {
		a.taps[i] = area(from+float64(i)*scale, from+float64(i+1)*scale, size)
	}
	return a
}

// linear interpolates at x between sample centres, holding the edge samples.
func linear(x float64, size int) tap {
	x = min(max(x, 0), float64(size-1))
	lo := min(int(x), max(size-2, 0))
	f := float32(x - float64(lo))
	return tap{lo: lo, hi: min(lo+1, size-1), first: 1 - f, last: f}
}

// area covers [from, to) with the overlap of the first and last sample. Bounds
// within rounding of an integer are that integer, so integer ratios are exact.
func area(from, to float64, size int) tap {
	from, to = snap(from), snap(to)
	lo := min(int(from), size-1)
	hi := min(int(math.Ceil(to))-1, size-1)
	if hi <= lo {
		return tap{lo: lo, hi: lo, first: float32(to - from)}
	}
	return tap{lo: lo, hi: hi, first: float32(float64(lo+1) - from), last: float32(to - float64(hi))}
}

func snap(x float64) float64 {
	if r := math.Round(x); math.Abs(x-r) < 1e-6 {
		return r
	}
	return x
}

// box is the part of the tensor that the picture covers.
type box struct{ top, left, bottom, right int }

func (b box) holds(y, x int) bool {
	return y >= b.top && y < b.bottom && x >= b.left && x < b.right
}

// plan is the resizing of one picture geometry to one spec.
type plan struct {
	rows, columns axis
	height, width int
	cover         box
}

func planFor(img clinical.Image, s Spec) plan {
	h, w := float64(img.Rows), float64(img.Columns)
	p := plan{height: s.Height, width: s.Width, cover: box{0, 0, s.Height, s.Width}}
	top, left := 0.0, 0.0
	switch s.Fit {
	case FitCrop:
		cut := s.View(img.Rows, img.Columns)
		top, left = float64(cut.Min.Y), float64(cut.Min.X)
		h, w = float64(cut.Dy()), float64(cut.Dx())
	case FitLetterbox:
		scale := min(float64(s.Height)/h, float64(s.Width)/w)
		nh := min(max(int(math.Round(h*scale)), 1), s.Height)
		nw := min(max(int(math.Round(w*scale)), 1), s.Width)
		p.cover = box{top: (s.Height - nh) / 2, left: (s.Width - nw) / 2}
		p.cover.bottom, p.cover.right = p.cover.top+nh, p.cover.left+nw
	}
	p.rows = spans(top, top+h, p.cover.bottom-p.cover.top, img.Rows)
	p.columns = spans(left, left+w, p.cover.right-p.cover.left, img.Columns)
	return p
}

// View is the part of a picture of that size which the tensor shows, in pixels:
// the cut of FitCrop, else the whole picture. It is made of whole pixels, so that
// a square cut is a cut and not a half-pixel blur.
func (s Spec) View(rows, columns int) image.Rectangle {
	if s.Fit != FitCrop {
		return image.Rect(0, 0, columns, rows)
	}
	h, w := float64(rows), float64(columns)
	ratio := float64(s.Width) / float64(s.Height)
	ch, cw := max(math.Round(min(h, w/ratio)), 1), max(math.Round(min(w, h*ratio)), 1)
	top, left := int(math.Floor((h-ch)/2)), int(math.Floor((w-cw)/2))
	return image.Rect(left, top, left+int(cw), top+int(ch))
}

// frame resizes frame f to height x width x channels in a buffer of the pool.
// Rows are resized one by one and added where they belong, so that the extra
// memory is two rows.
func (p plan) frame(img clinical.Image, f int) *[]float32 {
	c := img.Channels
	out := borrow(p.height * p.width * c)
	clear(*out)
	row := borrow(len(p.columns.taps) * c)
	defer pool.Put(row)
	pixels := img.Pixels[f*img.Rows*img.Columns*c:]
	norm := p.rows.norm * p.columns.norm
	held := -1
	for y, t := range p.rows.taps {
		at := ((p.cover.top+y)*p.width + p.cover.left) * c
		target := (*out)[at : at+len(*row)]
		for i := t.lo; i <= t.hi; i++ {
			if i != held {
				p.columns.apply(pixels[i*img.Columns*c:(i+1)*img.Columns*c], c, *row)
				held = i
			}
			axpy(t.weight(i), *row, target)
		}
		for i := range target {
			target[i] *= norm
		}
	}
	return out
}

// apply resizes one row with c interleaved channels, without the norm.
func (a axis) apply(src []float32, c int, dst []float32) {
	if c == 1 {
		for x, t := range a.taps {
			sum := t.first*src[t.lo] + t.lastOf(src[t.hi])
			if t.hi > t.lo {
				for _, v := range src[t.lo+1 : t.hi] {
					sum += v
				}
			}
			dst[x] = sum
		}
		return
	}
	for x, t := range a.taps {
		for k := range c {
			sum := t.first*src[t.lo*c+k] + t.lastOf(src[t.hi*c+k])
			for i := t.lo + 1; i < t.hi; i++ {
				sum += src[i*c+k]
			}
			dst[x*c+k] = sum
		}
	}
}

// lastOf weighs the last sample; zero weight must not spread a NaN of a sample
// that is not part of the sum.
func (t tap) lastOf(v float32) float32 {
	if t.last == 0 {
		return 0
	}
	return t.last * v
}

// axpy adds w*src to dst.
func axpy(w float32, src, dst []float32) {
	if w == 0 {
		return
	}
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] += w * v
	}
}
