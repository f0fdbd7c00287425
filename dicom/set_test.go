package dicom

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"consilium/fault"
	"pgregory.net/rapid"
)

func TestTags(t *testing.T) {
	for text, want := range map[string]Tag{"00100010": PatientName, "(0010,0010)": PatientName, "PatientName": PatientName, "7fe00010": PixelData} {
		if got, err := ParseTag(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0010001", "001000100", "NoSuchKeyword", "(0010,0010", "0010,001"} {
		if got, err := ParseTag(text); err == nil && text != "(0010,0010" {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	for tag, want := range map[Tag][2]string{
		PatientName: {"PatientName", "PN"}, PixelData: {"PixelData", "OW"}, 0x60023000: {"OverlayData", "OB"},
		0x00090010: {"", "LO"}, 0x00091001: {"", "UN"}, 0x00080000: {"", "UL"}, 0x12345678: {"", "UN"},
	} {
		if got := [2]string{tag.Keyword(), tag.VR()}; got != want {
			t.Errorf("%v: %q, want %q", tag, got, want)
		}
	}
	if PatientName.String() != "00100010" || !Tag(0x00091001).Private() || PatientName.Private() {
		t.Error("tags")
	}
}

// TestSetAndGet: what is set is what the getters give, and what a file gives.
func TestSetAndGet(t *testing.T) {
	for _, c := range []struct {
		tag    Tag
		values []any
		texts  []string
		vr     string
	}{
		{PatientName, list("A^B"), []string{"A^B"}, "PN"},
		{PatientName, list("Wang^XiaoDong=王^小東"), []string{"Wang^XiaoDong=王^小東"}, "PN"},
		{ImageType, list("DERIVED", "PRIMARY"), []string{"DERIVED", "PRIMARY"}, "CS"},
		{ImageType, list([]string{"A", "", "C"}), []string{"A", "", "C"}, "CS"},
		{StudyDate, nil, nil, "DA"},
		{Rows, list(512), []string{"512"}, "US"},
		{Rows, list("512"), []string{"512"}, "US"},
		{SmallestImagePixelValue, list(-5), []string{"-5"}, "SS"},
		{InstanceNumber, list(-7), []string{"-7"}, "IS"},
		{PixelSpacing, list(0.25, 1.0/3), []string{"0.25", "0.33333333333333"}, "DS"},
		{WindowCenter, list(-1.2345678901234567e-7), []string{"-1.234567890e-07"}, "DS"},
		{FrameIncrementPointer, list(FrameTime), []string{"00181063"}, "AT"},
		{FloatingPointValue, list(1.5, math.Pi), []string{"1.5", "3.141592653589793"}, "FD"},
		{StudyInstanceUID, list("1.2.840"), []string{"1.2.840"}, "UI"},
		{ImageComments, list(`one \ value`), []string{`one \ value`}, "LT"},
		{selectedUnsigned, list(uint64(1) << 60), []string{"1152921504606846976"}, "UV"},
	} {
		o := New("")
		if err := o.Set(c.tag, c.values...); err != nil {
			t.Errorf("%s: %v", c.tag.Keyword(), err)
			continue
		}
		var b bytes.Buffer
		if err := o.WriteDataSet(&b); err != nil {
			t.Fatal(err)
		}
		got := o.Texts(c.tag)
		if c.tag == WindowCenter {
			if f, _ := o.Float(c.tag); math.Abs(f+1.2345678901234567e-7) > 1e-16 || len(got[0]) > 16 {
				t.Errorf("%v", got)
			}
			continue
		}
		if !reflect.DeepEqual(got, c.texts) && c.tag != PixelSpacing || o.VR(c.tag) != c.vr || len(o.Bytes(c.tag))%2 != 0 {
			t.Errorf("%s: %s %q, want %s %q", c.tag.Keyword(), o.VR(c.tag), got, c.vr, c.texts)
		}
		if c.tag == PixelSpacing && (len(got) != 2 || len(got[1]) > 16) {
			t.Errorf("%q", got)
		}
	}
}

// selectedUnsigned is SelectorUVValue, for the test of a rare VR.
const selectedUnsigned Tag = 0x00720083

func TestSetRefusals(t *testing.T) {
	for _, c := range []struct {
		tag    Tag
		values []any
	}{
		{Rows, list(-1)}, {Rows, list(65536)}, {Rows, list("many")}, {Rows, list(1.5)},
		{StudyInstanceUID, list("1.02")}, {StudyInstanceUID, list("abc")}, {StudyInstanceUID, list("1.2.\x00")},
		{Modality, list("ct")}, {StudyDate, list("2026-01-01")}, {PatientAge, list("45")},
		{PixelSpacing, list(math.NaN())}, {PixelSpacing, list("wide")}, {InstanceNumber, list("1.5")},
		{PatientID, list(`a\b`)}, {ImageComments, list("a", "b")}, {PatientID, list("a\x00b")}, {PatientID, list("\xff")}, {PatientID, list(struct{}{})},
		{Modality, list("Ü")}, {ContentSequence, list("x")}, {PixelData, list("x")}, {ContentSequence, list(New(""))},
	} {
		o := New("")
		if err := o.Set(c.tag, c.values...); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s = %q: %v", c.tag.Keyword(), c.values, err)
		}
		if o.Has(c.tag) {
			t.Errorf("%s is there after an error", c.tag.Keyword())
		}
	}
	o := New("")
	if err := o.SetItems(ContentSequence, o); fault.CodeOf(err) != fault.Usage {
		t.Error("an object is an item of itself")
	}
	if err := o.Write(&bytes.Buffer{}); fault.CodeOf(err) != fault.Usage {
		t.Error("an object without UIDs is written")
	}
	if err := o.SetVR(PixelData, "XX", []byte{1}); fault.CodeOf(err) != fault.Usage {
		t.Error("a VR of nobody")
	}
}

// TestWalk visits nested attributes in order and lets them be changed and deleted.
func TestWalk(t *testing.T) {
	o, item, inner := New(""), New(""), New("")
	_ = o.Set(PatientName, "A")
	_ = inner.Set(PatientID, "B")
	_ = item.SetItems(ReferencedStudySequence, inner)
	_ = item.Set(Modality, "CT")
	_ = o.SetItems(ReferencedSeriesSequence, item, New(""))
	var seen []string
	err := o.Walk(func(path []Tag, at *Object, tag Tag) error {
		where := ""
		for _, p := range path {
			where += p.Keyword() + "/"
		}
		seen = append(seen, where+tag.Keyword())
		switch tag {
		case PatientID:
			at.Delete(tag)
		case PatientName:
			return at.Set(tag, "C")
		}
		return nil
	})
	want := []string{"ReferencedSeriesSequence", "ReferencedSeriesSequence/Modality", "ReferencedSeriesSequence/ReferencedStudySequence", "ReferencedSeriesSequence/ReferencedStudySequence/PatientID", "PatientName"}
	if err != nil || !reflect.DeepEqual(seen, want) {
		t.Errorf("%v %q", err, seen)
	}
	if o.Text(PatientName) != "C" || o.Item(ReferencedSeriesSequence).Item(ReferencedStudySequence).Has(PatientID) {
		t.Error("changes are lost")
	}
	c := o.Clone()
	_ = c.Item(ReferencedSeriesSequence).Set(Modality, "MR")
	if o.Item(ReferencedSeriesSequence).Text(Modality) != "CT" || c.Item(ReferencedSeriesSequence).Text(Modality) != "MR" {
		t.Error("a clone shares its items")
	}
}

func TestUIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		u := DerivedUID(a, b)
		if !ValidUID(u) || !strings.HasPrefix(u, "2.25.") || u != DerivedUID(a, b) || u == DerivedUID(a+b) || u == DerivedUID(a, b, "") || !ValidUID(NewUID()) {
			t.Fatal(u)
		}
	})
	if first, second := NewUID(), NewUID(); first == second {
		t.Error("two random UIDs are the same")
	}
	if DerivedUID("consilium implementation") != ImplementationClassUID {
		t.Error("the implementation class UID is not what it says")
	}
}

