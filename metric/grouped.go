package metric

import (
	"math/rand/v2"
	"slices"
)

// Estimate is a mean with its 95% interval.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// estimateDraws is the number of bootstrap samples behind an Estimate.
const estimateDraws = 2000

// Grouped gives the mean of values twice: over values, and over groups (the mean of
// each group's mean). Whole groups are drawn for the intervals, since values of one
// group (sentences of a text, patients with one disease) are alike; with a group for
// each value it is the plain bootstrap. For the paired bootstrap of two systems, give
// the differences. No values give zeros.
func Grouped(values []float64, groups []string, seed uint64) (overValues, overGroups Estimate) {
	type cell struct{ sum, n float64 }
	at := map[string]int{}
	var cells []cell
	for i, v := range values {
		g, ok := at[groups[i]]
		if !ok {
			g = len(cells)
			at[groups[i]] = g
			cells = append(cells, cell{})
		}
		cells[g].sum += v
		cells[g].n++
	}
	if len(cells) == 0 {
		return Estimate{}, Estimate{}
	}
	means := func(pick func(i int) int) (float64, float64) {
		var sum, n, each float64
		for i := range cells {
			c := cells[pick(i)]
			sum, n, each = sum+c.sum, n+c.n, each+c.sum/c.n
		}
		return sum / n, each / float64(len(cells))
	}
	overValues.Value, overGroups.Value = means(func(i int) int { return i })
	rng := rand.New(rand.NewPCG(seed, 0x67726f7570))
	a, b := make([]float64, estimateDraws), make([]float64, estimateDraws)
	for d := range a {
		a[d], b[d] = means(func(int) int { return rng.IntN(len(cells)) })
	}
	for _, x := range []struct {
		e *Estimate
		v []float64
	}{{&overValues, a}, {&overGroups, b}} {
		slices.Sort(x.v)
		x.e.Low, x.e.High = x.v[estimateDraws*25/1000], x.v[estimateDraws*975/1000-1]
	}
	return overValues, overGroups
}
