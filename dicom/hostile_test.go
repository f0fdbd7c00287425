package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"consilium/dataset/settest"
	"consilium/fault"
	"consilium/signal"
)

// use does with an object whatever the node does. Nothing of it may panic,
// hang or fail with INTERNAL.
func use(t *testing.T, data []byte) {
	t.Helper()
	start := time.Now()
	check := func(what string, err error) {
		if fault.CodeOf(err) == fault.Internal {
			t.Fatalf("%s: %v", what, err)
		}
		if err != nil && strings.Contains(err.Error(), "reading failed") {
			t.Fatalf("%s panics: %v", what, err)
		}
	}
	h, err := ParseHeader(bytes.NewReader(data), "header")
	check("ParseHeader", err)
	if err == nil {
		_ = h.IDs()
		_, err = h.JSON(func(string, int) string { return "x" })
		check("header JSON", err)
	}
	o, err := ParseObject(bytes.NewReader(data), "object")
	check("ParseObject", err)
	if err != nil {
		return
	}
	_ = o.Walk(func(_ []Tag, at *Object, t Tag) error { _, _, _ = at.Texts(t), at.Floats(t), at.Ints(t); return nil })
	_, err = o.JSON(nil)
	check("JSON", err)
	check("Write", o.Clone().Write(io.Discard))
	check("WriteDataSet", o.WriteDataSet(io.Discard))
	_, err = o.Image()
	check("Image", err)
	_, err = o.Render(0, nil)
	check("Render", err)
	_, err = o.Recording()
	check("Recording", err)
	_, _, err = Volume([]*Object{o})
	check("Volume", err)
	o.toUTF8()
	if took := time.Since(start); took > 20*time.Second {
		t.Fatalf("took %v", took)
	}
}

// seeds are small files of every kind: ours, and the real ones where they are
// at hand. JPEG 2000 is left to dicom/pixel: its sandbox takes its time.
func seeds(t testing.TB) [][]byte {
	var ecgFile, soundFile, filmFile, captured bytes.Buffer
	_ = WriteECG(&ecgFile, ecg(40, 500, signal.Leads12...), Origin{Made: made})
	_ = WriteSound(&soundFile, sound(100, 8000, "left"), Origin{Made: made})
	_ = WriteFilm(&filmFile, FilmOptions{Image: film(4, 4)})
	enhanced := slice(1, [3]float64{}, 7)
	_ = enhanced.SetItems(SharedFunctionalGroupsSequence, slice(2, [3]float64{1, 2, 3}, 7))
	enhanced.SetTransferSyntax(Deflated)
	_ = enhanced.Write(&captured)
	out := [][]byte{ecgFile.Bytes(), soundFile.Bytes(), filmFile.Bytes(), captured.Bytes(), build(plain), build(Deflated), build("1.2.840.10008.1.2.4.50")}
	if tt, ok := t.(*testing.T); ok && !testing.Short() {
		paths, _ := filepath.Glob(filepath.Join(settest.Data(tt, "dicom"), "*", "*.dcm"))
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err == nil && len(raw) < 16<<10 && !bytes.Contains(raw, []byte("1.2.840.10008.1.2.4.9")) && !bytes.Contains(raw, []byte("1.2.840.10008.1.2.4.20")) {
				out = append(out, raw)
			}
		}
	}
	return out
}

// mutate changes, cuts, doubles or moves some bytes; lengths are a favourite.
func mutate(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + r.IntN(6) {
		if len(b) < 8 {
			return b
		}
		at := r.IntN(len(b) - 4)
		if r.IntN(3) > 0 && len(b) > 140 { // where the attributes are
			at = 132 + r.IntN(min(len(b)-136, 2048))
		}
		switch r.IntN(6) {
		case 0:
			b[at] ^= byte(1 << r.IntN(8))
		case 1:
			b[at] = byte(r.Uint32())
		case 2:
			binary.LittleEndian.PutUint32(b[at:], []uint32{0, 1, 0xffff, 0x7fffffff, 0xffffffff, 0xfffffffe, 0x80000000}[r.IntN(7)])
		case 3:
			b = b[:at]
		case 4:
			end := at + r.IntN(min(64, len(b)-at))
			b = append(b[:end:end], b[at:]...)
		case 5:
			copy(b[at:], "\xfe\xff\x00\xe0\xff\xff\xff\xff"[:min(8, len(b)-at)])
		}
	}
	return b
}