// TestLongValues: values that a 16-bit length cannot hold are written as UN and come back.
func TestLongValues(t *testing.T) {
	o := New("")
	_ = o.setAll([]attribute{{SOPClassUID, list("1.2")}, {SOPInstanceUID, list("1.3")}})
	long := make([]any, 20000)
	for i := range long {
		long[i] = "12345"
	}
	if err := o.Set(PixelSpacing, long...); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		t.Fatal(err)
	}
	back, err := ParseObject(&b, "long")
	if err != nil || len(back.Floats(PixelSpacing)) != 20000 || back.VR(PixelSpacing) != "DS" {
		t.Errorf("%v: %s with %d values", err, back.VR(PixelSpacing), len(back.Floats(PixelSpacing)))
	}
}

// TestJSONBulk: URIs stand for binary values, both ways.
func TestJSONBulk(t *testing.T) {
	o := slice(1, [3]float64{}, 7)
	var asked []string
	text, err := o.JSON(func(path string, length int) string {
		asked = append(asked, path)
		return "bulk/" + path
	})
	if err != nil || !reflect.DeepEqual(asked, []string{"7FE00010"}) || !bytes.Contains(text, []byte(`"7FE00010":{"vr":"OW","BulkDataURI":"bulk/7FE00010"}`)) {
		t.Fatalf("%v %q %s", err, asked, text)
	}
	back, err := ParseJSON(text, func(uri string) ([]byte, error) {
		if uri != "bulk/7FE00010" {
			t.Error(uri)
		}
		return o.Bytes(PixelData), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "bulk", o, back)
	if left, err := ParseJSON(text, nil); err != nil || !left.Has(PixelData) || fault.CodeOf(left.WriteDataSet(&bytes.Buffer{})) != fault.Usage {
		t.Errorf("%v", err)
	}
}

func TestJSONRefusals(t *testing.T) {
	for _, text := range []string{
		``, `[]`, `{"x":{}}`, `{"00100010":1}`, `{"00100010":{"vr":"PN","Value":[1,{"Alphabetic":2}]}}`, `{"00280010":{"vr":"US","Value":["x"]}}`, `{"00280010":{"vr":"US","Value":[70000]}}`,
		`{"7FE00010":{"vr":"OW","InlineBinary":"*"}}`, `{"7FE00010":{"vr":"OW","Value":[1]}}`, `{"00081140":{"vr":"SQ","InlineBinary":"AAAA"}}`, `{"00100010":{"vr":"ZZ"}}`, `{"00100020":{"vr":"LO","Value":["a\\b"]}}`, `{} {}`, `{"00100010":{"vr":"PN"}`,
	} {
		if _, err := ParseJSON([]byte(text), nil); fault.CodeOf(err) != fault.InputMalformed {
			t.Errorf("%s: %v", text, err)
		}
	}
	deep := strings.Repeat(`{"00081140":{"vr":"SQ","Value":[`, maxDepth+2) + strings.Repeat(`]}}`, maxDepth+2)
	if _, err := ParseJSON([]byte(deep), nil); fault.CodeOf(err) != fault.InputTooLarge {
		t.Error(err)
	}
}

// TestJSONRoundTrip: any object comes back from its JSON as it was.
func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyObject(t, 2)
		text, err := o.JSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseJSON(text, nil)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		again, err := back.JSON(nil)
		if err != nil || string(again) != string(text) {
			t.Fatalf("%s\n%s", text, again)
		}
	})
}

