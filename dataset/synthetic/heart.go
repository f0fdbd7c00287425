package synthetic

import (
	"math/rand/v2"

	"consilium/clinical"
)

// Condition is what a generated heart has.
type Condition int

// The conditions, in the order of ECGSet's labels.
const (
	Normal Condition = iota
	AnteriorInfarction
	InferiorInfarction
	AtrialFibrillation
	LeftBundleBranchBlock
	SinusBradycardia
	conditions // how many there are
)

// Concept names the condition with its ICD-10 code.
func (c Condition) Concept() clinical.Concept {
	return [conditions]clinical.Concept{
		{Name: "normal sinus rhythm"},
		{Name: "anterior myocardial infarction", Code: "I21.0", System: "ICD-10"},
		{Name: "inferior myocardial infarction", Code: "I21.1", System: "ICD-10"},
		{Name: "atrial fibrillation", Code: "I48", System: "ICD-10"},
		{Name: "left bundle branch block", Code: "I44.7", System: "ICD-10"},
		{Name: "sinus bradycardia", Code: "R00.1", System: "ICD-10"},
	}[c]
}

func (c Condition) String() string { return c.Concept().Name }

// heart is one synthetic patient's heart: the template beat at RR = 1 s and how
// it beats.
type heart struct {
	condition Condition
	severity  float64 // 0 nothing to see, 1 textbook, more is gross
	beat      beat
	rhythm    rhythm
	fibrils   vector  // direction and size of f waves; zero in sinus rhythm
	fibrilHz  float64 // 4..9
}

// newHeart draws a patient with the condition. A good part of the severities is
// subtle, and normal hearts have variants (early repolarisation, small inferior
// q waves, slow intraventricular conduction), so that classes overlap.
func newHeart(r *rand.Rand, c Condition) heart {
	h := heart{condition: c, severity: min(max(around(r, 0.85, 0.35), 0.12), 1.6)}
	h.rhythm = newRhythm(r, c)
	pr := around(r, 0.16, 0.02)
	h.beat.p = pWave(r, pr)
	h.beat.qrs = narrowQRS(r)
	h.beat.t = tWave(r)
	switch c {
	case Normal, SinusBradycardia:
		h.variants(r)
	case AnteriorInfarction:
		h.infarct(r, anterior)
	case InferiorInfarction:
		h.infarct(r, inferior)
	case AtrialFibrillation:
		h.fibrillate(r)
	case LeftBundleBranchBlock:
		h.block(r)
	}
	h.vary(r)
	return h
}

// pWave: the right atrium forward and down, then the left one to the left and back.
func pWave(r *rand.Rand, pr float64) []event {
	a := around(r, 1, 0.25)
	return []event{
		{-pr + 0.030, 0.016, vector{0.030, 0.075, -0.035}.times(a)},
		{-pr + 0.058, 0.018, vector{0.060, 0.060, 0.035}.times(a)},
	}
}

// narrowQRS: septum to the right and front, free walls to the left and down, base
// to the back and up. R is at 0; QRS lasts about 90 ms.
func narrowQRS(r *rand.Rand) []event {
	w := around(r, 1, 0.08)
	return []event{
		{-0.021 * w, 0.0065 * w, vector{-0.16, -0.06, -0.24}.times(around(r, 1, 0.25))},
		{-0.004 * w, 0.0085 * w, vector{0.62, 0.55, -0.12}.times(around(r, 1, 0.15))},
		{0.007 * w, 0.0095 * w, vector{0.72, 0.58, 0.55}.times(around(r, 1, 0.15))},
		{0.027 * w, 0.0085 * w, vector{-0.06, -0.05, 0.38}.times(around(r, 1, 0.30))},
	}
}

// tWave rises slowly and falls faster: two Gaussians.
func tWave(r *rand.Rand) []event {
	a := around(r, 1, 0.25)
	return []event{
		{0.235, 0.046, vector{0.17, 0.13, -0.07}.times(a)},
		{0.280, 0.030, vector{0.16, 0.11, -0.10}.times(a)},
	}
}

// plateau is an ST shift: three overlapping Gaussians from the J point into the T wave.
func plateau(j float64, v vector) []event {
	return []event{
		{j + 0.025, 0.018, v.times(0.55)},
		{j + 0.065, 0.026, v.times(0.75)},
		{j + 0.120, 0.036, v},
	}
}

// variants gives some healthy hearts what beginners take for disease.
func (h *heart) variants(r *rand.Rand) {
	if chance(r, 0.30) { // early repolarisation, mostly V2-V4
		h.beat.st = plateau(0.040, vector{0.05, 0.02, -0.09}.times(between(r, 0.3, 1.2)))
	}
	if chance(r, 0.15) { // septal q in the inferior leads
		h.beat.qrs[0].dipole[1] -= between(r, 0.05, 0.15)
	}
	if chance(r, 0.12) { // slow intraventricular conduction
		h.widen(between(r, 1.1, 1.3))
	}
	if chance(r, 0.10) { // poor R progression
		h.beat.qrs[1].dipole[2] += between(r, 0.05, 0.25)
	}
}

