package hl7

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"consilium/fault"
)

const admission = "MSH|^~\\&|KIS|WARD7|CONSILIUM|AI|20260304050607+0100||ADT^A01^ADT_A01|CTRL1|P|2.5.1||||||UNICODE UTF-8\r" +
	"EVN|A01|20260304050600\r" +
	"PID|1||X9^^^OTHER^PI~4711^^^HOSP^MR||Müller\\T\\Söhne^Änne^M^Jr^Dr||19700102030405|F\r" +
	"PV1|1|I|W7^12^A||||||||||||||||V123\r"

const order = "MSH|^~\\&|RIS|RAD|CONSILIUM|AI|20260304||ORM^O01|CTRL2|P|2.3\r" +
	"PID|||4711||Doe^John\r" +
	"ORC|NW|PL1|FI1\rOBR|1|PL1|FI1|XCH^Chest two views^L||||||||||||99^Ref^Ann^^^Dr||ACC7||||||CR|||^^^20260305080000^^S\rZDS|1.2.3^^Application^DICOM\r" +
	"ORC|CA|PL2|FI2\rOBR|2|PL2|FI2|CT^CT head^L\r"

func parse(t testing.TB, text string) Message {
	t.Helper()
	raw, err := Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAdmission(t *testing.T) {
	e, err := Read(parse(t, admission))
	if err != nil {
		t.Fatal(err)
	}
	want := Patient{ID: "4711", Issuer: "HOSP", Name: "Müller&Söhne^Änne^M^Dr^Jr", BirthDate: "19700102", Sex: "F", Visit: "V123", Location: "W7"}
	if e.Kind != Admit || e.Control != "CTRL1" || e.Sender != "KIS@WARD7" || e.Patient != want {
		t.Errorf("%+v", e)
	}
	if e.At.IsZero() || e.At.Minute() != 6 {
		t.Error(e.At)
	}
}

func TestOrders(t *testing.T) {
	e, err := Read(parse(t, order))
	if err != nil || len(e.Orders) != 2 {
		t.Fatalf("%+v %v", e, err)
	}
	o := e.Orders[0]
	if o.Control != "NW" || o.Placer != "PL1" || o.Accession != "ACC7" || o.StudyUID != "1.2.3" || o.Modality != "CR" || o.Code != "XCH" || o.Priority != "S" ||
		o.Referring != "Ref^Ann^^Dr" || o.Scheduled.Hour() != 8 {
		t.Errorf("%+v", o)
	}
	if o = e.Orders[1]; o.Control != "CA" || o.Accession != "FI2" || o.StudyUID != "" {
		t.Errorf("%+v", o)
	}
	omi := strings.ReplaceAll(strings.ReplaceAll(order, "ORM^O01", "OMI^O23^OMI_O23"), "ZDS|1.2.3^^Application^DICOM", "IPC|ACC9|RP1|1.2.9|SPS1|DX")
	if e, err = Read(parse(t, omi)); err != nil || e.Orders[0].StudyUID != "1.2.9" || e.Orders[0].Accession != "ACC9" || e.Orders[0].Modality != "DX" {
		t.Errorf("%+v %v", e, err)
	}
}

func TestMergeAndOthers(t *testing.T) {
	merge := strings.Replace(admission, "ADT^A01^ADT_A01", "ADT^A40^ADT_A39", 1)
	if _, err := Read(parse(t, merge)); fault.CodeOf(err) != fault.InputMissing {
		t.Error(err)
	}
	e, err := Read(parse(t, merge+"MRG|0815^^^HOSP^MR\r"))
	if err != nil || e.Kind != Merge || e.Merged != "0815" || e.Patient.ID != "4711" {
		t.Errorf("%+v %v", e, err)
	}
	if _, err = Read(parse(t, merge+"MRG|4711^^^HOSP^MR\r")); fault.CodeOf(err) != fault.InputMalformed {
		t.Error(err)
	}
	if _, err = Read(parse(t, strings.Replace(admission, "^A01^", "^A99^", 1))); fault.CodeOf(err) != fault.InputUnsupported {
		t.Error(err)
	}
	if _, err = Read(parse(t, strings.Split(admission, "PID")[0])); fault.CodeOf(err) != fault.InputMissing {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		code fault.Code
	}{
		"empty": {"", fault.InputMalformed}, "no MSH": {"PID|1||2\r", fault.InputMalformed}, "short": {"MSH|^~\\", fault.InputMalformed},
		"delimiters twice": {"MSH|^^\\&|A\r", fault.InputMalformed}, "a letter as delimiter": {"MSHA^~\\&A\r", fault.InputMalformed},
		"bad name": {"MSH|^~\\&|A\rpid|1\r", fault.InputMalformed}, "MSH twice": {"MSH|^~\\&|A\rMSH|^~\\&|A\r", fault.InputMalformed},
		"fields": {"MSH|^~\\&|A\rPID" + strings.Repeat("|", MaxFields+1), fault.InputTooLarge}, "segments": {"MSH|^~\\&|A\r" + strings.Repeat("PID|\r", MaxSegments+1), fault.InputTooLarge},
		"size": {"MSH|^~\\&|" + strings.Repeat("x", MaxMessage), fault.InputTooLarge}, "UTF-8": {"MSH|^~\\&|\xff\xfe", fault.InputMalformed},
	} {
		if _, err := Parse([]byte(c.text)); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCharacterSets(t *testing.T) {
	for set, encode := range map[string]*charmap.Charmap{"8859/1": charmap.ISO8859_1, "8859/15": charmap.ISO8859_15, "": charmap.ISO8859_1} {
		raw, err := encode.NewEncoder().String(strings.Replace(admission, "UNICODE UTF-8", set, 1))
		if err != nil {
			t.Fatal(err)
		}
		if e, err := Read(parse(t, raw)); err != nil || !strings.HasPrefix(e.Patient.Name, "Müller") {
			t.Errorf("%q: %+v %v", set, e.Patient, err)
		}
	}
	if _, err := Decode([]byte(strings.Replace(admission, "UNICODE UTF-8", "KLINGON", 1))); fault.CodeOf(err) != fault.InputUnsupported {
		t.Error(err)
	}
}

// Text goes into a field and comes out of it as it was, whatever it holds.
func TestEscapesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ToValidUTF8(rapid.String().Draw(t, "text"), "")
		field := standard.Escaped(text)
		if strings.ContainsAny(field, "|^~&\r\n") {
			t.Fatalf("%q holds a delimiter", field)
		}
		want := strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
		if got := standard.Unescape(field); got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
	for field, want := range map[string]string{`a\X41\b`: "aAb", `\H\bold\N\`: `\H\bold\N\`, `\Xzz\`: `\Xzz\`, `lonely \ one`: `lonely \ one`, `\.br\`: "\n", `\E\F\E\`: `\F\`} {
		if got := standard.Unescape(field); got != want {
			t.Errorf("%q is read as %q", field, got)
		}
	}
}

// A message of any fields is read back as it was written.
func TestMessagesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := parse2(t, "MSH|^~\\&|A|B\r")
		for range rapid.IntRange(0, 5).Draw(t, "segments") {
			fields := []string{rapid.SampledFrom([]string{"PID", "OBX", "ZZ1"}).Draw(t, "name")}
			for range rapid.IntRange(0, 6).Draw(t, "fields") {
				fields = append(fields, standard.Escaped(rapid.String().Draw(t, "text")))
			}
			m.Segments = append(m.Segments, Segment{fields})
		}
		again := parse2(t, string(m.Bytes()))
		if !bytes.Equal(again.Bytes(), m.Bytes()) || len(again.Segments) != len(m.Segments) {
			t.Fatalf("%q became %q", m.Bytes(), again.Bytes())
		}
	})
}

func parse2(t *rapid.T, text string) Message {
	m, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Whatever happens to a message on its way, reading it ends, without a panic,
// in an event or in a coded error.
func TestMutatedMessages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		raw := []byte([]string{admission, order}[i%2])
		for range 1 + r.IntN(8) {
			at := r.IntN(len(raw))
			switch r.IntN(4) {
			case 0:
				raw[at] = byte(r.IntN(256))
			case 1:
				raw = append(raw[:at], raw[min(len(raw), at+r.IntN(20)):]...)
			case 2:
				raw = append(raw[:at:at], append([]byte(`|^~\&`+"\r"), raw[at:]...)...)
			default:
				raw = append(raw[:at:at], raw[max(0, at-20):]...)
			}
			if len(raw) == 0 {
				raw = []byte("M")
			}
		}
		attempt(t, raw)
	}
}

func attempt(t testing.TB, raw []byte) {
	text, err := Decode(raw)
	if err == nil {
		var m Message
		if m, err = Parse(text); err == nil {
			_, err = Read(m)
			again, twice := Parse(m.Bytes())
			if twice != nil || !bytes.Equal(again.Bytes(), m.Bytes()) {
				t.Fatalf("%q is not read back: %v", m.Bytes(), twice)
			}
			if ack := Acknowledge(m, "A", "B", time.Unix(0, 0), err); len(ack.Bytes()) > 4096 {
				t.Fatalf("an answer of %d bytes", len(ack.Bytes()))
			}
		}
	}
	if err != nil && fault.CodeOf(err) == fault.Internal {
		t.Fatalf("%q: %v", raw, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(admission))
	f.Add([]byte(order))
	f.Add([]byte("MSH|^~\\&|A|B|C|D|||ADT^A40|1|P|2.5|||||||8859/1\rPID|||1\rMRG|2\r"))
	f.Add([]byte("MSH|^~\\&#|A\nPID|\"\"\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) { attempt(t, raw) })
}

func TestReport(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	r := Report{ID: "a1", At: at, Patient: Patient{ID: "SYN|1", Name: "Synthetic^Patient^^Dr^Jr", BirthDate: "19700101", Sex: "O"}, Accession: "ACC7", StudyUID: "1.2.3", Synthetic: true,
		Findings: []Finding{{Task: "pneumonia & more", Answer: "pneumonia", Code: "J18.9", System: "I10", Model: "pneumonia@1.0.0", Outcomes: []Outcome{{"pneumonia", "J18.9", "I10", 0.96876}}, Comment: "two\nlines"}, {Answer: "x", Rejected: true}}}
	m, err := r.Message()
	if err != nil {
		t.Fatal(err)
	}
	again := parse(t, string(m.Bytes()))
	obr, _ := again.Segment("OBR")
	if kind, event := again.Kind(); kind != "ORU" || event != "R01" || again.Of("PID", 3, 1) != "SYN|1" || again.Value(obr, 25, 1) != "P" || again.Of("PID", 5, 4) != "Jr" || again.Of("MSH", 11, 1) != "D" {
		t.Errorf("%q", again.Bytes())
	}
	var values []string
	for _, s := range again.Segments {
		if s.Name() == "OBX" {
			values = append(values, again.Value(s, 5, 1)+" "+s.Raw(11))
		}
	}
	if got := strings.Join(values[:4], ";"); got != "J18.9 P;96.88 P;pneumonia@1.0.0 P;two\nlines P" || values[4] != " X" {
		t.Errorf("%q", values)
	}
	first := again.Control()
	r.Signed, r.Signer = at, "Dr Signer"
	if m, err = r.Message(); err != nil || m.Control() == first || !strings.Contains(string(m.Bytes()), "|F|") || len(first) > 20 {
		t.Errorf("%q %v", m.Bytes(), err)
	}
	if m2, _ := r.Message(); m2.Control() != m.Control() {
		t.Error("the same result has two control IDs")
	}
	if _, err := (Report{}).Message(); fault.CodeOf(err) != fault.InputMissing {
		t.Error(err)
	}
}
