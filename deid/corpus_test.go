package deid

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"consilium/dicom"
	"consilium/fault"
)

var testKey = Key{1, 2, 3}

func deidentifier(t testing.TB, profile string, change func(*Options)) *Deidentifier {
	t.Helper()
	p, err := ParseProfile(profile)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Profile: p, Key: testKey}
	if change != nil {
		change(&o)
	}
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// planter makes values that can be found again: each is planted once.
type planter struct {
	seeds map[string]string // value: where
	n     int
}

func (p *planter) word(where string) string {
	p.n++
	w := fmt.Sprintf("Zq%cwx%cvk%c", 'a'+p.n%26, 'a'+p.n/26%26, 'a'+p.n/676)
	p.seeds[w] = where
	return w
}

func (p *planter) number(where string) string {
	p.n++
	s := fmt.Sprintf("77%05d", 10007+p.n*13)
	p.seeds[s] = where
	return s
}

func (p *planter) uid(where string) string {
	p.n++
	s := fmt.Sprintf("1.2.276.0.99.%d", 700000+p.n)
	p.seeds[s] = where
	return s
}

func (p *planter) date(where string) string {
	p.n++
	s := fmt.Sprintf("19%02d%02d%02d", 31+p.n%60, 1+p.n%12, 1+p.n%28)
	p.seeds[s] = where
	return s
}

// value makes a planted value that a VR can hold.
func (p *planter) value(vr, where string) any {
	switch vr {
	case "PN":
		return p.word(where) + "^" + p.word(where)
	case "SH", "LO", "ST", "LT", "UT", "UC", "UR":
		return p.word(where)
	case "AE", "CS":
		return strings.ToUpper(p.word(where))
	case "UI":
		return p.uid(where)
	case "DA":
		return p.date(where)
	case "DT":
		return p.date(where) + "101112"
	case "OB", "UN", "OW":
		return []byte(p.word(where) + "!!")
	}
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func object(t testing.TB, class, modality string, pairs ...any) *dicom.Object {
	t.Helper()
	o := dicom.New("")
	must(t, set(o, dicom.SOPClassUID, class, dicom.Modality, modality))
	must(t, set(o, pairs...))
	return o
}

const crClass = classPrefix + "1"

// seeded is a film with identifiers in every kind of place.
func seeded(t testing.TB, p *planter) *dicom.Object {
	t.Helper()
	family, given, id := p.word("PatientName"), p.word("PatientName"), p.number("PatientID")
	doctor := p.word("ReferringPhysicianName")
	o := object(t, crClass, "CR",
		dicom.SOPInstanceUID, p.uid("SOPInstanceUID"), dicom.StudyInstanceUID, p.uid("StudyInstanceUID"), dicom.SeriesInstanceUID, p.uid("SeriesInstanceUID"),
		dicom.PatientName, family+"^"+given, dicom.PatientID, id, dicom.PatientBirthDate, p.date("PatientBirthDate"),
		dicom.StudyDate, p.date("StudyDate"), dicom.AccessionNumber, p.number("AccessionNumber"), dicom.ReferringPhysicianName, doctor,
		dicom.InstitutionName, p.word("InstitutionName"), dicom.StationName, p.word("StationName"), dicom.StudyDescription, "Chest of "+family,
		dicom.Manufacturer, "Synthetic Devices", dicom.BodyPartExamined, "CHEST", dicom.BurnedInAnnotation, "NO",
		dicom.Tag(0x00102154), "+49 30 "+p.number("phone"), dicom.Tag(0x00101040), p.word("address")+" street",
		dicom.ImageComments, "Seen by "+doctor+" for "+given, dicom.Tag(0x00181400), "for "+family)
	// Names in attributes that the table calls safe.
	must(t, set(o, dicom.Tag(0x00187006), "Panel of "+family))
	// Nested: a code whose meaning holds the name, a reference, a request three levels deep.
	view := dicom.New("")
	must(t, set(view, dicom.CodeValue, "R-10202", dicom.CodingSchemeDesignator, "SRT", dicom.CodeMeaning, "pa of "+strings.ToUpper(family)))
	must(t, o.SetItems(0x00540220, view))
	deep := dicom.New("")
	must(t, set(deep, dicom.ReferencedSOPClassUID, crClass, dicom.ReferencedSOPInstanceUID, p.uid("nested reference"), dicom.Tag(0x0040A123), p.word("nested person")))
	middle := dicom.New("")
	must(t, middle.SetItems(dicom.ReferencedImageSequence, deep))
	must(t, set(middle, dicom.Tag(0x00080050), p.number("nested accession")))
	must(t, o.SetItems(0x00081250, middle))
	// Private, with an innocent creator.
	must(t, o.SetVR(0x00990010, "LO", p.word("private creator")))
	must(t, o.SetVR(0x00991001, "LO", p.word("private value")))
	inner := dicom.New("")
	must(t, set(inner, dicom.PatientName, p.word("in a private sequence")))
	must(t, o.SetItems(0x00991002, inner))
	// Overlay and curve, and an unknown attribute.
	must(t, set(o, dicom.Tag(0x60000010), 8, dicom.Tag(0x60000011), 8, dicom.Tag(0x60000022), p.word("overlay description"), dicom.Tag(0x60001500), p.word("overlay label")))
	must(t, o.SetVR(0x60003000, "OW", []byte(p.word("overlay data")+"..")))
	must(t, o.SetVR(0x50003000, "OB", []byte(p.word("curve data")+"..")))
	must(t, o.SetVR(0x0010F0F0, "UN", []byte(p.word("unknown attribute")+"..")))
	// File meta information.
	must(t, set(o, dicom.Tag(0x00020016), strings.ToUpper(p.word("source AE"))))
	// Pixels of 12 bits, with a name in the upper four.
	pixels := make([]byte, 2*16*16)
	hidden := p.word("upper bits of pixels")
	for i, c := range []byte(hidden) {
		binary.LittleEndian.PutUint16(pixels[4*i:], uint16(c>>4)<<12|100)
		binary.LittleEndian.PutUint16(pixels[4*i+2:], uint16(c&15)<<12|100)
	}
	delete(p.seeds, hidden) // its nibbles are looked at by TestUpperBits
	must(t, set(o, dicom.Rows, 16, dicom.Columns, 16, dicom.SamplesPerPixel, 1, dicom.BitsAllocated, 16, dicom.BitsStored, 12, dicom.HighBit, 11,
		dicom.PixelRepresentation, 0, dicom.PhotometricInterpretation, "MONOCHROME2", dicom.PixelData, pixels))
	return o
}

func written(t testing.TB, o *dicom.Object) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, o.Write(&b))
	return b.Bytes()
}

