package differential

import (
	"cmp"
	"math"
	"slices"

	"consilium/ontology"
)

// candidate tells of the i-th of a list why it stands there.
func (m *Model) candidate(q *query, l *list, rank int) Candidate {
	i := l.order[rank]
	d := m.disease(l.ids[i])
	p := m.profile(l.ids[i], q)
	c := Candidate{Rank: rank + 1, ID: d.ID, Name: d.Name, Genes: d.Genes, Probability: l.p[i], Score: l.scores[i]}
	_, parts := l.ranker.score(&l.rows[i])
	for k, v := range parts {
		if v != 0 {
			c.Parts = append(c.Parts, Part{Name: partNames[k], Value: v})
		}
	}
	c.Findings = m.reasons(q, p)
	for _, r := range c.Findings {
		if !r.Excluded && (r.Relation == RelationNone || r.LogRatio < 0) {
			c.Unexplained = append(c.Unexplained, r.Finding)
		}
	}
	c.Missing = m.missing(q, p)
	return c
}

// reasons tells what each finding says about a disease, the strongest first.
func (m *Model) reasons(q *query, p *profile) []Reason {
	var out []Reason
	for _, t := range q.observed {
		out = append(out, m.reason(t, p))
	}
	for _, t := range q.excluded {
		if e, ok := find(p.closure, t); ok {
			by := m.named(t)
			out = append(out, Reason{Finding: by, Excluded: true, Relation: RelationAbsent, By: &by, Frequency: float64(e.p), Assumed: !e.counted, Common: float64(m.background[t]), LogRatio: absence(float64(e.p))})
		}
	}
	slices.SortStableFunc(out, func(a, b Reason) int { return cmp.Compare(math.Abs(b.LogRatio), math.Abs(a.LogRatio)) })
	return out
}

// reason tells what one observed finding says.
func (m *Model) reason(t ontology.Index, p *profile) Reason {
	x := m.meet(t, p)
	r := Reason{Finding: m.named(t), Relation: RelationNone, Common: float64(m.background[t]), LogRatio: x.ratio}
	const little = 1.5 // nats: what more than a fifth of all diseases have explains nothing
	switch {
	case x.exact:
		r.Relation = RelationExact
	case x.within:
		r.Relation = RelationGeneral
	case slices.ContainsFunc(p.excluded, func(e ontology.Index) bool { return m.base.IsAncestor(e, t) }):
		r.Relation = RelationNot // and no other paper found it
	case x.vague:
		r.Relation = RelationSpecific
	case x.by != ontology.None && m.ic[x.by] > little:
		r.Relation = RelationRelated
	default:
		return r
	}
	if x.by != ontology.None {
		by := m.named(x.by)
		e, _ := find(p.closure, x.by)
		r.By, r.Frequency, r.Common, r.Assumed = &by, float64(e.p), float64(m.background[x.by]), !e.counted
	}
	return r
}

func (m *Model) named(t ontology.Index) Named { return Named{ID: m.base.ID(t), Label: m.base.Label(t)} }

// maxMissing is how many expected and unmentioned findings are told.
const maxMissing = 8

// missing gives what patients with the disease mostly have and this one has not, or nobody has said so.
func (m *Model) missing(q *query, p *profile) []Expectation {
	var list []entry
	for _, e := range p.direct {
		if float64(e.p) < 0.5 || has(q.above, e.term) || m.excludedBy(q, e.term) {
			continue
		}
		list = append(list, e)
	}
	// What is frequent in the disease and rare elsewhere would tell most.
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.p*m.ic[b.term], a.p*m.ic[a.term]), byTerm(a, b))
	})
	var out []Expectation
	for _, e := range list[:min(maxMissing, len(list))] {
		out = append(out, Expectation{Named: m.named(e.term), Frequency: float64(e.p), Assumed: !e.counted})
	}
	return out
}

// excludedBy tells whether a term was looked for and not found, itself or with what lies above it.
func (m *Model) excludedBy(q *query, t ontology.Index) bool {
	return slices.ContainsFunc(q.excluded, func(e ontology.Index) bool { return m.base.IsAncestor(e, t) })
}
