package result

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"time"

	"consilium/clinical"
	"consilium/dicom"
)

// annexes describe the objects that are made, and the codes in them.
func (s Statement) annexes(p *page) error {
	p.line("## 8 Annexes\n\n### 8.1 Created SOP instances\n")
	p.line("The attributes of each kind of object, from one that was made for this page. \"source\": the value is that of the image or waveform that was examined.\n")
	objects, err := examples()
	if err != nil {
		return err
	}
	for _, e := range objects {
		p.line("#### %s (%s)\n\n| tag | attribute | VR | value |\n|---|---|---|---|", dicom.UIDName(e.IDs().Class), e.IDs().Class)
		for _, t := range e.Tags() {
			p.line("| (%04X,%04X) | %s | %s | %s |", t.Group(), t.Element(), t.Keyword(), e.VR(t), valueOf(e, t))
		}
		p.line("")
	}
	p.line("### 8.2 Private attributes\n\nNone are written.\n\n### 8.3 Coded terminology and templates\n")
	p.line("Reports follow TID 1500 with TID 1204, 1001 to 1005, 1600 to 1602, 1501 (a group for every finding), 1410 (a group for every region), 300, 310, 321, 1419 and 4019. Of other makers' reports, measurement groups are read.\n")
	p.line("Concepts of the scheme `%s` (UID %s), for which no published code was found:\n\n| code | meaning |\n|---|---|", PrivateScheme, schemeUID)
	for _, c := range privateCodes() {
		p.line("| %s | %s |", c.Value, c.Meaning)
	}
	p.line("\nA label without a code on its model's card is coded in this scheme too, by its name.\n")
	p.line("### 8.4 Greyscale consistency\n\nThe page applies the VOI window of the image; no display function is calibrated.\n\n### 8.5 Extended, specialized or private SOP classes\n\nNone are made. Private classes are stored only when the configuration names them.")
	return nil
}

// privateCodes are the concepts of our own.
func privateCodes() []Code {
	list := []Code{verdictName, determinate, setMember, coverageName, answerName, weightName, reviewName, correctedName, evidenceMask}
	for _, d := range []string{Accept, Correct, Reject} {
		list = append(list, reviews[d])
	}
	return list
}

// valueOf says where a value comes from, or what it is.
func valueOf(o *dicom.Object, t dicom.Tag) string {
	for _, c := range copied {
		if c.tag == t {
			return "source"
		}
	}
	switch vr := o.VR(t); {
	case vr == "SQ" && len(o.Items(t)) == 0:
		return "empty"
	case vr == "SQ":
		var inner []string
		for _, n := range o.Items(t)[0].Tags() {
			inner = append(inner, n.Keyword())
		}
		return fmt.Sprintf("items of %s", strings.Join(inner, ", "))
	case t == dicom.StudyInstanceUID:
		return "source"
	case vr == "UI" && !strings.HasPrefix(o.Text(t), "1.2.840.10008."):
		return "derived: the same results give the same UID"
	case vr == "DA" || vr == "TM" || vr == "DT":
		return "of the assessment or the signature"
	case strings.HasPrefix(vr, "O"):
		return "pixels"
	}
	values := o.Texts(t)
	if len(values) == 0 {
		return "empty"
	}
	return short(strings.ReplaceAll(strings.Join(values, `\`), "|", "/"), 80)
}

// examples makes one object of each kind, of a synthetic film.
func examples() ([]*dicom.Object, error) {
	d := newDraft(dicom.New(""))
	d.set(dicom.SOPClassUID, "1.2.840.10008.5.1.4.1.1.1")
	for i, t := range []dicom.Tag{dicom.StudyInstanceUID, dicom.SeriesInstanceUID, dicom.SOPInstanceUID} {
		d.set(t, dicom.DerivedUID("conformance example", fmt.Sprint(i)))
	}
	d.set(dicom.Modality, "CR")
	d.set(dicom.BodyPartExamined, "CHEST")
	d.set(dicom.PatientName, "SYNTHETIC^PATIENT")
	d.set(dicom.PatientID, "SYNTHETIC")
	d.set(dicom.AccessionNumber, "SYNTHETIC")
	d.set(dicom.Rows, 64)
	d.set(dicom.Columns, 64)
	source, err := d.finish()
	if err != nil {
		return nil, err
	}
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	in := Input{Sources: []*dicom.Object{source}, Made: at, Device: Device{Version: "VERSION", Serial: "SERIAL"}, Findings: []Finding{{
		ID: "1", Sources: []string{source.IDs().SOP}, Finding: clinical.Finding{Model: "MODEL", Version: "1.0.0", Verdict: clinical.VerdictFinding, Answer: "normal",
			Outcomes: []clinical.Outcome{{Concept: clinical.Concept{Name: "normal"}, Probability: 0.9, InSet: true}},
			Regions:  []clinical.Region{{X: 8, Y: 8, Width: 16, Height: 16, Weight: 0.5}}, Synthetic: true}}}}
	unsigned, err := SR(in)
	if err != nil {
		return nil, err
	}
	drawn, err := SEG(in)
	if err != nil {
		return nil, err
	}
	capture, err := SecondaryCapture(in, Picture{Finding: "1", Method: "grad-cam", Outcome: "normal", Captions: true, Image: image.NewRGBA(image.Rect(0, 0, 4, 4))})
	if err != nil {
		return nil, err
	}
	before := unsigned.IDs()
	in.Signature, in.Predecessor = &Signature{By: "Reader^Rita", Organization: "ORGANIZATION", At: at}, &before
	signed, err := SR(in)
	if err != nil {
		return nil, err
	}
	text, err := BasicSR(in)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]*dicom.Object{signed, text}, drawn, []*dicom.Object{capture}), nil
}
