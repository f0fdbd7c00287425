package dicom

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"consilium/fault"
)

// plainElement is one explicit little endian element of a test file.
type plainElement struct {
	group, element uint16
	vr             string
	value          string
}

func us(v int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(v))) }

// build makes a file: a small grey image, with attributes put in or replaced.
func build(syntaxUID string, extra ...plainElement) []byte {
	list := []plainElement{
		{0x0008, 0x0060, "CS", "DX"},
		{0x0028, 0x0002, "US", us(1)},
		{0x0028, 0x0004, "CS", "MONOCHROME2"},
		{0x0028, 0x0010, "US", us(1)},
		{0x0028, 0x0011, "US", us(2)},
		{0x0028, 0x0100, "US", us(8)},
		{0x0028, 0x0101, "US", us(8)},
		{0x0028, 0x0102, "US", us(7)},
		{0x0028, 0x0103, "US", us(0)},
		{0x7fe0, 0x0010, "OB", "\x0a\xc8"},
	}
	for _, e := range extra {
		at, found := slices.BinarySearchFunc(list, e, func(a, b plainElement) int {
			return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.element, b.element))
		})
		if found {
			list[at] = e
		} else {
			list = slices.Insert(list, at, e)
		}
	}
	out := append(make([]byte, 128), "DICM"...)
	out = appendElement(out, plainElement{0x0002, 0x0010, "UI", syntaxUID})
	for _, a := range list {
		out = appendElement(out, a)
	}
	return out
}

func appendElement(out []byte, a plainElement) []byte {
	le := binary.LittleEndian
	value := a.value
	if len(value)%2 == 1 {
		pad := " "
		if a.vr == "UI" || a.vr == "OB" {
			pad = "\x00"
		}
		value += pad
	}
	out = le.AppendUint16(le.AppendUint16(out, a.group), a.element)
	out = append(out, a.vr...)
	if a.vr == "OB" || a.vr == "OW" || a.vr == "SQ" {
		out = le.AppendUint32(append(out, 0, 0), uint32(len(value)))
	} else {
		out = le.AppendUint16(out, uint16(len(value)))
	}
	return append(out, value...)
}

const plain = "1.2.840.10008.1.2.1"

func TestGreyTransformations(t *testing.T) {
	window := func(centre, width string) []plainElement {
		return []plainElement{{0x0028, 0x1050, "DS", centre}, {0x0028, 0x1051, "DS", width}}
	}
	rescale := []plainElement{{0x0028, 0x1052, "DS", "-100"}, {0x0028, 0x1053, "DS", "2"}}
	signed := []plainElement{{0x0028, 0x0103, "US", us(1)}}
	inverse := []plainElement{{0x0028, 0x0004, "CS", "MONOCHROME1"}}
	masked := []plainElement{{0x0028, 0x0101, "US", us(4)}, {0x0028, 0x0102, "US", us(3)}}
	for _, c := range []struct {
		name      string
		extra     []plainElement
		low, high float64
		want      [2]float32
	}{
		{"as stored", nil, 0, 255, [2]float32{10, 200}},
		{"MONOCHROME1 is turned over", inverse, 0, 255, [2]float32{245, 55}},
		{"signed", signed, -128, 127, [2]float32{10, -56}},
		{"bits beyond BitsStored are masked", masked, 0, 15, [2]float32{10, 8}},
		{"rescale", rescale, -100, 410, [2]float32{-80, 300}},
		{"negative slope", []plainElement{{0x0028, 0x1053, "DS", "-1"}}, -255, 0, [2]float32{-10, -200}},
		{"window clips", window("100", "101"), 49.5, 149.5, [2]float32{49.5, 149.5}},
		{"first of several windows", window(`100\50`, `101\3`), 49.5, 149.5, [2]float32{49.5, 149.5}},
		{"window after rescale", append(window("0.5", "201"), rescale...), -100, 100, [2]float32{-80, 100}},
		{"exact window", append(window("100", "100"), plainElement{0x0028, 0x1056, "CS", "LINEAR_EXACT"}), 50, 150, [2]float32{50, 150}},
		{"sigmoid", append(window("105", "380"), plainElement{0x0028, 0x1056, "CS", "SIGMOID"}), 0, 1, [2]float32{0.26894143, 0.7310586}},
		{"a window of no width is no window", window("100", "1"), 0, 255, [2]float32{10, 200}},
		{"window and MONOCHROME1", append(window("100.5", "101"), inverse...), 50, 150, [2]float32{150, 50}},
	} {
		img, err := Read(bytes.NewReader(build(plain, c.extra...)), "x.dcm")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if img.Low != c.low || img.High != c.high || img.Pixels[0] != c.want[0] || img.Pixels[1] != c.want[1] {
			t.Errorf("%s: %v in %v..%v, want %v in %v..%v", c.name, img.Pixels, img.Low, img.High, c.want, c.low, c.high)
		}
	}
}

