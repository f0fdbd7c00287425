package report

import (
	"fmt"
	"html"
	"strconv"
	"strings"
)

// drawing is an SVG picture under construction. It names classes and leaves
// colours to the page's style sheet, so that one picture serves light, dark
// and paper.
type drawing struct {
	width, height float64
	body          strings.Builder
}

// xy is a point in picture units, y downwards.
type xy struct{ x, y float64 }

func newDrawing(width, height float64) *drawing { return &drawing{width: width, height: height} }

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.body, format+"\n", args...) }

func (d *drawing) line(a, b xy, class string) {
	d.add(`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, num(a.x), num(a.y), num(b.x), num(b.y))
}

func (d *drawing) polyline(points []xy, class string) {
	if len(points) > 0 {
		d.add(`<polyline class="%s" points="%s"/>`, class, join(points))
	}
}

func (d *drawing) polygon(points []xy, class string) {
	if len(points) > 0 {
		d.add(`<polygon class="%s" points="%s"/>`, class, join(points))
	}
}

func (d *drawing) rect(x, y, w, h float64, class string) {
	d.add(`<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, num(x), num(y), num(max(w, 0)), num(max(h, 0)))
}

// cell is a rectangle shaded from 0 (page colour) to 1 (full colour).
func (d *drawing) cell(x, y, w, h, shade float64, class string) {
	d.add(`<rect class="%s" x="%s" y="%s" width="%s" height="%s" fill-opacity="%s"/>`,
		class, num(x), num(y), num(w), num(h), num(shade))
}

func (d *drawing) dot(at xy, radius float64, class string) {
	d.add(`<circle class="%s" cx="%s" cy="%s" r="%s"/>`, class, num(at.x), num(at.y), num(radius))
}

func (d *drawing) diamond(at xy, rx, ry float64, class string) {
	d.polygon([]xy{{at.x - rx, at.y}, {at.x, at.y - ry}, {at.x + rx, at.y}, {at.x, at.y + ry}}, class)
}

// text anchors at "start", "middle" or "end".
func (d *drawing) text(at xy, anchor, class, s string) {
	d.add(`<text class="%s" x="%s" y="%s" text-anchor="%s">%s</text>`, class, num(at.x), num(at.y), anchor, html.EscapeString(s))
}

// upward writes s turned a quarter to the left, centred at a point.
func (d *drawing) upward(at xy, class, s string) {
	d.add(`<text class="%s" text-anchor="middle" transform="translate(%s %s) rotate(-90)">%s</text>`,
		class, num(at.x), num(at.y), html.EscapeString(s))
}

// render closes the picture. The label is read aloud instead of it.
func (d *drawing) render(label string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img" aria-label="%s">`+"\n%s</svg>",
		num(d.width), num(d.height), html.EscapeString(label), d.body.String())
}

// num writes a coordinate: two decimals are finer than any screen.
func num(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func join(points []xy) string {
	parts := make([]string, len(points))
	for i, p := range points {
		parts[i] = num(p.x) + "," + num(p.y)
	}
	return strings.Join(parts, " ")
}
