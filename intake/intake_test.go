package intake

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/dataset/wfdb"
	"consilium/fault"
)

// gradient is a grey picture that passes every check.
func gradient(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(i)
	}
	return img
}

func pngBytes(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hugePNG is a valid header of a picture that would not fit into memory.
func hugePNG(side uint32) []byte {
	b := append([]byte{}, pngMagic...)
	ihdr := binary.BigEndian.AppendUint32([]byte("IHDR"), side)
	ihdr = binary.BigEndian.AppendUint32(ihdr, side)
	ihdr = append(ihdr, 8, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, 13)
	b = append(b, ihdr...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
}

func npyBytes(descr, shape string, data []byte) []byte {
	head := "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n"
	b := append([]byte{}, npyMagic...)
	b = append(b, 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(head)))
	return append(append(b, head...), data...)
}

func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadRefuses(t *testing.T) {
	whole := pngBytes(t, gradient(64, 64))
	flipped := bytes.Clone(whole)
	flipped[50] ^= 1
	clear := image.NewNRGBA(image.Rect(0, 0, 20, 20))
	nan := make([]byte, 20*20*4)
	for i := 0; i < len(nan); i += 4 {
		binary.LittleEndian.PutUint32(nan[i:], math.Float32bits(float32(math.NaN())))
	}
	tests := []struct {
		name string
		data []byte
		want fault.Code
	}{
		{"empty.png", nil, fault.InputEmpty},
		{"text.txt", []byte("chest film attached\n"), fault.InputUnknown},
		{"noise.bin", []byte{1, 2, 3, 4, 0, 250, 251, 252}, fault.InputUnknown},
		{"letter.pdf", []byte("%PDF-1.7\n..."), fault.InputUnknown},
		{"set.npz", []byte("PK\x03\x04rest of it"), fault.InputUnsupported},
		{"renamed.png", []byte("not a picture at all"), fault.InputMalformed},
		{"cut.png", whole[:len(whole)/2], fault.InputTruncated},
		{"signature.png", whole[:5], fault.InputTruncated},
		{"cut.jpg", jpegBytes(t)[:200], fault.InputTruncated},
		{"flipped.png", flipped, fault.InputMalformed},
		{"huge.png", hugePNG(60000), fault.InputTooLarge},
		{"flat.png", pngBytes(t, image.NewGray(image.Rect(0, 0, 30, 30))), fault.InputFlat},
		{"tiny.png", pngBytes(t, gradient(3, 3)), fault.InputRange},
		{"clear.png", pngBytes(t, clear), fault.InputUnsupported},
		{"nan.npy", npyBytes("<f4", "(20, 20)", nan), fault.InputNotFinite},
		{"short.npy", npyBytes("|u1", "(20, 20)", make([]byte, 100)), fault.InputTruncated},
		{"long.npy", npyBytes("|u1", "(20, 20)", make([]byte, 500)), fault.InputMalformed},
		{"huge.npy", npyBytes("|u1", "(90000, 90000)", nil), fault.InputTooLarge},
		{"object.npy", npyBytes("|O8", "(20, 20)", nil), fault.InputUnsupported},
		{"range.npy", npyBytes("<f4", "(20, 20)", bytes.Repeat([]byte{0, 0, 200, 66, 0, 0, 0, 0}, 200)), fault.InputRange},
		{"lonely.dat", []byte{0, 1, 0, 2, 0, 3}, fault.InputUnsupported},
		{"bad.hea", []byte("this is not a header\n"), fault.InputMalformed},
		{"alone.hea", []byte("alone 1 500 5000\nalone.dat 16 1000 16 0 0 0 0 I\n"), fault.InputMissing},
	}
	dir := t.TempDir()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(context.Background(), write(t, dir, tt.name, tt.data))
			if got := fault.CodeOf(err); got != tt.want {
				t.Errorf("got %q (%v), want %q", got, err, tt.want)
			}
			if err != nil && fault.Of(err).Do == "" {
				t.Errorf("%v does not say what to do", err)
			}
		})
	}
}

