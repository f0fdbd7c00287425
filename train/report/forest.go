package report

import (
	"fmt"

	"consilium/figure"
	"consilium/metric"
)

// forestRow is one line of the forest: a run, or the mean of runs.
type forestRow struct {
	name string
	mark figure.Mark
}

func forestRows(r Run) []forestRow {
	var rows []forestRow
	for i, s := range r.Seeds {
		v, ok := s.Test.Lookup(metric.IDAUC)
		if !ok || !figure.Usable(v.Value) {
			continue
		}
		name := fmt.Sprintf("seed %d", s.Seed)
		if i == r.Shipped {
			name += " (kept)"
		}
		rows = append(rows, forestRow{name, figure.Mark{Value: v.Value, Low: v.Low, High: v.High}})
	}
	for _, a := range r.Across {
		if a.ID == metric.IDAUC && figure.Usable(a.Mean) && len(a.Values) > 1 {
			rows = append(rows, forestRow{"mean: seeds", figure.Mark{Value: a.Mean, Low: a.Low, High: a.High, Colour: 1, Pooled: true}},
				forestRow{"mean: seeds and cases", figure.Mark{Value: a.Mean, Low: a.BothLow, High: a.BothHigh, Colour: 1, Pooled: true}})
		}
	}
	return rows
}

// forestFigure shows the AUC of every seed with its interval, and their mean.
func forestFigure(r Run) (figure.Figure, bool) {
	rows := forestRows(r)
	if len(rows) == 0 {
		return figure.Figure{}, false
	}
	chance := 0.5
	p := figure.Panel{Label: "ROC AUC on the test split (dashed: trivial baseline)", Reference: &chance, High: 1}
	var names []string
	t := figure.Table{Head: []string{"Run", "AUC", "Interval"}}
	for _, l := range rows {
		names = append(names, l.name)
		p.Marks = append(p.Marks, []figure.Mark{l.mark})
		t.Rows = append(t.Rows, []string{l.name, figure.Show(l.mark.Value), figure.Interval(l.mark.Low, l.mark.High)})
	}
	caption := fmt.Sprintf("AUC of %s with %s bootstrap intervals over test examples.", figure.Plural(len(r.Seeds), "seed", "seeds"), level(r.test()))
	if len(r.Seeds) > 1 {
		caption += " The mean with the t-interval over seeds alone, and with the interval over seeds and test cases together: the latter is the one to quote."
	}
	f := figure.New("forest", "AUC seed by seed", caption, figure.Forest(names, []figure.Panel{p}), t)
	f.Wide = true
	return f, true
}
