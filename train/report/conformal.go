package report

import (
	"fmt"
	"math"
	"unicode"

	"consilium/calibration"
)

// coverageFigure sets measured against promised coverage with the band that
// chance allows.
func coverageFigure(r Run) (figure, bool) {
	rows := sweep(r)
	if len(rows) == 0 {
		return figure{}, false
	}
	low := math.Floor(10*lowestCoverage(rows)) / 10
	p := newPlot(figureWidth, figureHeight,
		axis{label: "Promised coverage", low: rows[0].Promised - 0.02, high: 1, percent: true},
		axis{label: "Measured coverage", low: low, high: 1.005, percent: true})
	var upper, under, measured []xy
	for _, c := range rows {
		if c.Low != nil && c.High != nil {
			upper = append(upper, p.point(c.Promised, *c.High))
			under = append([]xy{p.point(c.Promised, *c.Low)}, under...)
		}
		measured = append(measured, p.point(c.Promised, c.Measured))
	}
	p.polygon(append(upper, under...), "band s8")
	from := max(low, p.x.low)
	p.line(p.point(from, from), p.point(1, 1), "chance")
	p.polyline(measured, "line s1")
	for i, at := range measured {
		p.dot(at, 4, "point s1")
		if rows[i].Promised == r.Conformal.Test.Promised {
			p.dot(at, 7, "ring s2")
		}
	}
	keys := []entry{{"line s1", "measured"}, {"chance", "as promised"}}
	if len(upper) > 1 {
		keys = append(keys, entry{"bandkey s8", "95% of test sets"})
	}
	p.legend(lowerRight, keys...)
	caption := fmt.Sprintf("Share of conformal sets that hold the truth on %d test examples. Promised %s, measured %s",
		r.Conformal.Test.Examples, percent(r.Conformal.Test.Promised), percent(r.Conformal.Test.Measured))
	if c := r.Conformal.Test; c.Low != nil {
		caption += fmt.Sprintf(" (95%% of test sets lie within %s and %s when the promise is kept)", percent(*c.Low), percent(*c.High))
	}
	caption += "."
	if r.Conformal.Rule.Thresholds != nil {
		caption += " The rule in use (ringed) promises this within every class."
		if len(upper) > 0 {
			caption += " The line is for one threshold over all classes, which promises it on average."
		}
	}
	return newFigure("coverage", "Conformal coverage", caption, p.drawing, coverageTable(rows)), true
}

// setFigure shows what the promise costs: how often there is no single answer.
func setFigure(r Run) (figure, bool) {
	rows := sweep(r)
	if len(rows) == 0 {
		return figure{}, false
	}
	const left, right, top, row = 84.0, 72.0, 34.0, 36.0
	d := newDrawing(figureWidth, top+row*float64(len(rows))+58)
	width := figureWidth - left - right
	d.text(xy{left - 10, top - 12}, "end", "tick", "Promised")
	d.text(xy{figureWidth - 6, top - 12}, "end", "tick", "Labels a set")
	for i, c := range rows {
		y := top + row*float64(i)
		at := left
		for _, part := range []struct {
			share float64
			class string
			ink   string
		}{{c.Answered, "bar s1", "inbar"}, {c.Several, "bar s5", "indark"}, {c.Empty, "bar s8", "inbar"}} {
			d.rect(at, y+4, width*part.share, row-12, part.class)
			if part.share > 0.09 {
				d.text(xy{at + width*part.share/2, y + row/2 + 2}, "middle", "count small "+part.ink, percent(part.share))
			}
			at += width * part.share
		}
		class := "key"
		if c.Promised == r.Conformal.Test.Promised {
			class = "key strong"
		}
		d.text(xy{left - 10, y + row/2 + 2}, "end", class, percent(c.Promised))
		d.text(xy{figureWidth - 6, y + row/2 + 2}, "end", class, fmt.Sprintf("%.2f", c.MeanSize))
	}
	d.swatches(xy{left, top + row*float64(len(rows)) + 26},
		entry{"bar s1", "one answer"}, entry{"bar s5", "several: cannot tell"}, entry{"bar s8", "none: cannot tell"})
	c := r.Conformal.Test
	caption := fmt.Sprintf("What coverage costs: at %s the sets give one answer in %s of cases and say “cannot tell” in the rest.",
		percent(c.Promised), percent(c.Answered))
	if c.AnswerAccuracy != nil {
		caption += fmt.Sprintf(" Single answers are right in %s.", percent(*c.AnswerAccuracy))
	}
	return newFigure("sets", "Answers and “cannot tell”", caption, d, coverageTable(rows)), true
}

// swatches lays entries out in a row.
func (d *drawing) swatches(at xy, entries ...entry) {
	for _, e := range entries {
		d.rect(at.x, at.y-10, 12, 12, e.class)
		d.text(xy{at.x + 18, at.y}, "start", "key", e.label)
		at.x += 34 + textWidth(e.label)
	}
}

// sweep gives the measured promises in rising order, the shipped one among them.
func sweep(r Run) []calibration.Coverage {
	if r.Conformal == nil || r.Conformal.Test.Examples == 0 {
		return nil
	}
	var rows []calibration.Coverage
	shipped := r.Conformal.Test
	placed := false
	for _, c := range r.Conformal.Sweep {
		if !placed && c.Promised >= shipped.Promised {
			rows, placed = append(rows, shipped), true
		}
		if c.Promised != shipped.Promised {
			rows = append(rows, c)
		}
	}
	if !placed {
		rows = append(rows, shipped)
	}
	return rows
}

func lowestCoverage(rows []calibration.Coverage) float64 {
	low := 1.0
	for _, c := range rows {
		low = min(low, c.Measured, c.Promised)
		if c.Low != nil {
			low = min(low, *c.Low)
		}
	}
	return max(low-0.01, 0)
}

func coverageTable(rows []calibration.Coverage) table {
	t := table{Head: []string{"Promised", "Measured", "Band", "Labels a set", "One answer", "Several", "None", "Answer right"}}
	for _, c := range rows {
		t.Rows = append(t.Rows, []string{percent(c.Promised), percent(c.Measured), interval(c.Low, c.High), fmt.Sprintf("%.2f", c.MeanSize),
			percent(c.Answered), percent(c.Several), percent(c.Empty), show(c.AnswerAccuracy)})
	}
	return t
}

func capital(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}
