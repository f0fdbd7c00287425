package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
)

// figure is a picture with its title, what it shows in words, and its numbers.
type figure struct {
	ID      string
	Title   string
	Caption string
	SVG     template.HTML // made by drawing alone, which escapes all text
	Table   table
	Wide    bool
}

// table holds text cells; the first column names the row.
type table struct {
	Head []string
	Rows [][]string
}

// figures draws what the run has data for, in reading order.
func figures(r Run) []figure {
	var out []figure
	for _, draw := range []func(Run) (figure, bool){
		lossFigure, aucFigure, rocFigure, prFigure, confusionFigure, reliabilityFigure,
		coverageFigure, setFigure, forestFigure,
	} {
		if f, ok := draw(r); ok {
			out = append(out, f)
		}
	}
	return out
}

// newFigure closes a drawing; the caption is also what a screen reader says.
func newFigure(id, title, caption string, d *drawing, t table) figure {
	return figure{ID: id, Title: title, Caption: caption, SVG: template.HTML(d.render(title + ". " + caption)), Table: t}
}

// Sizes of pictures in their own units; the page scales them.
const (
	figureWidth  = 520
	figureHeight = 380
)

// show writes a number with three decimals, a dash where there is none.
func show(v *float64) string {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return "–"
	}
	return fixed(*v)
}

func fixed(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + "%" }

// interval writes "low–high", or a dash.
func interval(low, high *float64) string {
	if low == nil || high == nil {
		return "–"
	}
	return fixed(*low) + "–" + fixed(*high)
}

func usable(v *float64) bool { return v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
