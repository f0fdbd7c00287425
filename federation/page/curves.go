package page

import (
	"fmt"
	"math"

	"consilium/federation"
	"consilium/figure"
)

// What a picture of curves holds at most.
const (
	mostPoints = 400 // of one line
	mostLines  = 60  // thin ones
	mostRows   = 200 // of a table behind a picture
)

// at is one measured point of a curve.
type at struct {
	round int
	value float64
}

// line is a curve with the class that it is drawn in.
type line struct {
	class  string
	points []at
}

// overall gives a figure over all sites by round: of several attempts the last that has one.
func (s *story) overall(of func(i int) *float64) []at {
	var out []at
	for i, r := range s.h.Rounds {
		v := of(i)
		if !figure.Usable(v) || r.Round < 0 {
			continue
		}
		if n := len(out); n > 0 && out[n-1].round == r.Round {
			out[n-1].value = *v
			continue
		}
		out = append(out, at{r.Round, *v})
	}
	return out
}

// bySite gives the thin lines: a figure of each site that shares its own.
func (s *story) bySite(of func(*federation.Score) *float64) []line {
	var out []line
	for _, site := range s.sites {
		points := s.overall(func(i int) *float64 { return of(s.entry[i][site].Score) })
		if len(points) > 0 && len(out) < mostLines {
			out = append(out, line{"line faint s8", points})
		}
	}
	return out
}

// span of the picture over all lines; nothing when they hold nothing.
func extent(lines []line) (rounds, low, high float64, ok bool) {
	low, high, rounds = math.Inf(1), math.Inf(-1), 2
	for _, l := range lines {
		for _, p := range l.points {
			low, high, rounds = min(low, p.value), max(high, p.value), max(rounds, float64(p.round))
		}
	}
	return rounds, low, high, low <= high
}

func thin(points []at) []at {
	step := (len(points) + mostPoints - 1) / mostPoints
	if step <= 1 {
		return points
	}
	var out []at
	for i := 0; i < len(points); i += step {
		out = append(out, points[i])
	}
	return append(out, points[len(points)-1])
}

// trace draws a line; a lone point is a dot, which a line of one would not show.
func trace(p *figure.Plot, l line) {
	points := thin(l.points)
	if len(points) == 1 {
		p.Dot(p.At(float64(points[0].round), points[0].value), 3, "point"+l.class[len("line"):])
		return
	}
	var out []figure.Point
	for _, a := range points {
		out = append(out, p.At(float64(a.round), a.value))
	}
	p.Polyline(out, l.class)
}

// curves is what the three learning curves share.
type curves struct {
	id, title, label string
	share            bool // the axis ends at 0 and 1
	corner           figure.Corner
	bold             []line
	keys             []figure.Entry
	heads            []string
	of               func(*federation.Score) *float64
	about            string
}

func (s *story) curves(c curves) (figure.Figure, bool) {
	sites := s.bySite(c.of)
	all := append(append([]line(nil), sites...), c.bold...)
	rounds, low, high, ok := extent(all)
	if !ok {
		return figure.Figure{}, false
	}
	pad := max((high-low)*0.06, 1e-3)
	low, high = max(low-pad, 0), high+pad
	if c.share {
		high = min(high, 1)
	}
	p := figure.NewPlot(figure.Width, figure.Height, figure.Axis{Label: "Round", Low: 1, High: rounds, Whole: true}, figure.Axis{Label: c.label, Low: low, High: high})
	for _, l := range all {
		trace(p, l)
	}
	keys := c.keys
	caption := c.about
	if len(sites) > 0 {
		keys = append(keys, figure.Entry{Class: "line faint s8", Label: "one site"})
		caption += fmt.Sprintf(" Thin: each of %s that tells its own figures.", figure.Plural(len(sites), "site", "sites"))
		if len(sites) == mostLines {
			caption += fmt.Sprintf(" No more than %d are drawn.", mostLines)
		}
	} else {
		caption += " The sites' own figures are not shared."
	}
	p.Legend(c.corner, keys...)
	return figure.New(c.id, c.title, caption, p.Drawing, c.table(sites)), true
}

