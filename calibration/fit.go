package calibration

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"consilium/fault"
)

// FitOptions say how to fit. The zero value tries every method that fits, over 5 folds.
type FitOptions struct {
	Methods []string // to choose from, the simpler first; nil = all that fit the number of classes
	Folds   int      // 0 = 5
	Seed    uint64
	Groups  []string // patient of each example: never on both sides of a fold
}

// Candidate is a method with its cross-validated log loss.
type Candidate struct {
	Method  string  `json:"method"`
	LogLoss float64 `json:"log_loss"`
}

// Fitted is the chosen map and the evidence for it.
type Fitted struct {
	Map        Map         `json:"map"`
	Candidates []Candidate `json:"candidates"`
	// Held are probabilities of the chosen method for each example, by a map
	// that did not see it: honest input for FitConformal and for a
	// reliability diagram of the validation split.
	Held [][]float64 `json:"-"`
}

// minExamples is what a calibration is fitted on at least.
const minExamples = 20

// Fit chooses the method with the lowest cross-validated log loss (the simpler
// on a tie) and fits it on all examples. Two classes also get the scores for
// the Venn-Abers interval. Logits come from the validation split or from a
// site's own cases. Too few examples or one class only is DATA_UNFIT.
func Fit(logits [][]float64, labels []int, o FitOptions) (Fitted, error) {
	classes, err := checkSplit(logits, labels)
	if err != nil {
		return Fitted{}, err
	}
	folds, err := o.split(labels)
	if err != nil {
		return Fitted{}, err
	}
	methods := o.Methods
	if methods == nil {
		methods = []string{None, Temperature, VennAbers, Isotonic}
		if classes != 2 {
			methods = []string{None, Temperature, Isotonic}
		}
	}
	var out Fitted
	best := math.Inf(1)
	for _, method := range methods {
		held, err := crossFit(method, logits, labels, folds, o.seed())
		if err != nil {
			return Fitted{}, err
		}
		loss := logLoss(held, labels)
		out.Candidates = append(out.Candidates, Candidate{method, loss})
		if loss < best {
			best, out.Held, out.Map.Method = loss, held, method
		}
	}
	out.Map, err = fitMethod(out.Map.Method, logits, labels, o.seed())
	if err == nil && classes == 2 && len(out.Map.Scores) == 0 {
		out.Map.Scores, out.Map.Truth = keepScores(logits, labels, o.seed())
	}
	return out, err
}

func (o FitOptions) seed() *rand.Rand { return rand.New(rand.NewPCG(o.Seed, 0x63616c6962)) }

func fitMethod(method string, logits [][]float64, labels []int, rng *rand.Rand) (Map, error) {
	switch method {
	case None:
		return Map{Method: None}, nil
	case Temperature:
		return fitTemperature(logits, labels), nil
	case Isotonic:
		return fitIsotonic(logits, labels), nil
	case VennAbers:
		if len(logits[0]) != 2 {
			return Map{}, fault.New(fault.Usage, "Venn-Abers calibration is for two classes", "choose temperature or isotonic")
		}
		m := Map{Method: VennAbers}
		m.Scores, m.Truth = keepScores(logits, labels, rng)
		return m, nil
	}
	return Map{}, fault.New(fault.Usage, fmt.Sprintf("unknown calibration method %q", method),
		"choose none, temperature, isotonic or venn-abers")
}

// keptScores bounds what a card carries; more add little to the interval.
const keptScores = 2_000

// keepScores gives the sorted scores and labels of at most keptScores examples,
// rounded to six digits so that the card stays readable.
func keepScores(logits [][]float64, labels []int, rng *rand.Rand) ([]float64, []int) {
	chosen := rng.Perm(len(logits))[:min(len(logits), keptScores)]
	type scored struct {
		score float64
		label int
	}
	all := make([]scored, len(chosen))
	for i, at := range chosen {
		text := strconv.FormatFloat(logits[at][1]-logits[at][0], 'g', 6, 64)
		score, _ := strconv.ParseFloat(text, 64) // just formatted
		all[i] = scored{score, labels[at]}
	}
	slices.SortFunc(all, func(a, b scored) int {
		switch {
		case a.score < b.score:
			return -1
		case a.score > b.score:
			return 1
		}
		return a.label - b.label
	})
	scores, truth := make([]float64, len(all)), make([]int, len(all))
	for i, s := range all {
		scores[i], truth[i] = s.score, s.label
	}
	return scores, truth
}

// crossFit gives each example the probabilities of a map fitted without its fold.
func crossFit(method string, logits [][]float64, labels, folds []int, rng *rand.Rand) ([][]float64, error) {
	held := make([][]float64, len(logits))
	for fold := range slices.Max(folds) + 1 {
		var z [][]float64
		var y []int
		for i := range logits {
			if folds[i] != fold {
				z, y = append(z, logits[i]), append(y, labels[i])
			}
		}
		m, err := fitMethod(method, z, y, rng)
		if err != nil {
			return nil, err
		}
		for i := range logits {
			if folds[i] != fold {
				continue
			}
			if held[i], err = m.Apply(logits[i]); err != nil {
				return nil, err
			}
		}
	}
	return held, nil
}

// checkSplit refuses what nothing can be calibrated on, and counts the classes.
func checkSplit(logits [][]float64, labels []int) (classes int, err error) {
	if len(logits) != len(labels) {
		return 0, fault.New(fault.InputMalformed, fmt.Sprintf("%d predictions for %d labels", len(logits), len(labels)),
			"give one label for each prediction")
	}
	if len(logits) < minExamples {
		return 0, unfit(fmt.Sprintf("%d examples to calibrate on", len(logits)))
	}
	classes = len(logits[0])
	for i, z := range logits {
		if err := checkLogits(z); err != nil {
			return 0, err
		}
		if len(z) != classes {
			return 0, fault.New(fault.InputMalformed, fmt.Sprintf("row %d has %d logits, row 0 has %d", i, len(z), classes),
				"give every example the same classes")
		}
		if labels[i] < 0 || labels[i] >= classes {
			return 0, fault.New(fault.InputRange, fmt.Sprintf("label %d of example %d is not one of %d classes", labels[i], i, classes),
				fmt.Sprintf("labels run from 0 to %d", classes-1))
		}
	}
	if slices.Min(labels) == slices.Max(labels) {
		return 0, unfit("every calibration example has the same label")
	}
	return classes, nil
}

func unfit(what string) error {
	return fault.New(fault.DataUnfit, what, fmt.Sprintf("calibrate on at least %d examples of several classes", minExamples))
}

// logLoss is the mean negative log probability of the truth, kept finite as in package metric.
func logLoss(probs [][]float64, labels []int) float64 {
	sum := 0.0
	for i, p := range probs {
		sum -= math.Log(min(max(p[labels[i]], 0x1p-52), 1-0x1p-52))
	}
	return sum / float64(len(probs))
}
