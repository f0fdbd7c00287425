package page

import (
	"fmt"
	"strings"

	"consilium/figure"
)

// forest sets the arms against each other, the trivial answer dashed.
func (s Simulation) forest() (figure.Figure, bool) {
	if len(s.Arms) == 0 {
		return figure.Figure{}, false
	}
	panels := []figure.Panel{{Title: "Macro-F1", Label: "Macro-F1 (dashed: commonest class)", High: 1}, {Title: "Accuracy", Label: "Accuracy (dashed: commonest class)", High: 1}}
	if b, ok := s.baseline(); ok {
		panels[0].Reference, panels[1].Reference = &b.MacroF1, &b.Accuracy
	}
	var rows []string
	for i, a := range s.Arms {
		rows = append(rows, clip(a.Name, 36))
		for k, e := range []Estimate{a.MacroF1, a.Accuracy} {
			panels[k].Marks = append(panels[k].Marks, []figure.Mark{{Value: e.value(), Low: e.Low, High: e.High, Colour: i}})
		}
	}
	f := figure.New("arms", "Ways of learning, side by side", s.basis()+" Dots: mean over seeds.", figure.Forest(rows, panels), s.seedTable())
	f.Wide = true
	return f, true
}

// seedTable holds each seed's macro-F1.
func (s Simulation) seedTable() figure.Table {
	t := figure.Table{Head: []string{"Arm", "Mean macro-F1", "Interval", "Each seed"}}
	for _, a := range s.Arms {
		var each []string
		for _, v := range a.MacroF1.Each[:min(len(a.MacroF1.Each), 50)] {
			each = append(each, figure.Fixed(v))
		}
		t.Rows = append(t.Rows, []string{orDash(a.Name), figure.Show(a.MacroF1.value()), figure.Interval(a.MacroF1.Low, a.MacroF1.High), orDash(strings.Join(each, " "))})
	}
	return t
}

// curves draws each arm by round: thin a seed, bold their mean.
func (s Simulation) curves() (figure.Figure, bool) {
	var all []line
	var keys []figure.Entry
	t := figure.Table{Head: []string{"Arm", "Round", "Mean over seeds", "Seeds"}}
	for i, a := range s.Arms {
		var sum, count []float64
		for _, run := range a.Curve[:min(len(a.Curve), 50)] {
			l := line{class: figure.Series("line faint", i)}
			for r, v := range run[:min(len(run), mostRounds)] {
				if !figure.Usable(&v) {
					continue
				}
				for len(sum) <= r {
					sum, count = append(sum, 0), append(count, 0)
				}
				l.points, sum[r], count[r] = append(l.points, at{r + 1, v}), sum[r]+v, count[r]+1
			}
			if len(l.points) > 0 {
				all = append(all, l)
			}
		}
		mean := line{class: figure.Series("line", i)}
		for r := range sum {
			if count[r] > 0 {
				mean.points = append(mean.points, at{r + 1, sum[r] / count[r]})
			}
		}
		if len(mean.points) == 0 {
			continue
		}
		all = append(all, mean)
		keys = append(keys, figure.Entry{Class: mean.class, Label: clip(a.Name, 30)})
		for _, k := range everyRow(indexes(len(mean.points))) {
			r := mean.points[k]
			t.Rows = append(t.Rows, []string{orDash(a.Name), fmt.Sprint(r.round), figure.Fixed(r.value), fmt.Sprint(count[r.round-1])})
		}
	}
	rounds, low, high, ok := extent(all)
	if !ok {
		return figure.Figure{}, false
	}
	pad := max((high-low)*0.06, 1e-3)
	p := figure.NewPlot(figure.WideWidth, figure.Height, figure.Axis{Label: "Round", Low: 1, High: rounds, Whole: true}, figure.Axis{Label: s.Curve, Low: max(low-pad, 0), High: high + pad})
	for _, l := range all {
		trace(p, l)
	}
	p.Legend(figure.LowerRight, keys...)
	f := figure.New("curves", s.Curve+" by round", s.Curve+" after each round. Bold: mean over seeds; thin: each seed.", p.Drawing, t)
	f.Wide = true
	return f, true
}

func (s Simulation) site(i int) string {
	if i < len(s.Sites) && s.Sites[i] != "" {
		return s.Sites[i]
	}
	return fmt.Sprintf("site %d", i+1)
}

func (s Simulation) label(c int) string {
	if c < len(s.Labels) && s.Labels[c] != "" {
		return s.Labels[c]
	}
	return fmt.Sprintf("class %d", c)
}

// mostBars is how many sites the picture of the partition shows.
const mostBars = 60

