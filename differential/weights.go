package differential

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"consilium/fault"
)

// Weights is what was learned on published cases: how much each feature counts,
// and how sure the list may be.
type Weights struct {
	Reranked Ranker `json:"reranked"` // all features
	Plain    Ranker `json:"plain"`    // likelihood ratios only

	// Published is for cases from publications only: it also counts what was looked for and
	// not found as a hint, because their authors knew the diagnosis when they wrote it down.
	Published Ranker `json:"published"`
}

// Ranker turns the features of a list of diseases into probabilities.
type Ranker struct {
	Features []string    `json:"features"`
	Mean     []float64   `json:"mean"`
	Scale    []float64   `json:"scale"`
	Weight   []float64   `json:"weight"`  // of the standardised feature
	Outside  [][]float64 `json:"outside"` // what speaks for "known, and not on this list" and for "not known at all", by fact; the last is the constant

	at    []feature
	group []part
}

//go:embed weights/weights.json
var weightsFile []byte

//go:embed weights/card.json
var cardFile []byte

// Card is what the shipped weights were trained on, as JSON.
func Card() []byte { return bytes.Clone(cardFile) }

// ShippedWeights gives the weights that come with the program.
func ShippedWeights() (Weights, error) { return ParseWeights(weightsFile) }

// maxWeights bounds a weights file.
const maxWeights = 1 << 20

// ParseWeights reads weights as JSON has them, and checks them.
func ParseWeights(file []byte) (Weights, error) {
	var w Weights
	if len(file) > maxWeights {
		return w, fault.New(fault.InputTooLarge, fmt.Sprintf("a weights file has at most %d bytes", maxWeights), "check what this file is")
	}
	if err := json.Unmarshal(file, &w); err != nil {
		return w, fault.Wrap(err, fault.ModelMalformed, "the weights are not JSON", "train them again with `consilium differential learn`")
	}
	for _, r := range []*Ranker{&w.Reranked, &w.Plain, &w.Published} {
		if err := r.open(r == &w.Published); err != nil {
			return w, fault.Wrap(err, fault.ModelMalformed, "the weights do not fit this version", "train them again with `consilium differential learn`")
		}
	}
	return w, nil
}

// open finds the features by name; free lifts the rule of signs.
func (r *Ranker) open(free bool) error {
	n := len(r.Features)
	if len(r.Mean) != n || len(r.Scale) != n || len(r.Weight) != n || len(r.Outside) != outsides {
		return fmt.Errorf("%d features, %d means, %d scales, %d weights, %d heads", n, len(r.Mean), len(r.Scale), len(r.Weight), len(r.Outside))
	}
	r.at, r.group = make([]feature, n), make([]part, n)
	for i, name := range r.Features {
		f := slices.Index(names[:], name)
		if f < 0 {
			return fmt.Errorf("unknown feature %q", name)
		}
		if !sane(r.Mean[i]) || !sane(r.Weight[i]) || !sane(r.Scale[i]) || r.Scale[i] <= 0 {
			return fmt.Errorf("feature %q has a value that no training gives", name)
		}
		if s := signs[feature(f)]; s*r.Weight[i] < 0 && !free {
			return fmt.Errorf("feature %q has the wrong sign: an excluded finding must not speak for a disease", name)
		}
		r.at[i], r.group[i] = feature(f), partOf(feature(f))
	}
	for _, head := range r.Outside {
		if len(head) != facts+1 || slices.ContainsFunc(head, func(v float64) bool { return !sane(v) }) {
			return fmt.Errorf("the part for diseases outside the list is not whole")
		}
	}
	return nil
}

// sane bounds weights, so that no sum of them overflows.
func sane(v float64) bool { return math.Abs(v) <= 1e6 }

// signs of weights that are not free: whatever is learned, an exclusion never raises
// a disease that can have the finding.
var signs = map[feature]float64{absentRatio: 1, absentMost: -1, absentExpected: -1, absentTypical: 1, absentAgreed: 1, strangeToDisease: -1}

// clip bounds a standardised feature: what lies farther out was not seen in training.
const clip = 5

// standard gives the standardised features of a row, in the order of the ranker's.
func (r *Ranker) standard(x *row, out []float64) {
	for i, f := range r.at {
		out[i] = min(max((x[f]-r.Mean[i])/r.Scale[i], -clip), clip)
	}
}

// score weighs a row; parts add up to it.
func (r *Ranker) score(x *row) (total float64, parts [partCount]float64) {
	for i, f := range r.at {
		v := r.Weight[i] * min(max((x[f]-r.Mean[i])/r.Scale[i], -clip), clip)
		total += v
		parts[r.group[i]] += v
	}
	return total, parts
}

// scores weighs each row of a list.
func (r *Ranker) scores(rows []row) []float64 {
	out := make([]float64, len(rows))
	for i := range rows {
		out[i], _ = r.score(&rows[i])
	}
	return out
}

// part is a group of features, as an explanation names it.
type part int

const (
	partFindings part = iota
	partPicture
	partAbsent
	partKnown
	partLife
	partTwin
	partCount
)

var partNames = [partCount]string{
	"what the findings say", "how much of the disease is there", "what was excluded", "how well the disease is known", "onset and sex", "the same disease in another catalogue",
}

func partOf(f feature) part {
	switch {
	case f < covered:
		return partFindings
	case f < absentRatio:
		return partPicture
	case f < knownTerms:
		return partAbsent
	case f < onsetRatio:
		return partKnown
	case f < twinKnown:
		return partLife
	}
	return partTwin
}
