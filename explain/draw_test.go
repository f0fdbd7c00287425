package explain

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/fault"
)

func caption() Caption {
	return Caption{Label: "anterior myocardial infarction with a label that goes on and on", Probability: 0.5, Method: MethodOcclusion,
		Model: "model 1.0.0", Source: strings.Repeat("unbroken-file-name-", 12) + ".dcm", Note: "A note.", Synthetic: true}
}

func encoded(t *testing.T, img image.Image, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WritePNG(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i) / float32(n)
	}
	return v
}

// drawings has one picture a kind of input.
func drawings() map[string]func(values []float32) (image.Image, error) {
	film := clinical.Image{Frames: 1, Rows: 30, Columns: 20, Channels: 1, High: 1, Pixels: ramp(600)}
	colour := clinical.Image{Frames: 1, Rows: 900, Columns: 700, Channels: 3, High: 1, Pixels: ramp(900 * 700 * 3)}
	volume := clinical.Image{Frames: 6, Rows: 8, Columns: 10, Channels: 1, High: 1, Pixels: ramp(480)}
	return map[string]func([]float32) (image.Image, error){
		"film":   func(v []float32) (image.Image, error) { return Picture(film, Map{[]int{1, 15, 8}, v}, caption()) },
		"photo":  func(v []float32) (image.Image, error) { return Picture(colour, Map{[]int{3, 5, 8}, v}, caption()) },
		"volume": func(v []float32) (image.Image, error) { return Picture(volume, Map{[]int{1, 3, 4, 10}, v}, caption()) },
		"12-lead": func(v []float32) (image.Image, error) {
			return ECG(ECGInput{twelveLeads, 4, ramp(120)}, Map{[]int{12, 10}, v}, caption())
		},
		"2-lead": func(v []float32) (image.Image, error) {
			return ECG(ECGInput{[]string{"a", "b"}, 6, ramp(120)}, Map{[]int{2, 60}, v}, caption())
		},
		"sound": func(v []float32) (image.Image, error) {
			return Sound(SoundInput{ramp(999), ramp(120), 30, 4, 1.5}, Map{[]int{30, 4}, v}, caption())
		},
	}
}

func TestPictures(t *testing.T) {
	for name, drawn := range drawings() {
		for kind, values := range map[string][]float32{"ramp": ramp(120), "empty": make([]float32, 120), "negative": scaled(ramp(120), -1)} {
			img, err := drawn(values)
			first := encoded(t, img, err)
			if s := img.Bounds().Size(); s.X < 256 || s.Y < 256 || s.X > 2400 || s.Y > 2000 {
				t.Errorf("%s %s is %v", name, kind, s)
			}
			if r, _, b, _ := img.At(2, 2).RGBA(); r < 2*b { // the synthetic warning
				t.Errorf("%s %s: no warning at the top", name, kind)
			}
			if ink(img) {
				t.Errorf("%s %s: something touches the lower or right edge", name, kind)
			}
			img, err = drawn(values)
			if !bytes.Equal(first, encoded(t, img, err)) {
				t.Errorf("%s %s: a second drawing differs", name, kind)
			}
		}
		if _, err := drawn(ramp(7)); fault.CodeOf(err) != fault.ModelShape {
			t.Errorf("%s with a wrong map: %v", name, err)
		}
	}
}

func scaled(v []float32, by float32) []float32 {
	out := slices.Clone(v)
	for i := range out {
		out[i] *= by
	}
	return out
}

// ink says whether anything but white lies on the outermost pixels, below the warning.
func ink(img image.Image) bool {
	b := img.Bounds()
	is := func(x, y int) bool { return color.NRGBAModel.Convert(img.At(x, y)) != color.Color(white) }
	for x := range b.Max.X {
		if is(x, b.Max.Y-1) || is(x, b.Max.Y-2) {
			return true
		}
	}
	for y := 80; y < b.Max.Y; y++ {
		if is(b.Max.X-1, y) {
			return true
		}
	}
	return false
}

func TestTextIsWrappedIntoThePicture(t *testing.T) {
	for _, width := range []int{300, 800} {
		laid := caption().layOut(width, "A reading.")
		c := newCanvas(1, 1)
		for _, l := range laid.lines {
			if w := c.width(l.style, l.words); w > width-2*margin {
				t.Errorf("%q takes %d of %d", l.words, w, width)
			}
		}
	}
	unknown := Caption{Label: "x", Probability: math.NaN()}.layOut(300, "")
	if unknown.lines[0].words != "x" {
		t.Errorf("title %q", unknown.lines[0].words)
	}
}

func TestPictureRefusesBrokenImages(t *testing.T) {
	for _, img := range []clinical.Image{{}, {Frames: 1, Rows: 2, Columns: 2, Channels: 1, Pixels: ramp(3)}, {Frames: 1, Rows: 1, Columns: 1, Channels: 2, Pixels: ramp(2)}} {
		if _, err := Picture(img, Map{[]int{1, 2, 2}, ramp(4)}, Caption{}); fault.CodeOf(err) != fault.InputMalformed {
			t.Errorf("%+v: %v", img, err)
		}
	}
}

func TestSegments(t *testing.T) {
	got := Segments([]float32{0, 0, 4, 4, 0, 0, 0, 3, 0, 1}, 1, 5)
	want := []Segment{{2, 4, 8.0 / 12}, {7, 8, 3.0 / 12}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := Segments([]float32{-1, 0}, 1, 5); got != nil {
		t.Errorf("no evidence gives %v", got)
	}
	if got := describe(want, 2); got != "Most decisive: 1.0 to 2.0 s, 3.5 to 4.0 s." {
		t.Error(got)
	}
}
