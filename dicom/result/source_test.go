package result

import (
	"bytes"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/dicom"
)

// attributes of a source of a test.
type attributes map[dicom.Tag]any

func made(t testing.TB, a attributes) *dicom.Object {
	t.Helper()
	o := dicom.New("")
	for tag, v := range a {
		if err := o.Set(tag, v); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

const (
	crClass    = "1.2.840.10008.5.1.4.1.1.1"
	dxClass    = "1.2.840.10008.5.1.4.1.1.1.1"
	ctClass    = "1.2.840.10008.5.1.4.1.1.2"
	usClass    = "1.2.840.10008.5.1.4.1.1.6.1"
	usMulti    = "1.2.840.10008.5.1.4.1.1.3.1"
	ecgClass   = "1.2.840.10008.5.1.4.1.1.9.1.1"
	audioClass = "1.2.840.10008.5.1.4.1.1.9.4.2"
)

// source is a header with what the table's rows have in common; more overrides.
func source(t testing.TB, class, modality, sop string, more attributes) *dicom.Object {
	t.Helper()
	a := attributes{
		dicom.SOPClassUID: class, dicom.SOPInstanceUID: sop, dicom.StudyInstanceUID: "1.2.3", dicom.SeriesInstanceUID: "1.2.3.4",
		dicom.Modality: modality, dicom.PatientName: "SYNTHETIC^PATIENT", dicom.PatientID: "SYN-1", dicom.PatientBirthDate: "19500101",
		dicom.PatientSex: "F", dicom.StudyDate: "20261101", dicom.StudyTime: "101500", dicom.AccessionNumber: "A1",
		dicom.ReferringPhysicianName: "Doe^Jane", dicom.StudyID: "7",
	}
	if class != ecgClass && class != audioClass {
		a[dicom.Rows], a[dicom.Columns] = 128, 96
	}
	for tag, v := range more {
		if v == nil {
			delete(a, tag)
			continue
		}
		a[tag] = v
	}
	return made(t, a)
}

// sources is the table of what results are made about.
func sources(t testing.TB) map[string][]*dicom.Object {
	ct := func(i int, z string) *dicom.Object {
		o := source(t, ctClass, "CT", "1.2.3.4."+string(rune('1'+i)), attributes{
			dicom.BodyPartExamined: "CHEST", 0x00200052: "1.2.3.9", 0x00201040: "", 0x00180050: "2.5"})
		for tag, v := range map[dicom.Tag][]string{0x00200032: {"-48", "-64", z}, 0x00200037: {"1", "0", "0", "0", "1", "0"}, 0x00280030: {"0.75", "0.75"}} {
			if err := o.Set(tag, v); err != nil {
				t.Fatal(err)
			}
		}
		return o
	}
	return map[string][]*dicom.Object{
		"CR":      {source(t, crClass, "CR", "1.2.3.4.1", attributes{dicom.BodyPartExamined: "CHEST", 0x00181164: []string{"0.2", "0.2"}})},
		"DX":      {source(t, dxClass, "DX", "1.2.3.4.1", attributes{dicom.BodyPartExamined: "HAND", 0x00200062: "L"})},
		"CT":      {ct(0, "10"), ct(1, "12.5"), ct(2, "15")},
		"US":      {source(t, usClass, "US", "1.2.3.4.1", nil)},
		"US cine": {source(t, usMulti, "US", "1.2.3.4.1", attributes{0x00280008: 12})},
		"SC":      {source(t, SecondaryImage, "OT", "1.2.3.4.1", nil)},
		"ECG":     {source(t, ecgClass, "ECG", "1.2.3.4.1", nil)},
		"audio":   {source(t, audioClass, "AU", "1.2.3.4.1", nil)},
		"names":   {source(t, crClass, "CR", "1.2.3.4.1", attributes{dicom.PatientName: "Łukasiewicz^Żaneta=山田^花子", dicom.StudyDescription: "Röntgen Thorax", dicom.BodyPartExamined: "CHEST"})},
		"bare": {source(t, crClass, "CR", "1.2.3.4.1", attributes{dicom.PatientName: nil, dicom.PatientID: nil, dicom.PatientBirthDate: nil, dicom.PatientSex: nil,
			dicom.StudyDate: nil, dicom.StudyTime: nil, dicom.AccessionNumber: nil, dicom.ReferringPhysicianName: nil, dicom.StudyID: nil})},
		"two series": {ct(0, "10"), source(t, crClass, "CR", "1.2.3.5.1", attributes{dicom.SeriesInstanceUID: "1.2.3.5"})},
	}
}

func at(hour int) time.Time {
	return time.Date(2026, 11, 2, hour, 30, 0, 0, time.FixedZone("", 3600))
}

func ptr(v float64) *float64 { return &v }

// about makes findings over sources: one that is stated, with regions or
// segments, and one that cannot tell.
func about(list []*dicom.Object) Input {
	first := list[0].IDs().SOP
	all := make([]string, len(list))
	for i, o := range list {
		all[i] = o.IDs().SOP
	}
	in := Input{Sources: list, Made: at(9), Device: Device{Version: "0.3.0", Serial: "node-1", Station: "CONSILIUM"}}
	f := Finding{ID: "pneumonia 1", Sources: []string{first}, Digest: "5b0c", Finding: clinical.Finding{
		Input: "film.dcm", Kind: clinical.KindImage, Task: "pneumonia on a chest film", Model: "pneumonia", Version: "1.2.0",
		Verdict: clinical.VerdictFinding, Answer: "pneumonia", Coverage: 0.9, Notes: []string{"Outside of the intended use: adult."}, Synthetic: true,
		Outcomes: []clinical.Outcome{
			{Concept: clinical.Concept{Name: "normal"}, Probability: 0.0625},
			{Concept: clinical.Concept{Name: "pneumonia", Code: "J18.9", System: "ICD-10"}, Probability: 0.9375, Low: ptr(0.875), High: ptr(0.96875), InSet: true},
		}}}
	if isWaveform(list[0]) {
		f.Kind = clinical.KindECG
		f.Segments = []clinical.Segment{{Start: 1.25, End: 2, Weight: 0.5}, {Start: 4, End: 4.5, Weight: 0.25}}
	} else {
		f.Regions = []clinical.Region{{X: 10.5, Y: 20, Width: 30, Height: 40, Weight: 0.5}, {X: 80, Y: 100, Width: 30, Height: 40, Weight: 0.25}}
	}
	if n, _ := list[0].Int(dicom.NumberOfFrames); n > 1 {
		f.Frame = 3
	}
	unsure := Finding{ID: "grade 1", Sources: all, Digest: "77aa", Finding: clinical.Finding{
		Kind: clinical.KindVolume, Task: "grade", Model: "grade", Version: "0.1.0", Verdict: clinical.VerdictCannotTell, Answer: "cannot tell: mild or moderate", Coverage: 0.9,
		Outcomes: []clinical.Outcome{
			{Concept: clinical.Concept{Name: "mild non-proliferative retinopathy", Code: "E11.32", System: "ICD-10-CM"}, Probability: 0.5, InSet: true},
			{Concept: clinical.Concept{Name: "a label without any code"}, Probability: 0.25, InSet: true},
			{Concept: clinical.Concept{Name: "none"}, Probability: 0.25},
		}}}
	in.Findings = []Finding{f, unsure}
	return in
}

// reviewed is the signed form of an unsigned report.
func reviewed(in Input, unsigned *dicom.Object) Input {
	in.Findings = append([]Finding(nil), in.Findings...)
	in.Findings[0].Review = &Review{Decision: Reject, Comment: "Old scar.", By: "Ada Łovelace", At: at(10)}
	in.Findings[1].Review = &Review{Decision: Correct, Answer: "none", By: "Lovelace^Ada", At: at(10)}
	in.Signature = &Signature{By: "Łovelace^Ada", Organization: "Synthetic Clinic", At: at(11), Attestation: "I have read this study."}
	id := unsigned.IDs()
	in.Predecessor = &id
	return in
}

func write(t testing.TB, o *dicom.Object) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
