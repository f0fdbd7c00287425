package differential

import (
	"cmp"
	"slices"

	"consilium/clinical"
)

// RankOptions of one ranking.
type RankOptions struct {
	Top     int      // candidates with their reasons; 0: 10
	Plain   bool     // by likelihood ratios alone, without what was learned
	Without []string // papers (PMID:...) whose annotations do not count

	// Published takes what was looked for and not found as a hint at the diagnosis. That is
	// right for published cases, whose authors knew it, and wrong for a new patient.
	Published bool
}

// Coverage is the share of answers whose Set is meant to hold the right disease.
const Coverage = 0.8

// Rank compares a patient's profile with all diseases. Findings that cannot be
// used are noted; a case without a usable finding gets the answer "cannot tell".
func (m *Model) Rank(p clinical.Phenotype, o RankOptions) (Differential, error) {
	if o.Top <= 0 {
		o.Top = 10
	}
	q := m.ask(p, o.Without)
	out := Differential{
		Disclaimer: clinical.Disclaimer, Notice: m.base.Notice(), Case: p.ID, Diseases: len(m.diseases), Reranked: !o.Plain,
		Observed: len(q.observed), Excluded: len(q.excluded), Partial: q.partial || len(p.Refusals) > 0, Notes: append(slices.Clone(p.Refusals), q.notes...),
	}
	list := m.list(q, o)
	out.Unlisted = list.outside[unlisted]
	out.Elsewhere = list.outside[elsewhere]
	for i := range list.order[:min(o.Top, len(list.order))] {
		out.Candidates = append(out.Candidates, m.candidate(q, &list, i))
	}
	out.Set = m.set(&list)
	out.Verdict = verdict(q, &list)
	if len(p.Diagnoses) > 0 {
		out.Truth = m.truth(q, p.Diagnoses[0], &list)
	}
	return out, nil
}

// list is the second pass over the best diseases of the first.
type list struct {
	ranker  *Ranker
	ids     []int32
	rows    []row
	scores  []float64
	p       []float64
	order   []int // best first
	outside [outsides]float64
}

// list looks closely at the diseases that the first pass found.
func (m *Model) list(q *query, o RankOptions) list {
	l := list{ranker: &m.weights.Reranked}
	switch {
	case o.Plain:
		l.ranker = &m.weights.Plain
	case o.Published:
		l.ranker = &m.weights.Published
	}
	if len(q.observed) == 0 {
		l.outside[elsewhere] = 1 // nothing was said: any disease is as good as another
		return l
	}
	ids := m.screen(q)
	return m.sort(q, l.ranker, ids, m.lookAt(q, ids))
}

// sort judges diseases and puts the best first.
func (m *Model) sort(q *query, r *Ranker, ids []int32, rows []row) list {
	l := list{ranker: r, ids: ids, rows: rows}
	l.scores, l.p, l.outside = r.judge(q, rows)
	if left := 1 - l.outside[elsewhere]; len(ids) >= len(m.profiles) && left > 0 { // all were looked at closely: there is no elsewhere
		inside := 1 / left
		for i := range l.p {
			l.p[i] *= inside
		}
		l.outside = [outsides]float64{unlisted: l.outside[unlisted] * inside}
	}
	l.order = make([]int, len(ids))
	for i := range l.order {
		l.order[i] = i
	}
	slices.SortFunc(l.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(l.scores[b], l.scores[a]), cmp.Compare(ids[a], ids[b]))
	})
	return l
}

// truth tells where a recorded diagnosis came.
func (m *Model) truth(q *query, d clinical.Coded, l *list) *Truth {
	t := &Truth{ID: d.ID, Name: d.Label, Listed: m.listed(d.ID, q)}
	for rank, i := range l.order {
		if m.disease(l.ids[i]).ID == d.ID {
			t.Rank = rank + 1
		}
	}
	return t
}

// outsideSet stands in a set for every disease that is not on the list, known or not.
const outsideSet = "unlisted"

// set gives the smallest list of answers that holds the right one with probability Coverage:
// diseases by probability, and where it is its turn, that it is none of the list.
func (m *Model) set(l *list) []string {
	var out []string
	sum, outside := 0.0, l.outside[unlisted]+l.outside[elsewhere]
	for _, i := range l.order {
		if outside >= l.p[i] {
			out, sum, outside = append(out, outsideSet), sum+outside, -1
		}
		if sum >= Coverage {
			return out
		}
		out, sum = append(out, m.disease(l.ids[i]).ID), sum+l.p[i]
		if sum >= Coverage {
			return out
		}
	}
	if outside >= 0 {
		out = append(out, outsideSet)
	}
	return out
}

// verdict sums the list up. The bounds are of probabilities that are calibrated.
func verdict(q *query, l *list) Verdict {
	const leads, many, informative = 0.5, 0.5, 6 // nats: about one finding of one disease in 400
	switch {
	case len(l.order) == 0 || q.mass < informative:
		return VerdictUnknown
	case l.p[l.order[0]] >= leads:
		return VerdictLikely
	case l.outside[unlisted] >= many:
		return VerdictUnlisted
	}
	top := 0.0
	for _, i := range l.order[:min(5, len(l.order))] {
		top += l.p[i]
	}
	if top >= many {
		return VerdictSeveral
	}
	return VerdictUnknown
}