// leaks lists the planted values that are still in the bytes, in any case.
func leaks(seeds map[string]string, raw []byte) []string {
	low := bytes.ToLower(raw)
	var found []string
	for value, where := range seeds {
		if bytes.Contains(low, []byte(strings.ToLower(value))) {
			found = append(found, value+" of "+where)
		}
	}
	return found
}

func TestNoSeedIsLeft(t *testing.T) {
	for _, profile := range []string{"basic", "clean-descriptors,clean-structured-content,clean-graphics", "retain-patient-characteristics,retain-safe-private,clean-descriptors"} {
		p := &planter{seeds: map[string]string{}}
		o := seeded(t, p)
		before := written(t, o)
		if n := len(leaks(p.seeds, before)); n != len(p.seeds) {
			t.Fatalf("%d of %d seeds are in the original", n, len(p.seeds))
		}
		file := bytes.Clone(before)
		copy(file, p.word("preamble of the file"))
		read, err := dicom.ParseObject(bytes.NewReader(file), "seeded.dcm")
		must(t, err)
		clean, report, err := deidentifier(t, profile, nil).Object(read)
		must(t, err)
		raw := written(t, clean)
		if left := leaks(p.seeds, raw); len(left) > 0 {
			t.Errorf("%s leaves %v", profile, left)
		}
		if !bytes.Equal(before, written(t, read)) {
			t.Error("the original was changed")
		}
		t.Logf("%s: %d seeds planted, 0 left, %d attributes touched", profile, len(p.seeds), len(report.Attributes))
		if clean.Text(dicom.PatientIdentityRemoved) != "YES" || clean.Text(dicom.LongitudinalTemporalInformationModified) != "REMOVED" || len(clean.Items(dicom.DeidentificationMethodCodeSequence)) == 0 {
			t.Error("the object does not say that it was de-identified")
		}
		if clean.Text(dicom.BodyPartExamined) != "CHEST" || clean.Text(dicom.Manufacturer) != "Synthetic Devices" {
			t.Error("what is safe was lost")
		}
	}
}