func (h *heart) widen(k float64) {
	for i := range h.beat.qrs {
		h.beat.qrs[i].at *= k
		h.beat.qrs[i].width *= k
	}
}

// territory says which wall dies: the injury current points to it, the first
// QRS forces point away from it.
type territory struct {
	injury, necrosis vector
	affects          []string
	reciprocal       []string
}

var anterior = territory{
	injury:     vector{0.06, -0.14, -0.23},
	necrosis:   vector{-0.12, 0.05, 0.52},
	affects:    []string{"V1", "V2", "V3", "V4"},
	reciprocal: []string{"II", "III", "aVF"},
}

var inferior = territory{
	injury:     vector{-0.06, 0.23, 0.06},
	necrosis:   vector{0.06, -0.52, 0.03},
	affects:    []string{"II", "III", "aVF"},
	reciprocal: []string{"I", "aVL"},
}

// infarct draws a stage: fresh (ST high, T upright, little Q) to some days old
// (ST lower, Q deep, T inverted).
func (h *heart) infarct(r *rand.Rand, w territory) {
	age := r.Float64()
	tilt := vector{around(r, 0, 0.03), around(r, 0, 0.02), around(r, 0, 0.03)}
	injury := w.injury.plus(tilt.times(0.5)).times(h.severity * (1.25 - 0.75*age))
	h.beat.st = plateau(0.040, injury)
	q := h.severity * (0.25 + 0.75*age)
	h.beat.qrs[0].dipole = h.beat.qrs[0].dipole.times(max(1-q, 0.1))
	h.beat.qrs = append(h.beat.qrs, event{-0.016, 0.012, w.necrosis.times(q)})
	h.beat.t[0].at, h.beat.t[0].width = 0.205, 0.062 // ST runs into T without a dip
	h.beat.t[1].width = 0.040
	for i := range h.beat.t {
		h.beat.t[i].dipole = h.beat.t[i].dipole.times(1 - 0.5*h.severity*age).plus(w.injury.times(h.severity * (0.9 - 1.6*age)))
	}
}

// fibrillate takes the P wave away and puts f waves in its place, largest in V1
// and the inferior leads.
func (h *heart) fibrillate(r *rand.Rand) {
	h.beat.p = nil
	h.fibrils = vector{around(r, -0.02, 0.01), around(r, 0.035, 0.012), around(r, -0.07, 0.02)}.times(between(r, 0.25, 1.1))
	h.fibrilHz = between(r, 4.2, 8.8)
	if chance(r, 0.3) { // rate-related or digitalis ST sagging
		h.beat.st = plateau(0.040, vector{-0.05, -0.04, 0.03}.times(between(r, 0.3, 1.3)))
	}
}

// block: the left ventricle is reached late and through muscle. No septal q,
// QRS of 125-170 ms with two humps to the left, all of it to the back (QS or rS
// in V1-V3), ST and T against the QRS.
func (h *heart) block(r *rand.Rand) {
	w := between(r, 0.92, 1.28)
	a := around(r, 1, 0.12)
	h.beat.qrs = []event{
		{-0.038 * w, 0.0110 * w, vector{0.20, 0.12, -0.04}.times(a)},
		{-0.014 * w, 0.0140 * w, vector{0.86, 0.34, 0.46}.times(a)},
		{0.011 * w, 0.0135 * w, vector{0.36, 0.16, 0.82}.times(a)},
		{0.036 * w, 0.0150 * w, vector{0.82, 0.10, 0.62}.times(a * between(r, 0.8, 1.1))},
		{0.062 * w, 0.0090 * w, vector{0.20, -0.03, 0.16}.times(a)},
	}
	k := between(r, 0.6, 1.2)
	h.beat.st = plateau(0.072*w, vector{-0.10, -0.03, -0.13}.times(k))
	for i := range h.beat.t {
		h.beat.t[i].at += 0.035 * w
		h.beat.t[i].dipole = vector{-0.17, -0.02, -0.19}.times(k)
	}
}

// vary turns the heart in the chest, scales everything and lets every event differ.
func (h *heart) vary(r *rand.Rand) {
	turn := rotation(around(r, 0, 0.25), around(r, 0, 0.16), around(r, 0, 0.12))
	size := min(max(around(r, 1, 0.25), 0.45), 1.8)
	h.beat.each(func(events []event) {
		for i := range events {
			e := &events[i]
			e.dipole = e.dipole.turned(turn).times(size * around(r, 1, 0.06))
			e.width *= around(r, 1, 0.04)
		}
	})
	h.fibrils = h.fibrils.turned(turn)
}

// jPoint is where the QRS complex ends, in seconds after R: the last moment at
// which an event still has 5% of its height.
func (h *heart) jPoint() float64 {
	_, end := h.qrsSpan()
	return end
}

// qrsSpan is where the QRS complex begins and ends relative to R.
func (h *heart) qrsSpan() (from, to float64) {
	const sides = 2.45 // widths at which a Gaussian has 5% of its height
	for _, e := range h.beat.qrs {
		from = min(from, e.at-sides*e.width)
		to = max(to, e.at+sides*e.width)
	}
	return from, to
}
