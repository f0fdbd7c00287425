// Package imaging turns decoded pictures and volumes into network tensors:
// crop, resize, scale to the encoding's range, standardise. What training does
// and what diagnosis does are the same calls.
package imaging

import (
	"fmt"
	"sync"

	"consilium/clinical"
	"consilium/fault"
)

// Fit says what happens when the picture's aspect ratio is not the tensor's.
type Fit int

const (
	// FitCrop cuts the centre with the tensor's aspect ratio and resizes it. It
	// is the default because MedMNIST was made that way (Yang et al., Sci Data
	// 10:41, 2023): a square cut from the centre, then resized.
	FitCrop Fit = iota
	// FitStretch resizes the whole picture and lets its proportions change.
	FitStretch
	// FitLetterbox resizes the whole picture and fills the rest with Low.
	FitLetterbox
)

// Spec describes the tensor that a network takes.
type Spec struct {
	Channels int // 1 grey, 3 RGB
	Height   int
	Width    int
	Depth    int // slices of a volume; ignored by Tensor
	// Mean and Std standardise each channel after scaling to 0..1; both empty
	// leaves 0..1.
	Mean, Std []float32
	Fit       Fit
}

// maxTensor bounds what a spec (which may come from an imported model's card)
// can make us allocate: 256 Mi values, 1 GiB.
const maxTensor = 1 << 28

// Tensor fills into (C,H,W, channels first) from a picture. Each value is
// (x-Low)/(High-Low), then standardised. An axis that shrinks is averaged over
// area, an axis that grows is interpolated linearly; grey is repeated for RGB,
// RGB becomes grey by ITU-R BT.601 luma. The cost is one pass over the pixels.
// Whether the pixels are plausible is Check's question, to be asked first.
//
// Errors: INPUT_MALFORMED when the image contradicts itself, INPUT_UNSUPPORTED
// for a volume, USAGE when spec and tensor do not agree.
func Tensor(img clinical.Image, s Spec, into []float32) error {
	if err := s.check(len(into), 1); err != nil {
		return err
	}
	if err := checkShape(img); err != nil {
		return err
	}
	if img.Frames > 1 {
		return fault.New(fault.InputUnsupported,
			fmt.Sprintf("%s has %d frames, this model reads one picture", img.Source, img.Frames),
			"give one frame, or use a model for volumes")
	}
	p := planFor(img, s)
	buf := p.frame(img, 0)
	defer pool.Put(buf)
	s.finish(img, *buf, p.cover, into)
	return nil
}

// Volume fills into (C,D,H,W) from a volume whose frames are slices in order.
// Every slice is fitted as Tensor does; along the slice axis the whole extent
// is kept, averaged where it shrinks and interpolated linearly where it grows
// (together: trilinear when growing, box average when shrinking).
func Volume(img clinical.Image, s Spec, into []float32) error {
	if err := s.check(len(into), s.Depth); err != nil {
		return err
	}
	if err := checkShape(img); err != nil {
		return err
	}
	p := planFor(img, s)
	plane := s.Height * s.Width
	slices := spans(0, float64(img.Frames), s.Depth, img.Frames)
	sum := make([]float32, plane*img.Channels)
	out := make([]float32, plane*s.Channels)
	cache := slabs{image: img, plan: p}
	defer cache.release()
	for d, sp := range slices.taps {
		clear(sum)
		for f := sp.lo; f <= sp.hi; f++ {
			axpy(sp.weight(f)*slices.norm, cache.frame(f), sum)
		}
		s.finish(img, sum, p.cover, out)
		for c := range s.Channels {
			copy(into[(c*s.Depth+d)*plane:], out[c*plane:(c+1)*plane])
		}
	}
	return nil
}

// slabs keeps the last two resized slices, since neighbouring output slices
// share at most two inputs.
type slabs struct {
	image clinical.Image
	plan  plan
	index [2]int
	buf   [2]*[]float32
	next  int
}

func (c *slabs) frame(f int) []float32 {
	for i, b := range c.buf {
		if b != nil && c.index[i] == f {
			return *b
		}
	}
	if b := c.buf[c.next]; b != nil {
		pool.Put(b)
	}
	b := c.plan.frame(c.image, f)
	c.buf[c.next], c.index[c.next] = b, f
	c.next = 1 - c.next
	return *b
}

func (c *slabs) release() {
	for _, b := range c.buf {
		if b != nil {
			pool.Put(b)
		}
	}
}

// check refuses specs that no tensor can fulfil.
func (s Spec) check(got, depth int) error {
	switch {
	case s.Channels != 1 && s.Channels != 3:
		return badSpec("channels must be 1 or 3, not %d", s.Channels)
	case s.Height < 1 || s.Width < 1 || depth < 1:
		return badSpec("size %dx%dx%d is not positive", depth, s.Height, s.Width)
	case s.Height > maxTensor/s.Width || s.Channels*depth > maxTensor/(s.Height*s.Width):
		return badSpec("size %dx%dx%dx%d is beyond %d values", s.Channels, depth, s.Height, s.Width, maxTensor)
	case got != s.Channels*depth*s.Height*s.Width:
		return badSpec("the tensor holds %d values, not %d", got, s.Channels*depth*s.Height*s.Width)
	case len(s.Mean) != len(s.Std) || len(s.Mean) != 0 && len(s.Mean) != s.Channels:
		return badSpec("%d means and %d deviations for %d channels", len(s.Mean), len(s.Std), s.Channels)
	}
	for _, sd := range s.Std {
		if !(sd > 0) {
			return badSpec("standard deviation %v is not positive", sd)
		}
	}
	return nil
}

func badSpec(format string, args ...any) error {
	return fault.New(fault.Usage, "image tensor: "+fmt.Sprintf(format, args...), "correct the model's card")
}

// finish turns resized pixels (H,W,channels of the image, image's units) into
// the tensor's planes: colour, scale, standardise. Pixels outside the box that
// the picture covers are Low.
func (s Spec) finish(img clinical.Image, px []float32, b box, into []float32) {
	plane := s.Height * s.Width
	scale := 1 / (img.High - img.Low)
	for c := range s.Channels {
		gain, bias := scale, -img.Low*scale
		if len(s.Mean) > 0 {
			sd := float64(s.Std[c])
			gain, bias = gain/sd, (bias-float64(s.Mean[c]))/sd
		}
		out := into[c*plane : (c+1)*plane]
		for y := range s.Height {
			for x := range s.Width {
				i := y*s.Width + x
				v := img.Low
				if b.holds(y, x) {
					v = colour(px, i, img.Channels, s.Channels, c)
				}
				out[i] = float32(v*gain + bias)
			}
		}
	}
}

// colour picks channel c of want from pixel i with have channels.
func colour(px []float32, i, have, want, c int) float64 {
	if have == 1 {
		return float64(px[i])
	}
	if want == 3 {
		return float64(px[3*i+c])
	}
	return 0.299*float64(px[3*i]) + 0.587*float64(px[3*i+1]) + 0.114*float64(px[3*i+2])
}

// pool holds resized frames; batches reuse them.
var pool = sync.Pool{New: func() any { return new([]float32) }}

func borrow(n int) *[]float32 {
	b := pool.Get().(*[]float32)
	if cap(*b) < n {
		*b = make([]float32, n)
	}
	*b = (*b)[:n]
	return b
}
