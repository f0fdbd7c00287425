package result

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"consilium/clinical"
	"consilium/dicom"
	"consilium/fault"
)

// Report is what ReadSR finds in a measurement report.
type Report struct {
	IDs         dicom.IDs
	Verified    bool
	Complete    bool
	Made        time.Time // content date and time
	Signature   *Signature
	Predecessor *dicom.IDs
	Findings    []Finding
	Comments    []string
	Sources     []dicom.IDs // of the evidence
}

// ReadSR reads a report after TID 1500, our own or another maker's: what it
// states in measurement groups. Of other makers' groups it takes tracking,
// finding, probabilities, regions and algorithm; other measurements stay out.
//
// Errors: INPUT_UNSUPPORTED for what is no such report, INPUT_TOO_LARGE beyond
// MaxFindings.
func ReadSR(o *dicom.Object) (Report, error) {
	if !strings.HasPrefix(o.IDs().Class, "1.2.840.10008.5.1.4.1.1.88.") {
		return Report{}, fault.New(fault.InputUnsupported, o.Name()+" is no structured report", "give a report after TID 1500")
	}
	r := Report{
		IDs: o.IDs(), Verified: o.Text(dicom.VerificationFlag) == verified, Complete: o.Text(dicom.CompletionFlag) == "COMPLETE",
		Made: contentTime(o), Sources: evidenceIn(o.Items(dicom.CurrentRequestedProcedureEvidenceSequence)),
	}
	if before := evidenceIn(o.Items(dicom.PredecessorDocumentsSequence)); len(before) > 0 {
		r.Predecessor = &before[0]
	}
	if v := o.Item(dicom.VerifyingObserverSequence); r.Verified {
		r.Signature = &Signature{By: v.Text(dicom.VerifyingObserverName), Organization: v.Text(dicom.VerifyingOrganization), At: parseMoment(v.Text(dicom.VerificationDateTime))}
	}
	body, found := child(o, measurements)
	if !found {
		return r, fault.New(fault.InputUnsupported, o.Name()+" has no imaging measurements", "give a report after TID 1500")
	}
	for _, item := range children(o, commentName) {
		s := item.Text(dicom.TextValue)
		if rest, ok := strings.CutPrefix(s, "Attestation: "); ok && r.Signature != nil {
			r.Signature.Attestation = rest
			continue
		}
		r.Comments = append(r.Comments, s)
	}
	for _, group := range children(body, measurementGroup) {
		if len(r.Findings) >= MaxFindings {
			return r, fault.New(fault.InputTooLarge, fmt.Sprintf("%s has more than %d findings", o.Name(), MaxFindings), "split it")
		}
		r.take(readGroup(group))
	}
	return r, nil
}

// take adds a finding; a group of a region belongs to the finding before it.
func (r *Report) take(f Finding) {
	if n := len(r.Findings); n > 0 {
		last := &r.Findings[n-1]
		if strings.HasPrefix(f.ID, last.ID+", region ") && len(f.Regions) > 0 && f.Model == "" {
			last.Regions = append(last.Regions, f.Regions...)
			return
		}
	}
	r.Findings = append(r.Findings, f)
}

func readGroup(group *dicom.Object) Finding {
	var f Finding
	for _, item := range group.Items(dicom.ContentSequence) {
		name := conceptOf(item)
		value := item.Text(dicom.TextValue)
		switch {
		case name.is(trackingID):
			f.ID = value
		case name.is(findingName):
			f.Answer, f.Verdict = labelOf(item).Name, clinical.VerdictFinding
		case name.is(algorithmName):
			f.Model = value
		case name.is(algorithmVersion):
			f.Version = value
		case name.is(algorithmParam):
			f.parameter(value)
		case name.is(probability):
			f.Outcomes = append(f.Outcomes, readOutcome(item))
		case name.is(setMember):
			f.member(labelOf(item))
		case name.is(coverageName):
			f.Coverage = numeric(item) / 100
		case name.is(commentName):
			f.Notes = append(f.Notes, value)
		case name.is(reviewName):
			f.Review = readReview(item)
		default:
			f.place(item)
		}
	}
	f.ownWords(group)
	return f
}

