package figure

import (
	"fmt"
	"math"

	"consilium/metric"
)

// Mark is an estimate in a forest plot; nil is unknown and not drawn.
type Mark struct {
	Value, Low, High *float64
	Colour           int  // of the palette, from 0
	Hollow           bool // the same under another condition
	Pooled           bool // drawn as a diamond: a mean of other marks
}

// MarkOf is the mark of an estimate.
func MarkOf(e metric.Estimate, colour int) Mark {
	return Mark{Value: &e.Value, Low: &e.Low, High: &e.High, Colour: colour}
}

// Panel is one column of a forest plot, with an axis of its own.
type Panel struct {
	Title     string   // above; "" for none
	Label     string   // of the axis
	Reference *float64 // a dashed line: what no effect, or the trivial baseline, is
	Signed    bool     // differences: numbers carry their sign
	Low, High float64  // bounds that the axis does not leave, such as 0 and 1 of a share
	Marks     [][]Mark // by row; several of one row lie below one another
}

// Measures of a forest plot, in picture units.
const (
	forestText  = 150.0 // room for the numbers of a panel
	signedText  = 186.0 // with signs
	forestLine  = 19.0  // from mark to mark
	forestSpace = 12.0  // between rows
)

// Forest draws estimates with their intervals, row by row, and their numbers
// beside them: Lewis and Clarke, BMJ 322 (2001). Panels stand side by side and
// share the rows. Keys are laid out below.
func Forest(rows []string, panels []Panel, keys ...Entry) *Drawing {
	top, bottom := 14.0, 56.0
	for _, p := range panels {
		if p.Title != "" {
			top = 34
		}
	}
	if len(keys) > 0 {
		bottom += 30
	}
	heights, total := make([]float64, len(rows)), 0.0
	for i := range rows {
		most := 1
		for _, p := range panels {
			if i < len(p.Marks) {
				most = max(most, len(p.Marks[i]))
			}
		}
		heights[i] = forestSpace + forestLine*float64(most)
		total += heights[i]
	}
	d := NewDrawing(WideWidth, top+total+bottom)
	name, y := nameWidth(rows), top
	for i, row := range rows {
		d.Text(Pt(name-16, y+heights[i]/2+4), "end", "key strong", row)
		if i > 0 {
			d.Line(Pt(0, y), Pt(WideWidth, y), "grid")
		}
		y += heights[i]
	}
	width := (WideWidth - name) / float64(max(len(panels), 1))
	for i, p := range panels {
		left := name + width*float64(i)
		text := forestText
		if p.Signed {
			text = signedText
		}
		p.draw(d, left, left+width-text, top, heights)
	}
	if len(keys) > 0 {
		d.Swatches(Pt(name, top+total+bottom-8), keys...)
	}
	return d
}

// nameWidth is the room that names of rows need, in bold.
func nameWidth(rows []string) float64 {
	width := 70.0
	for _, r := range rows {
		width = max(width, 1.1*TextWidth(r))
	}
	return min(width+24, 300)
}

// draw draws a panel between two sides; its numbers stand to the right.
func (p Panel) draw(d *Drawing, left, right, top float64, heights []float64) {
	x := p.axis()
	x.From, x.To = left, right
	foot := top
	for _, h := range heights {
		foot += h
	}
	for _, v := range x.Ticks(int((right - left) / 60)) {
		d.Line(Pt(x.At(v), top-4), Pt(x.At(v), foot), "grid")
		d.Text(Pt(x.At(v), foot+18), "middle", "tick", x.Format(v))
	}
	if Usable(p.Reference) {
		d.Line(Pt(x.At(*p.Reference), top-4), Pt(x.At(*p.Reference), foot), "chance")
	}
	if p.Title != "" {
		d.Text(Pt(left, top-14), "start", "key strong", p.Title)
	}
	d.Text(Pt((left+right)/2, foot+40), "middle", "title", p.Label)
	for i, marks := range p.Marks[:min(len(p.Marks), len(heights))] {
		y := top + (heights[i]-forestLine*float64(len(marks)))/2 + forestLine/2
		for _, m := range marks {
			if Usable(m.Value) {
				m.draw(d, x, y)
				d.Text(Pt(right+12, y+4), "start", "key", m.text(p.Signed))
			}
			y += forestLine
		}
		top += heights[i]
	}
}

// axis spans every mark and the reference.
func (p Panel) axis() Axis {
	low, high := math.Inf(1), math.Inf(-1)
	include := func(v *float64) {
		if Usable(v) {
			low, high = min(low, *v), max(high, *v)
		}
	}
	include(p.Reference)
	for _, marks := range p.Marks {
		for _, m := range marks {
			include(m.Value)
			include(m.Low)
			include(m.High)
		}
	}
	if low > high { // nothing to show
		return Axis{Low: p.Low, High: p.High}
	}
	pad := max(0.04*(high-low), 0.005)
	return Axis{Low: max(low-pad, p.Low), High: min(high+pad, p.High)}
}

func (m Mark) draw(d *Drawing, x Axis, y float64) {
	at := func(v float64) Point { return Pt(x.At(min(max(v, x.Low), x.High)), y) }
	if Usable(m.Low) && Usable(m.High) {
		d.Line(at(*m.Low), at(*m.High), Series("line", m.Colour))
	}
	class := Series("point", m.Colour)
	if m.Hollow {
		class = Series("point hollow", m.Colour)
	}
	if m.Pooled {
		d.Diamond(at(*m.Value), 7, 8, class)
		return
	}
	d.Dot(at(*m.Value), 5, class)
}

func (m Mark) text(signed bool) string {
	if signed {
		s := fmt.Sprintf("%+.3f", *m.Value)
		if Usable(m.Low) && Usable(m.High) {
			s += fmt.Sprintf(" (%+.3f to %+.3f)", *m.Low, *m.High)
		}
		return s
	}
	return Fixed(*m.Value) + " (" + Interval(m.Low, m.High) + ")"
}
