package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"consilium/federation"
	"consilium/figure"
)

// bytesFigure stacks what each round line moved.
func (s *story) bytesFigure() (figure.Figure, bool) {
	type moved struct{ to, from, sum float64 }
	rows, most := make([]moved, len(s.h.Rounds)), 0.0
	for i, r := range s.h.Rounds {
		for _, e := range r.Sites {
			rows[i].to, rows[i].from = rows[i].to+float64(e.Sent), rows[i].from+float64(e.Received)
		}
		rows[i].sum = float64(r.SumBytes)
		most = max(most, rows[i].to+rows[i].from+rows[i].sum)
	}
	if most == 0 {
		return figure.Figure{}, false
	}
	unit, name := 1.0, "bytes"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if most/unit >= 2000 {
			unit, name = unit*1000, u
		}
	}
	p := figure.NewPlot(figure.Width, figure.Height, figure.Axis{Label: "Rounds in order, each attempt counted", Low: 0.5, High: max(float64(len(rows)), 1) + 0.5, Whole: true},
		figure.Axis{Label: "Moved in a round, " + name, Low: 0, High: 1.25 * most / unit})
	for _, c := range columns(len(rows), mostPoints/2) {
		best := c.from // of several rounds in a bar, the one that moved most
		for i := c.from; i < c.to; i++ {
			if rows[i].to+rows[i].from+rows[i].sum > rows[best].to+rows[best].from+rows[best].sum {
				best = i
			}
		}
		x, w := p.X.At(float64(c.from)+0.55), p.X.At(float64(c.to)+0.45)-p.X.At(float64(c.from)+0.55)
		base := 0.0
		for k, v := range []float64{rows[best].to, rows[best].from, rows[best].sum} {
			top := base + v/unit
			p.Rect(x, p.Y.At(top), w, p.Y.At(base)-p.Y.At(top), []string{"bar s1", "bar s6", "bar s5"}[k])
			base = top
		}
	}
	p.Legend(figure.UpperRight, figure.Entry{Class: "line s1", Label: "to the sites"}, figure.Entry{Class: "line s6", Label: "from the sites"}, figure.Entry{Class: "line s5", Label: "secure sum"})
	t := figure.Table{Head: []string{"Round", "Attempt", "To the sites", "From the sites", "Secure sum", "Bytes a site"}}
	for _, i := range everyRow(indexes(len(rows))) {
		r, all := s.h.Rounds[i], rows[i].to+rows[i].from+rows[i].sum
		t.Rows = append(t.Rows, []string{fmt.Sprint(r.Round), fmt.Sprint(r.Attempt), size(int64(rows[i].to)), size(int64(rows[i].from)), size(r.SumBytes), size(int64(all / float64(max(s.asked(i), 1))))})
	}
	return figure.New("bytes", "Bytes by round", "What each round moved, all sites together. In all: "+s.moved()+".", p.Drawing, t), true
}

// secondsFigure shows how long a round took, and each site's answer within it.
func (s *story) secondsFigure() (figure.Figure, bool) {
	whole := line{class: "line s1"}
	var dots []at
	longest := map[int]string{}
	for i, r := range s.h.Rounds {
		if d := r.Ended.Sub(r.Started).Seconds(); !r.Started.IsZero() && !r.Ended.IsZero() && d >= 0 && d < 1e9 {
			whole.points = append(whole.points, at{i + 1, d})
		}
		slow, slowest := -1.0, "–"
		for site, e := range s.entry[i] {
			if e.Seconds > 0 && e.State == stateIn {
				dots = append(dots, at{i + 1, e.Seconds})
				if e.Seconds > slow || e.Seconds == slow && byName(site, slowest) < 0 {
					slow, slowest = e.Seconds, site
				}
			}
		}
		if slow > 0 {
			longest[i] = fmt.Sprintf("%s, %.1f s", slowest, slow)
		}
	}
	_, _, high, ok := extent([]line{whole, {points: dots}})
	if !ok {
		return figure.Figure{}, false
	}
	p := figure.NewPlot(figure.Width, figure.Height, figure.Axis{Label: "Rounds in order, each attempt counted", Low: 0.5, High: float64(len(s.h.Rounds)) + 0.5, Whole: true},
		figure.Axis{Label: "Seconds", Low: 0, High: max(1.2*high, 1e-3)})
	step := len(dots)/5000 + 1
	sortDots(dots)
	for i := 0; i < len(dots); i += step {
		p.Dot(p.At(float64(dots[i].round), dots[i].value), 1.8, "bar s8")
	}
	trace(p, whole)
	p.Legend(figure.UpperRight, figure.Entry{Class: "line s1", Label: "the whole round"}, figure.Entry{Class: "line faint s8", Label: "dot: one site’s answer"})
	t := figure.Table{Head: []string{"Round", "Attempt", "Seconds", "Slowest site that was in"}}
	took := map[int]float64{}
	for _, a := range whole.points {
		took[a.round-1] = a.value
	}
	for _, i := range everyRow(indexes(len(s.h.Rounds))) {
		seconds := "–"
		if v, known := took[i]; known {
			seconds = fmt.Sprintf("%.1f", v)
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(s.h.Rounds[i].Round), fmt.Sprint(s.h.Rounds[i].Attempt), seconds, orDash(longest[i])})
	}
	caption := "How long each round took; dots: from the hub's question to the answer of each site that was in."
	if d := s.seconds(); d > 0 {
		caption += " In all: " + span(d) + "."
	}
	return figure.New("seconds", "Seconds by round", caption, p.Drawing, t), true
}