func TestColour(t *testing.T) {
	colour := func(photometric, planar int, name, data string) []plainElement {
		return []plainElement{{0x0028, 0x0002, "US", us(3)}, {0x0028, 0x0004, "CS", name}, {0x0028, 0x0006, "US", us(planar)}, {0x7fe0, 0x0010, "OB", data}}
	}
	for _, c := range []struct {
		name  string
		extra []plainElement
		want  []float32
	}{
		{"pixel by pixel", colour(0, 0, "RGB", "\x01\x02\x03\x04\x05\x06"), []float32{1, 2, 3, 4, 5, 6}},
		{"plane by plane", colour(0, 1, "RGB", "\x01\x04\x02\x05\x03\x06"), []float32{1, 2, 3, 4, 5, 6}},
		{"YBR grey", colour(0, 0, "YBR_FULL", "\x10\x80\x80\xf0\x80\x80"), []float32{16, 16, 16, 240, 240, 240}},
		{"YBR red", colour(0, 0, "YBR_FULL", "\x4c\x55\xff\x4c\x55\xff"), []float32{254.054, 0.103, 0, 254.054, 0.103, 0}},
		{"YBR 4:2:2", colour(0, 0, "YBR_FULL_422", "\x10\xf0\x80\x80"), []float32{16, 16, 16, 240, 240, 240}},
	} {
		img, err := Read(bytes.NewReader(build(plain, c.extra...)), "x.dcm")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, want := range c.want {
			if d := img.Pixels[i] - want; d > 0.1 || d < -0.1 {
				t.Errorf("%s: %v, want %v", c.name, img.Pixels, c.want)
				break
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	nested := bytes.Repeat([]byte("\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"), maxDepth+1)
	for _, c := range []struct {
		name string
		data []byte
		code fault.Code
	}{
		{"empty", nil, fault.InputEmpty},
		{"text", []byte(strings.Repeat("this is text ", 20)), fault.InputMalformed},
		{"truncated", build(plain)[:len(build(plain))-1], fault.InputTruncated},
		{"JPIP", build("1.2.840.10008.1.2.4.94"), fault.InputUnsupported},
		{"unknown syntax", build("1.2.3.4"), fault.InputUnsupported},
		{"JPEG syntax, plain pixels", build("1.2.840.10008.1.2.4.50"), fault.InputMalformed},
		{"too few pixels", build(plain, plainElement{0x0028, 0x0010, "US", us(9)}), fault.InputTruncated},
		{"enormous", build(plain, plainElement{0x0028, 0x0010, "US", us(65535)}, plainElement{0x0028, 0x0011, "US", us(65535)}), fault.InputTooLarge},
		{"many frames", build(plain, plainElement{0x0028, 0x0008, "IS", "999999999"}), fault.InputTooLarge},
		{"no rows", build(plain, plainElement{0x0028, 0x0010, "US", us(0)}), fault.InputMalformed},
		{"no palette", build(plain, plainElement{0x0028, 0x0004, "CS", "PALETTE COLOR"}), fault.InputMalformed},
		{"HSV", build(plain, plainElement{0x0028, 0x0004, "CS", "HSV"}), fault.InputUnsupported},
		{"bits", build(plain, plainElement{0x0028, 0x0101, "US", us(9)}), fault.InputMalformed},
		{"slope 0", build(plain, plainElement{0x0028, 0x1053, "DS", "0"}), fault.InputMalformed},
		{"slope that overflows", build(plain, plainElement{0x0028, 0x1053, "DS", "1e300"}), fault.InputMalformed},
		{"deep nesting", append(build(plain)[:160:160], nested...), fault.InputTooLarge},
	} {
		start := time.Now()
		if _, err := Read(bytes.NewReader(c.data), c.name); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", c.name, took)
		}
	}
}

func TestIsDICOM(t *testing.T) {
	for head, want := range map[string]bool{
		string(build(plain)[:132]):         true,
		"\x08\x00\x05\x00CS\x0a\x00":       true,
		"\x00\x08\x00\x05CS\x00\x0a":       true,
		"\x08\x00\x00\x00\x04\x00\x00\x00": true,
		"\x89PNG\r\n\x1a\n":                false,
		"":                                 false,
		"\x08\x00":                         false,
	} {
		if IsDICOM([]byte(head)) != want {
			t.Errorf("%q: %v", head, !want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(build(plain))
	f.Add(build("1.2.840.10008.1.2.4.50"))
	f.Add(build(Deflated))
	f.Add(build(plain, plainElement{0x0028, 0x0008, "IS", "3"}, plainElement{0x0028, 0x1050, "DS", "5"}, plainElement{0x0028, 0x1051, "DS", "1e300"}))
	f.Add(build(plain, plainElement{0x0028, 0x0100, "US", us(16)}, plainElement{0x0028, 0x0101, "US", us(12)}, plainElement{0x0028, 0x0102, "US", us(11)}, plainElement{0x0028, 0x0103, "US", us(1)}))
	var out bytes.Buffer
	if err := WriteFilm(&out, FilmOptions{Image: film(4, 4)}); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		img, err := Read(bytes.NewReader(data), "fuzz")
		if took := time.Since(start); took > 10*time.Second {
			t.Fatalf("took %v", took)
		}
		if err != nil {
			if fault.CodeOf(err) == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		if n := img.Frames * img.Rows * img.Columns * img.Channels; n != len(img.Pixels) || n == 0 {
			t.Fatalf("%d values for %d", len(img.Pixels), n)
		}
		if !(img.High > img.Low) || math.IsInf(img.High-img.Low, 0) {
			t.Fatalf("values in %v..%v", img.Low, img.High)
		}
	})
}