func TestUpperBits(t *testing.T) {
	p := &planter{seeds: map[string]string{}}
	clean, report, err := deidentifier(t, "basic", nil).Object(seeded(t, p))
	must(t, err)
	for i, b := range clean.Bytes(dicom.PixelData) {
		if i%2 == 1 && b&0xf0 != 0 {
			t.Fatal("bits above the pixel values were kept")
		}
	}
	if !report.HighBits {
		t.Error("the report does not tell")
	}
}

// TestEveryRow plants a value in every attribute of the table, at the top and
// in an item, and looks for it in the result.
func TestEveryRow(t *testing.T) {
	d := deidentifier(t, "basic", nil)
	tried := 0
	for tag, r := range ruled() {
		if tag.Group() < 8 || tag == dicom.SOPInstanceUID {
			continue
		}
		vr := tag.VR()
		p := &planter{seeds: map[string]string{}}
		o := object(t, crClass, "CR", dicom.SOPInstanceUID, "1.2.3")
		plant := func(at *dicom.Object) bool {
			if vr == "SQ" {
				item := dicom.New("")
				must(t, set(item, unformattedText, p.word("text in "+tag.Keyword()), dicom.CodeMeaning, "Zq"))
				must(t, set(item, dicom.PatientName, p.word("name in "+tag.Keyword())))
				if r.basic == "D" || r.basic[0] == 'X' || r.basic == "Z" {
					must(t, at.SetItems(tag, item))
					return true
				}
				return false
			}
			v := p.value(vr, tag.Keyword())
			if v == nil {
				return false
			}
			must(t, at.Set(tag, v))
			return true
		}
		if !plant(o) {
			continue
		}
		tried++
		item := dicom.New("")
		plant(item)
		must(t, o.SetItems(0x00081250, item)) // Related Series Sequence: kept
		clean, _, err := d.Object(o)
		must(t, err)
		keptText := map[string]string{}
		for value, where := range p.seeds {
			if vr == "SQ" && strings.HasPrefix(where, "text in") && strings.HasSuffix(r.basic, "*") {
				continue // free text of a sequence of references: cleaned, not removed
			}
			keptText[value] = where
		}
		if left := leaks(keptText, written(t, clean)); len(left) > 0 {
			t.Errorf("%s (%s, %s) leaves %v", tag.Keyword(), vr, r.basic, left)
		}
	}
	rows, err := table()
	must(t, err)
	t.Logf("%d of %d rows hold a value that can be planted", tried, len(rows))
	if len(rows) != 647 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestAnyNameInAnyTextGoes(t *testing.T) {
	d := deidentifier(t, "clean-descriptors", nil)
	texts := []dicom.Tag{dicom.StudyDescription, dicom.SeriesDescription, dicom.ImageComments, 0x00187006, 0x00204000, 0x00181030, 0x00400254, 0x00081080}
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringMatching(`[A-ZÄÖÜŁÇ][a-zäöüßłçé]{3,11}`).Filter(func(s string) bool {
			return !strings.Contains("anonymized removed basic profile clean", strings.ToLower(s))
		})
		family, given := letters.Draw(t, "family"), letters.Draw(t, "given")
		// With letters: digits alone come up in the new UIDs by chance.
		id := rapid.StringMatching(`[A-Z]{2}[0-9]{5,9}`).Draw(t, "id")
		o := dicom.New("")
		fill := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		fill(set(o, dicom.SOPClassUID, crClass, dicom.SOPInstanceUID, "1.2.3", dicom.Modality, "CR", dicom.PatientName, family+"^"+given, dicom.PatientID, id))
		tag := rapid.SampledFrom(texts).Draw(t, "attribute")
		around := rapid.SampledFrom([]string{"%s", "Mr. %s, follow-up", "thorax (%s)", "%s/pa", "x %s y"}).Draw(t, "around")
		what := rapid.SampledFrom([]string{family, given, strings.ToUpper(family), strings.ToLower(given), id, family + " " + given}).Draw(t, "what")
		fill(o.Set(tag, short(fmt.Sprintf(around, what), 64)))
		clean, _, err := d.Object(o)
		fill(err)
		var b bytes.Buffer
		fill(clean.Write(&b))
		for _, s := range []string{family, given, id} {
			if bytes.Contains(bytes.ToLower(b.Bytes()), []byte(strings.ToLower(s))) {
				t.Fatalf("%q is left of %q in %s", s, o.Text(tag), tag.Keyword())
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	d := deidentifier(t, "basic", nil)
	image := func(class, modality string, pairs ...any) *dicom.Object {
		o := object(t, class, modality, append([]any{dicom.SOPInstanceUID, "1.2.3", dicom.Rows, 2, dicom.Columns, 2, dicom.SamplesPerPixel, 1, dicom.BitsAllocated, 8, dicom.BitsStored, 8,
			dicom.HighBit, 7, dicom.PixelRepresentation, 0, dicom.PhotometricInterpretation, "MONOCHROME2"}, pairs...)...)
		must(t, o.Set(dicom.PixelData, []byte{1, 2, 3, 4}))
		return o
	}
	table := map[string]struct {
		o       *dicom.Object
		refused bool
	}{
		"a film":                  {image(crClass, "CR"), false},
		"burned in":               {image(crClass, "CR", dicom.BurnedInAnnotation, "YES"), true},
		"ultrasound":              {image(classPrefix+"6.1", "US"), true},
		"ultrasound without text": {image(classPrefix+"6.1", "US", dicom.BurnedInAnnotation, "NO"), false},
		"secondary capture":       {image(classPrefix+"7", "OT"), true},
		"angiography":             {image(classPrefix+"12.1", "XA"), true},
		"dose screen":             {image(classPrefix+"2", "CT", dicom.ImageType, []string{"DERIVED", "SECONDARY", "SCREEN SAVE"}), true},
		"CT":                      {image(classPrefix+"2", "CT", dicom.ImageType, []string{"ORIGINAL", "PRIMARY", "AXIAL"}), false},
		"face":                    {image(classPrefix+"2", "CT", recognizable, "YES"), true},
		"encapsulated PDF":        {object(t, classPrefix+"104.1", "DOC", dicom.SOPInstanceUID, "1.2.3"), true},
		"voice":                   {object(t, classPrefix+"9.4.1", "AU", dicom.SOPInstanceUID, "1.2.3"), true},
		"raw data":                {object(t, classPrefix+"66", "MR", dicom.SOPInstanceUID, "1.2.3"), true},
		"directory":               {object(t, "1.2.840.10008.1.3.10", "OT", dicom.SOPInstanceUID, "1.2.3"), true},
		"private class":           {object(t, "1.2.276.0.1", "OT", dicom.SOPInstanceUID, "1.2.3"), true},
		"heart sounds":            {object(t, classPrefix+"9.4.2", "AU", dicom.SOPInstanceUID, "1.2.3"), false},
		"a report, emptied":       {object(t, classPrefix+"88.33", "SR", dicom.SOPInstanceUID, "1.2.3"), false},
		"no class":                {dicom.New(""), true},
	}
	for name, c := range table {
		_, _, err := d.Object(c.o)
		if got := fault.CodeOf(err) == fault.DeidRefused; got != c.refused || err != nil && !got {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseProfile("basic," + visualFeatures); fault.CodeOf(err) != fault.DeidRefused {
		t.Error(err)
	}
	if _, err := ParseProfile("retain-full-dates,retain-modified-dates"); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
}

func BenchmarkObject(b *testing.B) {
	p := &planter{seeds: map[string]string{}}
	o := seeded(b, p)
	d := deidentifier(b, "clean-descriptors,retain-modified-dates", nil)
	for b.Loop() {
		if _, _, err := d.Object(o); err != nil {
			b.Fatal(err)
		}
	}
}