// TestMutatedFiles: 10,000 damaged files (500 with -short) are read or refused.
func TestMutatedFiles(t *testing.T) {
	files := seeds(t)
	n := 10_000
	if testing.Short() {
		n = 500
	}
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Now()
	for range n {
		use(t, mutate(r, files[r.IntN(len(files))]))
	}
	t.Logf("%d mutants of %d files in %v", n, len(files), time.Since(start))
}

// taking gives the memory that f allocates.
func taking(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestHostileFiles: small files that promise much take little time and memory.
func TestHostileFiles(t *testing.T) {
	head := build(plain)[:160:160] // preamble, meta information, the first attribute
	sq := "\x08\x00\x40\x11SQ\x00\x00"
	undefinedItem := sq + "\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
	for _, c := range []struct {
		name string
		tail []byte
		code fault.Code
	}{
		{"100,000 nested sequences", bytes.Repeat([]byte(undefinedItem), 100_000), fault.InputTooLarge},
		{"a million items", append([]byte(sq+"\xff\xff\xff\xff"), bytes.Repeat([]byte("\xfe\xff\x00\xe0\x00\x00\x00\x00"), maxElements+1)...), fault.InputTooLarge},
		{"a million attributes", append([]byte(sq+"\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"), bytes.Repeat([]byte("\x09\x00\x40\x11LO\x00\x00"), maxElements+1)...), fault.InputTooLarge},
		{"a sequence without an end", append([]byte(sq+"\xff\xff\xff\xff"), bytes.Repeat([]byte("\xfe\xff\x00\xe0\x00\x00\x00\x00"), 1000)...), fault.InputTruncated},
		{"four gigabytes", []byte("\x09\x00\x40\x11OB\x00\x00\xfe\xff\xff\xff"), fault.InputTruncated},
		{"fragments of four gigabytes", []byte("\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xfe\xff\xff\xff"), fault.InputTruncated},
	} {
		data := append(bytes.Clone(head), c.tail...)
		start := time.Now()
		memory := taking(func() {
			if _, err := ParseObject(bytes.NewReader(data), c.name); fault.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", c.name, err, c.code)
			}
		})
		headerMemory := taking(func() {
			if _, err := ParseHeader(bytes.NewReader(data), c.name); err == nil && !strings.Contains(c.name, "four gigabytes") && !strings.Contains(c.name, "fragments") {
				t.Errorf("%s: the header is read", c.name)
			}
		})
		// Objects of empty items are what costs most: 16 bytes become up to 200.
		if took := time.Since(start); took > time.Minute || memory > 1<<20+64*uint64(len(data)) || headerMemory > 1<<20+64*uint64(len(data)) {
			t.Errorf("%s: %v, %d and %d bytes for %d", c.name, took, memory, headerMemory, len(data))
		}
	}
}

// TestDeflateBomb: what inflates to more than the limit is refused on the way.
func TestDeflateBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("inflates to the limit")
	}
	var b bytes.Buffer
	b.Write(build(Deflated)[:132])
	b.Write(appendElement(nil, plainElement{0x0002, 0x0010, "UI", Deflated}))
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write([]byte("\x08\x00\x05\x00CS\x00\x00\xe0\x7f\x10\x00OB\x00\x00\x00\x00\x00\x70"))
	zeros := make([]byte, 1<<20)
	for range MaxBytes>>20 + 8 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	start := time.Now()
	if _, err := ParseObject(bytes.NewReader(b.Bytes()), "bomb"); fault.CodeOf(err) != fault.InputTooLarge {
		t.Error(err)
	}
	if _, err := ParseHeader(bytes.NewReader(b.Bytes()), "bomb"); err != nil {
		t.Error(err) // it ends before the pixel data
	}
	t.Logf("%d bytes that inflate to %d: %v", b.Len(), MaxBytes+8<<20, time.Since(start))
}

// endless is a file whose pixel data never end.
type endless struct{ head []byte }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	if n == 0 {
		clear(p)
		n = len(p)
	}
	return n, nil
}

// TestHeaderIsCheap: the header of an endless file takes little.
func TestHeaderIsCheap(t *testing.T) {
	data := bytes.Replace(build(plain), []byte("OB\x00\x00\x02\x00\x00\x00"), []byte("OB\x00\x00\x00\x00\x00\xf0"), 1)
	memory := taking(func() {
		h, err := ParseHeader(&endless{data}, "endless")
		if err != nil || !h.Has(PixelData) || h.Bytes(PixelData) != nil {
			t.Fatal(err)
		}
		if err := h.Write(io.Discard); fault.CodeOf(err) != fault.Usage {
			t.Errorf("a header can be written: %v", err)
		}
		if _, err := h.Image(); fault.CodeOf(err) != fault.Usage {
			t.Errorf("a header has an image: %v", err)
		}
	})
	if memory > 1<<20 {
		t.Errorf("%d bytes", memory)
	}
}

