package metric

import (
	"math"
	"sort"
)

// ranking holds examples in falling order of one score. It is made once, in
// O(n log n); everything that a draw needs from it then costs O(n).
type ranking struct {
	order    []int32 // example at each rank
	positive []bool  // whether that example is of the class
	last     []bool  // whether the rank closes a group of equal scores
	score    []float64
}

func rank(n int, score func(int) float64, positive func(int) bool) ranking {
	r := ranking{
		order:    make([]int32, n),
		positive: make([]bool, n),
		last:     make([]bool, n),
		score:    make([]float64, n),
	}
	for i := range r.order {
		r.order[i] = int32(i)
	}
	sort.SliceStable(r.order, func(a, b int) bool {
		return score(int(r.order[a])) > score(int(r.order[b]))
	})
	for i, e := range r.order {
		r.positive[i] = positive(int(e))
		r.score[i] = score(int(e))
	}
	for i := range r.last {
		r.last[i] = i == n-1 || r.score[i] != r.score[i+1]
	}
	return r
}

// totals gives how many positive and negative examples the counts hold.
func (r ranking) totals(counts []float64) (positive, negative float64) {
	for i, e := range r.order {
		if r.positive[i] {
			positive += counts[e]
		} else {
			negative += counts[e]
		}
	}
	return positive, negative
}

// groups visits the groups of equal scores from the highest down, with the
// number of positive and negative examples in each.
func (r ranking) groups(counts []float64, visit func(rank int, positive, negative float64)) {
	positive, negative := 0.0, 0.0
	for i, e := range r.order {
		if r.positive[i] {
			positive += counts[e]
		} else {
			negative += counts[e]
		}
		if r.last[i] {
			visit(i, positive, negative)
			positive, negative = 0, 0
		}
	}
}

// auc is the Mann-Whitney statistic over the pairs: the chance that a positive
// example scores above a negative one, ties counting half. NaN with one class.
func (r ranking) auc(counts []float64) float64 {
	wins, above := 0.0, 0.0 // above: positives seen so far
	negatives := 0.0
	r.groups(counts, func(_ int, p, n float64) {
		wins += n * (above + p/2)
		above += p
		negatives += n
	})
	if above == 0 || negatives == 0 {
		return math.NaN()
	}
	return wins / (above * negatives)
}

// averagePrecision is the step-wise sum of precision over gained recall,
// without interpolation. NaN without a positive.
func (r ranking) averagePrecision(counts []float64) float64 {
	sum, tp, fp := 0.0, 0.0, 0.0
	r.groups(counts, func(_ int, p, n float64) {
		tp += p
		fp += n
		if p > 0 {
			sum += p * tp / (tp + fp)
		}
	})
	if tp == 0 {
		return math.NaN()
	}
	return sum / tp
}

// AUC is the area under the ROC curve of scores (any monotone scale) for
// labels 0 and 1: Hanley and McNeil, Radiology 143 (1982). Ties count half.
// One class only is DATA_UNFIT.
func AUC(scores []float64, labels []int) (float64, error) {
	r, ones, err := binaryRanking(scores, labels)
	if err != nil {
		return 0, err
	}
	v := r.auc(ones)
	if math.IsNaN(v) {
		return 0, undefined("ROC AUC", "only one class is present")
	}
	return v, nil
}

// AveragePrecision summarises the precision-recall curve of scores for labels
// 0 and 1. Without a positive example it is DATA_UNFIT.
func AveragePrecision(scores []float64, labels []int) (float64, error) {
	r, ones, err := binaryRanking(scores, labels)
	if err != nil {
		return 0, err
	}
	v := r.averagePrecision(ones)
	if math.IsNaN(v) {
		return 0, undefined("average precision", "no example is positive")
	}
	return v, nil
}

// binaryRanking checks and ranks; the second value counts every example once.
func binaryRanking(scores []float64, labels []int) (ranking, []float64, error) {
	if err := checkBinary(scores, labels); err != nil {
		return ranking{}, nil, err
	}
	r := rank(len(scores), func(i int) float64 { return scores[i] }, func(i int) bool { return labels[i] == 1 })
	return r, once(len(scores)), nil
}

// once counts every example one time: the data as they are.
func once(n int) []float64 {
	counts := make([]float64, n)
	for i := range counts {
		counts[i] = 1
	}
	return counts
}
