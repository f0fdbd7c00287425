package result

import (
	"fmt"
	"strings"
	"testing"

	"consilium/dicom"
	"consilium/internal/golden"
)

// tree writes the content of a report as text that a person can read: the
// golden files hold the structure of TID 1500 as we fill it.
func tree(b *strings.Builder, o *dicom.Object, indent string) {
	for _, item := range o.Items(dicom.ContentSequence) {
		name := conceptOf(item)
		fmt.Fprintf(b, "%s%s %s", indent, strings.ToLower(item.Text(dicom.RelationshipType)), item.Text(dicom.ValueType))
		if name.Value != "" {
			fmt.Fprintf(b, " %s (%s, %s)", name.Meaning, name.Value, name.Scheme)
		}
		if v := shown(item); v != "" {
			fmt.Fprintf(b, ": %s", v)
		}
		if t := item.Item(dicom.ContentTemplateSequence).Text(dicom.TemplateIdentifier); t != "" {
			fmt.Fprintf(b, " [TID %s]", t)
		}
		b.WriteString("\n")
		tree(b, item, indent+"  ")
	}
}

// shown is the value of a content item.
func shown(item *dicom.Object) string {
	c := codeIn(item.Item(dicom.ConceptCodeSequence))
	m := item.Item(dicom.MeasuredValueSequence)
	ref := item.Item(dicom.ReferencedSOPSequence)
	switch item.Text(dicom.ValueType) {
	case "CODE":
		return fmt.Sprintf("%s (%s, %s)", c.Meaning, c.Value, c.Scheme)
	case "NUM":
		return m.Text(dicom.NumericValue) + " " + codeIn(m.Item(dicom.MeasurementUnitsCodeSequence)).Value
	case "TEXT":
		return item.Text(dicom.TextValue)
	case "PNAME":
		return item.Text(dicom.PersonName)
	case "DATETIME":
		return item.Text(dicom.DateTime)
	case "UIDREF":
		return item.Text(dicom.UID)
	case "SCOORD":
		return item.Text(dicom.GraphicType) + " " + strings.Join(item.Texts(dicom.GraphicData), " ")
	case "TCOORD":
		return item.Text(dicom.TemporalRangeType) + " " + strings.Join(item.Texts(dicom.ReferencedTimeOffsets), " ")
	case "IMAGE", "WAVEFORM":
		s := dicom.UIDName(ref.Text(dicom.ReferencedSOPClassUID)) + " " + ref.Text(dicom.ReferencedSOPInstanceUID)
		for _, t := range []dicom.Tag{dicom.ReferencedFrameNumber, dicom.ReferencedSegmentNumber, dicom.ReferencedWaveformChannels} {
			if v := ref.Texts(t); len(v) > 0 {
				s += fmt.Sprintf(", %s %s", t.Keyword(), strings.Join(v, " "))
			}
		}
		return s
	}
	return ""
}

func TestGoldenReports(t *testing.T) {
	list := sources(t)
	film := about(list["CR"])
	film.Findings[0].Objects = []dicom.IDs{{Study: "1.2.3", Series: "1.2.3.8", SOP: "1.2.3.8.1", Class: SecondaryImage}, {Study: "1.2.3", Series: "1.2.3.9", SOP: "1.2.3.9.1", Class: Segmentation}}
	unsigned, err := SR(film)
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]Input{"film-unsigned": film, "film-signed": reviewed(film, unsigned), "ecg-unsigned": about(list["ECG"]), "cine-unsigned": about(list["US cine"])} {
		o, err := SR(in)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s %s %s\n", dicom.UIDName(o.IDs().Class), o.Text(dicom.PreliminaryFlag), o.Text(dicom.CompletionFlag), o.Text(dicom.VerificationFlag))
		tree(&b, o, "")
		golden.Check(t, "testdata/"+name+".txt", b.String())
	}
}
