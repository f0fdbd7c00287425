package clinical

// Concept is a named thing with its code in a public system.
type Concept struct {
	Name   string `json:"name"`
	Code   string `json:"code,omitempty"`
	System string `json:"system,omitempty"` // "ICD-10"
}

// Outcome is one label of a model with its calibrated probability.
type Outcome struct {
	Concept
	Probability float64  `json:"probability"`
	Low         *float64 `json:"low,omitempty"` // interval of the calibrated probability, when the model's card carries one
	High        *float64 `json:"high,omitempty"`
	InSet       bool     `json:"in_set"` // member of the conformal set
}

// Verdicts of a finding.
const (
	VerdictFinding    = "finding"     // the conformal set has exactly one member
	VerdictCannotTell = "cannot tell" // the set has several members, or none
)

// Finding is what one model says about one input.
type Finding struct {
	Input     string    `json:"input"`
	Kind      Kind      `json:"kind"`
	Task      string    `json:"task"` // "pneumonia on a chest film"
	Model     string    `json:"model"`
	Version   string    `json:"version"`
	Verdict   string    `json:"verdict"`
	Answer    string    `json:"answer"` // the label, or "cannot tell: A or B"
	Outcomes  []Outcome `json:"outcomes"`
	Coverage  float64   `json:"coverage"` // that the conformal set promises, e.g. 0.90
	Pictures  []Picture `json:"pictures,omitempty"`
	Regions   []Region  `json:"regions,omitempty"`  // of a picture: where the model looked
	Segments  []Segment `json:"segments,omitempty"` // of a signal: when it listened
	Notes     []string  `json:"notes,omitempty"`    // warnings: synthetic training data, out of intended use ...
	Synthetic bool      `json:"synthetic"`          // the input says it is synthetic
}

// Picture is an explanation written to a file.
type Picture struct {
	Method  string `json:"method"`  // "grad-cam", "integrated-gradients", "occlusion"
	Outcome string `json:"outcome"` // which label it explains
	Path    string `json:"path"`
	Caption string `json:"caption"`
	Overlay string `json:"overlay,omitempty"` // file of the map alone, transparent, over the whole image; "" when there is none
}

// Region is a box around a place that an answer rests on, in pixels of the
// image as it was read.
type Region struct {
	X      float64 `json:"x"` // left edge
	Y      float64 `json:"y"` // upper edge
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Weight float64 `json:"weight"` // share of the evidence for the answer, 0..1
}

// Segment is a stretch of a recording that an answer rests on, in seconds.
type Segment struct {
	Start  float64 `json:"start"`
	End    float64 `json:"end"`
	Weight float64 `json:"weight"`
}

// Refusal is an input that was not read, with the coded reason.
type Refusal struct {
	Input string `json:"input"`
	Code  string `json:"code"`
	What  string `json:"what"`
	Do    string `json:"do"`
}

// Assessment is the answer to a case.
type Assessment struct {
	Case       string    `json:"case"`
	Findings   []Finding `json:"findings"`
	Refusals   []Refusal `json:"refusals,omitempty"`
	Disclaimer string    `json:"disclaimer"`
	Synthetic  bool      `json:"synthetic"`
}