// TestUnreadable: an error of the file system is not taken for a defect of the file.
func TestUnreadable(t *testing.T) {
	broken := io.MultiReader(bytes.NewReader(build(plain)[:200]), errorReader{})
	if _, err := ParseObject(broken, "x"); fault.CodeOf(err) != fault.IO {
		t.Error(err)
	}
	broken = io.MultiReader(bytes.NewReader(build(plain)[:200]), errorReader{})
	if _, err := ParseHeader(broken, "x"); fault.CodeOf(err) != fault.IO {
		t.Error(err)
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, os.ErrPermission }

func FuzzParse(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := ParseObject(bytes.NewReader(data), "fuzz")
		if err != nil {
			if strings.Contains(err.Error(), "reading failed") || fault.CodeOf(err) == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		var b bytes.Buffer
		if err := o.WriteDataSet(&b); err != nil {
			return
		}
		_ = o.Clone()
		_, _ = o.JSON(nil)
	})
}

func FuzzHeader(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHeader(bytes.NewReader(data), "fuzz")
		if err != nil && (strings.Contains(err.Error(), "reading failed") || fault.CodeOf(err) == fault.Internal) {
			t.Fatal(err)
		}
		o, bad := ParseObject(bytes.NewReader(data), "fuzz")
		if err == nil && bad == nil && h.IDs() != o.IDs() {
			t.Fatalf("%+v, whole %+v", h.IDs(), o.IDs())
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, s := range seeds(f) {
		if o, err := ParseObject(bytes.NewReader(s), "seed"); err == nil {
			text, _ := o.JSON(nil)
			f.Add(text)
		}
	}
	f.Add([]byte(`{"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B","Ideographic":"\u738b"},null]},"00280010":{"vr":"US","Value":[1.0]},"00081140":{"vr":"SQ","Value":[{},null]},"7FE00010":{"vr":"OW","BulkDataURI":"x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := ParseJSON(data, func(string) ([]byte, error) { return []byte{1, 2}, nil })
		if err != nil {
			if fault.CodeOf(err) == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		first, err := o.JSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseJSON(first, nil)
		if err != nil {
			t.Fatalf("%v: %s", err, first)
		}
		if second, _ := again.JSON(nil); !bytes.Equal(first, second) {
			t.Fatalf("%s\n%s", first, second)
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 10, 0, 0, 0}, []byte("\xff\xd8\xff\xe0ab"), []byte("\xff\xd8\xffcd"), uint8(2), true)
	f.Add([]byte{}, []byte("\xff\xd8\xffab"), []byte("cd"), uint8(1), false)
	f.Add([]byte{0, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0}, []byte(""), []byte("\xff\x4f\xff\x51"), uint8(3), true)
	f.Fuzz(func(t *testing.T, table, a, b []byte, frames uint8, extended bool) {
		o := slice(1, [3]float64{}, 1)
		o.SetTransferSyntax("1.2.840.10008.1.2.4.50")
		if o.SetFragments(PixelData, table, a, b, a) != nil {
			return
		}
		_ = o.Set(NumberOfFrames, int(frames))
		if extended {
			_ = o.SetVR(ExtendedOffsetTable, "OV", append(bytes.Clone(table), make([]byte, 8*int(frames))...))
		}
		total := 0
		for i := range o.NumberOfFrames() {
			frame, err := o.Frame(i)
			if fault.CodeOf(err) == fault.Internal {
				t.Fatal(err)
			}
			total += len(frame)
		}
		if !extended && total > int(max(frames, 1))*(2*len(a)+len(b)+3) {
			t.Fatalf("%d bytes of frames", total)
		}
		_, _ = o.Image()
	})
}

// TestWaveformOfManyGroups: a file cannot make the reader decode one piece of
// data many times over.
func TestWaveformOfManyGroups(t *testing.T) {
	o := waveform(generalECG, "SS", 2, []byte{1, 0})
	group := o.Item(WaveformSequence)
	var groups []*Object
	for range maxGroups + 1 {
		groups = append(groups, group.Clone())
	}
	_ = o.SetItems(WaveformSequence, groups...)
	if _, err := o.Waveforms(); fault.CodeOf(err) != fault.InputTooLarge {
		t.Error(err)
	}
}
