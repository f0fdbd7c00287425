package metric

import (
	"math"

	"consilium/fault"
)

// Operating is a threshold on the probability of class 1 and what it does.
type Operating struct {
	Threshold   float64 `json:"threshold"`
	Sensitivity float64 `json:"sensitivity"`
	Specificity float64 `json:"specificity"`
}

// YoudenThreshold finds where sensitivity + specificity is largest (Youden,
// Cancer 3, 1950), the highest such threshold on a tie. Find it on validation;
// found on the test split it flatters the model.
func YoudenThreshold(scores []float64, labels []int) (Operating, error) {
	return chooseThreshold(scores, labels, func(best, o Operating) bool {
		return o.Sensitivity+o.Specificity > best.Sensitivity+best.Specificity
	})
}

// SensitivityThreshold finds the highest threshold that reaches a sensitivity:
// the most specific operating point that misses at most 1-least of the ill.
func SensitivityThreshold(scores []float64, labels []int, least float64) (Operating, error) {
	if !(least > 0 && least <= 1) {
		return Operating{}, usage("the wanted sensitivity is not in (0, 1]")
	}
	return chooseThreshold(scores, labels, func(best, o Operating) bool {
		return best.Sensitivity < least && o.Sensitivity > best.Sensitivity
	})
}

func chooseThreshold(scores []float64, labels []int, better func(best, o Operating) bool) (Operating, error) {
	r, ones, err := binaryRanking(scores, labels)
	if err != nil {
		return Operating{}, err
	}
	positives, negatives := r.totals(ones)
	if positives == 0 || negatives == 0 {
		return Operating{}, fault.New(fault.DataUnfit, "a threshold needs both classes", "choose it on a split that holds both")
	}
	best := Operating{Threshold: math.Inf(1), Specificity: 1}
	tp, fp := 0.0, 0.0
	r.groups(ones, func(rank int, p, n float64) {
		tp += p
		fp += n
		o := Operating{Threshold: r.score[rank], Sensitivity: tp / positives, Specificity: 1 - fp/negatives}
		if math.IsInf(best.Threshold, 1) || better(best, o) {
			best = o
		}
	})
	return best, nil
}