// table holds the bold lines by round, and least and most of the sites.
func (c curves) table(sites []line) figure.Table {
	t := figure.Table{Head: append([]string{"Round"}, c.heads...)}
	if len(sites) > 0 {
		t.Head = append(t.Head, "Lowest site", "Highest site")
	}
	cells, order := map[int][]string{}, []int{}
	put := func(round, column int, text string) {
		if cells[round] == nil {
			cells[round] = make([]string, len(t.Head)-1)
			for i := range cells[round] {
				cells[round][i] = "–"
			}
			order = append(order, round)
		}
		cells[round][column] = text
	}
	for i, l := range c.bold {
		for _, a := range l.points {
			put(a.round, i, figure.Fixed(a.value))
		}
	}
	low, high := map[int]float64{}, map[int]float64{}
	for _, l := range sites {
		for _, a := range l.points {
			if v, seen := low[a.round]; !seen || a.value < v {
				low[a.round] = a.value
			}
			high[a.round] = max(high[a.round], a.value)
		}
	}
	for _, round := range sortedRounds(low) {
		put(round, len(c.heads), figure.Fixed(low[round]))
		put(round, len(c.heads)+1, figure.Fixed(high[round]))
	}
	for _, round := range everyRow(sortedInts(order)) {
		t.Rows = append(t.Rows, append([]string{fmt.Sprint(round)}, cells[round]...))
	}
	return t
}

func (s *story) lossFigure() (figure.Figure, bool) {
	return s.curves(curves{
		id: "loss", title: "Loss by round", label: "Loss", corner: figure.UpperRight,
		bold: []line{{"line s1", s.overall(func(i int) *float64 { return lossOf(s.union[i]) })},
			{"line dashed s2", s.overall(func(i int) *float64 { return s.h.Rounds[i].Loss })}},
		keys:  []figure.Entry{{Class: "line s1", Label: "all sites, validation"}, {Class: "line dashed s2", Label: "all sites, training"}},
		heads: []string{"Validation, all sites", "Training, all sites"}, of: lossOf,
		about: "Validation loss of the weights that the round began with, over all sites' validation examples; dashed: mean training loss in the round.",
	})
}

func (s *story) macroFigure() (figure.Figure, bool) {
	return s.curves(curves{
		id: "macro-f1", title: "Macro-F1 by round", label: "Macro-F1 on validation examples", corner: figure.LowerRight, share: true,
		bold: []line{{"line s1", s.overall(func(i int) *float64 { return macroOf(s.union[i]) })}},
		keys: []figure.Entry{{Class: "line s1", Label: "all sites"}}, heads: []string{"All sites"}, of: macroOf,
		about: "Macro-F1 (the mean of each class's F1, so that a rare class counts as much as a common one) of the weights that the round began with. Bold: all sites' validation examples together.",
	})
}

func (s *story) accuracyFigure() (figure.Figure, bool) {
	c := curves{
		id: "accuracy", title: "Accuracy by round", label: "Accuracy on validation examples", corner: figure.LowerRight, share: true,
		bold: []line{{"line s1", s.overall(func(i int) *float64 { return accuracyOf(s.union[i]) })}},
		keys: []figure.Entry{{Class: "line s1", Label: "all sites"}}, heads: []string{"All sites"}, of: accuracyOf,
		about: "Share of validation examples that the weights which the round began with answer rightly. Bold: all sites' validation examples together.",
	}
	if share, ok := s.commonest(); ok {
		trivial := line{"chance", nil}
		if rounds, _, _, ok := extent(c.bold); ok {
			trivial.points = []at{{1, share}, {int(rounds), share}}
		}
		c.bold, c.keys, c.heads = append(c.bold, trivial), append(c.keys, figure.Entry{Class: "chance", Label: "commonest class"}), append(c.heads, "Commonest class")
		c.about += " Dashed: what always answering the commonest class reaches."
	}
	return s.curves(c)
}

// commonest is the share of the commonest class among all sites' validation examples, where they were last counted.
func (s *story) commonest() (float64, bool) {
	for i := len(s.union) - 1; i >= 0; i-- {
		if u := s.union[i]; u != nil {
			most := 0
			for _, row := range u.Confusion {
				n := 0
				for _, c := range row {
					n += c
				}
				most = max(most, n)
			}
			return float64(most) / float64(u.N), true
		}
	}
	return 0, false
}
