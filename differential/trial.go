package differential

import "math"

// Outcome is how an example went.
type Outcome struct {
	Rank        int     // of the recorded disease; 0: not among the candidates
	First       string  // the leading disease
	Probability float64 // that the leading one has
	Unlisted    float64
	Set         int  // diseases in the set
	Covered     bool // the set holds the right answer
	Verdict     Verdict
}

// Try ranks an example with a ranker that need not be the model's.
func (m *Model) Try(e *Example, r *Ranker) Outcome {
	l := m.sort(e.q, r, e.ids, e.rows)
	out := Outcome{Unlisted: l.outside[unlisted], Verdict: verdict(e.q, &l)}
	for rank, i := range l.order {
		if i == e.right {
			out.Rank = rank + 1
		}
	}
	if len(l.order) > 0 {
		out.First, out.Probability = m.disease(l.ids[l.order[0]]).ID, l.p[l.order[0]]
	}
	for _, id := range m.set(&l) {
		if id == e.Disease || id == outsideSet && out.Rank == 0 {
			out.Covered = true
		}
		if id != outsideSet {
			out.Set++
		}
	}
	return out
}

// Overlap ranks an example by simGIC alone, the information that case and disease
// share over what either has: the trivial baseline. Gives the rank of the recorded
// disease, ties at their middle; 0 when it is not known.
func (m *Model) Overlap(e *Example) float64 {
	truth, ok := m.byID[e.Disease]
	if !ok || !e.Listed {
		return 0
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.reset(len(m.profiles))
	m.overlap(s, e.q)
	own := s.score[truth]
	if p := m.profile(truth, e.q); p != &m.profiles[truth] {
		own = m.overlapOf(p, e.q)
	}
	above, ties := 0.0, 0.0
	for d, v := range s.score {
		switch {
		case int32(d) == truth:
		case v > own:
			above++
		case math.Abs(float64(v-own)) < 1e-9:
			ties++
		}
	}
	return 1 + above + ties/2
}

// CasePapers gives those papers of a case that annotations rest on.
func (m *Model) CasePapers(references []string) []string {
	var out []string
	for _, r := range references {
		if len(m.byPaper[r]) > 0 {
			out = append(out, r)
		}
	}
	return out
}
