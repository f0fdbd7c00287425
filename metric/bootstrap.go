package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"consilium/fault"
)

// Ways to draw a bootstrap sample, as a Report names them.
const (
	ResamplePlain      = "examples"             // examples with replacement
	ResampleStratified = "examples, stratified" // within each true class, so that class sizes stay
	ResampleCluster    = "groups"               // whole groups (patients) with replacement
)

// resampler fills counts with how often each example is drawn.
type resampler func(rng *rand.Rand, counts []float64)

func (o Options) resampler(labels []int, classes int) (resampler, string, error) {
	switch {
	case o.Groups != nil && o.Stratified:
		return nil, "", fault.New(fault.Usage, "both Groups and Stratified are set",
			"draw whole groups, or examples within each class, not both")
	case o.Groups != nil && len(o.Groups) != len(labels):
		return nil, "", fault.New(fault.InputMalformed, fmt.Sprintf("%d groups for %d examples", len(o.Groups), len(labels)),
			"give one group for each example, or none")
	case o.Groups != nil:
		return drawCells(cellsBy(o.Groups)), ResampleCluster, nil
	case o.Stratified:
		return drawWithin(cellsBy(labels)), ResampleStratified, nil
	}
	return drawExamples, ResamplePlain, nil
}

func drawExamples(rng *rand.Rand, counts []float64) {
	clear(counts)
	for range counts {
		counts[rng.IntN(len(counts))]++
	}
}

// drawWithin draws from each cell as many examples as it has.
func drawWithin(cells [][]int) resampler {
	return func(rng *rand.Rand, counts []float64) {
		clear(counts)
		for _, cell := range cells {
			for range cell {
				counts[cell[rng.IntN(len(cell))]]++
			}
		}
	}
}

// drawCells draws as many whole cells as there are.
func drawCells(cells [][]int) resampler {
	return func(rng *rand.Rand, counts []float64) {
		clear(counts)
		for range cells {
			for _, i := range cells[rng.IntN(len(cells))] {
				counts[i]++
			}
		}
	}
}

// cellsBy collects the examples of equal key, in order of first appearance.
func cellsBy[K comparable](keys []K) [][]int {
	index := map[K]int{}
	var cells [][]int
	for i, key := range keys {
		c, seen := index[key]
		if !seen {
			c = len(cells)
			index[key] = c
			cells = append(cells, nil)
		}
		cells[c] = append(cells[c], i)
	}
	return cells
}

// newRand is the one source of randomness: same seed, same draws.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x636f6e73696c)) }

// percentiles gives the central interval of draws at a level, leaving out the
// draws in which the metric was undefined. With fewer than half defined it
// says that there is none. It sorts draws.
func percentiles(draws []float64, level float64) (low, high *float64, used int) {
	kept := slices.DeleteFunc(draws, math.IsNaN)
	if len(kept) == 0 || 2*len(kept) < len(draws) {
		return nil, nil, len(kept)
	}
	slices.Sort(kept)
	tail := (1 - level) / 2
	lo, hi := quantile(kept, tail), quantile(kept, 1-tail)
	return &lo, &hi, len(kept)
}

// deflate takes the bias off the draws of a calibration error: a draw repeats
// examples, so its bins scatter more than those of the data, and plain
// percentiles could lie wholly above the value they belong to. The draws are
// moved until their mean is the value, and cut to 0..1.
func deflate(draws []float64, value float64) {
	mean := 0.0
	for _, v := range draws {
		mean += v / float64(len(draws))
	}
	for i, v := range draws {
		draws[i] = min(max(v-mean+value, 0), 1)
	}
}

// quantile interpolates linearly between order statistics (Hyndman and Fan's
// type 7, NumPy's default). sorted must not be empty.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
