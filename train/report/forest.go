package report

import (
	"fmt"
	"math"

	"consilium/metric"
)

// forestFigure shows the AUC of every seed with its interval, and their mean.
func forestFigure(r Run) (figure, bool) {
	type line struct {
		name            string
		value, low, top *float64
		class           string
	}
	var lines []line
	for i, s := range r.Seeds {
		v, ok := s.Test.Lookup(metric.IDAUC)
		if !ok || !usable(v.Value) {
			continue
		}
		name := fmt.Sprintf("seed %d", s.Seed)
		if i == r.Shipped {
			name += " (kept)"
		}
		lines = append(lines, line{name, v.Value, v.Low, v.High, "s1"})
	}
	for _, a := range r.Across {
		if a.ID == metric.IDAUC && usable(a.Mean) && len(a.Values) > 1 {
			lines = append(lines, line{"mean: seeds", a.Mean, a.Low, a.High, "s2"},
				line{"mean: seeds and cases", a.Mean, a.BothLow, a.BothHigh, "s2"})
		}
	}
	if len(lines) == 0 {
		return figure{}, false
	}
	low, high := 0.5, 0.5
	for _, l := range lines {
		for _, v := range []*float64{l.value, l.low, l.top} {
			if usable(v) {
				low, high = min(low, *v), max(high, *v)
			}
		}
	}
	const left, right, top, row = 168.0, 150.0, 26.0, 30.0
	width := 2.0*figureWidth + 20
	d := newDrawing(width, top+row*float64(len(lines))+56)
	x := axis{low: math.Max(low-0.02, 0), high: math.Min(high+0.02, 1), from: left, to: width - right}
	foot := top + row*float64(len(lines))
	for _, v := range x.ticks(8) {
		d.line(xy{x.at(v), top - 8}, xy{x.at(v), foot}, "grid")
		d.text(xy{x.at(v), foot + 18}, "middle", "tick", x.format(v))
	}
	d.line(xy{x.at(0.5), top - 8}, xy{x.at(0.5), foot}, "chance")
	d.text(xy{(x.from + x.to) / 2, foot + 42}, "middle", "title", "ROC AUC on the test split (dashed: trivial baseline)")
	t := table{Head: []string{"Run", "AUC", "Interval"}}
	for i, l := range lines {
		y := top + row*(float64(i)+0.5)
		d.text(xy{left - 14, y + 4}, "end", "key", l.name)
		if usable(l.low) && usable(l.top) {
			d.line(xy{x.at(*l.low), y}, xy{x.at(*l.top), y}, "line "+l.class)
		}
		if l.class == "s1" {
			d.dot(xy{x.at(*l.value), y}, 5, "point s1")
		} else {
			d.diamond(xy{x.at(*l.value), y}, 7, 8, "point s2")
		}
		d.text(xy{width - right + 14, y + 4}, "start", "key", fixed(*l.value)+" ("+interval(l.low, l.top)+")")
		t.Rows = append(t.Rows, []string{l.name, show(l.value), interval(l.low, l.top)})
	}
	caption := fmt.Sprintf("AUC of %s with %s bootstrap intervals over test examples.", plural(len(r.Seeds), "seed", "seeds"), level(r.test()))
	if len(r.Seeds) > 1 {
		caption += " The mean with the t-interval over seeds alone, and with the interval over seeds and test cases together: the latter is the one to quote."
	}
	f := newFigure("forest", "AUC seed by seed", caption, d, t)
	f.Wide = true
	return f, true
}
