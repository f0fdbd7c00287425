// Package report tells what a training run did and how good the model is: as a
// self-contained HTML page with pictures, as JSON, and as text for the terminal.
//
// The page loads nothing from outside, follows the reader's light or dark
// scheme, prints, and holds the numbers behind every picture as a table. What
// is synthetic says so on top, and every report carries the disclaimer.
package report

import (
	"encoding/json"
	"fmt"
	"io"

	"consilium/calibration"
	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
	"consilium/metric"
)

// Format is the version of the JSON report.
const Format = 1

// Run is everything that is reported of one training run: the training loop
// fills it, the writers only draw it.
type Run struct {
	Format      int                `json:"format"` // set by WriteJSON
	Title       string             `json:"title"`
	Task        string             `json:"task"`
	Model       Model              `json:"model"`
	Data        dataset.Info       `json:"data"`
	Splits      []Split            `json:"splits"`
	Seeds       []Seed             `json:"seeds"`
	Shipped     int                `json:"shipped"` // index into Seeds of the model that is kept
	Across      []metric.SeedValue `json:"across,omitempty"`
	Calibration *Calibration       `json:"calibration,omitempty"`
	Conformal   *Conformal         `json:"conformal,omitempty"`
	Config      []Setting          `json:"config,omitempty"` // hyperparameters, in reading order
	Environment []Setting          `json:"environment,omitempty"`
	Command     string             `json:"command"` // that repeats the run
	Started     string             `json:"started"` // ISO 8601
	Seconds     float64            `json:"seconds"` // wall time of the whole run
	Notes       []string           `json:"notes,omitempty"`
	Disclaimer  string             `json:"disclaimer"`          // set by WriteJSON
	Synthetic   string             `json:"synthetic,omitempty"` // notice, set by WriteJSON
}

// Model says what was trained.
type Model struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Arch       string `json:"arch"`
	Parameters int    `json:"parameters"`
}

// Split counts the examples of a part of the data set.
type Split struct {
	Name     dataset.Split `json:"name"`
	Examples int           `json:"examples"`
	Classes  []int         `json:"classes,omitempty"` // examples a label, in label order
}

// Seed is one training run from one random seed.
type Seed struct {
	Seed    uint64        `json:"seed"`
	Best    int           `json:"best"` // epoch whose weights were kept
	Curve   []Epoch       `json:"curve,omitempty"`
	Test    metric.Report `json:"test"` // with calibrated probabilities
	Seconds float64       `json:"seconds"`
}

// Epoch is one point of the learning curves.
type Epoch struct {
	Epoch        int     `json:"epoch"` // from 1
	Train        Scores  `json:"train"`
	Validation   Scores  `json:"validation"`
	LearningRate float64 `json:"learning_rate,omitempty"`
	Seconds      float64 `json:"seconds,omitempty"`
}

// Scores of a split after an epoch; nil where not measured.
type Scores struct {
	Loss *float64 `json:"loss"`
	AUC  *float64 `json:"auc"`
}

// Calibration says what the map changed. After is the shipped seed's Test.
type Calibration struct {
	Map        calibration.Map         `json:"map"`
	Split      dataset.Split           `json:"split"` // it was fitted on
	Candidates []calibration.Candidate `json:"candidates,omitempty"`
	Before     metric.Report           `json:"before"` // test split, plain softmax
}

// Conformal says what the sets promise and what they kept on the test split.
type Conformal struct {
	Rule  calibration.Conformal  `json:"rule"`
	Test  calibration.Coverage   `json:"test"`
	Sweep []calibration.Coverage `json:"sweep,omitempty"` // the same for other promises
}

// Setting is a named value, shown as it is.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// SweepLevels are the promises that Sweep measures.
var SweepLevels = []float64{0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 0.99}

// Sweep is SweepLike for one threshold over all classes.
func Sweep(held [][]float64, heldLabels []int, test [][]float64, labels []int) ([]calibration.Coverage, error) {
	return SweepLike(calibration.Conformal{}, held, heldLabels, test, labels)
}

// SweepLike fits a conformal rule of the given rule's kind for every level of
// SweepLevels on held-out probabilities, and measures it on the test split.
func SweepLike(rule calibration.Conformal, held [][]float64, heldLabels []int, test [][]float64, labels []int) ([]calibration.Coverage, error) {
	var out []calibration.Coverage
	for _, level := range SweepLevels {
		other, err := rule.Refit(held, heldLabels, level)
		if err != nil {
			return nil, err
		}
		got, err := other.Assess(test, labels)
		if err != nil {
			return nil, err
		}
		out = append(out, got)
	}
	return out, nil
}

// complete checks a run and fills in what every report says.
func (r Run) complete() (Run, error) {
	switch {
	case len(r.Seeds) == 0:
		return r, fault.New(fault.Usage, "a report of no seed", "report after at least one training run")
	case r.Shipped < 0 || r.Shipped >= len(r.Seeds):
		return r, fault.New(fault.Usage, fmt.Sprintf("shipped seed %d of %d", r.Shipped, len(r.Seeds)), "name one of the seeds")
	}
	r.Format = Format
	r.Disclaimer = clinical.Disclaimer
	r.Synthetic = ""
	if r.Data.Synthetic {
		r.Synthetic = clinical.SyntheticNotice
	}
	return r, nil
}

// test is the evaluation of the model that is kept.
func (r Run) test() metric.Report { return r.Seeds[r.Shipped].Test }

// WriteJSON writes the run as indented JSON. NaN and infinity cannot be told
// in JSON and are refused: undefined values are nil.
func WriteJSON(w io.Writer, r Run) error {
	r, err := r.complete()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fault.Wrap(err, fault.InputNotFinite, "the run cannot be written as JSON", "leave undefined values nil")
	}
	if _, err := w.Write(append(data, '\n')); err != nil {
		return fault.Wrap(err, fault.IO, "the report was not written", "check the disk and the permissions")
	}
	return nil
}
