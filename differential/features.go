package differential

import (
	"cmp"
	"math"
	"slices"

	"consilium/ontology"
)

// feature is one thing that the second pass looks at, for one disease.
type feature int

// The features, in groups that explanations use.
const (
	// What the findings say for the disease.
	ratioSum feature = iota
	ratioMean
	ratioLeast
	ratioFirst
	ratioSecond
	ratioThird
	ratioExact
	ratioRoot
	ratioCapped
	exactCount
	exactInformation
	withinShare
	withinInformation
	vagueCount
	vagueInformation
	strangeShare
	bestMatch
	bestMatchInformation
	bestMatchLog
	// How much of the disease the patient shows.
	covered
	coveredLog
	coveredTypical
	typicalCount
	typicalMissed
	surplus
	overlapShare
	overlapLog
	overlapOfCase
	overlapOfDisease
	exactJaccard
	// What was looked for and not found.
	absentRatio
	absentMost
	absentExpected
	absentTypical
	absentAgreed
	strangeToDisease
	// How the disease is known.
	knownTerms
	knownTermsRoot
	knownPapers
	knownCounted
	knownPatients
	knownFrequency
	knownInformation
	knownGene
	// Onset and sex.
	onsetRatio
	sexRatio
	// The same disease in another catalogue.
	twinKnown
	twinRatioSum
	twinRatioMean
	twinCovered
	twinOverlapLog
	twinWithin
	twinExact
	twinBestMatch
	features
)

// row is the features of one disease for one case.
type row [features]float64

// names of features, as the weights' file has them.
var names = [features]string{
	"ratio_sum", "ratio_mean", "ratio_least", "ratio_first", "ratio_second", "ratio_third", "ratio_exact", "ratio_root", "ratio_capped",
	"exact_count", "exact_information", "within_share", "within_information", "vague_count", "vague_information", "strange_share",
	"best_match", "best_match_information", "best_match_log",
	"covered", "covered_log", "covered_typical", "typical_count", "typical_missed", "surplus", "overlap_share", "overlap_log", "overlap_of_case", "overlap_of_disease", "exact_jaccard",
	"absent_ratio", "absent_most", "absent_expected", "absent_typical", "absent_agreed", "strange_to_disease",
	"known_terms", "known_terms_root", "known_papers", "known_counted", "known_patients", "known_frequency", "known_information", "known_gene",
	"onset_ratio", "sex_ratio",
	"twin_known", "twin_ratio_sum", "twin_ratio_mean", "twin_covered", "twin_overlap_log", "twin_within", "twin_exact", "twin_best_match",
}

// lookAt computes the features of each disease of a shortlist.
func (m *Model) lookAt(q *query, ids []int32) []row {
	rows := make([]row, len(ids))
	for i, d := range ids {
		rows[i] = m.look(q, m.profile(d, q), m.twins[d])
	}
	return rows
}

// look computes the features of a disease; twin may be nil.
func (m *Model) look(q *query, p, twin *profile) row {
	var r row
	m.lookFindings(q, p, &r)
	m.lookCoverage(q, p, &r)
	m.lookAbsent(q, p, &r)
	r[knownTerms] = math.Log1p(float64(len(p.direct)))
	r[knownTermsRoot] = math.Sqrt(float64(len(p.direct)))
	r[knownPapers] = math.Log1p(float64(p.papers))
	r[knownCounted] = math.Log1p(float64(p.counted))
	r[knownPatients] = math.Log1p(p.patients)
	r[knownFrequency] = p.expected / math.Max(float64(len(p.direct)), 1)
	r[knownInformation] = math.Log1p(p.mass)
	if p.gene {
		r[knownGene] = 1
	}
	r[onsetRatio] = p.onsets.ratio(q.stage, &m.onsets)
	r[sexRatio] = p.modes.ratio(q.sex)
	// A disease without a twin is its own: the differences are then 0.
	if twin != nil {
		var t row
		m.lookFindings(q, twin, &t)
		m.lookCoverage(q, twin, &t)
		r[twinKnown] = 1
		for _, f := range ofTwin {
			r[f.to] = t[f.from] - r[f.from]
		}
	}
	return r
}

// ofTwin are the features in which a twin is compared.
var ofTwin = []struct{ to, from feature }{
	{twinRatioSum, ratioSum}, {twinRatioMean, ratioMean}, {twinCovered, covered}, {twinOverlapLog, overlapLog},
	{twinWithin, withinInformation}, {twinExact, exactInformation}, {twinBestMatch, bestMatchInformation},
}

