package calibration

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"consilium/fault"
)

// Conformity scores of a Conformal.
const (
	LAC = "lac" // 1-p of the label: the smallest sets on average (Sadinle, Lei and Wasserman, JASA 2019)
	APS = "aps" // probability down to and including the label (Romano, Sesia and Candes, NeurIPS 2020), without randomisation
)

// Conformal is the split-conformal rule: a label is in the set when its score
// is at most the threshold. On new examples exchangeable with the calibration
// examples the set holds the truth with probability Coverage or more, whatever
// the model (Vovk et al. 2005; Angelopoulos and Bates 2023).
type Conformal struct {
	Coverage  float64 `json:"coverage"`  // promised, e.g. 0.90
	Threshold float64 `json:"threshold"` // on the score 1-p of calibrated probabilities
	Examples  int     `json:"examples"`  // calibration examples used
	Method    string  `json:"method,omitempty"`
	// Mondrian: one threshold for each class, which promises the coverage
	// within every class, the rare ones too.
	Thresholds []float64 `json:"thresholds,omitempty"`
}

// FitConformal finds the threshold of LAC sets. Probabilities come from
// examples that neither the model nor the calibration map was fitted on
// (Fitted.Held is right). Too few examples to promise the coverage make sets
// that hold every label: true, and useless.
func FitConformal(probs [][]float64, labels []int, coverage float64) (Conformal, error) {
	return fitConformal(LAC, probs, labels, coverage)
}

// FitAPS is FitConformal with adaptive sets: larger where the case is hard.
func FitAPS(probs [][]float64, labels []int, coverage float64) (Conformal, error) {
	return fitConformal(APS, probs, labels, coverage)
}

// FitMondrian is FitConformal class by class (Vovk 2013): the coverage holds
// for patients of each true class, at the price of larger sets. A class with
// too few examples is in every set.
func FitMondrian(probs [][]float64, labels []int, coverage float64) (Conformal, error) {
	c, err := fitConformal(LAC, probs, labels, coverage)
	if err != nil {
		return c, err
	}
	c.Threshold = 0
	c.Thresholds = make([]float64, len(probs[0]))
	for class := range c.Thresholds {
		var scores []float64
		for i, p := range probs {
			if labels[i] == class {
				scores = append(scores, c.scores(p)[class])
			}
		}
		c.Thresholds[class] = threshold(scores, coverage)
		c.Threshold = max(c.Threshold, c.Thresholds[class])
	}
	return c, nil
}

// Refit fits the same kind of rule for another coverage, or on other examples.
func (c Conformal) Refit(probs [][]float64, labels []int, coverage float64) (Conformal, error) {
	switch {
	case c.Thresholds != nil:
		return FitMondrian(probs, labels, coverage)
	case c.Method == APS:
		return FitAPS(probs, labels, coverage)
	}
	return FitConformal(probs, labels, coverage)
}

func fitConformal(method string, probs [][]float64, labels []int, coverage float64) (Conformal, error) {
	if !(coverage > 0 && coverage < 1) {
		return Conformal{}, fault.New(fault.Usage, fmt.Sprintf("a promised coverage of %g", coverage), "ask for something like 0.9")
	}
	if err := checkRows(probs, labels); err != nil {
		return Conformal{}, err
	}
	c := Conformal{Coverage: coverage, Examples: len(probs), Method: method}
	scores := make([]float64, len(probs))
	for i, p := range probs {
		scores[i] = c.scores(p)[labels[i]]
	}
	c.Threshold = threshold(scores, coverage)
	return c, nil
}

// order gives the rank of the calibration score that promises a coverage with
// n examples: ceil((n+1) coverage), free of rounding just above an integer.
func order(n int, coverage float64) int {
	return int(math.Ceil(float64(n+1)*coverage - 1e-9))
}

// threshold is the score at that rank. Beyond the last score it is 1, the
// largest score there is, so that every label is in.
func threshold(scores []float64, coverage float64) float64 {
	k := order(len(scores), coverage)
	if k > len(scores) {
		return 1
	}
	slices.Sort(scores)
	return min(scores[max(k, 1)-1], 1)
}

