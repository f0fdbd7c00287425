package benchmark

import (
	"fmt"

	"consilium/figure"
	"consilium/metric"
)

// figures draws what the report has data for, in reading order.
func (r *Report) figures() []figure.Figure {
	var out []figure.Figure
	if len(r.Rows) > 0 {
		out = append(out,
			r.forest("top1", "Right disease first (top-1)", "share of cases", func(x *Row) (cases, diseases metric.Estimate) { return x.Top1, x.Top1D }),
			r.forest("top10", "Right disease among the first ten (top-10)", "share of cases", func(x *Row) (cases, diseases metric.Estimate) { return x.Top10, x.Top10D }))
	}
	if len(r.Gains) > 0 {
		out = append(out, r.gains())
	}
	if f, ok := r.reach(); ok {
		out = append(out, f)
	}
	if len(r.Probability.Bins) > 0 {
		out = append(out, r.reliability())
	}
	return out
}

// conditions are the keys of marks with own papers kept and removed.
var conditions = []figure.Entry{
	{Class: "line s1", Label: "own papers kept"},
	{Class: "line s2", Label: "own papers removed: the figure to quote"},
}

// mark colours an estimate by the papers: the n-th of papersWays.
func mark(e metric.Estimate, n int) figure.Mark {
	m := figure.MarkOf(e, n)
	m.Hollow = n == 0
	return m
}

// forest compares the ways of ranking, over cases and over diseases, with own papers kept and removed.
func (r *Report) forest(id, title, label string, of func(*Row) (cases, diseases metric.Estimate)) figure.Figure {
	panels := []figure.Panel{{Title: "Mean over cases", Label: label, High: 1}, {Title: "Mean over diseases", Label: label + ", mean over diseases", High: 1}}
	var names []string
	t := figure.Table{Head: []string{"Ranker", "Own papers", "Over cases", "Interval", "Over diseases", "Interval"}}
	for _, ranker := range rankers {
		var cases, diseases []figure.Mark
		for n, papers := range papersWays {
			x := r.row(ranker, papers, "annotated")
			if x == nil {
				continue
			}
			a, b := of(x)
			cases, diseases = append(cases, mark(a, n)), append(diseases, mark(b, n))
			t.Rows = append(t.Rows, []string{ranker, papers, figure.Fixed(a.Value), interval(a), figure.Fixed(b.Value), interval(b)})
		}
		names = append(names, ranker)
		panels[0].Marks, panels[1].Marks = append(panels[0].Marks, cases), append(panels[1].Marks, diseases)
	}
	caption := "Cases whose disease is annotated, with 95% intervals by bootstrap over diseases. Hollow: the annotations that rest on the case's own paper are kept, so that the ranking has in part read the answer. Full: they are removed. Over diseases, each disease counts once however many of its cases were published."
	f := figure.New(id, title, caption, figure.Forest(names, panels, conditions...), t)
	f.Wide = true
	return f
}

// gains shows whether one way of ranking beats another on the same cases.
func (r *Report) gains() figure.Figure {
	zero := 0.0
	panels := []figure.Panel{
		{Title: "Over cases", Label: "difference in top-1 (dashed: none)", Reference: &zero, Signed: true, Low: -1, High: 1},
		{Title: "Over diseases", Label: "difference in top-1 (dashed: none)", Reference: &zero, Signed: true, Low: -1, High: 1},
	}
	t := figure.Table{Head: []string{"Comparison", "Own papers", "Over cases (95%)", "Over diseases (95%)"}}
	var names []string
	at := map[string]int{}
	for _, g := range r.Gains {
		name := g.Of + " − " + g.Over
		i, ok := at[name]
		if !ok {
			i = len(names)
			at[name], names = i, append(names, name)
			panels[0].Marks, panels[1].Marks = append(panels[0].Marks, nil), append(panels[1].Marks, nil)
		}
		n := 0
		if g.Papers == papersWays[1] {
			n = 1
		}
		panels[0].Marks[i] = append(panels[0].Marks[i], mark(g.Top1, n))
		panels[1].Marks[i] = append(panels[1].Marks[i], mark(g.Top1D, n))
		t.Rows = append(t.Rows, []string{name, g.Papers, signed(g.Top1), signed(g.Top1D)})
	}
	f := figure.New("gains", "What each step adds", "Paired differences in top-1 on the same cases, with 95% intervals of the paired bootstrap over diseases. An interval to the right of the dashed line is a gain that chance does not explain.",
		figure.Forest(names, panels, conditions...), t)
	f.Wide = true
	return f
}

// reach shows how far down a reader has to go.
func (r *Report) reach() (figure.Figure, bool) {
	p := figure.NewPlot(figure.Width, figure.Height+40,
		figure.Axis{Label: "Rank k (logarithmic)", Low: 1, High: reach, Log: true}, figure.Axis{Label: "Cases with the right disease at rank k or better", High: 1, Percent: true})
	t := figure.Table{Head: []string{"Within rank"}}
	var keys []figure.Entry
	var curves [][]float64
	for i, ranker := range rankers {
		for _, papers := range papersWays {
			x := r.row(ranker, papers, "annotated")
			if x == nil || len(x.Within) == 0 {
				continue
			}
			class := figure.Series("line", i)
			if papers == "kept" {
				class = figure.Series("line dashed", i)
			} else {
				keys = append(keys, figure.Entry{Class: class, Label: ranker})
			}
			points := make([]figure.Point, len(x.Within))
			for k, share := range x.Within {
				points[k] = p.At(float64(k+1), share)
			}
			p.Polyline(points, class)
			t.Head = append(t.Head, ranker+", "+papers)
			curves = append(curves, x.Within)
		}
	}
	if len(curves) == 0 {
		return figure.Figure{}, false
	}
	p.Legend(figure.UpperLeft, keys...)
	for _, k := range []int{1, 2, 3, 5, 10, 20, 30, 50, 70, 100} {
		line := []string{fmt.Sprint(k)}
		for _, c := range curves {
			line = append(line, figure.Percent(c[min(k, len(c))-1]))
		}
		t.Rows = append(t.Rows, line)
	}
	caption := "Share of cases whose right disease is at rank k or better, over cases whose disease is annotated. Full lines: annotations from the case's own paper removed; dashed: kept."
	return figure.New("within", "How far down the list", caption, p.Drawing, t), true
}

// reliability tells whether the first's probability means what it says.
func (r *Report) reliability() figure.Figure {
	var bins []metric.Bin
	for _, b := range r.Probability.Bins {
		if b.Count > 0 {
			bins = append(bins, b)
		}
	}
	d, t := figure.Reliability("probability of the first disease", figure.Reliable{Name: "first", Error: r.Probability.Error, Bins: bins})
	caption := fmt.Sprintf("How often the first disease was right, over the probability that it was given: %d cases, annotated or not, own papers kept. On the diagonal, probabilities mean what they say. Large dots stand for many cases; below: how many.", r.Cases)
	return figure.New("reliability", "Does the probability hold?", caption, d, t)
}
