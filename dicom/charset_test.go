package dicom

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// charsetExamples are the examples of PS3.5 annexes H to K and names like
// them: the character set, the bytes of a PN, and the name.
var charsetExamples = []struct{ name, charset, raw, want string }{
	{"H.3-1 Japanese kanji", `\ISO 2022 IR 87`,
		"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "Yamada^Tarou=山田^太郎=やまだ^たろう"},
	{"H.3-2 Japanese half-width kana", `ISO 2022 IR 13\ISO 2022 IR 87`,
		"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"},
	{"half-width kana alone", "ISO_IR 13", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"},
	{"supplementary kanji", `\ISO 2022 IR 159`, "A^B=\x1b$(D0!\x1b(B", "A^B=丂"},
	{"kanji with a backslash byte", `\ISO 2022 IR 87`, "A=\x1b$B!\\\x1b(B", "A=＋"},
	{"I.2 Korean", `\ISO 2022 IR 149`,
		"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf", "Hong^Gildong=洪^吉洞=홍^길동"},
	{"Korean without escapes", `\ISO 2022 IR 149`, "Hong^Gildong=\xc8\xab^\xb1\xe6\xb5\xbf", "Hong^Gildong=홍^길동"},
	{"J.1 Chinese, UTF-8", "ISO_IR 192",
		"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=", "Wang^XiaoDong=王^小東="},
	{"J.2 Chinese, GB18030", "GB18030", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="},
	{"GB18030, four bytes", "GB18030", "Wang=\x81\x30\x89\x37", "Wang=Þ"},
	{"J.3 Chinese, GBK", "GBK", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="},
	{"K.2 Chinese, GB2312", `\ISO 2022 IR 58`,
		"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东="},
	{"French", "ISO_IR 100", "Buc^J\xe9r\xf4me", "Buc^Jérôme"},
	{"German", "ISO_IR 100", "\xc4neas^R\xfcdiger", "Äneas^Rüdiger"},
	{"Polish", "ISO_IR 101", "Wa\xb3\xeasa", "Wałęsa"},
	{"Maltese", "ISO_IR 109", "\xa1amrun", "Ħamrun"},
	{"Baltic", "ISO_IR 110", "\xd9", "Ų"},
	{"Russian", "ISO_IR 144", "\xbb\xee\xdace\xdc\xd1yp\xd3", "Люкceмбypг"},
	{"Arabic", "ISO_IR 127", "\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"},
	{"Greek", "ISO_IR 126", "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"},
	{"Hebrew", "ISO_IR 138", "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"},
	{"Turkish", "ISO_IR 148", "\xc7avu\xfeo\xf0lu", "Çavuşoğlu"},
	{"Thai", "ISO_IR 166", "\xca\xc1\xaa\xd2\xc2", "สมชาย"},
	{"several single-byte sets", `ISO 2022 IR 100\ISO 2022 IR 144\ISO 2022 IR 126`,
		"Dionysios=\x1b-F\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2=\x1b-L\xbb\xee\xdace\xdc\xd1yp\xd3", "Dionysios=Διονυσιος=Люкceмбypг"},
	{"a delimiter brings the first set back", `ISO 2022 IR 100\ISO 2022 IR 126`, "\x1b-F\xc4^\xc4", "Δ^Ä"},
	{"no character set", "", "J\xe9r\xf4me", "Jérôme"},
	{"misspelt", "ISO-IR 100", "J\xe9r\xf4me", "Jérôme"},
	{"an escape sequence of nobody", "ISO 2022 IR 100", "a\x1b%Gb", "a\x1b%Gb"},
}

func TestCharsets(t *testing.T) {
	for _, c := range charsetExamples {
		if got := decodeText([]byte(c.raw), splitCharset(c.charset), vrPN); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func splitCharset(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, `\`)
}

// TestCharsetsAgainstPydicom lets pydicom decode the same bytes.
func TestCharsetsAgainstPydicom(t *testing.T) {
	python := pydicomOrSkip(t)
	const script = `import sys, warnings
warnings.simplefilter("ignore")
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import PN_DELIMS
for charset, raw in zip(sys.argv[1::2], sys.argv[2::2]):
    print(decode_bytes(bytes.fromhex(raw), convert_encodings(charset.split("\\")), PN_DELIMS))`
	args := []string{"-c", script}
	for _, c := range charsetExamples {
		args = append(args, c.charset, hex.EncodeToString([]byte(c.raw)))
	}
	out, err := exec.Command(python, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		c := charsetExamples[i]
		if left := map[string]bool{ // where we leave pydicom
			"an escape sequence of nobody": true, // it gives up on the whole value
			"Korean without escapes":       true, // it reads them as ISO 8859-1
			"K.2 Chinese, GB2312":          true, // it leaves the escape sequences in
		}[c.name]; got != c.want && !left {
			t.Errorf("%s: pydicom reads %q, want %q", c.name, got, c.want)
		}
	}
}

// TestCharsetFiles compares pydicom's own collection of files, where its
// package brings it.
func TestCharsetFiles(t *testing.T) {
	python := pydicomOrSkip(t)
	folder, err := exec.Command(python, "-c", "import os, pydicom.data; print(os.path.join(os.path.dirname(pydicom.data.__file__), 'charset_files'))").Output()
	if err != nil {
		t.Fatal(err)
	}
	paths, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(folder)), "*.dcm"))
	if len(paths) == 0 {
		t.Skip("pydicom came without its files")
	}
	out, err := exec.Command(python, append([]string{"testdata/pydicom_json.py"}, paths...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var theirs [2]any
		if err := json.Unmarshal([]byte(line), &theirs); err != nil {
			t.Fatal(err)
		}
		path := theirs[0].(string)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		o, err := ParseObject(f, path)
		f.Close()
		if err != nil {
			t.Error(err)
			continue
		}
		text, _ := o.JSON(nil)
		var ours map[string]any
		_ = json.Unmarshal(text, &ours)
		n, differ := compareJSON(t, filepath.Base(path), ours, theirs[1].(map[string]any))
		t.Logf("%-20s %-40q %q: %d attributes, %d differ", filepath.Base(path), o.charset(), o.Text(PatientName), n, differ)
	}
}

// TestValuesOfManyCharsets: values are split after decoding, so that a byte 5C
// within a character is no delimiter.
func TestValuesOfManyCharsets(t *testing.T) {
	o := New("")
	o.put(element{tag: SpecificCharacterSet, vr: vrCS, value: []byte("GB18030 ")})
	o.put(element{tag: OtherPatientNames, vr: vrPN, value: []byte("\x8f\\^A\\\xcd\xf5 ")})
	if got := o.Texts(OtherPatientNames); len(got) != 2 || got[1] != "王" || strings.Contains(got[0], `\`) {
		t.Errorf("%q", got)
	}
	item := New("")
	o.put(element{tag: ReferencedStudySequence, vr: vrSQ, content: &nested{items: []*Object{item}}})
	item.parent = o
	item.put(element{tag: PatientName, vr: vrPN, value: []byte("\xcd\xf5")})
	if got := item.Text(PatientName); got != "王" {
		t.Errorf("an item reads %q in the character set around it", got)
	}
}

// TestTextTurnsToUTF8: text that the present character set cannot hold turns
// the whole object, items included, to UTF-8.
func TestTextTurnsToUTF8(t *testing.T) {
	o, item := New(""), New("")
	o.put(element{tag: SpecificCharacterSet, vr: vrCS, value: []byte("ISO_IR 100")})
	o.put(element{tag: StudyDescription, vr: vrLO, value: []byte("Th\xe9orie ")})
	item.put(element{tag: SeriesDescription, vr: vrLO, value: []byte("Sch\xe4del")})
	item.parent = o
	o.put(element{tag: ReferencedStudySequence, vr: vrSQ, content: &nested{items: []*Object{item}}})
	if err := item.Set(PatientName, "Wang^XiaoDong=王^小東"); err != nil {
		t.Fatal(err)
	}
	if o.Text(SpecificCharacterSet) != utf8Term || o.Text(StudyDescription) != "Théorie" || item.Text(SeriesDescription) != "Schädel" || item.Text(PatientName) != "Wang^XiaoDong=王^小東" {
		t.Errorf("%q %q %q %q", o.Texts(SpecificCharacterSet), o.Texts(StudyDescription), item.Texts(SeriesDescription), item.Texts(PatientName))
	}
	other := New("")
	if err := other.Set(ImageComments, "größer"); err != nil {
		t.Fatal(err)
	}
	latin := New("")
	latin.put(element{tag: SpecificCharacterSet, vr: vrCS, value: []byte("ISO_IR 100")})
	latin.put(element{tag: StudyDescription, vr: vrLO, value: []byte("Th\xe9orie ")})
	if err := latin.SetItems(ReferencedStudySequence, other); err != nil {
		t.Fatal(err)
	}
	if got := latin.Item(ReferencedStudySequence).Text(ImageComments); got != "größer" || latin.Text(StudyDescription) != "Théorie" {
		t.Errorf("%q %q", got, latin.Text(StudyDescription))
	}
}

// TestDecodingIsTotal: every text of bytes decodes to valid UTF-8.
func TestDecodingIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]string{"\x1b$B", "\x1b(B", "\x1b$)C", "\x1b-F", "\x1b", `\`, "^"}), rapid.StringN(0, 4, 8)), 0, 12).Draw(t, "parts")
		raw := append([]byte(strings.Join(parts, "")), rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")...)
		charset := rapid.SampledFrom([]string{"", "ISO_IR 13", `\ISO 2022 IR 87`, `\ISO 2022 IR 149`, "GB18030", "ISO_IR 192", `ISO 2022 IR 6\ISO 2022 IR 58`, "nonsense"}).Draw(t, "charset")
		got := decodeText(raw, splitCharset(charset), vrLO)
		if !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}
		if plain := bytes.IndexFunc(raw, func(r rune) bool { return r >= 0x80 || r == 0x1b }) < 0; plain && got != string(raw) {
			t.Fatalf("ASCII changed to %q", got)
		}
	})
}