// lookFindings fills what the observed findings say.
func (m *Model) lookFindings(q *query, p *profile, r *row) {
	n := math.Max(float64(len(q.observed)), 1)
	mass := math.Max(q.mass, 1)
	ratios := make([]float64, 0, 32)
	r[ratioLeast] = 0
	for _, t := range q.observed {
		x := m.meet(t, p)
		ratios = append(ratios, x.ratio)
		r[ratioSum] += x.ratio
		r[ratioCapped] += math.Max(x.ratio, -0.5)
		own, shared := float64(m.ic[t]), 0.0
		if x.by >= 0 {
			shared = float64(m.ic[x.by])
		}
		r[bestMatch] += shared / math.Max(own, 1e-9) / n
		r[bestMatchInformation] += shared / mass
		if x.within {
			r[withinShare] += 1 / n
			r[withinInformation] += own
		}
		if x.exact {
			r[exactCount]++
			r[exactInformation] += own
			r[ratioExact] += x.ratio
		}
		if x.vague {
			r[vagueCount]++
			r[vagueInformation] += shared
		}
		if shared < 1.5 {
			r[strangeShare] += 1 / n
		}
	}
	r[ratioMean], r[ratioRoot] = r[ratioSum]/n, r[ratioSum]/math.Sqrt(n)
	r[bestMatchLog] = math.Log(0.05 + r[bestMatchInformation])
	slices.SortFunc(ratios, func(a, b float64) int { return cmp.Compare(b, a) })
	for i, f := range []feature{ratioFirst, ratioSecond, ratioThird} {
		if i < len(ratios) {
			r[f] = ratios[i]
		}
	}
	if len(ratios) > 0 {
		r[ratioLeast] = ratios[len(ratios)-1]
	}
}

// typical is the frequency from which a term belongs to the picture of a disease.
const typical = 0.7

// lookCoverage fills how much of the disease the findings cover.
func (m *Model) lookCoverage(q *query, p *profile, r *row) {
	var of float64
	for _, e := range p.direct {
		own, shared := math.Max(float64(m.ic[e.term]), 1e-9), float64(q.sharedWith(m, e.term))
		f := float64(e.p)
		r[covered] += f * shared
		of += f * own
		if f > typical {
			r[coveredTypical] += shared / own
			r[typicalCount]++
			if shared < own/2 {
				r[typicalMissed] += math.Log(1 - typical*f)
			}
		}
	}
	r[covered] /= math.Max(of, 1e-3)
	r[coveredLog] = math.Log(0.05 + r[covered])
	r[coveredTypical] /= math.Max(r[typicalCount], 1)
	r[surplus] = float64(len(q.observed)) - p.expected
	var both float64
	for _, e := range p.closure {
		if has(q.above, e.term) {
			both += float64(m.ic[e.term])
		}
	}
	r[overlapShare] = both / math.Max(p.total+q.total-both, 1e-3)
	r[overlapLog] = math.Log(math.Max(r[overlapShare], 1e-3))
	r[overlapOfCase], r[overlapOfDisease] = both/math.Max(q.total, 1), both/math.Max(p.total, 1)
	n, d := float64(len(q.observed)), float64(len(p.direct))
	r[exactJaccard] = r[exactCount] / math.Max(n+d-r[exactCount], 1)
}

// lookAbsent fills what the excluded findings say. Of a disease that can have the
// finding, they can only speak against it; another may be known not to have it.
func (m *Model) lookAbsent(q *query, p *profile, r *row) {
	for _, t := range q.excluded {
		e, ok := find(p.closure, t)
		if !ok {
			if slices.ContainsFunc(p.excluded, func(x ontology.Index) bool { return m.base.IsAncestor(t, x) }) {
				r[absentAgreed]++
			}
			continue
		}
		r[absentRatio] += absence(float64(e.p))
		r[absentMost] = math.Max(r[absentMost], float64(e.p))
		r[absentExpected] += float64(e.p)
		if x, ok := find(p.direct, t); ok && x.counted && float64(e.p) > typical {
			r[absentTypical] += absence(float64(e.p))
		}
	}
	for _, t := range q.observed {
		if slices.ContainsFunc(p.excluded, func(x ontology.Index) bool { return m.base.IsAncestor(x, t) }) {
			r[strangeToDisease]++
		}
	}
}
