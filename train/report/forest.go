package report

import (
	"fmt"

	"consilium/metric"
)

// forestRow is one line of the forest: a run, or the mean of runs.
type forestRow struct {
	name            string
	value, low, top *float64
	mean            bool
}

func forestRows(r Run) []forestRow {
	var rows []forestRow
	for i, s := range r.Seeds {
		v, ok := s.Test.Lookup(metric.IDAUC)
		if !ok || !usable(v.Value) {
			continue
		}
		name := fmt.Sprintf("seed %d", s.Seed)
		if i == r.Shipped {
			name += " (kept)"
		}
		rows = append(rows, forestRow{name, v.Value, v.Low, v.High, false})
	}
	for _, a := range r.Across {
		if a.ID == metric.IDAUC && usable(a.Mean) && len(a.Values) > 1 {
			rows = append(rows, forestRow{"mean: seeds", a.Mean, a.Low, a.High, true},
				forestRow{"mean: seeds and cases", a.Mean, a.BothLow, a.BothHigh, true})
		}
	}
	return rows
}

// forestFigure shows the AUC of every seed with its interval, and their mean.
func forestFigure(r Run) (figure, bool) {
	rows := forestRows(r)
	if len(rows) == 0 {
		return figure{}, false
	}
	const left, right, top, row = 168.0, 150.0, 26.0, 30.0
	width, foot := 2.0*figureWidth+20, top+row*float64(len(rows))
	d := newDrawing(width, foot+56)
	x := forestAxis(rows)
	x.from, x.to = left, width-right
	for _, v := range x.ticks(8) {
		d.line(xy{x.at(v), top - 8}, xy{x.at(v), foot}, "grid")
		d.text(xy{x.at(v), foot + 18}, "middle", "tick", x.format(v))
	}
	d.line(xy{x.at(0.5), top - 8}, xy{x.at(0.5), foot}, "chance")
	d.text(xy{(x.from + x.to) / 2, foot + 42}, "middle", "title", "ROC AUC on the test split (dashed: trivial baseline)")
	t := table{Head: []string{"Run", "AUC", "Interval"}}
	for i, l := range rows {
		y := top + row*(float64(i)+0.5)
		d.text(xy{left - 14, y + 4}, "end", "key", l.name)
		d.forestMark(l, x, y)
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

// forestAxis spans every interval and the trivial baseline.
func forestAxis(rows []forestRow) axis {
	low, high := 0.5, 0.5
	for _, l := range rows {
		for _, v := range []*float64{l.value, l.low, l.top} {
			if usable(v) {
				low, high = min(low, *v), max(high, *v)
			}
		}
	}
	return axis{low: max(low-0.02, 0), high: min(high+0.02, 1)}
}

func (d *drawing) forestMark(l forestRow, x axis, y float64) {
	colour := "s1"
	if l.mean {
		colour = "s2"
	}
	if usable(l.low) && usable(l.top) {
		d.line(xy{x.at(max(*l.low, x.low)), y}, xy{x.at(min(*l.top, x.high)), y}, "line "+colour)
	}
	if l.mean {
		d.diamond(xy{x.at(*l.value), y}, 7, 8, "point "+colour)
		return
	}
	d.dot(xy{x.at(*l.value), y}, 5, "point "+colour)
}
