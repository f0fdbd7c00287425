package differential

import (
	"math"

	"consilium/ontology"
)

// match is how one observed finding meets one disease.
type match struct {
	finding ontology.Index
	by      ontology.Index // the most informative term that both have; None when they share none
	exact   bool           // the disease is annotated with the very term
	within  bool           // the disease has the term, or a form of it
	vague   bool           // the disease is annotated with a more general term
	ratio   float64        // ln of the likelihood ratio
}

const (
	// floor is the least that a finding can speak: patients have things that nobody recorded for their disease.
	floor = -1.5
	// common is the information below which a term is what nearly every disease has: it says nothing.
	common = 0.2
	// likeness lost between a finding and a term above it: how much of what
	// the term would say remains when only a more general one is shared.
	blur = 0.6
)

// speaks is ln of the likelihood ratio of a finding q, seen through the term a above it that
// the disease has with frequency p: ln(p / background(a)), less what a does not tell of q.
func (m *Model) speaks(logp float32, a, q ontology.Index) float64 {
	ic := float64(m.ic[a])
	return float64(logp) + ic*(1-blur*(1-ic/math.Max(float64(m.ic[q]), 1e-9)))
}

// meet compares a finding with a profile.
func (m *Model) meet(q ontology.Index, p *profile) match {
	out := match{finding: q, by: ontology.None, ratio: floor}
	anc := m.base.Ancestors(q)
	below := p.closure // both lists ascend: what comes next lies before what came last
	for i := len(anc) - 1; i >= 0; i-- {
		at := place(below, anc[i])
		if at == len(below) || below[at].term != anc[i] {
			below = below[:at]
			continue
		}
		e := &below[at]
		below = below[:at]
		if out.by == ontology.None || m.ic[anc[i]] > m.ic[out.by] {
			out.by = anc[i]
		}
		if m.ic[anc[i]] >= common {
			out.ratio = math.Max(out.ratio, m.speaks(e.logp, anc[i], q))
		}
	}
	if out.by == ontology.None {
		return out
	}
	_, annotated := find(p.direct, out.by)
	out.within = out.by == q
	out.exact = out.within && annotated
	out.vague = !out.within && annotated
	return out
}

// sensitivity is how often a feature that a patient has is found when it is looked for.
const sensitivity = 0.9

// absence is ln of how likely an excluded finding is under a disease that has it with frequency
// p, against a disease that never has it. It is never above 0: no exclusion speaks for a disease.
func absence(p float64) float64 { return math.Log(1 - sensitivity*p) }
