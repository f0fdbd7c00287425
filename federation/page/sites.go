package page

import (
	"cmp"
	"fmt"
	"slices"

	"consilium/federation"
	"consilium/figure"
)

// seed of the bootstrap: the page of one history is always the same.
const seed = 1

// mostWork bounds what all bootstrap intervals of a page cost, in cells times samples: seconds.
const mostWork = 3_000_000

// mostForest is how many sites the forest plot shows: of more, the worst.
const mostForest = 60

// placed judges what came out at each site, worst first, when somebody asks: intervals cost time, and they are made
// for the sites that are shown.
func (s *story) placed() []place {
	if s.judged != nil {
		return s.judged
	}
	placed := []place{}
	for _, site := range s.sites {
		k, ok := s.kept[site]
		if !ok {
			continue
		}
		p := place{site: site, keeps: k.Keeps}
		for _, sc := range []*federation.Score{k.Personal, k.Own, k.Federated} {
			if sc != nil {
				p.n = sc.N
			}
		}
		placed = append(placed, p)
	}
	rank := func(p place) float64 {
		if v := macroOf(s.kept[p.site].Federated); v != nil {
			return *v
		}
		return 2 // without a figure: last
	}
	slices.SortStableFunc(placed, func(a, b place) int { return cmp.Compare(rank(a), rank(b)) })
	work := 0
	for i := range placed {
		p := &placed[i]
		k := s.kept[p.site]
		p.right, p.ownRight, p.itsRight = accuracyWith(k.Federated), accuracyWith(k.Own), accuracyWith(k.Personal)
		shown := i < mostForest && work < mostWork
		p.federated, p.own, p.its = macroWith(k.Federated, shown), macroWith(k.Own, shown), macroWith(k.Personal, shown)
		for _, sc := range []*federation.Score{k.Federated, k.Own, k.Personal} {
			if sc != nil && shown {
				full := filled(sc.Confusion)
				work += full * draws(full)
			}
		}
	}
	s.judged = placed
	return placed
}

func accuracyWith(s *federation.Score) Estimate {
	if s == nil {
		return Estimate{}
	}
	return AccuracyOf(s.Confusion)
}

// macroWith gives macro-F1, with its interval for the sites that are shown.
func macroWith(s *federation.Score, shown bool) Estimate {
	switch v := macroOf(s); {
	case v == nil:
		return Estimate{}
	case !shown:
		return Estimate{Mean: *v, Each: []float64{*v}}
	}
	return MacroF1Of(s.Confusion, seed)
}

// pooledScore is that of the federated weights on all sites' test examples.
func (s *story) pooledScore() *federation.Score {
	if s.h.Final == nil {
		return nil
	}
	if s.h.Final.Pooled != nil {
		return s.h.Final.Pooled
	}
	var each []*federation.Score
	for _, site := range s.sites {
		each = append(each, s.kept[site].Federated)
	}
	return pool(each)
}

// worstSentence names the site that the federated model serves worst.
func (s *story) worstSentence() string {
	if len(s.placed()) == 0 || !s.placed()[0].federated.known() {
		return ""
	}
	w := s.placed()[0]
	text := fmt.Sprintf("Worst served: %s, macro-F1 %s (95%% interval %s), n = %d test examples.", w.site, figure.Show(w.federated.value()), figure.Interval(w.federated.Low, w.federated.High), w.n)
	if w.own.known() {
		text += fmt.Sprintf(" Its own model reaches %s (%s).", figure.Show(w.own.value()), figure.Interval(w.own.Low, w.own.High))
	}
	if w.keeps != "" {
		text += fmt.Sprintf(" It keeps the %s model.", w.keeps)
	}
	if n := len(s.placed()); n > 2 {
		text += fmt.Sprintf(" It was picked as the lowest of %d, so it looks worse than it is.", n)
	}
	return text
}

// siteFigure sets the federated model against the own and the personal one, site by site.
func (s *story) siteFigure() (figure.Figure, bool) {
	if len(s.placed()) == 0 {
		return figure.Figure{}, false
	}
	shown := s.placed()[:min(len(s.placed()), mostForest)]
	macro := figure.Panel{Title: "Macro-F1", Label: "Macro-F1 on the site's test examples", High: 1}
	right := figure.Panel{Title: "Accuracy", Label: "Accuracy on the site's test examples", High: 1}
	var rows []string
	own, personal := false, false
	for _, p := range shown {
		rows = append(rows, fmt.Sprintf("%s, n = %d", clip(p.site, 26), p.n))
		var a, b []figure.Mark
		for colour, e := range []Estimate{p.federated, p.own, p.its} {
			if e.known() {
				a = append(a, figure.Mark{Value: e.value(), Low: e.Low, High: e.High, Colour: colour})
			}
		}
		for colour, e := range []Estimate{p.right, p.ownRight, p.itsRight} {
			if e.known() {
				b = append(b, figure.Mark{Value: e.value(), Low: e.Low, High: e.High, Colour: colour})
			}
		}
		own, personal = own || p.own.known(), personal || p.its.known()
		macro.Marks, right.Marks = append(macro.Marks, a), append(right.Marks, b)
	}
	if p := s.pooledScore(); p != nil {
		m, r := MacroF1Of(p.Confusion, seed), AccuracyOf(p.Confusion)
		rows = append(rows, fmt.Sprintf("all sites, n = %d", p.N))
		macro.Marks = append(macro.Marks, []figure.Mark{{Value: m.value(), Low: m.Low, High: m.High, Pooled: true}})
		right.Marks = append(right.Marks, []figure.Mark{{Value: r.value(), Low: r.Low, High: r.High, Pooled: true}})
	}
	keys := []figure.Entry{{Class: "line s1", Label: "federated"}}
	if own {
		keys = append(keys, figure.Entry{Class: "line s2", Label: "the site's own, trained alone"})
	}
	if personal {
		keys = append(keys, figure.Entry{Class: "line s3", Label: "the site's personal model"})
	}
	caption := "Each site's test examples, worst federated macro-F1 first, with 95% intervals: bootstrap for macro-F1, Wilson for accuracy. Diamond: all sites' test examples together."
	if len(shown) < len(s.placed()) {
		caption += fmt.Sprintf(" Drawn: the worst %d of %d; the table above has all.", len(shown), len(s.placed()))
	}
	f := figure.New("sites", "Site by site", caption, figure.Forest(rows, []figure.Panel{macro, right}, keys...), s.siteTable())
	f.Wide = true
	return f, true
}

// siteTable holds what the forest plot shows and what each site keeps.
func (s *story) siteTable() figure.Table {
	t := figure.Table{Head: []string{"Site", "n", "Federated macro-F1", "Own", "Personal", "Federated accuracy", "Own", "Personal", "Keeps"}}
	if len(s.placed()) == 0 {
		return t
	}
	cell := func(e Estimate) string {
		if !e.known() {
			return "–"
		}
		if e.Low == nil {
			return figure.Show(e.value())
		}
		return figure.Show(e.value()) + " (" + figure.Interval(e.Low, e.High) + ")"
	}
	for _, p := range s.placed() {
		t.Rows = append(t.Rows, []string{p.site, fmt.Sprint(p.n), cell(p.federated), cell(p.own), cell(p.its), cell(p.right), cell(p.ownRight), cell(p.itsRight), orDash(p.keeps)})
	}
	return t
}
