package differential

import (
	"fmt"
	"slices"

	"consilium/clinical"
	"consilium/ontology"
)

const (
	maxFindings = 500 // different findings of a case that are looked at, of each kind
	mostNotes   = 100 // of a case with thousands of unusable findings, the first tell the story
)

// query is a case in the terms of the model.
type query struct {
	observed []ontology.Index // the most specific ones: what lies above another is said with it
	excluded []ontology.Index
	above    []uint64  // bit set of observed terms and their ancestors
	shared   []float32 // by term, what sharedWith found; 0 when not asked yet
	mass     float64   // information of observed
	total    float64   // information of above
	stage    int       // of life at onset, -1 when not told
	sex      string
	without  []string // papers whose annotations do not count
	notes    []clinical.Refusal
	partial  bool
}

func has(set []uint64, t ontology.Index) bool { return set[t>>6]>>(uint(t)&63)&1 == 1 }

// sharedWith is the information of the most informative term that lies above a term
// (or is it) and above a finding. Diseases of a list have many terms in common: each is looked up once.
func (q *query) sharedWith(m *Model, t ontology.Index) float32 {
	if q.shared[t] == 0 {
		for _, a := range m.base.Ancestors(t) {
			if has(q.above, a) {
				q.shared[t] = max(q.shared[t], m.ic[a])
			}
		}
	}
	return q.shared[t]
}

// ask turns a profile into a query. What cannot be used is noted, and the rest stands.
func (m *Model) ask(p clinical.Phenotype, without []string) *query {
	q := &query{stage: -1, sex: p.Patient.Sex, without: without, above: make([]uint64, m.base.Len()/64+1), shared: make([]float32, m.base.Len())}
	if t, ok := m.base.Lookup(p.Onset); ok {
		q.stage = stage(m.base.Ontology, t)
	} else {
		q.stage = stageOfAge(p.Onset)
	}
	var observed, excluded []ontology.Index
	for _, f := range p.Features {
		t, ok := q.usable(m, f)
		switch {
		case !ok:
		case f.Excluded:
			excluded = append(excluded, t)
		default:
			observed = append(observed, t)
		}
	}
	q.observed, q.excluded = m.specific(q.limit(observed)), q.limit(excluded)
	for _, t := range q.observed {
		q.mass += float64(m.ic[t])
		for _, a := range m.base.Ancestors(t) {
			if !has(q.above, a) {
				q.above[a>>6] |= 1 << (uint(a) & 63)
				q.total += float64(m.ic[a])
			}
		}
	}
	q.excluded = q.consistent(m)
	return q
}

// usable gives the term of a feature, or notes why it does not count.
func (q *query) usable(m *Model, f clinical.PhenotypicFeature) (ontology.Index, bool) {
	r := m.base.Resolve(f.Term)
	name := f.Term
	if f.Label != "" {
		name += " (" + f.Label + ")"
	}
	switch {
	case f.Family:
		q.note(f.Term, CodeFamily, name+" was said of a relative", "it is shown and does not count")
	case f.Uncertain:
		q.note(f.Term, CodeUncertain, name+" is possible only", "it does not count until it is confirmed or excluded")
	case r.Status == ontology.Obsolete:
		do := "choose a current term"
		if len(r.Consider) > 0 {
			do = fmt.Sprintf("consider %v instead", r.Consider)
		}
		q.note(f.Term, CodeObsolete, name+" is obsolete and has no successor", do)
	case r.Term == ontology.None:
		q.note(f.Term, CodeUnknown, name+" is not a term of "+m.base.Version, "check the identifier, or import a newer ontology")
	case !m.base.IsAncestor(m.base.Abnormality(), r.Term):
		q.note(f.Term, CodeNoFinding, name+" is not a phenotypic abnormality", "onset belongs into the onset of the disease; modifiers belong to a finding")
	case r.Term == m.base.Abnormality():
		q.note(f.Term, CodeNoFinding, name+" says nothing", "name what is abnormal")
	default:
		return r.Term, true
	}
	return ontology.None, false
}

// Codes of notes: what of a case was not used, and why.
const (
	CodeFamily        = "FINDING_FAMILY"
	CodeUncertain     = "FINDING_UNCERTAIN"
	CodeObsolete      = "FINDING_OBSOLETE"
	CodeUnknown       = "FINDING_UNKNOWN"
	CodeNoFinding     = "FINDING_NOT_ABNORMAL"
	CodeContradiction = "FINDING_CONTRADICTION"
	CodeTooMany       = "FINDING_TOO_MANY"
)

func (q *query) note(input, code, what, do string) {
	switch {
	case len(q.notes) < mostNotes:
		q.notes = append(q.notes, clinical.Refusal{Input: input, Code: code, What: what, Do: do})
	case len(q.notes) == mostNotes:
		q.notes = append(q.notes, clinical.Refusal{Code: CodeTooMany, What: "there is more to say of findings that do not count", Do: "see to these first"})
	}
}

// limit drops repetitions, and what is too much.
func (q *query) limit(terms []ontology.Index) []ontology.Index {
	slices.Sort(terms)
	terms = slices.Compact(terms)
	if len(terms) > maxFindings {
		q.partial = true
		q.notes = append(q.notes, clinical.Refusal{Code: CodeTooMany, // however many notes there are
			What: fmt.Sprintf("%d different findings are more than the %d that are looked at", len(terms), maxFindings), Do: "leave out what is normal for the patient's age and what repeats"})
		// The highest numbers are the most specific terms.
		terms = terms[len(terms)-maxFindings:]
	}
	return terms
}

// specific leaves out terms that lie above another of the list.
func (m *Model) specific(terms []ontology.Index) []ontology.Index {
	return slices.DeleteFunc(slices.Clone(terms), func(t ontology.Index) bool {
		return slices.ContainsFunc(terms, func(o ontology.Index) bool { return o != t && m.base.IsAncestor(t, o) })
	})
}

// consistent leaves out exclusions that an observation contradicts: something below
// them, or they themselves, was seen. One that lies below another stays: were the two
// put together, the second could take back what the first said against a disease.
func (q *query) consistent(m *Model) []ontology.Index {
	return slices.DeleteFunc(slices.Clone(q.excluded), func(t ontology.Index) bool {
		if has(q.above, t) {
			q.note(m.base.ID(t), CodeContradiction, fmt.Sprintf("%s (%s) is said to be absent, and it or a form of it to be present", m.base.ID(t), m.base.Label(t)), "what is present counts; check the record")
			return true
		}
		return false
	})
}