// partition stacks each site's training examples by class.
func (s Simulation) partition() (figure.Figure, bool) {
	most, classes := 0, 0
	for _, row := range s.Partition {
		n := 0
		for _, c := range row {
			n += max(c, 0)
		}
		most, classes = max(most, n), max(classes, len(row))
	}
	if most == 0 {
		return figure.Figure{}, false
	}
	shown := s.Partition[:min(len(s.Partition), mostBars)]
	const row, top = 20.0, 8.0
	left := 70.0
	for i := range shown {
		left = max(left, figure.TextWidth(s.site(i))+20)
	}
	left = min(left, 260)
	foot := top + row*float64(len(shown))
	d := figure.NewDrawing(figure.WideWidth, foot+78)
	x := figure.Axis{Low: 0, High: float64(most), From: left, To: figure.WideWidth - 70, Whole: true}
	for _, v := range x.Ticks(8) {
		d.Line(figure.Pt(x.At(v), top), figure.Pt(x.At(v), foot), "grid")
		d.Text(figure.Pt(x.At(v), foot+18), "middle", "tick", x.Format(v))
	}
	for i, counts := range shown {
		y, n := top+row*float64(i), 0
		d.Text(figure.Pt(left-8, y+14), "end", "tick", clip(s.site(i), 38))
		for c, count := range counts {
			if count > 0 {
				d.Rect(x.At(float64(n)), y+3, x.At(float64(n+count))-x.At(float64(n)), row-6, figure.Series("bar", c))
				n += count
			}
		}
		d.Text(figure.Pt(x.At(float64(n))+6, y+14), "start", "tick", fmt.Sprint(n))
	}
	d.Text(figure.Pt((x.From+x.To)/2, foot+40), "middle", "title", "Training examples")
	var keys []figure.Entry
	for c := range min(classes, figure.Palette) {
		keys = append(keys, figure.Entry{Class: figure.Series("bar", c), Label: clip(s.label(c), 24)})
	}
	d.Swatches(figure.Pt(left, foot+66), keys...)
	caption := "How the training examples are spread over sites and classes."
	if classes > figure.Palette {
		caption += fmt.Sprintf(" Colours come again after %d classes.", figure.Palette)
	}
	if len(shown) < len(s.Partition) {
		caption += fmt.Sprintf(" Drawn: the first %d of %d sites.", len(shown), len(s.Partition))
	}
	f := figure.New("partition", "Who has what", caption, d, s.partitionTable())
	f.Wide = true
	return f, true
}

func (s Simulation) partitionTable() figure.Table {
	classes := 0
	for _, row := range s.Partition {
		classes = max(classes, min(len(row), 40))
	}
	t := figure.Table{Head: []string{"Site"}}
	for c := range classes {
		t.Head = append(t.Head, s.label(c))
	}
	t.Head = append(t.Head, "All")
	for i, row := range s.Partition {
		cells, n := []string{s.site(i)}, 0
		for c := range classes {
			count := 0
			if c < len(row) {
				count = max(row[c], 0)
			}
			cells, n = append(cells, fmt.Sprint(count)), n+count
		}
		t.Rows = append(t.Rows, append(cells, fmt.Sprint(n)))
	}
	return t
}

// withSites lists the arms that have figures by site, as many as a row bears.
func (s Simulation) withSites() []Arm {
	var out []Arm
	for _, a := range s.Arms {
		if len(a.PerSite) > 0 && len(out) < 4 {
			out = append(out, a)
		}
	}
	return out
}

// siteForest shows the arms site by site.
func (s Simulation) siteForest() (figure.Figure, bool) {
	arms := s.withSites()
	if len(arms) == 0 {
		return figure.Figure{}, false
	}
	p := figure.Panel{Label: "Macro-F1 on the site's test examples, mean over seeds", High: 1}
	var rows []string
	for i, first := range arms[0].PerSite[:min(len(arms[0].PerSite), mostForest)] {
		rows = append(rows, fmt.Sprintf("%s, n = %d", clip(first.Site, 26), first.N))
		var marks []figure.Mark
		for colour, a := range arms {
			if i < len(a.PerSite) && a.PerSite[i].Site == first.Site {
				e := a.PerSite[i].MacroF1
				marks = append(marks, figure.Mark{Value: e.value(), Low: e.Low, High: e.High, Colour: colour})
			}
		}
		p.Marks = append(p.Marks, marks)
	}
	var keys []figure.Entry
	for colour, a := range arms {
		keys = append(keys, figure.Entry{Class: figure.Series("line", colour), Label: clip(a.Name, 30)})
	}
	f := figure.New("sites", "Site by site", "Macro-F1 of each arm at each site, with the interval over seeds.", figure.Forest(rows, []figure.Panel{p}, keys...), s.siteTable())
	f.Wide = true
	return f, true
}

func (s Simulation) siteTable() figure.Table {
	arms := s.withSites()
	if len(arms) == 0 {
		return figure.Table{}
	}
	t := figure.Table{Head: []string{"Site", "n"}}
	for _, a := range arms {
		t.Head = append(t.Head, orDash(a.Name))
	}
	for i, first := range arms[0].PerSite {
		row := []string{orDash(first.Site), fmt.Sprint(first.N)}
		for _, a := range arms {
			cell := "–"
			if i < len(a.PerSite) && a.PerSite[i].Site == first.Site {
				cell = a.PerSite[i].MacroF1.cell()
			}
			row = append(row, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