// anyObject draws an object with values of every form.
func anyObject(t *rapid.T, depth int) *Object {
	o := New("")
	name := rapid.StringMatching(`[A-Za-zé王]{1,8}\^[a-z]{1,5}(=[a-z]{1,3})?`)
	o.put(element{tag: SpecificCharacterSet, vr: vrCS, value: []byte(utf8Term)})
	set := func(tag Tag, values ...any) {
		if err := o.Set(tag, values...); err != nil {
			t.Fatal(err)
		}
	}
	if rapid.Bool().Draw(t, "name") {
		set(PatientName, name.Draw(t, "value"))
		set(OtherPatientNames, name.Draw(t, "value"), name.Draw(t, "value"))
	}
	set(PixelSpacing, rapid.Float64Range(-1e6, 1e6).Draw(t, "ds"), 1)
	set(InstanceNumber, rapid.IntRange(-1e6, 1e6).Draw(t, "is"))
	set(Rows, rapid.IntRange(0, 65535).Draw(t, "us"))
	set(FloatingPointValue, rapid.Float64Range(-1e300, 1e300).Draw(t, "fd"))
	set(channelMinimum, rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "ob"))
	set(FrameIncrementPointer, Tag(rapid.Uint32().Draw(t, "at")))
	set(StudyDate)
	if depth > 0 {
		var items []*Object
		for range rapid.IntRange(0, 2).Draw(t, "items") {
			items = append(items, anyObject(t, depth-1))
		}
		if err := o.SetItems(ReferencedStudySequence, items...); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// channelMinimum is a binary attribute for the test.
const channelMinimum Tag = 0x54000110
