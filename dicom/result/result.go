// Package result makes DICOM objects of what Consilium found: a Comprehensive
// 3D SR after TID 1500, a Basic Text SR, a Segmentation, and Secondary
// Captures of the heat maps; and reads its reports back.
//
//	func SR(in Input) (*dicom.Object, error)
//	func BasicSR(in Input) (*dicom.Object, error)
//	func SEG(in Input) ([]*dicom.Object, error)
//	func SecondaryCapture(in Input, p Picture) (*dicom.Object, error)
//	func ReadSR(o *dicom.Object) (Report, error)
//
// Every object lies in the study of its sources, in a series of its own, and
// is UNVERIFIED until Input.Signature is set. UIDs are derived from study,
// sources, content, models and state: the same Input gives the same bytes, so
// that a repetition stores nothing new. Input.Made is not part of a UID: keep
// the time of the assessment and give it again, or a repetition gives other
// bytes under the same UID.
package result

import (
	"fmt"
	"math"
	"slices"
	"time"

	"consilium/clinical"
	"consilium/dicom"
	"consilium/fault"
)

// SOP classes that this package makes (PS3.4 B.5).
const (
	Comprehensive3DSR = "1.2.840.10008.5.1.4.1.1.88.34"
	BasicTextSR       = "1.2.840.10008.5.1.4.1.1.88.11"
	Segmentation      = "1.2.840.10008.5.1.4.1.1.66.4"
	SecondaryImage    = "1.2.840.10008.5.1.4.1.1.7"
)

// Limits on one report.
const (
	MaxSources  = 20_000
	MaxFindings = 1_000
	MaxRegions  = 1_000 // and segments, of one finding
)

// Input is everything that the result objects of one study say.
type Input struct {
	Sources     []*dicom.Object    // headers of the images and waveforms that were examined: at least one, all of one study
	Findings    []Finding          // in the order of the report
	Refusals    []clinical.Refusal // what was handed in and not judged; makes the report PARTIAL
	Made        time.Time          // when the assessment was made
	Device      Device             // the node that made it
	Signature   *Signature         // nil: UNVERIFIED
	Predecessor *dicom.IDs         // of a signed report: the unsigned one that it replaces
}

// Finding is what one model says about one source, and what the reviewer says to that.
type Finding struct {
	clinical.Finding
	ID      string      // names the finding in its study, the same before and after the signature: the tracking identifier
	Sources []string    // SOP instance UIDs of what it is about; regions and segments lie in the first
	Frame   int         // of a multi-frame source, from 1
	Digest  string      // of the model's bundle
	Objects []dicom.IDs // heat maps and segmentations of this finding, where they are stored
	Masks   []Mask      // for SEG; without masks SEG draws the regions
	Review  *Review     // nil: nobody looked yet
}

// Mask is a segmented part of one frame of a source: rows x columns of the
// source, row by row.
type Mask struct {
	Label  string
	Kind   Code // of what is segmented; the zero Code is evidence for the answer
	SOP    string
	Frame  int // of a multi-frame source, from 1
	Pixels []bool
}

func (m Mask) kind() Code {
	if m.Kind == (Code{}) {
		return evidenceMask
	}
	return m.Kind
}

// Decisions of a reviewer.
const (
	Accept  = "accept"
	Correct = "correct"
	Reject  = "reject"
)

// Review is a reviewer's decision on one finding.
type Review struct {
	Decision string // Accept, Correct or Reject
	Answer   string // of Correct: the right one
	Comment  string
	By       string
	At       time.Time
}

// Signature is the reviewer's attestation on the whole report.
type Signature struct {
	By           string // as DICOM writes names, "Family^Given", or as people do
	Organization string
	At           time.Time
	Attestation  string // what was signed, in words
}

// Device is the node that made the objects.
type Device struct {
	Version string // of the program
	Serial  string // of the installation; "" = "not assigned"
	Station string // station name or AE title, at most 16 characters
}

// Manufacturer and ModelName name the maker of the objects.
const (
	Manufacturer = "Consilium project"
	ModelName    = "Consilium"
)

// Notice is written into every object.
const Notice = "AI result for research and evaluation. Not a certified medical device. A clinician must review it."