func jpegBytes(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, gradient(64, 64), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "pipe.png")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip("no pipes here:", err)
	}
	loop := filepath.Join(dir, "loop.png")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	piped := filepath.Join(dir, "piped.dat")
	if err := syscall.Mkfifo(piped, 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "piped.hea", []byte("piped 1 500 5000\npiped.dat 16 1000 16 0 0 0 0 I\n"))
	tests := map[string]fault.Code{
		fifo:                             fault.InputUnsupported,
		loop:                             fault.InputMissing,
		piped:                            fault.InputUnsupported,
		dir:                              fault.InputUnsupported,
		"/dev/zero":                      fault.InputUnsupported,
		filepath.Join(dir, "absent.png"): fault.InputMissing,
		"nul\x00byte.png":                fault.InputMissing,
		strings.Repeat("x", 5000):        fault.InputMissing,
	}
	for path, want := range tests {
		done := make(chan error, 1)
		go func() { _, err := Read(context.Background(), path); done <- err }()
		select {
		case err := <-done:
			if got := fault.CodeOf(err); got != want {
				t.Errorf("%.60q: got %q (%v), want %q", path, got, err, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%q blocks", path)
		}
	}
}

func TestReadPictures(t *testing.T) {
	dir := t.TempDir()
	colour := image.NewRGBA(image.Rect(0, 0, 20, 30))
	grey := image.NewRGBA(image.Rect(0, 0, 20, 30))
	deep := image.NewGray16(image.Rect(0, 0, 20, 30))
	for y := range 30 {
		for x := range 20 {
			colour.Set(x, y, color.RGBA{uint8(10 * x), uint8(5 * y), 7, 255})
			grey.Set(x, y, color.RGBA{uint8(10 * x), uint8(10 * x), uint8(10 * x), 255})
			deep.SetGray16(x, y, color.Gray16{uint16(1000*x + y)})
		}
	}
	tests := []struct {
		name     string
		data     []byte
		channels int
		high     float64
		at       int // index of a value
		value    float32
	}{
		{"colour.png", pngBytes(t, colour), 3, 255, 3 * (2*20 + 4), 40},
		{"grey.png", pngBytes(t, grey), 1, 255, 2*20 + 4, 40},
		{"deep.png", pngBytes(t, deep), 1, 65535, 2*20 + 4, 4002},
		{"photo", jpegBytes(t), 1, 255, -1, 0}, // content, not name
		{"array.npy", npyBytes("<u2", "(16, 20)", bytes.Repeat([]byte{1, 2, 3, 4}, 160)), 1, 65535, 1, 0x403},
	}
	for _, tt := range tests {
		item, err := Read(context.Background(), write(t, dir, tt.name, tt.data))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if item.Kind() != clinical.KindImage || item.Image.Channels != tt.channels || item.Image.High != tt.high {
			t.Errorf("%s: %s with %d channels up to %v", tt.name, item.Kind(), item.Image.Channels, item.Image.High)
		}
		if tt.at >= 0 && item.Image.Pixels[tt.at] != tt.value {
			t.Errorf("%s: value %d is %v, want %v", tt.name, tt.at, item.Image.Pixels[tt.at], tt.value)
		}
	}
}

// A photograph of 20 megapixels is averaged over blocks, so that it fits.
func TestLargePhotographsAreAveraged(t *testing.T) {
	img := image.NewYCbCr(image.Rect(0, 0, 5000, 4000), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i] = uint8(80 + 40*(i%2)) // columns of 80 and 120
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = 128, 160
	}
	out, opaque := values(img)
	if !opaque || out.Rows != 2000 || out.Columns != 2500 || out.Channels != 3 || len(out.Pixels) > maxValues {
		t.Fatalf("%d x %d x %d", out.Rows, out.Columns, out.Channels)
	}
	_, green, _ := color.YCbCrToRGB(80, 128, 160)
	_, other, _ := color.YCbCrToRGB(120, 128, 160)
	if got, want := out.Pixels[3*(700*2500+300)+1], (float32(green)+float32(other))/2; math.Abs(float64(got-want)) > 0.01 {
		t.Errorf("mean %v, want %v", got, want)
	}
}

