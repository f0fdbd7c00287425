package knowledge

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Figure is a mean with its 95% interval by bootstrap over diseases: all links of a
// drawn disease come along, because they are not independent.
type Figure struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Figures of one predictor on one set of held-out links.
type Figures struct {
	MRR    Figure `json:"mrr"`     // mean reciprocal rank
	Hits1  Figure `json:"hits_1"`  // share of ranks at most 1
	Hits10 Figure `json:"hits_10"` // share of ranks at most 10
}

// Row is one predictor's result.
type Row struct {
	Name  string             `json:"name"`
	Seeds []uint64           `json:"seeds,omitempty"`
	Tail  Figures            `json:"tail"` // disease given, which phenotype
	Head  Figures            `json:"head"` // phenotype given, which disease
	Parts map[string]Figures `json:"parts"`
	// SeedSD is the standard deviation of the tail MRR between seeds.
	SeedSD float64 `json:"seed_sd,omitempty"`

	ranks [][]Rank // by seed
}

// Difference compares two predictors on the same links: tail MRR of A less that of B.
type Difference struct {
	Links string  `json:"links"` // all, or a stratum
	A     string  `json:"a"`
	B     string  `json:"b"`
	D     Figure  `json:"difference"`
	P     float64 `json:"p"` // two-sided, paired bootstrap
}

// draws is the number of bootstrap samples.
const draws = 2000

// sampler draws diseases with replacement. Weights of a draw are per link.
type sampler struct {
	clusters [][]int
	links    int
}

func newSampler(heldOut []Triple) sampler {
	at := map[Entity]int{}
	s := sampler{links: len(heldOut)}
	for i, t := range heldOut {
		c, ok := at[t.Head]
		if !ok {
			c = len(s.clusters)
			at[t.Head] = c
			s.clusters = append(s.clusters, nil)
		}
		s.clusters[c] = append(s.clusters[c], i)
	}
	return s
}

// means gives the mean of values in each draw. The draws are the same in every call.
func (s sampler) means(values []float64) []float64 {
	sums := make([]float64, len(s.clusters))
	for c, members := range s.clusters {
		for _, i := range members {
			sums[c] += values[i]
		}
	}
	rng := rand.New(rand.NewPCG(1, 0x626f6f74))
	out := make([]float64, draws)
	for d := range out {
		sum, n := 0.0, 0
		for range s.clusters {
			c := rng.IntN(len(s.clusters))
			sum += sums[c]
			n += len(s.clusters[c])
		}
		out[d] = sum / float64(n)
	}
	return out
}

func (s sampler) figure(values []float64) Figure {
	if len(values) == 0 {
		return Figure{}
	}
	m := s.means(values)
	slices.Sort(m)
	return Figure{mean(values), m[draws/40], m[draws-1-draws/40]}
}

// figures averages over seeds link by link, then bootstraps over diseases.
func (s sampler) figures(ranks [][]Rank, of func(Rank) float64) Figures {
	value := func(score func(float64) float64) Figure {
		out := make([]float64, s.links)
		for _, seed := range ranks {
			for i, r := range seed {
				out[i] += score(of(r)) / float64(len(ranks))
			}
		}
		return s.figure(out)
	}
	atMost := func(n float64) func(float64) float64 {
		return func(r float64) float64 {
			if r <= n {
				return 1
			}
			return 0
		}
	}
	return Figures{value(reciprocal), value(atMost(1)), value(atMost(10))}
}

func reciprocal(r float64) float64 { return 1 / r }

func tailOf(r Rank) float64 { return r.Tail }
func headOf(r Rank) float64 { return r.Head }

// compare gives the difference of two rows' tail MRR.
func (s sampler) compare(a, b Row) Difference {
	delta := make([]float64, s.links)
	for _, side := range []struct {
		row  Row
		sign float64
	}{{a, 1}, {b, -1}} {
		for _, seed := range side.row.ranks {
			for i, r := range seed {
				delta[i] += side.sign / r.Tail / float64(len(side.row.ranks))
			}
		}
	}
	below, above := 0, 0
	for _, m := range s.means(delta) {
		if m <= 0 {
			below++
		}
		if m >= 0 {
			above++
		}
	}
	p := 2 * float64(min(below, above)+1) / (draws + 1)
	return Difference{A: a.Name, B: b.Name, D: s.figure(delta), P: min(p, 1)}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(len(values), 1))
}

// deviation is the sample standard deviation; 0 for fewer than two values.
func deviation(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(values)-1))
}