func (d Device) serial() string  { return orElse(d.Serial, "not assigned") }
func (d Device) version() string { return orElse(d.Version, "development") }

// uid identifies the node as a device.
func (d Device) uid() string { return dicom.DerivedUID("consilium device", d.serial()) }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// signed says whether a person has put a name to the report.
func (in Input) signed() bool { return in.Signature != nil }

// source finds a source by its SOP instance UID; nil when there is none.
func (in Input) source(sop string) *dicom.Object {
	for _, s := range in.Sources {
		if s.IDs().SOP == sop {
			return s
		}
	}
	return nil
}

// check refuses what cannot become valid objects: USAGE for a mistake of the
// caller, INPUT_MALFORMED for sources without proper identifiers.
func (in Input) check() error {
	switch {
	case len(in.Sources) == 0 || len(in.Sources) > MaxSources:
		return usage("%d sources, between 1 and %d make a report", len(in.Sources), MaxSources)
	case len(in.Findings) > MaxFindings:
		return usage("%d findings, the limit is %d", len(in.Findings), MaxFindings)
	case in.Made.IsZero():
		return usage("an assessment without the time when it was made")
	case in.signed() && (in.Signature.By == "" || in.Signature.At.IsZero()):
		return usage("a signature without name or time")
	}
	known := map[string]bool{}
	study := in.Sources[0].IDs().Study
	for _, s := range in.Sources {
		id := s.IDs()
		for _, uid := range []string{id.Study, id.Series, id.SOP, id.Class} {
			if !dicom.ValidUID(uid) {
				return fault.New(fault.InputMalformed, fmt.Sprintf("%s: %.80q is no UID of study, series, instance or class", s.Name(), uid), "export it again")
			}
		}
		if id.Study != study {
			return usage("sources of two studies: %s and %s", study, id.Study)
		}
		known[id.SOP] = true
	}
	ids := map[string]bool{}
	for _, f := range in.Findings {
		if ids[f.ID] {
			return usage("two findings are called %q", f.ID)
		}
		ids[f.ID] = true
		if err := f.check(known); err != nil {
			return err
		}
	}
	return nil
}

func (f Finding) check(known map[string]bool) error {
	if f.ID == "" || len(f.Sources) == 0 {
		return usage("a finding without name or source")
	}
	if i := slices.IndexFunc(f.Sources, func(sop string) bool { return !known[sop] }); i >= 0 {
		return usage("finding %s is about %s, which is not among the sources", f.ID, f.Sources[i])
	}
	if len(f.Regions) > MaxRegions || len(f.Segments) > MaxRegions {
		return usage("finding %s has more than %d regions", f.ID, MaxRegions)
	}
	numbers := []float64{f.Coverage}
	for _, o := range f.Outcomes {
		numbers = append(numbers, o.Probability)
		for _, bound := range []*float64{o.Low, o.High} {
			if bound != nil {
				numbers = append(numbers, *bound)
			}
		}
	}
	for _, v := range numbers {
		if !(v >= 0 && v <= 1) {
			return fault.New(fault.InputNotFinite, fmt.Sprintf("finding %s has %v where 0 to 1 is meant", f.ID, v), "report the model")
		}
	}
	for _, r := range f.Regions {
		if !finite(r.X, r.Y, r.Width, r.Height, r.Weight) || r.Width < 0 || r.Height < 0 {
			return fault.New(fault.InputNotFinite, fmt.Sprintf("finding %s has a region %v", f.ID, r), "report the model")
		}
	}
	for _, s := range f.Segments {
		if !finite(s.Start, s.End, s.Weight) || s.End < s.Start {
			return fault.New(fault.InputNotFinite, fmt.Sprintf("finding %s has a segment %v", f.ID, s), "report the model")
		}
	}
	if r := f.Review; r != nil && !slices.Contains([]string{Accept, Correct, Reject}, r.Decision) {
		return usage("a review that decides %q", r.Decision)
	}
	return nil
}

func finite(values ...float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

func usage(format string, a ...any) error {
	return fault.New(fault.Usage, "result: "+fmt.Sprintf(format, a...), "give the report what it needs")
}
