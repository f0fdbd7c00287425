package harmonise

import (
	"fmt"
	"math"

	"consilium/dataset"
	"consilium/fault"
)

// Moments are what one site's examples look like, feature by feature. Where a feature has many values in an example (the
// pixels of a channel), an example counts once, with its mean and its mean square.
type Moments struct {
	N      float64   `json:"n"`      // examples
	Sum    []float64 `json:"sum"`    // of the values
	Square []float64 `json:"square"` // of the squared distances from the site's own mean
}

// Measure reads a split once. Errors: DATA_UNFIT (no example, values too large to be of order 1), INPUT_NOT_FINITE, and
// those of the set.
func Measure(set dataset.Set, split dataset.Split) (Moments, error) {
	shape := set.Info().Shape
	f, n := cut(shape), set.Len(split)
	if n == 0 || f.count == 0 {
		return Moments{}, fault.New(fault.DataUnfit, fmt.Sprintf("no example in split %q to take moments of", split), "look at the site's data and at its patients' consent")
	}
	values := make([]float32, set.Info().Size())
	per := float64(len(values) / f.count)
	mean, square := make([]float64, f.count), make([]float64, f.count)
	one, two := make([]float64, f.count), make([]float64, f.count)
	for i := range n {
		if _, err := set.Read(split, i, values); err != nil {
			return Moments{}, err
		}
		clear(one)
		clear(two)
		for k, v := range values {
			one[f.of(k)] += float64(v)
		}
		for k, v := range values {
			j := f.of(k)
			d := float64(v) - one[j]/per
			two[j] += d * d
		}
		for j := range mean { // Welford 1962, an example at a time
			m := one[j] / per
			if math.IsNaN(m) || math.IsInf(m, 0) {
				return Moments{}, fault.New(fault.InputNotFinite, fmt.Sprintf("example %d holds NaN or infinity in feature %d", i, j), "correct the data")
			}
			d := m - mean[j]
			mean[j] += d / float64(i+1)
			square[j] += d*(m-mean[j]) + two[j]/per
		}
	}
	m := Moments{N: float64(n), Sum: mean, Square: square}
	for j := range m.Sum {
		if spread := math.Sqrt(square[j] / m.N); !(math.Abs(mean[j]) <= Reach && spread <= Reach) {
			return Moments{}, fault.New(fault.DataUnfit, fmt.Sprintf("feature %d has mean %.3g and spread %.3g here", j, mean[j], spread),
				fmt.Sprintf("read it in a unit in which both are at most %d, the same one at every site", Reach))
		}
		m.Sum[j] *= m.N
	}
	return m, nil
}

func (m Moments) check() error {
	bad := func(what string) error {
		return fault.New(fault.DataUnfit, "moments of a site "+what, "measure them again")
	}
	if !(m.N >= 1) || math.IsInf(m.N, 0) || len(m.Sum) == 0 || len(m.Sum) != len(m.Square) {
		return bad("without examples or features")
	}
	for j := range m.Sum {
		if mean := m.Sum[j] / m.N; !(math.Abs(mean) <= Reach) || !(m.Square[j] >= 0) || math.IsInf(m.Square[j], 0) {
			return bad("that are none")
		}
	}
	return nil
}

// ShareLen is the length of a Share for examples of a shape.
func ShareLen(shape []int) int { return 1 + 3*Features(shape) }

// Share is what a site adds to the one sum: its weight, examples/most and at most 1, and weighted by it, each in units
// of Reach, its means, its variances and its squared means. All lie in -1..1. Moments that are none weigh nothing.
func Share(m Moments, most int) []float32 {
	f := len(m.Sum)
	out := make([]float32, 1+3*f)
	if m.check() != nil || most < 1 {
		return out
	}
	w := min(m.N, float64(most)) / float64(most)
	out[0] = float32(w)
	for j := range f {
		mean := m.Sum[j] / m.N / Reach
		out[1+j] = float32(w * mean)
		out[1+f+j] = float32(w * min(1, m.Square[j]/m.N/(Reach*Reach)))
		out[1+2*f+j] = float32(w * mean * mean)
	}
	return out
}

// pooled is what the sum says: over all sites, by weight.
type pooled struct {
	mean, within, total []float64 // variances: about each site's own mean, about the mean of all
}

// open reads a sum of shares. Errors: UPDATE_REFUSED.
func open(sum []float64, sites int) (pooled, error) {
	bad := func(what string) (pooled, error) {
		return pooled{}, fault.New(fault.UpdateRefused, "the sum of the sites' moments "+what, "start the job again; if it stays, look at the sites' versions and data")
	}
	f := (len(sum) - 1) / 3
	if f < 1 || len(sum) != 1+3*f {
		return bad("has the wrong length")
	}
	// A secure sum rounds: a little beyond the bounds is not wrong.
	const slack = 1e-3
	w := sum[0]
	if !(w > 0) || w > float64(sites)*(1+slack) {
		return bad(fmt.Sprintf("weighs %g for %d sites", w, sites))
	}
	p := pooled{make([]float64, f), make([]float64, f), make([]float64, f)}
	for j := range f {
		mean, within, square := sum[1+j]/w, sum[1+f+j]/w, sum[1+2*f+j]/w
		for _, x := range []float64{mean, within, square} {
			if !(math.Abs(x) <= 1+slack) {
				return bad(fmt.Sprintf("is not one: %g for feature %d", x, j))
			}
		}
		p.mean[j] = mean * Reach
		p.within[j] = max(0, within) * Reach * Reach
		p.total[j] = p.within[j] + max(0, square-mean*mean)*Reach*Reach
	}
	return p, nil
}
