package page

import (
	"math"
	"strings"
	"unicode"

	"consilium/clinical"
	"consilium/federation"
)

// What is shown of a history at most. A job has up to federation.MaxSites sites.
const (
	mostSites   = federation.MaxSites
	mostRounds  = federation.MaxRounds
	mostClasses = 100
	mostCount   = 1 << 32   // examples in one cell
	mostPlaces  = 2_000_000 // sites times rounds
	mostName    = 80        // runes
	mostLine    = 600
	mostText    = 6000
)

// clean copies a history with every text printable and bounded, and with nothing in it that cannot be drawn.
// A terminal would obey control characters, and a picture would lose itself in NaN.
func clean(h federation.History) federation.History {
	j := h.Job
	j.ID, j.Title, j.By = printable(j.ID, mostName), printable(j.Title, mostLine), printable(j.By, mostName)
	j.Purpose, j.Model.Arch, j.Model.Body = printable(j.Purpose, mostText), printable(j.Model.Arch, mostName), nil
	j.Data.Task = printable(j.Data.Task, mostLine)
	j.Data.Labels = labels(j.Data.Labels)
	j.Plan.Algorithm, j.Plan.Sum, j.Plan.Harmonise = printable(j.Plan.Algorithm, mostName), printable(j.Plan.Sum, mostName), printable(j.Plan.Harmonise, mostName)
	j.Privacy.Central, j.Privacy.Local = noise(j.Privacy.Central), noise(j.Privacy.Local)
	h.Job, h.Hash, h.Hub = j, printable(h.Hash, 2*mostName), printable(h.Hub, mostName)
	h.Sites = names(h.Sites)
	h.State = cleanState(h.State)
	h.Epsilon = number(h.Epsilon)
	rounds := h.Rounds[:min(len(h.Rounds), mostRounds)]
	h.Rounds = make([]federation.Round, len(rounds))
	for i, r := range rounds {
		h.Rounds[i] = cleanRound(r)
	}
	if h.Final != nil {
		f := *h.Final
		f.Weights, f.Hash, f.Pooled = printable(f.Weights, mostName), printable(f.Hash, 2*mostName), score(f.Pooled)
		f.Scores = append([]federation.Kept(nil), f.Scores[:min(len(f.Scores), mostSites)]...)
		for i, k := range f.Scores {
			f.Scores[i] = federation.Kept{Site: printable(k.Site, mostName), Federated: score(k.Federated), Own: score(k.Own),
				Personal: score(k.Personal), Keeps: printable(k.Keeps, mostName)}
		}
		h.Final = &f
	}
	return h
}

func cleanState(s federation.State) federation.State {
	s.Phase, s.Outcome = federation.Phase(printable(string(s.Phase), mostName)), federation.Outcome(printable(string(s.Outcome), mostName))
	s.Step, s.Reason = printable(s.Step, mostName), printable(s.Reason, mostLine)
	if s.Wait != nil {
		w := *s.Wait
		w.For, w.Sites = printable(w.For, mostLine), names(w.Sites)
		s.Wait = &w
	}
	consents := make(map[string]federation.Answer, min(len(s.Consents), mostSites))
	for site, a := range s.Consents {
		if len(consents) == mostSites {
			break
		}
		a.Site, a.Reason, a.By = printable(a.Site, mostName), printable(a.Reason, mostLine), printable(a.By, mostName)
		consents[printable(site, mostName)] = a
	}
	s.Consents = consents
	return s
}

func cleanRound(r federation.Round) federation.Round {
	r.Outcome, r.Reason = printable(r.Outcome, mostName), printable(r.Reason, mostLine)
	r.Score, r.Loss, r.Epsilon, r.SumBytes = score(r.Score), optional(r.Loss), number(r.Epsilon), max(r.SumBytes, 0)
	sites := r.Sites[:min(len(r.Sites), mostSites)]
	r.Sites = make([]federation.Entry, len(sites))
	for i, e := range sites {
		e.Site, e.State, e.Reason = printable(e.Site, mostName), printable(e.State, mostName), printable(e.Reason, mostLine)
		e.Score, e.Loss, e.Epsilon, e.Seconds = score(e.Score), optional(e.Loss), number(e.Epsilon), number(e.Seconds)
		e.Sent, e.Received = max(e.Sent, 0), max(e.Received, 0)
		r.Sites[i] = e
	}
	return r
}

// score gives a score whose counts can be used, or nil.
func score(s *federation.Score) *federation.Score {
	if s == nil || len(s.Confusion) < 2 || len(s.Confusion) > mostClasses {
		return nil
	}
	total := 0
	for _, row := range s.Confusion {
		if len(row) != len(s.Confusion) {
			return nil
		}
		for _, n := range row {
			if n < 0 || n > mostCount {
				return nil
			}
			total += n
		}
	}
	if total == 0 {
		return nil
	}
	c := *s
	c.N, c.AUC, c.Split = total, optional(s.AUC), printable(s.Split, mostName)
	return &c
}

func noise(n *federation.Noise) *federation.Noise {
	if n == nil {
		return nil
	}
	return &federation.Noise{Multiplier: number(n.Multiplier), Clip: number(n.Clip), Delta: number(n.Delta), Epsilon: number(n.Epsilon)}
}

func names(list []string) []string {
	out := make([]string, 0, min(len(list), mostSites))
	for _, s := range list[:min(len(list), mostSites)] {
		out = append(out, printable(s, mostName))
	}
	return out
}

func labels(list []clinical.Concept) []clinical.Concept {
	out := make([]clinical.Concept, 0, min(len(list), mostClasses))
	for _, c := range list[:min(len(list), mostClasses)] {
		out = append(out, clinical.Concept{Name: printable(c.Name, mostName), Code: printable(c.Code, mostName), System: printable(c.System, mostName)})
	}
	return out
}

// printable makes one line of text: control characters and those that turn the writing's direction become
// spaces, and what is too long ends in dots.
func printable(s string, most int) string {
	if len(s) > 4*most+4 {
		s = s[:4*most+4]
	}
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return strings.TrimSpace(s)
}

// number gives what can be drawn: 0 for what is not a number, below 0 or beyond any sense.
func number(v float64) float64 {
	if math.IsNaN(v) || v < 0 || v > 1e12 {
		return 0
	}
	return v
}

func optional(v *float64) *float64 {
	if v == nil || math.IsNaN(*v) || math.Abs(*v) > 1e12 {
		return nil
	}
	c := *v
	return &c
}
