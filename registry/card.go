// Package registry keeps models as signed, code-free bundles: ONNX, card,
// preprocessing, labels, calibration and conformal threshold.
package registry

import (
	"consilium/calibration"
	"consilium/clinical"
)

// Card is everything that is known about a model, in one file (card.json).
type Card struct {
	Format      int                   `json:"format"` // of this card: 1
	Name        string                `json:"name"`   // "pneumonia"
	Version     string                `json:"version"`
	Task        string                `json:"task"` // "pneumonia on a paediatric chest film"
	Kind        clinical.Kind         `json:"kind"`
	Arch        string                `json:"arch"` // zoo network, or "imported"
	Parameters  int                   `json:"parameters"`
	Labels      []clinical.Concept    `json:"labels"` // in output order
	IntendedUse string                `json:"intended_use"`
	Limits      []string              `json:"limits"`
	Licence     string                `json:"licence"`
	Synthetic   bool                  `json:"synthetic"` // trained on generated data
	Data        Data                  `json:"data"`
	Figures     []Figure              `json:"figures"`
	Input       Input                 `json:"input"`
	Calibration calibration.Map       `json:"calibration"`
	Conformal   calibration.Conformal `json:"conformal"`
	MadeBy      string                `json:"made_by"`          // the command that made it
	Trained     string                `json:"trained"`          // date, ISO 8601
	Origin      *Origin               `json:"origin,omitempty"` // imported models only
}

// Origin says how a model of another maker was made to fit. Import wraps the
// graph, so that the bundle's own model takes "input" [B, shape...] channels first and
// gives "logits" [B, K] like every other; nobody after Import has to care.
type Origin struct {
	Output     string `json:"output"`                // what the original gives: "logits" or "probabilities"
	Layout     string `json:"layout,omitempty"`      // "channels_first" (default: NCHW, NCDHW, NCT) or "channels_last" (NHWC, NDHWC, NTC)
	InputPort  string `json:"input_port,omitempty"`  // name in the original; may be left out when there is one
	OutputPort string `json:"output_port,omitempty"` // likewise
	SHA256     string `json:"sha256,omitempty"`      // of the original ONNX file, filled in by Import
	Producer   string `json:"producer,omitempty"`    // as the original names it, filled in by Import
}

// Data says what the model was trained and measured on.
type Data struct {
	Name     string         `json:"name"`
	Licence  string         `json:"licence"`
	Citation string         `json:"citation"`
	Splits   map[string]int `json:"splits"` // examples a split
	SplitBy  string         `json:"split_by"`
	Caveats  []string       `json:"caveats,omitempty"`
}

// Figure is one measured value with its interval and the trivial baseline.
type Figure struct {
	Metric   string   `json:"metric"` // "auc", "accuracy", ...
	Split    string   `json:"split"`
	Value    float64  `json:"value"`
	Low      float64  `json:"low"`
	High     float64  `json:"high"`
	Baseline *float64 `json:"baseline,omitempty"`
	Note     string   `json:"note,omitempty"` // "95% bootstrap, 1000 draws"
}

// Input says how a recording or picture becomes the tensor named Port, and what is refused.
type Input struct {
	Port  string `json:"port"`  // ONNX input name
	Shape []int  `json:"shape"` // without the batch: image C,H,W; ECG leads,samples; sound frames,mels
	// Image: values are scaled so that the encoding's range becomes 0..1, resized by area averaging, then (x-Mean)/Std when set.
	Mean []float32 `json:"mean,omitempty"` // per channel; none = identity
	Std  []float32 `json:"std,omitempty"`
	// Allowed range of each tensor value after preprocessing; outside is INPUT_RANGE.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Plausible range of the mean of a tensor; outside is INPUT_RANGE (wrong window, inverted, blank). Equal values switch the check off.
	MeanLow  float64 `json:"mean_low"`
	MeanHigh float64 `json:"mean_high"`
	// Modalities and body parts that fit, for DICOM inputs; none = any.
	Modalities []string `json:"modalities,omitempty"`
	BodyParts  []string `json:"body_parts,omitempty"`
	// Signals.
	Rate    float64  `json:"rate,omitempty"`     // Hz after resampling
	MinRate float64  `json:"min_rate,omitempty"` // lowest rate accepted at the door
	Seconds float64  `json:"seconds,omitempty"`  // length after cropping or padding
	Leads   []string `json:"leads,omitempty"`    // in tensor order
	Mels    int      `json:"mels,omitempty"`     // log-mel bands
}