// ownWords takes what only our reports have: the algorithm's answer apart from
// the finding that is stated, which may be the reviewer's.
func (f *Finding) ownWords(group *dicom.Object) {
	if item, found := child(group, answerName); found {
		f.Answer = item.Text(dicom.TextValue)
	}
	if item, found := child(group, verdictName); found {
		f.Verdict = clinical.VerdictFinding
		if c := codeIn(item.Item(dicom.ConceptCodeSequence)); c.is(indeterminate) {
			f.Verdict = clinical.VerdictCannotTell
		}
	}
}

func (f *Finding) parameter(s string) {
	key, value, _ := strings.Cut(s, ": ")
	switch key {
	case keyTask:
		f.Task = value
	case keyKind:
		f.Kind = clinical.Kind(value)
	case keyDigest:
		f.Digest = value
	}
}

func (f *Finding) member(label clinical.Concept) {
	for i := range f.Outcomes {
		if f.Outcomes[i].Concept == label {
			f.Outcomes[i].InSet = true
		}
	}
}

// place reads references to sources and results, regions and segments.
func (f *Finding) place(item *dicom.Object) {
	switch item.Text(dicom.ValueType) {
	case "IMAGE", "WAVEFORM":
		ref := item.Item(dicom.ReferencedSOPSequence)
		id := dicom.IDs{Class: ref.Text(dicom.ReferencedSOPClassUID), SOP: ref.Text(dicom.ReferencedSOPInstanceUID)}
		if name := conceptOf(item); name.is(illustration) || name.is(segmentFrame) {
			f.Objects = append(f.Objects, id)
			return
		}
		f.Sources = append(f.Sources, id.SOP)
		if n, ok := ref.Int(dicom.ReferencedFrameNumber); ok {
			f.Frame = n
		}
	case "SCOORD":
		if r, ok := bounds(item.Floats(dicom.GraphicData), item.Text(dicom.GraphicType)); ok {
			f.Regions = append(f.Regions, r)
		}
		if len(f.Sources) == 0 {
			for _, image := range item.Items(dicom.ContentSequence) {
				f.place(image)
			}
		}
	case "NUM":
		if !conceptOf(item).is(weightName) {
			return
		}
		weight := numeric(item) / 100
		for _, below := range item.Items(dicom.ContentSequence) {
			if t := below.Floats(dicom.ReferencedTimeOffsets); len(t) == 2 {
				f.Segments = append(f.Segments, clinical.Segment{Start: t[0], End: t[1], Weight: weight})
				return
			}
		}
		if n := len(f.Regions); n > 0 {
			f.Regions[n-1].Weight = weight
		}
	}
}

// bounds is the box around points, or around a circle that centre and one point give.
func bounds(points []float64, graphic string) (clinical.Region, bool) {
	if len(points) < 2 || len(points)%2 != 0 {
		return clinical.Region{}, false
	}
	if graphic == "CIRCLE" && len(points) == 4 {
		r := math.Hypot(points[2]-points[0], points[3]-points[1])
		return clinical.Region{X: points[0] - r, Y: points[1] - r, Width: 2 * r, Height: 2 * r}, true
	}
	x0, y0, x1, y1 := points[0], points[1], points[0], points[1]
	for i := 0; i < len(points); i += 2 {
		x0, x1 = min(x0, points[i]), max(x1, points[i])
		y0, y1 = min(y0, points[i+1]), max(y1, points[i+1])
	}
	return clinical.Region{X: x0, Y: y0, Width: x1 - x0, Height: y1 - y0}, true
}

func readOutcome(item *dicom.Object) clinical.Outcome {
	o := clinical.Outcome{Probability: numeric(item) / 100}
	if label, found := child(item, findingName); found {
		o.Concept = labelOf(label)
	}
	if above, found := child(item, rangeAbove); found {
		high := o.Probability + numeric(above)/100
		o.High = &high
	}
	if below, found := child(item, rangeBelow); found {
		low := o.Probability - numeric(below)/100
		o.Low = &low
	}
	return o
}

