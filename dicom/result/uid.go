package result

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"consilium/dicom"
)

// The states of a report, as series and instances tell them apart.
const (
	unverified = "UNVERIFIED"
	verified   = "VERIFIED"
)

func (in Input) state() string {
	if in.signed() {
		return verified
	}
	return unverified
}

// content is the digest of everything that the objects say, but for the time
// when the assessment was made.
func (in Input) content() string {
	type source struct{ Class, Series, SOP string }
	sources := make([]source, len(in.Sources))
	for i, s := range in.Sources {
		id := s.IDs()
		sources[i] = source{id.Class, id.Series, id.SOP}
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	_ = enc.Encode(sources) // a hash takes everything, and check has refused NaN
	_ = enc.Encode(in.Findings)
	_ = enc.Encode(in.Refusals)
	_ = enc.Encode(in.Device)
	if in.signed() {
		_ = enc.Encode(in.Signature)
		_ = enc.Encode(in.Predecessor)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// models is the digest of the models that answered.
func (in Input) models() string {
	h := sha256.New()
	for _, f := range in.Findings {
		fmt.Fprintf(h, "%s@%s#%s\n", f.Model, f.Version, f.Digest)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// seriesUID names the series of one kind of object: a new one for each set of
// models, and for reviewed results another than for unreviewed ones.
func (in Input) seriesUID(modality string) string {
	return dicom.DerivedUID("series", in.Sources[0].IDs().Study, modality, in.models(), in.state())
}

func (in Input) instanceUID(class string, more ...string) string {
	parts := append([]string{"instance", in.Sources[0].IDs().Study, class, in.content(), in.models(), in.state()}, more...)
	return dicom.DerivedUID(parts...)
}

// trackingUID follows one finding through the reports of its study.
func (in Input) trackingUID(id string) string {
	return dicom.DerivedUID("tracking", in.Sources[0].IDs().Study, id)
}
