package explain

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
)

// Sizes of a sound's picture, in pixels.
const (
	soundWidth  = 900
	waveHeight  = 130
	melHeight   = 240
	soundIndent = 56
	soundLimit  = 5 // segments that are marked
)

// SoundInput is a sound as the network gets it, with the waveform it was made from.
type SoundInput struct {
	Wave    []float32 // -1..1, over the same time as Mel; nil: not drawn
	Mel     []float32 // frames x bands, log scale
	Frames  int
	Bands   int
	Seconds float64 // of the whole
}

// Sound draws waveform and log-mel spectrogram with the decisive segments
// marked, and the evidence along time. Errors: MODEL_SHAPE when the map does not
// lie on the spectrogram.
func Sound(in SoundInput, m Map, c Caption) (image.Image, error) {
	if in.Frames < 1 || in.Bands < 1 || in.Seconds <= 0 || len(in.Mel) != in.Frames*in.Bands ||
		engine.Size(m.Shape) != len(in.Mel) || len(m.Values) != len(in.Mel) || m.Shape[0] != in.Frames && len(m.Shape) == 2 {
		return nil, fault.New(fault.ModelShape, fmt.Sprintf("a map of %v does not lie on %d frames x %d bands", m.Shape, in.Frames, in.Bands), "")
	}
	flat := Map{Shape: []int{in.Frames, in.Bands}, Values: m.Values}.Positions(clinical.KindSound)
	rate := float64(in.Frames) / in.Seconds
	line := smooth(flat.Values, flat.Shape, 0, max(1, 0.03*rate))
	segments := Segments(line, 1, soundLimit)
	s := newScale(line)
	text := c.layOut(soundWidth, s.readingOnPaper(c.Label)+" "+describe(segments, rate))
	wave := 0
	if len(in.Wave) > 0 {
		wave = waveHeight + gap
	}
	height := text.top() + margin + wave + melHeight + gap + 60 + 34 + text.height()
	d := &soundSheet{canvas: newCanvas(soundWidth, height), in: in, scale: s, line: line, segments: segments}
	y := text.top() + margin
	if wave > 0 {
		d.wave(image.Rect(soundIndent, y, soundWidth-margin, y+waveHeight))
		y += wave
	}
	d.spectrogram(image.Rect(soundIndent, y, soundWidth-margin, y+melHeight))
	y += melHeight + gap
	d.evidence(image.Rect(soundIndent, y, soundWidth-margin, y+60))
	d.axis(image.Rect(soundIndent, y, soundWidth-margin, y+60))
	text.draw(d.canvas, height-text.height()-margin/4)
	return d.canvas, nil
}

type soundSheet struct {
	*canvas
	in       SoundInput
	scale    scale
	line     []float32 // evidence by frame
	segments []Segment
}

// at gives the evidence under pixel column x of r.
func (d *soundSheet) at(r image.Rectangle, x int) float64 {
	return float64(d.line[min((x-r.Min.X)*len(d.line)/r.Dx(), len(d.line)-1)])
}

// wave draws the extremes of the waveform a pixel column, over shading.
func (d *soundSheet) wave(r image.Rectangle) {
	d.fill(r, color.NRGBA{248, 248, 250, 255})
	top := float32(1e-6)
	for _, v := range d.in.Wave {
		top = max(top, v, -v)
	}
	middle, half := float64(r.Min.Y+r.Max.Y)/2, float64(r.Dy())/2-4
	for x := r.Min.X; x < r.Max.X; x++ {
		d.fill(image.Rect(x, r.Min.Y, x+1, r.Max.Y), d.scale.onPaper(d.at(r, x)))
		from, to := (x-r.Min.X)*len(d.in.Wave)/r.Dx(), (x+1-r.Min.X)*len(d.in.Wave)/r.Dx()
		lo, hi := float32(0), float32(0)
		for _, v := range d.in.Wave[from:max(to, from)] {
			lo, hi = min(lo, v), max(hi, v)
		}
		y0, y1 := middle-float64(hi/top)*half, middle-float64(lo/top)*half
		d.fill(image.Rect(x, int(y0), x+1, max(int(math.Ceil(y1)), int(y0)+1)), black)
	}
	d.frame(r, grey)
	d.label(r, "wave")
}

