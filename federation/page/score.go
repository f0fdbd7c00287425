package page

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"consilium/federation"
	"consilium/metric"
)

// Estimate is a share with its 95% interval, and the values that it is the mean of where there are several.
// Low and High are nil where nothing can be said.
type Estimate struct {
	Mean float64   `json:"mean"`
	Low  *float64  `json:"low"`
	High *float64  `json:"high"`
	Each []float64 `json:"each,omitempty"`
}

// Over gives the mean of a share over seeds with Student's t-interval, cut to 0 and 1. Values that are not numbers
// are left out; of none it is the zero Estimate, of one it has no interval.
func Over(values ...float64) Estimate {
	e := Estimate{Each: make([]float64, 0, len(values))}
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			e.Each = append(e.Each, v)
		}
	}
	mean, _, low, high, err := metric.Mean(e.Each, 0.95)
	if err != nil {
		return Estimate{}
	}
	e.Mean, e.Low, e.High = mean, cut(low), cut(high)
	return e
}

func cut(v *float64) *float64 {
	if v == nil {
		return nil
	}
	c := min(max(*v, 0), 1)
	return &c
}

// known says whether the estimate was made from anything.
func (e Estimate) known() bool { return len(e.Each) > 0 || e.Low != nil }

func (e Estimate) value() *float64 {
	if !e.known() || math.IsNaN(e.Mean) || math.IsInf(e.Mean, 0) {
		return nil
	}
	return &e.Mean
}

// AccuracyOf gives the accuracy of a confusion matrix (truth by prediction) with Wilson's interval (JASA 22, 1927).
func AccuracyOf(confusion [][]int) Estimate {
	right, n := 0.0, 0.0
	for i, row := range confusion {
		for j, count := range row {
			if i == j {
				right += float64(count)
			}
			n += float64(count)
		}
	}
	if n == 0 {
		return Estimate{}
	}
	const z = 1.959963984540054
	p := right / n
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	low, high := max(middle-half, 0), min(middle+half, 1)
	return Estimate{Mean: p, Low: &low, High: &high}
}

// macroDraws is the number of bootstrap samples behind an interval of macro-F1; of matrices with thousands of cells
// there are fewer, but never less than leastDraws.
const (
	macroDraws = 1000
	leastDraws = 100
	macroWork  = 400_000 // cells times samples
)

// draws is how many samples a matrix of so many cells that are not empty gets.
func draws(cells int) int { return min(macroDraws, max(leastDraws, macroWork/max(cells, 1))) }

// MacroF1Of gives the mean F1 over the classes that occur in truth or prediction, as package metric does, with the
// percentile bootstrap interval: examples drawn with replacement are a multinomial draw of the matrix's cells.
func MacroF1Of(confusion [][]int, seed uint64) Estimate {
	cells, k := flatten(confusion)
	point := macroF1(cells, k)
	if math.IsNaN(point) {
		return Estimate{}
	}
	n := 0.0
	var full []int // cells that are not empty
	for i, c := range cells {
		if c > 0 {
			n, full = n+c, append(full, i)
		}
	}
	source := rand.NewPCG(seed, 0x636f6e73)
	drawn, values := make([]float64, len(cells)), make([]float64, 0, macroDraws)
	for range draws(len(full)) {
		left, mass := n, n
		for _, i := range full {
			p := min(cells[i]/mass, 1)
			drawn[i] = left
			if p < 1 && left > 0 {
				drawn[i] = distuv.Binomial{N: left, P: p, Src: source}.Rand()
			}
			left -= drawn[i]
			mass -= cells[i]
		}
		values = append(values, macroF1(drawn, k))
	}
	slices.Sort(values)
	at := func(q float64) *float64 { v := values[int(math.Round(q*float64(len(values)-1)))]; return &v }
	return Estimate{Mean: point, Low: at(0.025), High: at(0.975)}
}

// filled counts the cells that are not empty.
func filled(confusion [][]int) int {
	n := 0
	for _, row := range confusion {
		for _, c := range row {
			if c > 0 {
				n++
			}
		}
	}
	return n
}

func flatten(confusion [][]int) ([]float64, int) {
	k := len(confusion)
	cells := make([]float64, 0, k*k)
	for _, row := range confusion {
		for j := range k {
			v := 0.0
			if j < len(row) {
				v = float64(max(row[j], 0))
			}
			cells = append(cells, v)
		}
	}
	return cells, k
}

// macroF1 is NaN of an empty matrix.
func macroF1(cells []float64, k int) float64 {
	sum, classes := 0.0, 0.0
	for c := range k {
		both := 0.0
		for i := range k {
			both += cells[c*k+i] + cells[i*k+c]
		}
		if both > 0 {
			sum += 2 * cells[c*k+c] / both
			classes++
		}
	}
	if classes == 0 {
		return math.NaN()
	}
	return sum / classes
}

// macroOf and accuracyOf are the points alone, nil without a score.
func macroOf(s *federation.Score) *float64 {
	if s == nil {
		return nil
	}
	cells, k := flatten(s.Confusion)
	v := macroF1(cells, k)
	return optional(&v)
}

func accuracyOf(s *federation.Score) *float64 {
	if s == nil {
		return nil
	}
	return AccuracyOf(s.Confusion).value()
}

func lossOf(s *federation.Score) *float64 {
	if s == nil {
		return nil
	}
	return optional(&s.Loss)
}

// pool adds scores up; losses count by examples. Nil of none.
func pool(scores []*federation.Score) *federation.Score {
	var out *federation.Score
	for _, s := range scores {
		if s == nil || out != nil && len(out.Confusion) != len(s.Confusion) {
			continue
		}
		if out == nil {
			out = &federation.Score{Split: s.Split, Confusion: make([][]int, len(s.Confusion))}
			for i := range out.Confusion {
				out.Confusion[i] = make([]int, len(s.Confusion))
			}
		}
		for i, row := range s.Confusion {
			for j, n := range row {
				out.Confusion[i][j] += n
			}
		}
		out.Loss = (out.Loss*float64(out.N) + s.Loss*float64(s.N)) / float64(out.N+s.N)
		out.N += s.N
	}
	return out
}