// record writes a small WFDB record and gives its base name.
func record(t testing.TB, dir, name string) string {
	t.Helper()
	samples := make([]float32, 1000)
	for i := range samples {
		samples[i] = float32(math.Sin(float64(i) / 20))
	}
	rec := clinical.Recording{Kind: clinical.KindECG, Rate: 100, Channels: []clinical.Channel{{Name: "I", Unit: "mV", Samples: samples}}}
	if err := wfdb.Write(dir, name, rec); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func TestRecordsByAnyName(t *testing.T) {
	dir := t.TempDir()
	base := record(t, dir, "ecg1")
	for _, path := range []string{base, base + ".hea", base + ".dat"} {
		item, err := Read(context.Background(), path)
		if err != nil || item.Kind() != clinical.KindECG || item.Path != base+".hea" {
			t.Errorf("%s: %v %v", path, item.Path, err)
		}
	}
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	base := record(t, dir, "ecg1")
	film := write(t, dir, "film.png", pngBytes(t, gradient(20, 20)))
	write(t, dir, "README.txt", []byte("hello"))
	write(t, dir, ".hidden.png", pngBytes(t, gradient(20, 20)))
	bare := filepath.Join(dir, "deeper")
	if err := os.Mkdir(bare, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.png")
	if err := os.Symlink(film, link); err != nil {
		t.Fatal(err)
	}
	inputs, refusals := List(context.Background(), []string{film, base + ".dat", base + ".hea", base, dir, filepath.Join(dir, ".", "film.png"), bare, "absent.png"})
	want := []string{film, base + ".hea", "absent.png"}
	if strings.Join(inputs, "|") != strings.Join(want, "|") {
		t.Errorf("inputs %q, want %q", inputs, want)
	}
	if len(refusals) != 1 || refusals[0].Code != string(fault.InputEmpty) || refusals[0].Input != bare {
		t.Errorf("refusals %+v", refusals)
	}
}

func TestReadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, "any"); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("got %v", err)
	}
}

// FuzzRead feeds any bytes under any name: the answer is an item or a coded
// error, never a panic, and never an uncoded error.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\x89PNG\r\n\x1a\n"), "a.png")
	f.Add(hugePNG(60000), "huge.png")
	f.Add(pngBytes(f, gradient(20, 20)), "x")
	f.Add(jpegBytes(f), "x.jpg")
	f.Add(npyBytes("<u2", "(16, 20)", make([]byte, 640)), "a.npy")
	f.Add([]byte("r 1 500 10\nr.dat 16 200 16 0 0 0 0 I\n"), "r.hea")
	f.Add([]byte("RIFF\x24\x00\x00\x00WAVEfmt "), "s.wav")
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), "s.mp3")
	f.Add([]byte{0xff, 0xfb, 0x90, 0x64}, "s")
	f.Add(append(make([]byte, 128), "DICM\x02\x00\x00\x00UL\x04\x00\x00\x00\x00\x00"...), "d.dcm")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		name = filepath.Base(name)
		if strings.ContainsAny(name, "\x00/") || len(name) > 100 || name == "." || name == ".." {
			return
		}
		path := filepath.Join(dir, name)
		if os.WriteFile(path, data, 0o600) != nil {
			return
		}
		defer os.Remove(path)
		item, err := Read(context.Background(), path)
		if err == nil && (item.Image == nil) == (item.Recording == nil) {
			t.Fatalf("%q: neither picture nor recording", name)
		}
		var coded *fault.Error
		if err != nil && (!errors.As(err, &coded) || coded.Code == fault.Internal) {
			t.Fatalf("%q: %v", name, err)
		}
	})
}
