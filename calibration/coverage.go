package calibration

import "math"

// Coverage is what a conformal rule did on examples it was not fitted on.
type Coverage struct {
	Examples       int             `json:"examples"`
	Promised       float64         `json:"promised"`
	Measured       float64         `json:"measured"`                  // share of sets that hold the truth
	Low            *float64        `json:"low,omitempty"`             // 95% of test sets measure between Low and High
	High           *float64        `json:"high,omitempty"`            // when the promise is kept; not for Mondrian
	MeanSize       float64         `json:"mean_size"`                 // labels a set
	Answered       float64         `json:"answered"`                  // share of sets with exactly one member
	Several        float64         `json:"several"`                   // "cannot tell: A or B"
	Empty          float64         `json:"empty"`                     // "cannot tell": fits nothing seen before
	AnswerAccuracy *float64        `json:"answer_accuracy,omitempty"` // of the single answers; nil when there was none
	Classes        []ClassCoverage `json:"classes"`
}

// ClassCoverage is the coverage among examples of one true class.
type ClassCoverage struct {
	Examples int      `json:"examples"`
	Measured *float64 `json:"measured"` // nil without examples
}

// Kept says whether the measured coverage is consistent with the promise.
// Above the band is no breach: ties make sets larger than promised.
func (c Coverage) Kept() bool { return c.Low == nil || c.Measured >= *c.Low }

// Assess measures the rule on other examples.
func (c Conformal) Assess(probs [][]float64, labels []int) (Coverage, error) {
	if err := checkRows(probs, labels); err != nil {
		return Coverage{}, err
	}
	n := float64(len(probs))
	out := Coverage{Examples: len(probs), Promised: c.Coverage, Classes: make([]ClassCoverage, len(probs[0]))}
	held := make([]int, len(probs[0]))
	single, right := 0, 0
	for i, p := range probs {
		set, in := c.Set(p), false
		for _, label := range set {
			in = in || label == labels[i]
		}
		out.MeanSize += float64(len(set)) / n
		out.Classes[labels[i]].Examples++
		if in {
			held[labels[i]]++
		}
		switch {
		case len(set) == 0:
			out.Empty += 1 / n
		case len(set) > 1:
			out.Several += 1 / n
		default:
			single++
			if in {
				right++
			}
		}
	}
	out.Answered = float64(single) / n
	if single > 0 {
		accuracy := float64(right) / float64(single)
		out.AnswerAccuracy = &accuracy
	}
	total := 0
	for class, k := range held {
		total += k
		if m := out.Classes[class].Examples; m > 0 {
			share := float64(k) / float64(m)
			out.Classes[class].Measured = &share
		}
	}
	out.Measured = float64(total) / n
	if c.Thresholds == nil {
		low, high := CoverageBand(c.Examples, len(probs), c.Coverage)
		out.Low, out.High = &low, &high
	}
	return out, nil
}

// CoverageBand gives the central 95% band of the coverage that a rule fitted on
// n examples measures on nTest others, when scores have no ties: covered
// examples are beta-binomial with k = ceil((n+1) coverage) and n+1-k
// (Vovk 2012; Angelopoulos and Bates 2023, section 3.2). Nonsense gives 0..1.
func CoverageBand(n, nTest int, coverage float64) (lo, hi float64) {
	if n < 1 || nTest < 1 || !(coverage > 0 && coverage < 1) {
		return 0, 1
	}
	k := order(n, coverage)
	if k > n {
		return 1, 1 // every label is in every set
	}
	a, b, trials := float64(k), float64(n+1-k), float64(nTest)
	lo, hi = math.NaN(), 1
	below := 0.0
	for x := range nTest + 1 {
		at := float64(x)
		below += math.Exp(logChoose(trials, at) + logBeta(at+a, trials-at+b) - logBeta(a, b))
		if math.IsNaN(lo) && below >= 0.025 {
			lo = at / trials
		}
		if below >= 0.975 {
			return lo, at / trials
		}
	}
	return lo, hi
}

func logBeta(a, b float64) float64 { return logGamma(a) + logGamma(b) - logGamma(a+b) }

func logChoose(n, k float64) float64 {
	return logGamma(n+1) - logGamma(k+1) - logGamma(n-k+1)
}

func logGamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}
