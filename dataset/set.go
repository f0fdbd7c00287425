// Package dataset reads real data sets into labelled, split, streamed examples.
package dataset

import "consilium/clinical"

// Split names a part of a data set.
type Split string

// The three splits. Validation also carries calibration; test is never tuned on.
const (
	Train      Split = "train"
	Validation Split = "val"
	Test       Split = "test"
)

// Info describes a data set to the reader of a model card.
type Info struct {
	Name      string             `json:"name"`
	Kind      clinical.Kind      `json:"kind"`
	Shape     []int              `json:"shape"` // of one example as the network gets it: image C,H,W; volume C,D,H,W; ECG leads,samples; sound frames,mels; table columns
	Labels    []clinical.Concept `json:"labels"`
	Licence   string             `json:"licence"`
	Citation  string             `json:"citation"`
	Synthetic bool               `json:"synthetic"`
	SplitBy   string             `json:"split_by"`          // "official", "patient hash", "recording hash", ...
	Columns   []string           `json:"columns,omitempty"` // table: variable names
	Caveats   []string           `json:"caveats,omitempty"`
	Front     *Front             `json:"front,omitempty"` // recordings only
}

// Front is how a recording becomes a tensor: what a model card must repeat for a diagnosis to see what training saw.
type Front struct {
	Rate    float64  `json:"rate"`
	MinRate float64  `json:"min_rate,omitempty"`
	Seconds float64  `json:"seconds"`
	Leads   []string `json:"leads,omitempty"`
	Mels    int      `json:"mels,omitempty"`
}

// Sample identifies one example: who it came from and what it is labelled.
type Sample struct {
	ID    string // unique in the set
	Group string // patient (or recording source) that must not cross splits
	Label int    // index into Info.Labels
}

// Set is a data set. Read decodes one example at a time, so that memory stays
// bounded by the batch and not by the set. Implementations are safe for
// concurrent Read.
type Set interface {
	Info() Info
	Len(Split) int
	// Read fills into (len = product of Info().Shape) with example i.
	Read(split Split, i int, into []float32) (Sample, error)
	Close() error
}
