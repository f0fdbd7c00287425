package figure

import (
	"fmt"
	"html"
	"strconv"
	"strings"
)

// Drawing is an SVG picture under construction. It names classes and leaves
// colours to the page's style sheet, so that one picture serves light, dark
// and paper. All text is escaped.
type Drawing struct {
	width, height float64
	body          strings.Builder
}

// Point is a place in picture units, y downwards.
type Point struct{ X, Y float64 }

// Pt is Point{x, y}.
func Pt(x, y float64) Point { return Point{x, y} }

// NewDrawing begins a picture of the given size in its own units; the page scales it.
func NewDrawing(width, height float64) *Drawing { return &Drawing{width: width, height: height} }

func (d *Drawing) add(format string, args ...any) { fmt.Fprintf(&d.body, format+"\n", args...) }

// Line joins two points.
func (d *Drawing) Line(a, b Point, class string) {
	d.add(`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, num(a.X), num(a.Y), num(b.X), num(b.Y))
}

// Polyline joins points in order; of none it draws nothing.
func (d *Drawing) Polyline(points []Point, class string) {
	if len(points) > 0 {
		d.add(`<polyline class="%s" points="%s"/>`, class, join(points))
	}
}

// Polygon fills the area between points.
func (d *Drawing) Polygon(points []Point, class string) {
	if len(points) > 0 {
		d.add(`<polygon class="%s" points="%s"/>`, class, join(points))
	}
}

// Rect fills a rectangle; a negative size is none.
func (d *Drawing) Rect(x, y, w, h float64, class string) {
	d.add(`<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, num(x), num(y), num(max(w, 0)), num(max(h, 0)))
}

// Cell is a rectangle shaded from 0 (page colour) to 1 (full colour).
func (d *Drawing) Cell(x, y, w, h, shade float64, class string) {
	d.add(`<rect class="%s" x="%s" y="%s" width="%s" height="%s" fill-opacity="%s"/>`,
		class, num(x), num(y), num(w), num(h), num(shade))
}

// Dot is a filled circle.
func (d *Drawing) Dot(at Point, radius float64, class string) {
	d.add(`<circle class="%s" cx="%s" cy="%s" r="%s"/>`, class, num(at.X), num(at.Y), num(radius))
}

// Diamond stands for a mean of other marks, as in a meta-analysis.
func (d *Drawing) Diamond(at Point, rx, ry float64, class string) {
	d.Polygon([]Point{{at.X - rx, at.Y}, {at.X, at.Y - ry}, {at.X + rx, at.Y}, {at.X, at.Y + ry}}, class)
}

// Text anchors at "start", "middle" or "end".
func (d *Drawing) Text(at Point, anchor, class, s string) {
	d.add(`<text class="%s" x="%s" y="%s" text-anchor="%s">%s</text>`, class, num(at.X), num(at.Y), anchor, html.EscapeString(s))
}

// Upward writes s turned a quarter to the left, centred at a point.
func (d *Drawing) Upward(at Point, class, s string) {
	d.add(`<text class="%s" text-anchor="middle" transform="translate(%s %s) rotate(-90)">%s</text>`,
		class, num(at.X), num(at.Y), html.EscapeString(s))
}

// Swatches lays a legend out in a row, its first baseline at a point.
func (d *Drawing) Swatches(at Point, entries ...Entry) {
	for _, e := range entries {
		if isLine(e.Class) {
			d.Line(Pt(at.X-6, at.Y-4), Pt(at.X+12, at.Y-4), e.Class)
		} else {
			d.Rect(at.X, at.Y-10, 12, 12, e.Class)
		}
		d.Text(Pt(at.X+18, at.Y), "start", "key", e.Label)
		at.X += 40 + TextWidth(e.Label)
	}
}

// isLine tells classes of strokes from those of areas.
func isLine(class string) bool {
	kind, _, _ := strings.Cut(class, " ")
	return kind == "line" || kind == "chance" || kind == "marker"
}

// Render closes the picture. The label is read aloud instead of it.
func (d *Drawing) Render(label string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" role="img" aria-label="%s">`+"\n%s</svg>",
		num(d.width), num(d.height), html.EscapeString(label), d.body.String())
}

// num writes a coordinate: two decimals are finer than any screen.
func num(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func join(points []Point) string {
	parts := make([]string, len(points))
	for i, p := range points {
		parts[i] = num(p.X) + "," + num(p.Y)
	}
	return strings.Join(parts, " ")
}
