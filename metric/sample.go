package metric

import "math"

// sample is a set of predictions prepared once: sorted, binned, and with the
// terms of the sums in place, so that measuring it under counts costs O(n).
type sample struct {
	probs  [][]float64
	labels []int
	k      int
	bins   int

	predicted []int     // argmax; the lower class on a tie
	cell      []int32   // of the confusion matrix, for each example
	decided   []int32   // two classes: cell of the decision at the threshold
	rankings  []ranking // one a class; of two classes only class 1
	squared   []float64 // Brier term of each example
	surprise  []float64 // log loss term of each example
	top       binned    // probability of the predicted class, and whether it was right
	perClass  []binned  // probability of each class, and whether it was the truth
}

// smallest keeps the log loss finite: 2^-52, as scikit-learn clips float64.
const smallest = 0x1p-52

func newSample(probs [][]float64, labels []int, threshold float64, bins int) *sample {
	n, k := len(probs), len(probs[0])
	s := &sample{
		probs: probs, labels: labels, k: k, bins: bins,
		predicted: make([]int, n), squared: make([]float64, n), surprise: make([]float64, n),
	}
	for i, row := range probs {
		s.predicted[i] = Argmax(row)
		s.cell = append(s.cell, int32(labels[i]*k+s.predicted[i]))
		if k == 2 {
			s.decided = append(s.decided, int32(2*labels[i]+bit(row[1] >= threshold)))
		}
		s.squared[i] = brierTerm(row, labels[i])
		s.surprise[i] = -math.Log(min(max(row[labels[i]], smallest), 1-smallest))
	}
	for class := range k {
		if k == 2 && class == 0 {
			continue // the mirror image of class 1
		}
		s.rankings = append(s.rankings, rank(n, s.probability(class), s.is(class)))
	}
	s.top = newBinned(n, bins,
		func(i int) float64 { return probs[i][s.predicted[i]] },
		func(i int) bool { return s.predicted[i] == labels[i] })
	for class := range k {
		s.perClass = append(s.perClass, newBinned(n, bins, s.probability(class), s.is(class)))
	}
	return s
}

func (s *sample) probability(class int) func(int) float64 {
	return func(i int) float64 { return s.probs[i][class] }
}

func (s *sample) is(class int) func(int) bool {
	return func(i int) bool { return s.labels[i] == class }
}

// rankingOf is where the ranking of a class is: two classes share that of class 1.
func (s *sample) rankingOf(class int) int {
	if s.k == 2 {
		return 0
	}
	return class
}

// Argmax is the predicted class: the most probable, the lower index on a tie.
func Argmax(row []float64) int {
	best := 0
	for j, p := range row {
		if p > row[best] {
			best = j
		}
	}
	return best
}

// brierTerm is (p1-y)^2 for two classes, in 0..1, and the sum over classes of
// squared differences for more, in 0..2: Brier's own definition (1950).
func brierTerm(row []float64, label int) float64 {
	if len(row) == 2 {
		d := row[1] - float64(label)
		return d * d
	}
	sum := 0.0
	for j, p := range row {
		if j == label {
			p--
		}
		sum += p * p
	}
	return sum
}

// tally is what one set of counts says about a sample: the sums that several
// metrics share, made once a draw.
type tally struct {
	counts   []float64
	matrix   confusion // by argmax
	decision confusion // two classes: positive from the threshold upwards
}

func (s *sample) newTally() *tally {
	return &tally{matrix: newConfusion(s.k), decision: newConfusion(2)}
}

// count fills the tally from counts.
func (s *sample) count(t *tally, counts []float64) {
	t.counts = counts
	clear(t.matrix.cells)
	clear(t.decision.cells)
	for i, cell := range s.cell {
		t.matrix.cells[cell] += counts[i]
	}
	for i, cell := range s.decided {
		t.decision.cells[cell] += counts[i]
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func weightedMean(values, counts []float64) float64 {
	sum, total := 0.0, 0.0
	for i, w := range counts {
		sum += w * values[i]
		total += w
	}
	return ratio(sum, total)
}