func readReview(item *dicom.Object) *Review {
	r := &Review{}
	decision := codeIn(item.Item(dicom.ConceptCodeSequence))
	for name, code := range reviews {
		if decision.is(code) {
			r.Decision = name
		}
	}
	if who, found := child(item, personName); found {
		r.By = who.Text(dicom.PersonName)
	}
	if at, found := child(item, observationTime); found {
		r.At = parseMoment(at.Text(dicom.DateTime))
	}
	if c, found := child(item, correctedName); found {
		r.Answer = labelOf(c).Name
	}
	if c, found := child(item, commentName); found {
		r.Comment = c.Text(dicom.TextValue)
	}
	return r
}

// is compares codes by value and scheme.
func (c Code) is(other Code) bool { return c.Value == other.Value && c.Scheme == other.Scheme }

func conceptOf(item *dicom.Object) Code { return codeIn(item.Item(dicom.ConceptNameCodeSequence)) }

// labelOf reads the value of a CODE item as a label.
func labelOf(item *dicom.Object) clinical.Concept {
	c := codeIn(item.Item(dicom.ConceptCodeSequence))
	for system, scheme := range schemes {
		if scheme == c.Scheme && system != "SNOMED" {
			return clinical.Concept{Name: c.Meaning, Code: c.Value, System: system}
		}
	}
	return clinical.Concept{Name: c.Meaning}
}

// children are the items below that are named so.
func children(o *dicom.Object, name Code) (list []*dicom.Object) {
	for _, item := range o.Items(dicom.ContentSequence) {
		if conceptOf(item).is(name) {
			list = append(list, item)
		}
	}
	return list
}

func child(o *dicom.Object, name Code) (*dicom.Object, bool) {
	if list := children(o, name); len(list) > 0 {
		return list[0], true
	}
	return nil, false
}

// numeric is the value of a NUM item; the floating point value is exact.
func numeric(item *dicom.Object) float64 {
	m := item.Item(dicom.MeasuredValueSequence)
	if v, ok := m.Float(dicom.FloatingPointValue); ok {
		return v
	}
	v, _ := m.Float(dicom.NumericValue)
	return v
}

// evidenceIn reads the hierarchy of PS3.3 table C.17-3.
func evidenceIn(studies []*dicom.Object) (list []dicom.IDs) {
	for _, study := range studies {
		for _, series := range study.Items(dicom.ReferencedSeriesSequence) {
			for _, ref := range series.Items(dicom.ReferencedSOPSequence) {
				list = append(list, dicom.IDs{Study: study.Text(dicom.StudyInstanceUID), Series: series.Text(dicom.SeriesInstanceUID),
					Class: ref.Text(dicom.ReferencedSOPClassUID), SOP: ref.Text(dicom.ReferencedSOPInstanceUID)})
			}
		}
	}
	return list
}

// contentTime is when the content was made, in the zone that the object names.
func contentTime(o *dicom.Object) time.Time {
	clock, _, _ := strings.Cut(o.Text(dicom.ContentTime), ".")
	s := o.Text(dicom.ContentDate) + clock
	if zone := o.Text(dicom.TimezoneOffsetFromUTC); zone != "" {
		s += zone
	}
	return parseMoment(s)
}

// parseMoment reads a DT value; the zero time when it is none.
func parseMoment(s string) time.Time {
	zone := ""
	if i := strings.LastIndexAny(s, "+-"); i >= 0 {
		s, zone = s[:i], s[i:]
	}
	digits, fraction, _ := strings.Cut(s, ".")
	t, err := time.Parse("20060102150405-0700", digits+orElse(zone, "+0000"))
	if err != nil {
		return time.Time{}
	}
	if f, err := strconv.ParseFloat("0."+fraction, 64); err == nil && fraction != "" {
		t = t.Add(time.Duration(f * 1e9).Round(time.Microsecond))
	}
	return t
}
