package harmonise

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"consilium/dataset"
	"consilium/fault"
)

// Adjustment brings a site's features to the common scale: (value - Shift) / Scale, feature by feature. A model that was
// trained on harmonised features needs the adjustment of the site that asks it.
type Adjustment struct {
	Shift []float64 `json:"shift"`
	Scale []float64 `json:"scale"` // a divisor above 0
}

// Bounds of an adjustment.
const (
	MaxFeatures        = 1 << 20
	MaxAdjustmentBytes = 64 << 20
	mostNumber         = 1e6
)

// Check refuses an adjustment that cannot be applied. Errors: DATA_UNFIT.
func (a Adjustment) Check() error {
	bad := func(what string) error {
		return fault.New(fault.DataUnfit, "an adjustment "+what, "run the job's harmonisation again")
	}
	if len(a.Shift) == 0 || len(a.Shift) != len(a.Scale) || len(a.Shift) > MaxFeatures {
		return bad(fmt.Sprintf("with %d shifts and %d scales", len(a.Shift), len(a.Scale)))
	}
	for j := range a.Shift {
		if !(math.Abs(a.Shift[j]) <= mostNumber) || !(a.Scale[j] >= 1/mostNumber && a.Scale[j] <= mostNumber) {
			return bad(fmt.Sprintf("of %g and %g in feature %d", a.Shift[j], a.Scale[j], j))
		}
	}
	return nil
}

// Read reads an adjustment from its JSON. Errors: DATA_UNFIT.
func Read(text []byte) (Adjustment, error) {
	var a Adjustment
	if len(text) > MaxAdjustmentBytes {
		return a, fault.New(fault.DataUnfit, "an adjustment beyond the limit of 64 MiB", "run the job's harmonisation again")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(&a)
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = fmt.Errorf("something follows it")
		}
	}
	if err != nil {
		return Adjustment{}, fault.Wrap(err, fault.DataUnfit, "an adjustment cannot be read", "run the job's harmonisation again")
	}
	return a, a.Check()
}

// Apply adjusts one example of a shape in place. Errors: USAGE.
func (a Adjustment) Apply(shape []int, values []float32) error {
	f := cut(shape)
	if f.count != len(a.Shift) || f.count != len(a.Scale) || f.count == 0 || len(values)%(f.count*f.inner) != 0 {
		return fault.New(fault.Usage, fmt.Sprintf("an adjustment of %d features for examples of shape %v", len(a.Shift), shape), "use the adjustment that was made for these data")
	}
	for k, v := range values {
		j := f.of(k)
		values[k] = float32((float64(v) - a.Shift[j]) / a.Scale[j])
	}
	return nil
}

// Set reads another set's examples, adjusted. It is safe for concurrent Read, as the other one is. An adjustment that does
// not fit shows as an error of Read. Close closes the other set.
func Set(inner dataset.Set, a Adjustment) dataset.Set {
	return &adjusted{Set: inner, a: a, bad: a.Check()}
}

type adjusted struct {
	dataset.Set
	a   Adjustment
	bad error
}

// Info says that the values are not as they were measured.
func (s *adjusted) Info() dataset.Info {
	info := s.Set.Info()
	info.Caveats = append(append([]string(nil), info.Caveats...), "Values are harmonised between sites: a diagnosis needs the adjustment of its own site.")
	return info
}

// Read fills into with an adjusted example.
func (s *adjusted) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	sample, err := s.Set.Read(split, i, into)
	if err != nil {
		return sample, err
	}
	if s.bad != nil {
		return dataset.Sample{}, s.bad
	}
	return sample, s.a.Apply(s.Set.Info().Shape, into)
}
