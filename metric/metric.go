// Package metric measures classifiers: discrimination, calibration error and
// decisions, each with a bootstrap interval and a trivial baseline beside it.
//
// One idea carries the package. A bootstrap draw is nothing but a count per
// example, so every metric is written once as a function of counts over data
// that were sorted beforehand: the point estimate uses counts of one, a draw
// uses what was drawn, and a draw costs O(n) even for rank metrics.
//
// Conventions (docs/metrics.md has the sources): two classes are judged by the
// probability of class 1; more classes by the mean over classes, one against
// the rest, as MedMNIST does. Ties count half in the AUC. What is undefined is
// a nil pointer in a Report and a coded error elsewhere, never NaN.
package metric

import (
	"fmt"
	"math"

	"consilium/fault"
)

// Limits on what is accepted. They bound memory, and are far above any test set here.
const (
	MaxExamples = 10_000_000
	MaxClasses  = 1_000
	MaxDraws    = 10_000
)

// sumTolerance is how far a row of probabilities may be from 1: a float32
// softmax over many classes is off by less.
const sumTolerance = 1e-3

// checkBinary refuses scores and 0/1 labels that no binary metric is defined on.
func checkBinary(scores []float64, labels []int) error {
	if err := checkLengths(len(scores), len(labels)); err != nil {
		return err
	}
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return notFinite(i)
		}
	}
	return checkLabels(labels, 2)
}

// checkProbabilities refuses anything but finite rows over the same classes
// that sum to one, with a label each.
func checkProbabilities(probs [][]float64, labels []int) error {
	if err := checkLengths(len(probs), len(labels)); err != nil {
		return err
	}
	classes := len(probs[0])
	if classes < 2 || classes > MaxClasses {
		return fault.New(fault.InputMalformed, fmt.Sprintf("%d classes a row", classes),
			fmt.Sprintf("give between 2 and %d probabilities a row; a binary model has two", MaxClasses))
	}
	for i, row := range probs {
		if len(row) != classes {
			return fault.New(fault.InputMalformed, fmt.Sprintf("row %d has %d probabilities, row 0 has %d", i, len(row), classes),
				"give every example the same classes")
		}
		if err := checkRow(i, row); err != nil {
			return err
		}
	}
	return checkLabels(labels, classes)
}

func checkRow(i int, row []float64) error {
	sum := 0.0
	for _, p := range row {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			return notFinite(i)
		}
		if p < 0 || p > 1+sumTolerance {
			return fault.New(fault.InputRange, fmt.Sprintf("row %d holds %g, which is not a probability", i, p),
				"apply the softmax or the calibration map to logits first")
		}
		sum += p
	}
	if math.Abs(sum-1) > sumTolerance {
		return fault.New(fault.InputRange, fmt.Sprintf("row %d sums to %g", i, sum),
			"give probabilities that sum to 1")
	}
	return nil
}

func checkLengths(rows, labels int) error {
	switch {
	case rows != labels:
		return fault.New(fault.InputMalformed, fmt.Sprintf("%d predictions for %d labels", rows, labels),
			"give one label for each prediction")
	case rows == 0:
		return fault.New(fault.InputEmpty, "there are no predictions to measure", "check that the split has examples")
	case rows > MaxExamples:
		return fault.New(fault.InputTooLarge, fmt.Sprintf("%d examples", rows),
			fmt.Sprintf("measure at most %d at once", MaxExamples))
	}
	return nil
}

func checkLabels(labels []int, classes int) error {
	for i, y := range labels {
		if y < 0 || y >= classes {
			return fault.New(fault.InputRange, fmt.Sprintf("label %d of example %d is not one of %d classes", y, i, classes),
				fmt.Sprintf("labels run from 0 to %d", classes-1))
		}
	}
	return nil
}

func notFinite(i int) error {
	return fault.New(fault.InputNotFinite, fmt.Sprintf("the prediction for example %d is NaN or infinite", i),
		"look for a diverged training run or a division by zero before the softmax")
}

// undefined is the error of a metric that these data cannot give a value to.
func undefined(metric, why string) error {
	return fault.New(fault.DataUnfit, metric+" is undefined: "+why, "measure on data that hold every class")
}
