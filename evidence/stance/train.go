package stance

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"consilium/calibration"
	"consilium/fault"
)

// Example is a question, the sentences of one document and the expert's answer.
type Example struct {
	Question  string
	Sentences []string
	Answer    string // Yes, No or Maybe
}

// Promised is the share of cases whose true answer the conformal set of a shipped model holds. The
// model answers when the set has one member. It was fixed before any coverage was measured.
const Promised = 0.8

// penalties are what inner cross-validation chooses from.
var penalties = []float64{0.1, 0.2, 0.4, 0.8}

const (
	innerFolds  = 5
	minExamples = 60
)

// examples in the form that is learnt from.
type matrix struct {
	x      [][]float64
	labels []int
}

// prepare reads examples. Too few, or a missing answer, is DATA_UNFIT; an unknown answer INPUT_MALFORMED.
func prepare(examples []Example) (matrix, error) {
	var m matrix
	count := make([]int, len(labels))
	for i, e := range examples {
		label := slices.Index(labels, e.Answer)
		if label < 0 {
			return m, fault.New(fault.InputMalformed, fmt.Sprintf("example %d is answered %.40q", i, e.Answer), "answers are yes, no and maybe")
		}
		count[label]++
		m.x = append(m.x, read(e.Question, e.Sentences).vector())
		m.labels = append(m.labels, label)
	}
	if len(examples) < minExamples || slices.Min(count) < innerFolds {
		return m, fault.New(fault.DataUnfit, fmt.Sprintf("%d examples: %d yes, %d no, %d maybe", len(examples), count[0], count[1], count[2]),
			fmt.Sprintf("give %d or more, with at least %d of each answer", minExamples, innerFolds))
	}
	return m, nil
}

// Train fits weights, temperature and conformal threshold. The penalty is that with the lowest
// cross-validated log loss; calibration and threshold use those held-out logits, so that no
// example speaks for itself. Same examples and seed, same model. INTERRUPTED when ctx ends.
func Train(ctx context.Context, examples []Example, seed uint64) (*Classifier, error) {
	m, err := prepare(examples)
	if err != nil {
		return nil, err
	}
	return train(ctx, m, seed)
}

func train(ctx context.Context, m matrix, seed uint64) (*Classifier, error) {
	folds := deal(m.labels, innerFolds, seed)
	best := math.Inf(1)
	var held [][]float64
	model := Model{Features: featureNames()}
	for _, penalty := range penalties {
		logits, err := m.crossFit(ctx, folds, penalty)
		if err != nil {
			return nil, err
		}
		if l := logLoss(logits, m.labels); l < best {
			best, held, model.Penalty = l, logits, penalty
		}
	}
	fitted, err := calibration.Fit(held, m.labels, calibration.FitOptions{Methods: []string{calibration.Temperature}, Seed: seed})
	if err != nil {
		return nil, err
	}
	model.Calibration = fitted.Map
	if model.Conformal, err = calibration.FitConformal(fitted.Held, m.labels, Promised); err != nil {
		return nil, err
	}
	model.Logistic, err = fitLogistic(m.x, m.labels, len(labels), model.Penalty)
	return &Classifier{model}, err
}

// crossFit gives each example the logits of a model that did not see its fold.
func (m matrix) crossFit(ctx context.Context, folds []int, penalty float64) ([][]float64, error) {
	out := make([][]float64, len(m.x))
	for f := range slices.Max(folds) + 1 {
		if ctx.Err() != nil {
			return nil, fault.New(fault.Interrupted, "training was stopped", "start it again")
		}
		seen, _ := m.split(folds, f)
		l, err := fitLogistic(seen.x, seen.labels, len(labels), penalty)
		if err != nil {
			return nil, err
		}
		for i := range m.x {
			if folds[i] == f {
				out[i] = l.logits(m.x[i])
			}
		}
	}
	return out, nil
}

// split gives the examples outside of a fold, and the places of those inside.
func (m matrix) split(folds []int, fold int) (outside matrix, inside []int) {
	for i := range m.x {
		if folds[i] == fold {
			inside = append(inside, i)
		} else {
			outside.x, outside.labels = append(outside.x, m.x[i]), append(outside.labels, m.labels[i])
		}
	}
	return outside, inside
}

// deal gives each example a fold, class by class, so that every fold has its share of each.
func deal(labels []int, folds int, seed uint64) []int {
	out, next := make([]int, len(labels)), map[int]int{}
	for _, i := range rand.New(rand.NewPCG(seed, 0x7374616e6365)).Perm(len(labels)) {
		out[i] = next[labels[i]] % folds
		next[labels[i]]++
	}
	return out
}

func logLoss(logits [][]float64, truth []int) float64 {
	sum := 0.0
	for i, z := range logits {
		p, err := calibration.Softmax(z)
		if err != nil {
			return math.Inf(1)
		}
		sum -= math.Log(max(p[truth[i]], 1e-12))
	}
	return sum / float64(len(logits))
}

// JSON is the classifier as Parse reads it. Weights keep six digits.
func (c *Classifier) JSON() ([]byte, error) {
	m := c.model
	m.Logistic = logistic{Bias: rounded(m.Logistic.Bias)}
	for _, row := range c.model.Logistic.Weights {
		m.Logistic.Weights = append(m.Logistic.Weights, rounded(row))
	}
	out, err := json.MarshalIndent(m, "", " ")
	return append(out, '\n'), err
}

func rounded(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Round(v*1e6) / 1e6
	}
	return out
}
