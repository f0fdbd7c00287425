package report

import (
	"fmt"
	"math"
	"strconv"
)

// axis maps values to picture units along one direction.
type axis struct {
	label    string
	low      float64
	high     float64
	from, to float64 // picture units of low and high
	percent  bool
	whole    bool // ticks on integers only
}

func (a axis) at(v float64) float64 {
	if a.high == a.low {
		return (a.from + a.to) / 2
	}
	return a.from + (v-a.low)/(a.high-a.low)*(a.to-a.from)
}

// ticks gives about n round values within the axis.
func (a axis) ticks(n int) []float64 {
	step := roundStep((a.high - a.low) / float64(n))
	if a.whole {
		step = math.Max(1, math.Round(step))
	}
	if !(step > 0) || math.IsInf(step, 0) {
		return []float64{a.low}
	}
	var out []float64
	for i := math.Ceil(a.low/step - 1e-9); i*step <= a.high+step*1e-9; i++ {
		out = append(out, i*step+0) // +0: no "-0"
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

func (a axis) format(v float64) string {
	if a.percent {
		return strconv.FormatFloat(math.Round(v*1000)/10, 'g', 4, 64) + "%"
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'g', 6, 64)
}

// plot is a drawing with a frame, two axes and a legend.
type plot struct {
	*drawing
	x, y axis
}

// Margins around a plot, for tick labels and axis titles.
const (
	marginLeft   = 58
	marginRight  = 16
	marginTop    = 14
	marginBottom = 46
)

// newPlot frames a picture of the given size and draws grid and ticks.
func newPlot(width, height float64, x, y axis) *plot {
	p := &plot{drawing: newDrawing(width, height), x: x, y: y}
	p.place(0, 0, width, height)
	return p
}

// place sets the frame into a part of the drawing and draws it.
func (p *plot) place(left, top, width, height float64) {
	p.x.from, p.x.to = left+marginLeft, left+width-marginRight
	p.y.from, p.y.to = top+height-marginBottom, top+marginTop
	for _, v := range p.y.ticks(5) {
		at := p.y.at(v)
		p.line(xy{p.x.from, at}, xy{p.x.to, at}, "grid")
		p.text(xy{p.x.from - 8, at + 4}, "end", "tick", p.y.format(v))
	}
	for _, v := range p.x.ticks(6) {
		at := p.x.at(v)
		p.line(xy{at, p.y.from}, xy{at, p.y.from + 4}, "axis")
		p.text(xy{at, p.y.from + 18}, "middle", "tick", p.x.format(v))
	}
	p.line(xy{p.x.from, p.y.from}, xy{p.x.to, p.y.from}, "axis")
	p.text(xy{(p.x.from + p.x.to) / 2, p.y.from + 38}, "middle", "title", p.x.label)
	p.upward(xy{left + 14, (p.y.from + p.y.to) / 2}, "title", p.y.label)
}

func (p *plot) point(x, y float64) xy { return xy{p.x.at(x), p.y.at(y)} }

// series picks the n-th colour of the palette for strokes ("s") or fills ("f").
func series(kind string, n int) string { return fmt.Sprintf("%s s%d", kind, n%palette+1) }

// palette is how many colours the style sheet tells apart.
const palette = 8

// legend entries stand in a corner of the frame.
type entry struct{ class, label string }

// Corners of a frame.
const (
	upperLeft = iota
	upperRight
	lowerLeft
	lowerRight
)

func (p *plot) legend(corner int, entries ...entry) {
	const row, swatch, pad = 18.0, 20.0, 8.0
	width := 0.0
	for _, e := range entries {
		width = max(width, textWidth(e.label))
	}
	width += swatch + 3*pad
	height := row*float64(len(entries)) + pad
	left, top := p.x.from+pad, p.y.to+pad
	if corner == upperRight || corner == lowerRight {
		left = p.x.to - width - pad
	}
	if corner == lowerLeft || corner == lowerRight {
		top = p.y.from - height - pad
	}
	p.rect(left, top, width, height, "legend")
	for i, e := range entries {
		y := top + pad/2 + row*(float64(i)+0.5)
		p.line(xy{left + pad, y}, xy{left + pad + swatch, y}, e.class)
		p.text(xy{left + 2*pad + swatch, y + 4}, "start", "key", e.label)
	}
}

// textWidth estimates the width of 12-unit sans-serif text, on the safe side.
func textWidth(s string) float64 { return 6.4 * float64(len([]rune(s))) }
