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
	b := newBootstrap(values, groups)
	if len(b) == 0 {
		return Estimate{}, Estimate{}
	}
	overValues.Value, overGroups.Value = b.means(func(i int) int { return i })
	a, c := b.draws(seed)
	overValues.between(a)
	overGroups.between(c)
	return overValues, overGroups
}

// Paired gives the mean of the differences of two systems as Grouped does over values,
// and the two-sided p of the paired bootstrap: twice the share of draws on the lesser
// side of zero, ties counting for both, with one draw added so that it is never 0
// (Davison and Hinkley, Bootstrap Methods, 1997, 4.2.1). No values give 0 and p 1.
func Paired(differences []float64, groups []string, seed uint64) (Estimate, float64) {
	b := newBootstrap(differences, groups)
	if len(b) == 0 {
		return Estimate{}, 1
	}
	var e Estimate
	e.Value, _ = b.means(func(i int) int { return i })
	means, _ := b.draws(seed)
	below, above := 0, 0
	for _, m := range means {
		if m <= 0 {
			below++
		}
		if m >= 0 {
			above++
		}
	}
	e.between(means)
	return e, min(1, 2*float64(min(below, above)+1)/(estimateDraws+1))
}

// bootstrap draws whole groups; all that a draw needs of one is its sum and its size.
type bootstrap []group

type group struct{ sum, n float64 }

func newBootstrap(values []float64, groups []string) bootstrap {
	at := map[string]int{}
	var b bootstrap
	for i, v := range values {
		g, ok := at[groups[i]]
		if !ok {
			g = len(b)
			at[groups[i]] = g
			b = append(b, group{})
		}
		b[g].sum += v
		b[g].n++
	}
	return b
}

// means over values and over groups of the picked groups, as many as there are.
func (b bootstrap) means(pick func(i int) int) (overValues, overGroups float64) {
	var sum, n, each float64
	for i := range b {
		g := b[pick(i)]
		sum, n, each = sum+g.sum, n+g.n, each+g.sum/g.n
	}
	return sum / n, each / float64(len(b))
}

func (b bootstrap) draws(seed uint64) (overValues, overGroups []float64) {
	rng := rand.New(rand.NewPCG(seed, 0x67726f7570))
	overValues, overGroups = make([]float64, estimateDraws), make([]float64, estimateDraws)
	for d := range overValues {
		overValues[d], overGroups[d] = b.means(func(int) int { return rng.IntN(len(b)) })
	}
	return overValues, overGroups
}

// between takes the interval from draws, which it sorts.
func (e *Estimate) between(draws []float64) {
	slices.Sort(draws)
	e.Low, e.High = draws[estimateDraws*25/1000], draws[estimateDraws*975/1000-1]
}
