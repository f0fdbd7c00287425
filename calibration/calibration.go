// Package calibration makes scores mean what they say: temperature and isotonic
// maps, Venn-Abers intervals, split-conformal sets with "cannot tell".
//
// All of it is fitted on the validation split, or on a site's own data, and
// none of it on the test split. What is fitted is plain data that travels as
// JSON in a model's card; Validate refuses what could not have been fitted.
package calibration

import (
	"fmt"
	"math"
	"slices"

	"consilium/fault"
)

// Methods of a Map.
const (
	None        = "none"        // softmax as it is
	Temperature = "temperature" // logits divided by one number: Guo et al., ICML 2017
	Isotonic    = "isotonic"    // a monotone step per class: Zadrozny and Elkan, KDD 2002
	VennAbers   = "venn-abers"  // two classes: p1/(1-p0+p1) of the Venn-Abers pair: Vovk and Petej, UAI 2014
)

// Limits on a map, which may come with a foreign model.
const (
	MaxClasses = 1_000
	MaxKnots   = 10_000 // a class
	MaxScores  = 10_000 // for the Venn-Abers interval
)

// Map turns logits into calibrated probabilities. It is data: it travels in a model's card.
type Map struct {
	Method      string  `json:"method"` // "none", "temperature", "isotonic", "venn-abers"
	Temperature float64 `json:"temperature,omitempty"`
	// Isotonic, per class: sorted knots of raw probability and calibrated value.
	// Two classes need only one row, that of class 1.
	Knots  [][]float64 `json:"knots,omitempty"`
	Values [][]float64 `json:"values,omitempty"`
	// Binary models: calibration scores (logit of class 1 minus logit of class 0)
	// in rising order and their labels, for the Venn-Abers interval.
	Scores []float64 `json:"scores,omitempty"`
	Truth  []int     `json:"truth,omitempty"`
}

// Apply gives calibrated probabilities, one a class, that sum to 1. Logits that
// are not finite are INPUT_NOT_FINITE; a map that does not fit them, or that
// breaks its own rules, is MODEL_MALFORMED.
func (m Map) Apply(logits []float64) ([]float64, error) {
	if err := checkLogits(logits); err != nil {
		return nil, err
	}
	switch m.Method {
	case None, "":
		return softmax(logits, 1), nil
	case Temperature:
		if err := m.checkTemperature(); err != nil {
			return nil, err
		}
		return softmax(logits, m.Temperature), nil
	case Isotonic:
		return m.isotonic(logits)
	case VennAbers:
		p0, p1, ok := m.pair(logits)
		if !ok {
			return nil, malformed("a Venn-Abers map needs two classes and calibration scores")
		}
		p := p1 / (1 - p0 + p1)
		return []float64{1 - p, p}, nil
	}
	return nil, malformed(fmt.Sprintf("unknown calibration method %q", m.Method))
}

// Softmax turns logits into probabilities without calibration.
func Softmax(logits []float64) ([]float64, error) { return Map{Method: None}.Apply(logits) }

// softmax is exp(z/t) over its sum, with the largest logit taken off first so
// that nothing overflows.
func softmax(logits []float64, t float64) []float64 {
	top := slices.Max(logits)
	p := make([]float64, len(logits))
	sum := 0.0
	for i, z := range logits {
		p[i] = math.Exp((z - top) / t)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Validate checks a map that came from outside, to be used with so many
// classes. The error is MODEL_MALFORMED.
func (m Map) Validate(classes int) error {
	switch m.Method {
	case None, "":
	case Temperature:
		if err := m.checkTemperature(); err != nil {
			return err
		}
	case Isotonic:
		if err := m.checkKnots(classes); err != nil {
			return err
		}
	case VennAbers:
		if classes != 2 || len(m.Scores) == 0 {
			return malformed("a Venn-Abers map needs two classes and calibration scores")
		}
	default:
		return malformed(fmt.Sprintf("unknown calibration method %q", m.Method))
	}
	return m.checkScores(classes)
}

func (m Map) checkTemperature() error {
	if !(m.Temperature > 0) || math.IsInf(m.Temperature, 0) {
		return malformed(fmt.Sprintf("temperature %g is not a positive number", m.Temperature))
	}
	return nil
}

func (m Map) checkKnots(classes int) error {
	one := classes == 2 && len(m.Knots) == 1
	if len(m.Knots) != len(m.Values) || (len(m.Knots) != classes && !one) {
		return malformed(fmt.Sprintf("%d rows of knots and %d of values for %d classes", len(m.Knots), len(m.Values), classes))
	}
	for class, knots := range m.Knots {
		if len(knots) == 0 || len(knots) > MaxKnots || len(knots) != len(m.Values[class]) {
			return malformed(fmt.Sprintf("class %d has %d knots and %d values", class, len(knots), len(m.Values[class])))
		}
		if !rising(knots) || !rising(m.Values[class]) || !withinUnit(knots) || !withinUnit(m.Values[class]) {
			return malformed(fmt.Sprintf("knots and values of class %d must rise within 0..1", class))
		}
	}
	return nil
}

func (m Map) checkScores(classes int) error {
	if len(m.Scores) == 0 && len(m.Truth) == 0 {
		return nil
	}
	if classes != 2 || len(m.Scores) != len(m.Truth) || len(m.Scores) > MaxScores {
		return malformed(fmt.Sprintf("%d calibration scores with %d labels, for %d classes", len(m.Scores), len(m.Truth), classes))
	}
	if !rising(m.Scores) || math.IsInf(m.Scores[0], 0) || math.IsInf(m.Scores[len(m.Scores)-1], 0) {
		return malformed("calibration scores must be finite and in rising order")
	}
	for _, y := range m.Truth {
		if y != 0 && y != 1 {
			return malformed(fmt.Sprintf("calibration label %d is neither 0 nor 1", y))
		}
	}
	return nil
}

// rising says that values never fall; NaN does not rise.
func rising(values []float64) bool {
	for i, v := range values {
		if math.IsNaN(v) || (i > 0 && v < values[i-1]) {
			return false
		}
	}
	return true
}

// withinUnit expects rising values.
func withinUnit(values []float64) bool {
	return values[0] >= 0 && values[len(values)-1] <= 1
}

func checkLogits(logits []float64) error {
	if len(logits) < 2 || len(logits) > MaxClasses {
		return fault.New(fault.InputMalformed, fmt.Sprintf("%d logits", len(logits)),
			fmt.Sprintf("give between 2 and %d, one a class", MaxClasses))
	}
	for i, z := range logits {
		if math.IsNaN(z) || math.IsInf(z, 0) {
			return fault.New(fault.InputNotFinite, fmt.Sprintf("logit %d is NaN or infinite", i),
				"look for input outside the trained range, or a diverged model")
		}
	}
	return nil
}

func malformed(what string) error {
	return fault.New(fault.ModelMalformed, what, "fit the calibration again, or get the model's card from its maker")
}
