package dicom

import (
	"encoding/binary"
	"image"
	"math"
	"reflect"
	"testing"

	"consilium/fault"
	"pgregory.net/rapid"
)

func words(v ...int) []byte {
	var out []byte
	for _, w := range v {
		out = binary.LittleEndian.AppendUint16(out, uint16(w))
	}
	return out
}

// TestSegmentedPalette expands the kinds of segments of PS3.3 C.7.9.2.
func TestSegmentedPalette(t *testing.T) {
	for _, c := range []struct {
		name    string
		bits    int
		entries int
		data    []byte
		want    []uint16 // nil: refused
	}{
		{"discrete", 16, 3, words(0, 3, 5, 6, 7), []uint16{5, 6, 7}},
		{"a line", 16, 5, words(0, 1, 10, 1, 4, 50), []uint16{10, 20, 30, 40, 50}},
		{"a falling line", 16, 4, words(0, 1, 10, 1, 3, 1), []uint16{10, 7, 4, 1}},
		{"a repetition", 16, 8, words(0, 2, 1, 2, 1, 2, 6, 2, 2, 0, 0), []uint16{1, 2, 4, 6, 1, 2, 4, 6}},
		{"bytes", 8, 5, []byte{0, 1, 10, 1, 4, 50}, []uint16{10, 20, 30, 40, 50}},
		{"a repetition in bytes", 8, 4, []byte{0, 2, 1, 2, 2, 1, 0, 0, 0, 0}, []uint16{1, 2, 1, 2}},
		{"too many", 16, 2, words(0, 3, 5, 6, 7), nil},
		{"too few", 16, 9, words(0, 3, 5, 6, 7), nil},
		{"a line from nowhere", 16, 4, words(1, 4, 50), nil},
		{"cut", 16, 3, words(0, 3, 5), nil},
		{"a repetition of itself", 16, 8, words(0, 2, 1, 2, 2, 2, 0, 0), nil},
		{"a repetition of nothing", 16, 8, words(0, 2, 1, 2, 2, 1, 999, 0), nil},
		{"an unknown kind", 16, 3, words(7, 3, 5, 6, 7), nil},
	} {
		o := New("")
		if err := o.setAll([]attribute{{RedPaletteColorLookupTableDescriptor, list(c.entries, 0, c.bits)}, {SegmentedRedPaletteColorLookupTableData, list(c.data)}}); err != nil {
			t.Fatal(err)
		}
		got, err := o.segmented(RedPaletteColorLookupTableDescriptor, SegmentedRedPaletteColorLookupTableData, false)
		if c.want == nil {
			if fault.CodeOf(err) != fault.InputMalformed {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got.entries, c.want) {
			t.Errorf("%s: %v %v, want %v", c.name, got, err, c.want)
		}
	}
}

// TestPaletteImage: a palette makes colour, with values beyond its ends at its ends.
func TestPaletteImage(t *testing.T) {
	o := slice(1, [3]float64{}, 0)
	descriptor := list(2, 10, 16)
	err := o.setAll([]attribute{
		{PhotometricInterpretation, list("PALETTE COLOR")}, {PixelData, list(words(0, 10, 11, 12, 10, 11))},
		{RedPaletteColorLookupTableDescriptor, descriptor}, {GreenPaletteColorLookupTableDescriptor, descriptor}, {BluePaletteColorLookupTableDescriptor, descriptor},
		{RedPaletteColorLookupTableData, list(words(0, 65535))}, {GreenPaletteColorLookupTableData, list(words(65535, 0))}, {BluePaletteColorLookupTableData, list(words(0, 257))},
	})
	if err != nil {
		t.Fatal(err)
	}
	img, err := o.Image()
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{0, 65535, 0, 0, 65535, 0, 65535, 0, 257, 65535, 0, 257, 0, 65535, 0, 65535, 0, 257}
	if img.Channels != 3 || img.High != 65535 || !reflect.DeepEqual(img.Pixels, want) {
		t.Errorf("%+v", img)
	}
	shown, err := o.Render(0, nil)
	if err != nil || !reflect.DeepEqual(shown.(*image.NRGBA).Pix[8:12], []uint8{255, 0, 1, 255}) {
		t.Errorf("%v %v", err, shown)
	}
}

// TestLookupTables: a modality table and a VOI table, with entries of 16 bits and of packed bytes.
func TestLookupTables(t *testing.T) {
	table := func(descriptor []any, data []byte) *Object {
		item := New("")
		_ = item.SetVR(LUTDescriptor, "US", descriptor...)
		_ = item.SetVR(LUTData, "OW", data)
		return item
	}
	o := slice(1, [3]float64{}, 0)
	o.Delete(WindowCenter)
	_ = o.Set(PixelData, words(0, 1, 2, 3, 4, 5))
	_ = o.SetItems(ModalityLUTSequence, table(list(4, 1, 12), words(100, 200, 300, 4000)))
	img, err := o.Image()
	if err != nil || !reflect.DeepEqual(img.Pixels, []float32{100, 100, 200, 300, 4000, 4000}) || img.High != 4095 {
		t.Errorf("%v %+v", err, img)
	}
	_ = o.SetItems(VOILUTSequence, table(list(3, 150, 8), []byte{1, 2, 3}))
	img, err = o.Image()
	if err != nil || !reflect.DeepEqual(img.Pixels, []float32{1, 1, 3, 3, 3, 3}) || img.High != 255 {
		t.Errorf("%v %+v", err, img)
	}
	_ = o.SetItems(VOILUTSequence, table(list(3, 150, 8), []byte{1}))
	if _, err = o.Image(); fault.CodeOf(err) != fault.InputMalformed {
		t.Error(err)
	}
}

// TestFloatPixels: IEEE values are shown as they are; what is not finite is refused.
func TestFloatPixels(t *testing.T) {
	o := slice(1, [3]float64{}, 0)
	for _, tag := range []Tag{PixelData, RescaleSlope, RescaleIntercept, WindowCenter} {
		o.Delete(tag)
	}
	var data []byte
	for _, v := range []float32{-1.5, 0, 2.25, 1e6, 3, 4} {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	_ = o.SetVR(FloatPixelData, "OF", data)
	img, err := o.Image()
	if err != nil || img.Low != -1.5 || img.High != 1e6 || img.Pixels[2] != 2.25 {
		t.Errorf("%v %+v", err, img)
	}
	if _, err := o.Render(0, &Window{Center: 0, Width: 10}); err != nil {
		t.Error(err)
	}
	nan := append([]byte{0, 0, 0xc0, 0x7f}, data[4:]...)
	_ = o.SetVR(FloatPixelData, "OF", nan)
	if _, err = o.Image(); fault.CodeOf(err) != fault.InputNotFinite && fault.CodeOf(err) != fault.InputMalformed {
		t.Error(err)
	}
}

// TestRenderWindows: PS3.3 C.11.2's functions at their ends and middle.
func TestRenderWindows(t *testing.T) {
	o := slice(1, [3]float64{}, 0)
	_ = o.Set(PixelData, words(1024, 1024+50, 1024+100, 1024+150, 1024+200, 0))
	for name, c := range map[string]struct {
		w    *Window
		want []uint8
	}{
		"linear":   {&Window{Center: 100.5, Width: 201}, []uint8{0, 64, 128, 191, 255, 0}},
		"exact":    {&Window{Center: 100, Width: 200, Function: "LINEAR_EXACT"}, []uint8{0, 64, 128, 191, 255, 0}},
		"sigmoid":  {&Window{Center: 100, Width: 200, Function: "SIGMOID"}, []uint8{30, 69, 128, 186, 225, 0}},
		"the file": {nil, []uint8{102, 134, 166, 198, 230, 0}}, // 40, 400
	} {
		img, err := o.Render(0, c.w)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, v := range img.(*image.Gray).Pix {
			if d := int(v) - int(c.want[i]); d > 1 || d < -1 {
				t.Errorf("%s: %v, want %v", name, img.(*image.Gray).Pix, c.want)
				break
			}
		}
	}
	for _, w := range []Window{{Width: 0}, {Width: 1}, {Width: math.NaN(), Center: 1}, {Width: 5, Function: "CUBIC"}, {Width: 5, Center: math.Inf(1)}} {
		if _, err := o.Render(0, &w); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: %v", w, err)
		}
	}
	if _, err := o.Render(1, nil); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
	if _, err := o.Frame(-1); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
}

// TestFramesOfEncapsulatedData: by offset tables, one a frame, or by stream starts.
func TestFramesOfEncapsulatedData(t *testing.T) {
	a1, a2, b1 := []byte("\xff\xd8\xff\xe0aa"), []byte("bbbb"), []byte("\xff\xd8\xff\xe0cc")
	for name, c := range map[string]struct {
		table    []byte
		extended []byte
		parts    [][]byte
		want     []string // "" and "": refused
	}{
		"basic offsets":    {append(words(0, 0), words(26, 0)...), nil, [][]byte{a1, a2, b1}, []string{string(a1) + string(a2), string(b1)}},
		"extended offsets": {nil, append(words(0, 0, 0, 0), words(26, 0, 0, 0)...), [][]byte{a1, a2, b1}, []string{string(a1) + string(a2), string(b1)}},
		"one a frame":      {nil, nil, [][]byte{a2, b1}, []string{string(a2), string(b1)}},
		"stream starts":    {nil, nil, [][]byte{a1, a2, b1}, []string{string(a1) + string(a2), string(b1)}},
		"wrong offsets":    {append(words(0, 0), words(5, 0)...), nil, [][]byte{a1, a2, b1}, []string{string(a1) + string(a2), string(b1)}},
		"too few":          {nil, nil, [][]byte{a1, a2, a2}, []string{"", ""}},
		"none":             {nil, nil, nil, []string{"", ""}},
	} {
		o := slice(1, [3]float64{}, 0)
		o.SetTransferSyntax("1.2.840.10008.1.2.4.50")
		_ = o.Set(NumberOfFrames, 2)
		_ = o.SetFragments(PixelData, append([][]byte{c.table}, c.parts...)...)
		if c.extended != nil {
			_ = o.SetVR(ExtendedOffsetTable, "OV", c.extended)
		}
		for i, want := range c.want {
			got, err := o.Frame(i)
			if want == "" && fault.CodeOf(err) != fault.InputTruncated || want != "" && string(got) != want {
				t.Errorf("%s, frame %d: %q %v, want %q", name, i, got, err, want)
			}
		}
	}
}

// TestWindowIsMonotonous: a larger value is never darker.
func TestWindowIsMonotonous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Window{Center: rapid.Float64Range(-1e5, 1e5).Draw(t, "c"), Width: rapid.Float64Range(1.01, 1e5).Draw(t, "w"), Function: rapid.SampledFrom([]string{"", "LINEAR_EXACT", "SIGMOID"}).Draw(t, "f")}
		a, b := rapid.Float64Range(-1e6, 1e6).Draw(t, "a"), rapid.Float64Range(-1e6, 1e6).Draw(t, "b")
		if a > b {
			a, b = b, a
		}
		if x, y := w.apply(a), w.apply(b); !(x >= 0 && y <= 1 && x <= y) {
			t.Fatalf("%v -> %v, %v -> %v", a, x, b, y)
		}
	})
}
