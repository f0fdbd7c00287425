package stance

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"consilium/calibration"
	"consilium/fault"
)

// The answers.
const (
	Yes        = "yes"
	No         = "no"
	Maybe      = "maybe"
	CannotTell = "cannot tell"
)

// labels are the classes of the model, in the order of its outputs.
var labels = []string{Yes, No, Maybe}

// spokesmen is how many sentences Because names at most.
const spokesmen = 3

// Stance is what evidence says to a question.
type Stance struct {
	Label         string             `json:"label"`                   // yes, no, maybe or cannot tell
	Probabilities map[string]float64 `json:"probabilities,omitempty"` // calibrated, of yes, no and maybe; nil when nothing was judged
	// Because are the sentences that spoke most for the most probable answer, the strongest first: indexes
	// into the sentences given. Empty when the form of the question alone decided.
	Because []int `json:"because,omitempty"`
}

// Classifier judges. It is immutable and safe for concurrent use.
type Classifier struct{ model Model }

// Model is a trained classifier as data: JSON.
type Model struct {
	Features    []string              `json:"features"` // names, in the order of the weights
	Logistic    logistic              `json:"logistic"`
	Calibration calibration.Map       `json:"calibration"`
	Conformal   calibration.Conformal `json:"conformal"`
	Penalty     float64               `json:"penalty"`
}

//go:embed shipped/stance.json
var shipped []byte

// New gives the classifier that is shipped inside the program.
func New() (*Classifier, error) { return Parse(shipped) }

// Parse reads a classifier from the JSON of a Model. What is not one for this program's features is MODEL_MALFORMED.
func Parse(data []byte) (*Classifier, error) {
	malformed := func(err error, what string) error {
		return fault.Wrap(err, fault.ModelMalformed, "the stance model "+what, "train it again with this version: consilium evidence train stance")
	}
	var m Model
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, malformed(err, "is not JSON")
	}
	if !slices.Equal(m.Features, featureNames()) {
		return nil, malformed(nil, "was trained on other features")
	}
	l := m.Logistic
	if len(l.Weights) != len(labels) || len(l.Bias) != len(labels) {
		return nil, malformed(nil, "has other classes")
	}
	for c, row := range l.Weights {
		if len(row) != featureCount {
			return nil, malformed(nil, fmt.Sprintf("has %d weights for %d features", len(row), featureCount))
		}
		for _, w := range append(row[:len(row):len(row)], l.Bias[c]) {
			if math.Abs(w) > 1e6 {
				return nil, malformed(nil, "has a weight beyond reason")
			}
		}
	}
	if err := m.Calibration.Validate(len(labels)); err != nil {
		return nil, err
	}
	if err := m.Conformal.Validate(len(labels)); err != nil {
		return nil, err
	}
	return &Classifier{m}, nil
}

// Judge says how sentences answer a question. The sentences are those of one document, in its order: the
// model knows that results stand at the end. Without sentences, and for a question that yes or no cannot
// answer, the label is CannotTell.
func (c *Classifier) Judge(question string, sentences []string) Stance {
	if len(sentences) == 0 || !polar(question) {
		return Stance{Label: CannotTell}
	}
	r := read(question, sentences)
	logits := c.model.Logistic.logits(r.vector())
	p, err := c.model.Calibration.Apply(logits)
	if err != nil { // weights and features are bounded, so this does not happen; silence is the safe answer
		return Stance{Label: CannotTell}
	}
	s := Stance{Label: CannotTell, Probabilities: map[string]float64{}}
	top := 0
	for k, v := range p {
		s.Probabilities[labels[k]] = v
		if v > p[top] {
			top = k
		}
	}
	if label, answered := c.model.Conformal.Verdict(p); answered {
		s.Label = labels[label]
	}
	s.Because = c.because(r, top)
	return s
}

// because ranks the sentences by what each adds to the logit of a class above the mean of the others.
func (c *Classifier) because(r reading, class int) []int {
	type vote struct {
		sentence int
		weight   float64
	}
	var votes []vote
	for i := range r.sentences {
		f, sum := r.sentence(i), 0.0
		for k, row := range c.model.Logistic.Weights {
			share := -1 / float64(len(labels)-1)
			if k == class {
				share = 1
			}
			for j, w := range row {
				sum += share * w * f[j]
			}
		}
		if sum > 0 {
			votes = append(votes, vote{i, sum})
		}
	}
	slices.SortStableFunc(votes, func(a, b vote) int { return cmp.Compare(b.weight, a.weight) })
	var out []int
	for _, v := range votes[:min(len(votes), spokesmen)] {
		out = append(out, v.sentence)
	}
	return out
}

// interrogatives open questions that yes and no do not answer.
var interrogatives = []string{"what", "which", "who", "whom", "whose", "when", "where", "why", "how"}

// polar says whether yes or no may answer a question: it does not open with an interrogative, or has
// another clause after a colon or a dash that does not.
func polar(question string) bool {
	open := true // a clause begins here
	for _, w := range tokenise(question) {
		if open && !slices.Contains(interrogatives, w) {
			return true
		}
		open = w == ":" || w == "-" || w == "–" || w == "—" || w == "?"
	}
	return false
}

// featureNames names every weight.
func featureNames() []string {
	out := names(questionCues)
	for _, pool := range []string{"anywhere", "late", "on the question"} {
		for _, f := range sentenceFeatures {
			out = append(out, f+" / "+pool)
		}
	}
	for _, q := range crossed {
		for _, s := range crossedWith {
			out = append(out, q+" x "+s)
		}
	}
	return out
}
