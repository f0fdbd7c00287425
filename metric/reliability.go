package metric

import (
	"fmt"
	"math"
	"sort"

	"consilium/fault"
)

// Bin is one bar of a reliability diagram.
type Bin struct {
	Low       float64 `json:"low"` // of the range of predictions, open below
	High      float64 `json:"high"`
	Count     int     `json:"count"`
	Predicted float64 `json:"predicted"` // mean predicted probability
	Observed  float64 `json:"observed"`  // share that came true
}

// binned holds predictions of one event with their place in equal-width bins,
// and their order for bins of equal mass.
type binned struct {
	bins    int
	width   []int32 // equal-width bin of each example
	p       []float64
	came    []float64 // 1 where the event came true
	order   []int32   // rising p
	closing []bool    // rank closes a group of equal p
}

func newBinned(n, bins int, p func(int) float64, came func(int) bool) binned {
	b := binned{
		bins: bins, width: make([]int32, n), p: make([]float64, n), came: make([]float64, n),
		order: make([]int32, n), closing: make([]bool, n),
	}
	for i := range n {
		b.p[i] = p(i)
		b.width[i] = int32(widthBin(b.p[i], bins))
		if came(i) {
			b.came[i] = 1
		}
		b.order[i] = int32(i)
	}
	sort.SliceStable(b.order, func(x, y int) bool { return b.p[b.order[x]] < b.p[b.order[y]] })
	for i := range b.closing {
		b.closing[i] = i == n-1 || b.p[b.order[i]] != b.p[b.order[i+1]]
	}
	return b
}

// widthBin places p in bins (lo, hi] of equal width; 0 belongs to the first.
func widthBin(p float64, bins int) int {
	return min(max(int(math.Ceil(p*float64(bins)))-1, 0), bins-1)
}

// gap collects one bin: how many, what was predicted, what came true.
type gap struct{ count, predicted, came float64 }

func (g *gap) add(w, p, came float64) {
	g.count += w
	g.predicted += w * p
	g.came += w * came
}

// expectedError is the count-weighted mean over bins of |observed - predicted|.
func expectedError(bins []gap) float64 {
	sum, total := 0.0, 0.0
	for _, g := range bins {
		sum += math.Abs(g.came - g.predicted)
		total += g.count
	}
	return ratio(sum, total)
}

// equalWidth is the expected calibration error of Naeini et al. (AAAI 2015)
// as Guo et al. (ICML 2017) use it. scratch has one gap a bin.
func (b binned) equalWidth(counts []float64, scratch []gap) []gap {
	clear(scratch)
	for i, w := range counts {
		scratch[b.width[i]].add(w, b.p[i], b.came[i])
	}
	return scratch
}

// equalMass fills bins that hold equally many examples, in order of the
// prediction (Nguyen and O'Connor, EMNLP 2015). Equal predictions stay
// together: a group goes where its first member belongs.
func (b binned) equalMass(counts []float64, scratch []gap) []gap {
	clear(scratch)
	total := 0.0
	for _, w := range counts {
		total += w
	}
	before, within := 0.0, 0.0
	bin := 0
	for i, e := range b.order {
		scratch[bin].add(counts[e], b.p[e], b.came[e])
		within += counts[e]
		if b.closing[i] {
			before += within
			within = 0
			bin = min(int(float64(b.bins)*before/total), b.bins-1)
		}
	}
	return scratch
}

// Reliability gives the equal-width bins of a reliability diagram for the
// probability p of an event and whether it came true (1) or not (0). Empty
// bins are left out. ece is the expected calibration error over those bins.
func Reliability(p []float64, came []int, bins int) (diagram []Bin, ece float64, err error) {
	if err := checkBinary(p, came); err != nil {
		return nil, 0, err
	}
	if bins < 1 || bins > maxBins {
		return nil, 0, fault.New(fault.InputRange, "the number of bins is not between 1 and 1000", "15 is usual")
	}
	for i, v := range p {
		if v < 0 || v > 1 {
			return nil, 0, fault.New(fault.InputRange, fmt.Sprintf("prediction %d is %g, which is not a probability", i, v),
				"give probabilities between 0 and 1")
		}
	}
	b := newBinned(len(p), bins, func(i int) float64 { return p[i] }, func(i int) bool { return came[i] == 1 })
	gaps := b.equalWidth(once(len(p)), make([]gap, bins))
	return b.diagram(gaps), expectedError(gaps), nil
}

const maxBins = 1000

func (b binned) diagram(gaps []gap) []Bin {
	var out []Bin
	for i, g := range gaps {
		if g.count == 0 {
			continue
		}
		out = append(out, Bin{
			Low: float64(i) / float64(b.bins), High: float64(i+1) / float64(b.bins),
			Count: int(g.count), Predicted: g.predicted / g.count, Observed: g.came / g.count,
		})
	}
	return out
}
