package figure

import (
	"fmt"
	"math"
	"strconv"
)

// Axis maps values to picture units along one direction.
type Axis struct {
	Label    string
	Low      float64
	High     float64
	From, To float64 // picture units of Low and High; a Plot sets them
	Percent  bool    // written as a percentage
	Whole    bool    // ticks on integers only
	Log      bool    // equal ratios are equal lengths; Low is above 0
}

// At gives the picture unit of a value.
func (a Axis) At(v float64) float64 {
	low, high := a.Low, a.High
	if a.Log {
		low, high, v = math.Log(low), math.Log(high), math.Log(v)
	}
	if high == low {
		return (a.From + a.To) / 2
	}
	return a.From + (v-low)/(high-low)*(a.To-a.From)
}

// Ticks gives about n round values within the axis.
func (a Axis) Ticks(n int) []float64 {
	if a.Log {
		return a.decades()
	}
	step := roundStep((a.High - a.Low) / float64(n))
	if a.Whole {
		step = math.Max(1, math.Round(step))
	}
	if !(step > 0) || math.IsInf(step, 0) {
		return []float64{a.Low}
	}
	var out []float64
	for i := math.Ceil(a.Low/step - 1e-9); i*step <= a.High+step*1e-9; i++ {
		out = append(out, i*step+0) // +0: no "-0"
	}
	return out
}

// decades gives 1, 2 and 5 times the powers of ten within the axis.
func (a Axis) decades() []float64 {
	var out []float64
	for power := math.Pow(10, math.Floor(math.Log10(a.Low))); power > 0 && power <= a.High; power *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v := m * power; v >= a.Low*(1-1e-9) && v <= a.High*(1+1e-9) {
				out = append(out, v)
			}
		}
	}
	return out
}

// roundStep is the next 1, 2 or 5 times a power of ten.
func roundStep(raw float64) float64 {
	if !(raw > 0) {
		return 0
	}
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// Format writes a tick.
func (a Axis) Format(v float64) string {
	if a.Percent {
		return strconv.FormatFloat(math.Round(v*1000)/10, 'g', 4, 64) + "%"
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'g', 6, 64)
}

// Plot is a drawing with a frame, two axes and a legend.
type Plot struct {
	*Drawing
	X, Y Axis
}

// Margins around a plot, for tick labels and axis titles.
const (
	marginLeft   = 58
	marginRight  = 16
	marginTop    = 14
	marginBottom = 46
)

// NewPlot frames a picture of the given size and draws grid and ticks.
func NewPlot(width, height float64, x, y Axis) *Plot {
	p := &Plot{Drawing: NewDrawing(width, height), X: x, Y: y}
	p.place(width, height)
	return p
}

// place sets the frame into the upper part of the drawing and draws it.
func (p *Plot) place(width, height float64) {
	p.X.From, p.X.To = marginLeft, width-marginRight
	p.Y.From, p.Y.To = height-marginBottom, marginTop
	for _, v := range p.Y.Ticks(5) {
		at := p.Y.At(v)
		p.Line(Pt(p.X.From, at), Pt(p.X.To, at), "grid")
		p.Text(Pt(p.X.From-8, at+4), "end", "tick", p.Y.Format(v))
	}
	for _, v := range p.X.Ticks(6) {
		at := p.X.At(v)
		p.Line(Pt(at, p.Y.From), Pt(at, p.Y.From+4), "axis")
		p.Text(Pt(at, p.Y.From+18), "middle", "tick", p.X.Format(v))
	}
	p.Line(Pt(p.X.From, p.Y.From), Pt(p.X.To, p.Y.From), "axis")
	p.Text(Pt((p.X.From+p.X.To)/2, p.Y.From+38), "middle", "title", p.X.Label)
	p.Upward(Pt(14, (p.Y.From+p.Y.To)/2), "title", p.Y.Label)
}

// At gives the place of a pair of values.
func (p *Plot) At(x, y float64) Point { return Pt(p.X.At(x), p.Y.At(y)) }

// Palette is how many colours the style sheet tells apart: s1 to s8.
const Palette = 8

// Series picks the n-th colour of the palette for a kind of mark: line, point, bar, band.
func Series(kind string, n int) string { return fmt.Sprintf("%s s%d", kind, n%Palette+1) }

// Entry of a legend: the class of a mark and what it stands for.
type Entry struct{ Class, Label string }

// Corner of a frame.
type Corner int

// Corners that a legend may stand in.
const (
	UpperLeft Corner = iota
	UpperRight
	LowerLeft
	LowerRight
)

// Legend explains strokes in a corner of the frame.
func (p *Plot) Legend(corner Corner, entries ...Entry) {
	const row, swatch, pad = 18.0, 20.0, 8.0
	width := 0.0
	for _, e := range entries {
		width = max(width, TextWidth(e.Label))
	}
	width += swatch + 3*pad
	height := row*float64(len(entries)) + pad
	left, top := p.X.From+pad, p.Y.To+pad
	if corner == UpperRight || corner == LowerRight {
		left = p.X.To - width - pad
	}
	if corner == LowerLeft || corner == LowerRight {
		top = p.Y.From - height - pad
	}
	p.Rect(left, top, width, height, "legend")
	for i, e := range entries {
		y := top + pad/2 + row*(float64(i)+0.5)
		p.Line(Pt(left+pad, y), Pt(left+pad+swatch, y), e.Class)
		p.Text(Pt(left+2*pad+swatch, y+4), "start", "key", e.Label)
	}
}

// TextWidth estimates the width of 12-unit sans-serif text, on the safe side.
func TextWidth(s string) float64 { return 6.4 * float64(len([]rune(s))) }