// spectrogram draws the bands with low frequencies at the bottom, and brackets the decisive segments.
func (d *soundSheet) spectrogram(r image.Rectangle) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range d.in.Mel {
		lo, hi = min(lo, float64(v)), max(hi, float64(v))
	}
	img := image.NewNRGBA(image.Rect(0, 0, d.in.Frames, d.in.Bands))
	for f := range d.in.Frames {
		for b := range d.in.Bands {
			t := (float64(d.in.Mel[f*d.in.Bands+b]) - lo) / max(hi-lo, 1e-12)
			g := uint8(235 - 225*t) // dark is loud: colour is kept for the evidence
			img.SetNRGBA(f, d.in.Bands-1-b, color.NRGBA{g, g, g, 255})
		}
	}
	draw.BiLinear.Scale(d, r, img, img.Bounds(), draw.Src, nil)
	for x := r.Min.X; x < r.Max.X; x++ {
		c := d.scale.onPaper(d.at(r, x))
		c.A = uint8(float64(c.A) * 0.7)
		d.fill(image.Rect(x, r.Min.Y, x+1, r.Max.Y), c)
	}
	for _, s := range d.segments {
		x0, x1 := r.Min.X+s.From*r.Dx()/d.in.Frames, r.Min.X+s.To*r.Dx()/d.in.Frames
		for i := range 2 {
			d.frame(image.Rect(x0+i, r.Min.Y+i, x1-i, r.Max.Y-i), warning)
		}
	}
	d.frame(r, grey)
	d.label(r, "mel band")
	d.text(r.Min.X-26, r.Min.Y+11, style{11, false}, grey, fmt.Sprint(d.in.Bands))
	d.text(r.Min.X-12, r.Max.Y-2, style{11, false}, grey, "1")
}

// evidence draws the map along time.
func (d *soundSheet) evidence(r image.Rectangle) {
	zero := float64(r.Max.Y)
	reach := float64(r.Dy() - 2)
	if d.scale.signed {
		zero, reach = float64(r.Min.Y+r.Max.Y)/2, reach/2
	}
	for x := r.Min.X; x < r.Max.X; x++ {
		l := d.scale.level(d.at(r, x))
		y0, y1 := zero, zero-l*reach
		c := d.scale.onPaper(d.at(r, x))
		c.A = 230
		d.fill(image.Rect(x, int(min(y0, y1)), x+1, int(max(y0, y1))), c)
	}
	d.frame(r, grey)
	d.label(r, "evidence")
}

// axis writes seconds under r.
func (d *soundSheet) axis(r image.Rectangle) {
	step := 1.0
	for _, s := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60} {
		step = s
		if d.in.Seconds/s <= 10 {
			break
		}
	}
	label := style{12, false}
	for t := 0.0; t <= d.in.Seconds+1e-9; t += step {
		x := r.Min.X + int(t/d.in.Seconds*float64(r.Dx()-1))
		d.fill(image.Rect(x, r.Max.Y, x+1, r.Max.Y+5), grey)
		words := fmt.Sprintf("%.3g", t)
		if t == 0 {
			words = "0 s"
		}
		place := min(max(x-d.width(label, words)/2, 2), d.Bounds().Dx()-d.width(label, words)-2)
		d.text(place, r.Max.Y+18, label, grey, words)
	}
}

// label writes upwards beside r: the drawn word, turned by a quarter.
func (d *soundSheet) label(r image.Rectangle, words string) {
	s := style{12, false}
	w, h := d.width(s, words), 16
	flat := newCanvas(w, h)
	flat.text(0, 12, s, grey, words)
	x0, y0 := 8, (r.Min.Y+r.Max.Y+w)/2
	for x := range w {
		for y := range h {
			d.Set(x0+y, y0-x, flat.At(x, y))
		}
	}
}