// epsilonFigure shows what was spent, and the budget.
func (s *story) epsilonFigure() (figure.Figure, bool) {
	pr := s.h.Job.Privacy
	if pr.Central == nil && pr.Local == nil || len(s.h.Rounds) == 0 {
		return figure.Figure{}, false
	}
	hub := line{class: "line s1"}
	for i, v := range s.spentAt() {
		hub.points = append(hub.points, at{i + 1, v})
	}
	sites := s.siteLines()
	_, _, high, _ := extent(append(sites, hub))
	for _, n := range []*federation.Noise{pr.Central, pr.Local} {
		if n != nil {
			high = max(high, n.Epsilon)
		}
	}
	p := figure.NewPlot(figure.Width, figure.Height, figure.Axis{Label: "Rounds in order, each attempt counted", Low: 0.5, High: float64(len(s.h.Rounds)) + 0.5, Whole: true},
		figure.Axis{Label: "Epsilon spent so far", Low: 0, High: max(1.6*high, 1e-3)})
	var keys []figure.Entry
	budget := func(n *federation.Noise, class, who string) {
		if n != nil && !math.IsInf(n.Epsilon, 0) {
			p.Line(figure.Pt(p.X.From, p.Y.At(n.Epsilon)), figure.Pt(p.X.To, p.Y.At(n.Epsilon)), class)
			keys = append(keys, figure.Entry{Class: class, Label: "budget " + who + ", " + short(n.Epsilon)})
		}
	}
	for _, l := range sites {
		trace(p, l)
	}
	if pr.Central != nil {
		trace(p, hub)
		keys = append(keys, figure.Entry{Class: "line s1", Label: "hub"})
	}
	if len(sites) > 0 {
		keys = append(keys, figure.Entry{Class: "line faint s2", Label: "one site"})
	}
	budget(pr.Central, "chance", "of the hub")
	budget(pr.Local, "line dashed s2", "of a site")
	p.Legend(figure.UpperLeft, keys...)
	t := figure.Table{Head: []string{"Round", "Attempt", "Hub", "Site that spent most"}}
	spent, most := s.spentAt(), 0.0
	row := make([]string, len(spent))
	for i := range spent {
		for _, e := range s.entry[i] {
			most = max(most, e.Epsilon)
		}
		row[i] = fmt.Sprintf("%.4g", most)
	}
	for _, i := range everyRow(indexes(len(spent))) {
		t.Rows = append(t.Rows, []string{fmt.Sprint(s.h.Rounds[i].Round), fmt.Sprint(s.h.Rounds[i].Attempt), fmt.Sprintf("%.4g", spent[i]), row[i]})
	}
	return figure.New("epsilon", "Epsilon spent by round", s.epsilonCaption(), p.Drawing, t), true
}

func (s *story) epsilonCaption() string {
	text := "Privacy loss by the accountant, added up over the rounds; smaller is better, and it only grows."
	if n := s.h.Job.Privacy.Central; n != nil {
		text += fmt.Sprintf(" Hub: %s of %s at delta %g.", short(s.spent()), short(n.Epsilon), n.Delta)
	}
	if n := s.h.Job.Privacy.Local; n != nil {
		text += fmt.Sprintf(" Sites, as they report: at most %s of %s at delta %g.", short(s.local()), short(n.Epsilon), n.Delta)
	}
	return text
}

// siteLines gives what each site's own noise spent.
func (s *story) siteLines() []line {
	var out []line
	for _, site := range s.sites {
		l, most := line{class: "line faint s2"}, 0.0
		for i := range s.h.Rounds {
			if e := s.entry[i][site].Epsilon; e > 0 {
				most = max(most, e)
				l.points = append(l.points, at{i + 1, most})
			}
		}
		if len(l.points) > 0 && len(out) < mostLines {
			out = append(out, l)
		}
	}
	return out
}

// trafficTable is the cost of each site over the whole job.
func (s *story) trafficTable() figure.Table {
	t := figure.Table{Head: []string{"Site", "Rounds in", "Late", "Dropped", "Refused", "To the site", "From the site", "A round, both ways", "Mean seconds", "Epsilon"}}
	for _, site := range s.sites {
		var to, from int64
		states, asked, answered, seconds := map[string]int{}, 0, 0, 0.0
		for i := range s.h.Rounds {
			e, ok := s.entry[i][site]
			if !ok {
				continue
			}
			to, from = to+e.Sent, from+e.Received
			states[e.State]++
			if e.State != stateNot {
				asked++
			}
			if e.Seconds > 0 {
				answered, seconds = answered+1, seconds+e.Seconds
			}
		}
		if asked == 0 && to+from == 0 {
			continue
		}
		mean, eps := "–", "–"
		if answered > 0 {
			mean = fmt.Sprintf("%.1f", seconds/float64(answered))
		}
		if v := s.siteSpent(site); v > 0 {
			eps = short(v)
		}
		t.Rows = append(t.Rows, []string{site, share(states[stateIn], asked), fmt.Sprint(states[stateLate]), fmt.Sprint(states[stateDropped]), fmt.Sprint(states[stateRefused]),
			size(to), size(from), size((to + from) / int64(max(asked, 1))), mean, eps})
	}
	return t
}

func sortDots(dots []at) {
	slices.SortFunc(dots, func(a, b at) int {
		if c := cmp.Compare(a.round, b.round); c != 0 {
			return c
		}
		return cmp.Compare(a.value, b.value)
	})
}
