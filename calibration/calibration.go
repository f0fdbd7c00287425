// Package calibration makes scores mean what they say: temperature and isotonic
// maps, Venn-Abers intervals, split-conformal sets with "cannot tell".
package calibration

// Map turns logits into calibrated probabilities. It is data: it travels in a model's card.
type Map struct {
	Method      string  `json:"method"` // "none", "temperature", "isotonic"
	Temperature float64 `json:"temperature,omitempty"`
	// Isotonic, per class: sorted knots of raw probability and calibrated value.
	Knots  [][]float64 `json:"knots,omitempty"`
	Values [][]float64 `json:"values,omitempty"`
	// Binary models: calibration scores (logit of class 1 minus logit of class 0)
	// and labels, for the Venn-Abers interval.
	Scores []float64 `json:"scores,omitempty"`
	Truth  []int     `json:"truth,omitempty"`
}

// Conformal is the split-conformal rule: a label is in the set when 1-p <= Threshold.
type Conformal struct {
	Coverage  float64 `json:"coverage"`  // promised, e.g. 0.90
	Threshold float64 `json:"threshold"` // on the score 1-p of calibrated probabilities
	Examples  int     `json:"examples"`  // calibration examples used
}
