package knowledge

import (
	"math"
	"strconv"

	"consilium/metric"
)

// Figures of one predictor on one set of held-out links, with 95% intervals over diseases.
type Figures struct {
	MRR    metric.Estimate `json:"mrr"`     // mean reciprocal rank
	Hits1  metric.Estimate `json:"hits_1"`  // share of ranks at most 1
	Hits10 metric.Estimate `json:"hits_10"` // share of ranks at most 10
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
	Links string          `json:"links"` // all, or a stratum
	A     string          `json:"a"`
	B     string          `json:"b"`
	D     metric.Estimate `json:"difference"`
	P     float64         `json:"p"` // two-sided, paired bootstrap
}

// bootSeed fixes the draws, so that one command prints the same intervals each time.
const bootSeed = 1

// sampler measures held-out links by bootstrap over their diseases: all links of a
// drawn disease come along, because they are not independent.
type sampler struct {
	diseases []string // of each link
}

func newSampler(heldOut []Triple) sampler {
	s := sampler{diseases: make([]string, len(heldOut))}
	for i, t := range heldOut {
		s.diseases[i] = strconv.Itoa(int(t.Head))
	}
	return s
}

func (s sampler) figure(values []float64) metric.Estimate {
	e, _ := metric.Grouped(values, s.diseases, bootSeed)
	return e
}

// figures averages over seeds link by link, then bootstraps over diseases.
func (s sampler) figures(ranks [][]Rank, of func(Rank) float64) Figures {
	value := func(score func(float64) float64) metric.Estimate {
		out := make([]float64, len(s.diseases))
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
	delta := make([]float64, len(s.diseases))
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
	e, p := metric.Paired(delta, s.diseases, bootSeed)
	return Difference{A: a.Name, B: b.Name, D: e, P: p}
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
