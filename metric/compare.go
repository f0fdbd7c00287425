package metric

import "math"

// Difference is model A minus model B on the same examples.
type Difference struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	A     *float64 `json:"a"`
	B     *float64 `json:"b"`
	Delta *float64 `json:"delta"` // A - B
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
	P     *float64 `json:"p"` // two-sided, of no difference
	Lower bool     `json:"lower_is_better,omitempty"`
	Draws int      `json:"draws"`
}

// Compare tests two models on the same examples with the paired bootstrap:
// each draw measures both under the same counts. P is twice the smaller tail
// beyond zero, with one added to count and draws so that it is never 0 (Davison
// and Hinkley 1997, chapter 4). Several metrics give several tests: nothing is
// corrected for that. Errors are those of Evaluate.
func Compare(a, b [][]float64, labels []int, o Options) ([]Difference, error) {
	o, err := o.complete(a, labels)
	if err != nil {
		return nil, err
	}
	if err := checkProbabilities(b, labels); err != nil {
		return nil, err
	}
	if len(a[0]) != len(b[0]) {
		return nil, usage("the two models have different classes")
	}
	sa, sb := newSample(a, labels, o.Threshold, o.Bins), newSample(b, labels, o.Threshold, o.Bins)
	draw, _, err := o.resampler(labels, sa.k)
	if err != nil {
		return nil, err
	}
	la, lb := overallOnly(measures(sa, o.Ordinal)), overallOnly(measures(sb, o.Ordinal))
	ta, tb := sa.newTally(), sb.newTally()
	va, vb := make([]float64, len(la)), make([]float64, len(lb))

	ones := once(len(labels))
	deltas := table(len(la), o.Draws)
	rng, counts := newRand(o.Seed), make([]float64, len(labels))
	for d := range o.Draws {
		draw(rng, counts)
		values(la, sa, ta, counts, va)
		values(lb, sb, tb, counts, vb)
		for i := range la {
			deltas[i][d] = va[i] - vb[i]
		}
	}
	values(la, sa, ta, ones, va)
	values(lb, sb, tb, ones, vb)
	out := make([]Difference, len(la))
	for i, m := range la {
		out[i] = Difference{ID: m.id, Name: m.name, Lower: m.lower,
			A: defined(va[i]), B: defined(vb[i]), Delta: defined(va[i] - vb[i])}
		if out[i].Delta != nil && o.Draws > 0 {
			out[i].Low, out[i].High, out[i].Draws = percentiles(deltas[i], o.Level)
			if out[i].Low != nil {
				out[i].P = twoSided(deltas[i][:out[i].Draws])
			}
		}
	}
	return out, nil
}

func overallOnly(list []measure) []measure {
	var out []measure
	for _, m := range list {
		if m.class == overall {
			out = append(out, m)
		}
	}
	return out
}

func twoSided(deltas []float64) *float64 {
	above, below := 1.0, 1.0
	for _, d := range deltas {
		if d >= 0 {
			above++
		}
		if d <= 0 {
			below++
		}
	}
	return defined(math.Min(1, 2*min(above, below)/float64(len(deltas)+1)))
}
