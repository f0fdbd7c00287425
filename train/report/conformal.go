package report

import (
	"fmt"
	"math"

	"consilium/calibration"
	"consilium/figure"
)

// coverageFigure sets measured against promised coverage with the band that
// chance allows.
func coverageFigure(r Run) (figure.Figure, bool) {
	rows := sweep(r)
	if len(rows) == 0 {
		return figure.Figure{}, false
	}
	low := math.Floor(10*lowestCoverage(rows)) / 10
	p := figure.NewPlot(figure.Width, figure.Height,
		figure.Axis{Label: "Promised coverage", Low: rows[0].Promised - 0.02, High: 1, Percent: true},
		figure.Axis{Label: "Measured coverage", Low: low, High: 1.005, Percent: true})
	var upper, under, measured []figure.Point
	for _, c := range rows {
		if c.Low != nil && c.High != nil {
			upper = append(upper, p.At(c.Promised, *c.High))
			under = append([]figure.Point{p.At(c.Promised, *c.Low)}, under...)
		}
		measured = append(measured, p.At(c.Promised, c.Measured))
	}
	p.Polygon(append(upper, under...), "band s8")
	from := max(low, p.X.Low)
	p.Line(p.At(from, from), p.At(1, 1), "chance")
	p.Polyline(measured, "line s1")
	for i, at := range measured {
		p.Dot(at, 4, "point s1")
		if rows[i].Promised == r.Conformal.Test.Promised {
			p.Dot(at, 7, "ring s2")
		}
	}
	keys := []figure.Entry{{Class: "line s1", Label: "measured"}, {Class: "chance", Label: "as promised"}}
	if len(upper) > 1 {
		keys = append(keys, figure.Entry{Class: "bandkey s8", Label: "95% of test sets"})
	}
	p.Legend(figure.LowerRight, keys...)
	caption := fmt.Sprintf("Share of conformal sets that hold the truth on %d test examples. Promised %s, measured %s",
		r.Conformal.Test.Examples, figure.Percent(r.Conformal.Test.Promised), figure.Percent(r.Conformal.Test.Measured))
	if c := r.Conformal.Test; c.Low != nil {
		caption += fmt.Sprintf(" (95%% of test sets lie within %s and %s when the promise is kept)", figure.Percent(*c.Low), figure.Percent(*c.High))
	}
	caption += "."
	if r.Conformal.Rule.Thresholds != nil {
		caption += " The rule in use (ringed) promises this within every class."
		if len(upper) > 0 {
			caption += " The line is for one threshold over all classes, which promises it on average."
		}
	}
	return figure.New("coverage", "Conformal coverage", caption, p.Drawing, coverageTable(rows)), true
}

// setFigure shows what the promise costs: how often there is no single answer.
func setFigure(r Run) (figure.Figure, bool) {
	rows := sweep(r)
	if len(rows) == 0 {
		return figure.Figure{}, false
	}
	const left, right, top, row = 84.0, 72.0, 34.0, 36.0
	d := figure.NewDrawing(figure.Width, top+row*float64(len(rows))+58)
	width := figure.Width - left - right
	d.Text(figure.Pt(left-10, top-12), "end", "tick", "Promised")
	d.Text(figure.Pt(figure.Width-6, top-12), "end", "tick", "Labels a set")
	for i, c := range rows {
		y := top + row*float64(i)
		at := left
		for _, part := range []struct {
			share float64
			class string
			ink   string
		}{{c.Answered, "bar s1", "inbar"}, {c.Several, "bar s5", "indark"}, {c.Empty, "bar s8", "inbar"}} {
			d.Rect(at, y+4, width*part.share, row-12, part.class)
			if part.share > 0.09 {
				d.Text(figure.Pt(at+width*part.share/2, y+row/2+2), "middle", "count small "+part.ink, figure.Percent(part.share))
			}
			at += width * part.share
		}
		class := "key"
		if c.Promised == r.Conformal.Test.Promised {
			class = "key strong"
		}
		d.Text(figure.Pt(left-10, y+row/2+2), "end", class, figure.Percent(c.Promised))
		d.Text(figure.Pt(figure.Width-6, y+row/2+2), "end", class, fmt.Sprintf("%.2f", c.MeanSize))
	}
	d.Swatches(figure.Pt(left, top+row*float64(len(rows))+26),
		figure.Entry{Class: "bar s1", Label: "one answer"}, figure.Entry{Class: "bar s5", Label: "several: cannot tell"}, figure.Entry{Class: "bar s8", Label: "none: cannot tell"})
	c := r.Conformal.Test
	caption := fmt.Sprintf("What coverage costs: at %s the sets give one answer in %s of cases and say “cannot tell” in the rest.",
		figure.Percent(c.Promised), figure.Percent(c.Answered))
	if c.AnswerAccuracy != nil {
		caption += fmt.Sprintf(" Single answers are right in %s.", figure.Percent(*c.AnswerAccuracy))
	}
	return figure.New("sets", "Answers and “cannot tell”", caption, d, coverageTable(rows)), true
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

func coverageTable(rows []calibration.Coverage) figure.Table {
	t := figure.Table{Head: []string{"Promised", "Measured", "Band", "Labels a set", "One answer", "Several", "None", "Answer right"}}
	for _, c := range rows {
		t.Rows = append(t.Rows, []string{figure.Percent(c.Promised), figure.Percent(c.Measured), figure.Interval(c.Low, c.High), fmt.Sprintf("%.2f", c.MeanSize),
			figure.Percent(c.Answered), figure.Percent(c.Several), figure.Percent(c.Empty), figure.Show(c.AnswerAccuracy)})
	}
	return t
}
