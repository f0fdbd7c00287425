package differential

import (
	"math"
	"slices"
)

func exp(x float32) float64 { return math.Exp(float64(x)) }

// affected gives the diseases that would be described otherwise without the papers that do not count.
func (m *Model) affected(q *query) []int32 {
	var out []int32
	for _, paper := range q.without {
		out = append(out, m.byPaper[paper]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// listed tells whether something is known of a disease, without the papers that do not count.
func (m *Model) listed(id string, q *query) bool {
	d, ok := m.byID[id]
	return ok && len(m.profile(d, q).direct) > 0
}

// profile gives what is known of a disease, without the papers that do not count.
func (m *Model) profile(d int32, q *query) *profile {
	for _, paper := range q.without {
		if _, found := slices.BinarySearch(m.byPaper[paper], d); found {
			p := newProfile(m.base.Ontology, m.disease(d), q.without)
			m.weigh(&p)
			return &p
		}
	}
	return &m.profiles[d]
}