// scores gives the conformity score of every label, 0..1, small when it fits.
func (c Conformal) scores(probs []float64) []float64 {
	out := make([]float64, len(probs))
	if c.Method != APS {
		for i, p := range probs {
			out[i] = min(max(1-p, 0), 1)
		}
		return out
	}
	falling := make([]int, len(probs))
	for i := range falling {
		falling[i] = i
	}
	sort.SliceStable(falling, func(a, b int) bool { return probs[falling[a]] > probs[falling[b]] })
	sum := 0.0
	for _, label := range falling {
		sum += probs[label]
		out[label] = min(max(sum, 0), 1)
	}
	return out
}

// Set gives the labels that cannot be excluded, in index order. A probability
// that is NaN excludes nothing.
func (c Conformal) Set(probs []float64) []int {
	var set []int
	for label, score := range c.scores(probs) {
		limit := c.Threshold
		if label < len(c.Thresholds) {
			limit = c.Thresholds[label]
		}
		if !(score > limit) {
			set = append(set, label)
		}
	}
	return set
}

// Verdict is the answer when the set has exactly one member; several, or none,
// mean "cannot tell" and answered is false.
func (c Conformal) Verdict(probs []float64) (label int, answered bool) {
	set := c.Set(probs)
	if len(set) != 1 {
		return 0, false
	}
	return set[0], true
}

// Validate checks a rule that came from outside, to be used with so many
// classes. The error is MODEL_MALFORMED.
func (c Conformal) Validate(classes int) error {
	within := func(v float64) bool { return v >= 0 && v <= 1 }
	switch {
	case !(c.Coverage > 0 && c.Coverage < 1):
		return malformed(fmt.Sprintf("conformal coverage %g is not between 0 and 1", c.Coverage))
	case !within(c.Threshold):
		return malformed(fmt.Sprintf("conformal threshold %g is not within 0..1", c.Threshold))
	case c.Examples < 0:
		return malformed("conformal rule of a negative number of examples")
	case c.Method != "" && c.Method != LAC && c.Method != APS:
		return malformed(fmt.Sprintf("unknown conformal method %q", c.Method))
	case c.Thresholds != nil && len(c.Thresholds) != classes:
		return malformed(fmt.Sprintf("%d conformal thresholds for %d classes", len(c.Thresholds), classes))
	}
	for _, v := range c.Thresholds {
		if !within(v) {
			return malformed(fmt.Sprintf("conformal threshold %g is not within 0..1", v))
		}
	}
	return nil
}

// checkRows refuses anything but finite probabilities over the same classes.
func checkRows(probs [][]float64, labels []int) error {
	if len(probs) == 0 {
		return fault.New(fault.InputEmpty, "no examples to fit a conformal rule on", "check that the validation split has examples")
	}
	if len(probs) != len(labels) {
		return fault.New(fault.InputMalformed, fmt.Sprintf("%d predictions for %d labels", len(probs), len(labels)),
			"give one label for each prediction")
	}
	classes := len(probs[0])
	for i, row := range probs {
		if len(row) != classes || classes < 2 || classes > MaxClasses {
			return fault.New(fault.InputMalformed, fmt.Sprintf("row %d has %d probabilities, row 0 has %d", i, len(row), classes),
				"give every example the same classes, at least two")
		}
		for _, p := range row {
			if math.IsNaN(p) || math.IsInf(p, 0) {
				return fault.New(fault.InputNotFinite, fmt.Sprintf("row %d holds NaN or infinity", i), "look for a diverged model")
			}
			if p < 0 || p > 1+1e-3 {
				return fault.New(fault.InputRange, fmt.Sprintf("row %d holds %g, which is not a probability", i, p),
					"apply the calibration map to logits first")
			}
		}
		if labels[i] < 0 || labels[i] >= classes {
			return fault.New(fault.InputRange, fmt.Sprintf("label %d of example %d is not one of %d classes", labels[i], i, classes),
				fmt.Sprintf("labels run from 0 to %d", classes-1))
		}
	}
	return nil
}
