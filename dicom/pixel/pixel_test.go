package pixel_test

import (
	"bytes"
	"compress/flate"
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"consilium/dicom/pixel"
	"consilium/fault"
)

// TestNative decodes uncompressed frames: byte order, planes, packed bits, shared chroma.
func TestNative(t *testing.T) {
	grey := func(allocated, columns int) pixel.Format {
		return pixel.Format{Rows: 1, Columns: columns, Samples: 1, BitsAllocated: allocated, BitsStored: allocated, Photometric: "MONOCHROME2"}
	}
	colour := pixel.Format{Rows: 1, Columns: 2, Samples: 3, BitsAllocated: 8, BitsStored: 8, Photometric: "RGB"}
	apart := colour
	apart.PlanarConfiguration = 1
	halved := pixel.Format{Rows: 2, Columns: 3, Samples: 3, BitsAllocated: 8, BitsStored: 8, Photometric: "YBR_FULL_422"}
	for _, c := range []struct {
		name, syntax string
		f            pixel.Format
		data, want   []byte
		allocated    int
		photometric  string
	}{
		{"bytes", pixel.ExplicitLittle, grey(8, 3), []byte{1, 2, 3, 0}, []byte{1, 2, 3}, 8, "MONOCHROME2"},
		{"words", pixel.ImplicitLittle, grey(16, 2), []byte{1, 2, 3, 4}, []byte{1, 2, 3, 4}, 16, "MONOCHROME2"},
		{"words, big", pixel.ExplicitBig, grey(16, 2), []byte{1, 2, 3, 4}, []byte{2, 1, 4, 3}, 16, "MONOCHROME2"},
		{"double words, big", pixel.ExplicitBig, grey(32, 1), []byte{1, 2, 3, 4}, []byte{4, 3, 2, 1}, 32, "MONOCHROME2"},
		{"doubles, big", pixel.ExplicitBig, grey(64, 1), []byte{1, 2, 3, 4, 5, 6, 7, 8}, []byte{8, 7, 6, 5, 4, 3, 2, 1}, 64, "MONOCHROME2"},
		{"single bits", pixel.ExplicitLittle, grey(1, 10), []byte{0b01100101, 0b10}, []byte{1, 0, 1, 0, 0, 1, 1, 0, 0, 1}, 8, "MONOCHROME2"},
		{"single bits, big", pixel.ExplicitBig, grey(1, 3), []byte{0b101}, []byte{1, 0, 1}, 8, "MONOCHROME2"},
		{"twelve bits", pixel.ExplicitLittle, grey(12, 2), []byte{0x34, 0x12, 0xab}, []byte{0x34, 0x02, 0xb1, 0x0a}, 16, "MONOCHROME2"},
		{"24 bits", pixel.ExplicitLittle, grey(24, 1), []byte{1, 2, 3}, []byte{1, 2, 3, 0}, 32, "MONOCHROME2"},
		{"colour", pixel.ExplicitLittle, colour, []byte{1, 2, 3, 4, 5, 6}, []byte{1, 2, 3, 4, 5, 6}, 8, "RGB"},
		{"colour in planes", pixel.ExplicitLittle, apart, []byte{1, 4, 2, 5, 3, 6}, []byte{1, 2, 3, 4, 5, 6}, 8, "RGB"},
		{"shared chroma", pixel.EncapsulatedPlain, halved, []byte{1, 2, 91, 92, 3, 0, 93, 94, 4, 5, 95, 96, 6, 0, 97, 98},
			[]byte{1, 91, 92, 2, 91, 92, 3, 93, 94, 4, 95, 96, 5, 95, 96, 6, 97, 98}, 8, "YBR_FULL"},
		{"deflated", pixel.DeflatedFrames, grey(1, 10), deflate([]byte{0b01100101, 0b10}), []byte{1, 0, 1, 0, 0, 1, 1, 0, 0, 1}, 8, "MONOCHROME2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := bytes.Clone(c.data)
			got, err := pixel.Decode(context.Background(), c.syntax, c.f, data)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Data, c.want) || got.BitsAllocated != c.allocated || got.Photometric != c.photometric || got.PlanarConfiguration != 0 {
				t.Errorf("%v %+v, want %v", got.Data, got.Format, c.want)
			}
			clear(data)
			if !bytes.Equal(got.Data, c.want) {
				t.Error("the frame shares memory with what was decoded")
			}
		})
	}
}

func deflate(data []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// TestSliceOfBits: frames of single bits follow each other inside a byte.
func TestSliceOfBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := pixel.Format{Rows: rapid.IntRange(1, 7).Draw(t, "rows"), Columns: rapid.IntRange(1, 9).Draw(t, "columns"), Samples: 1, BitsAllocated: 1, BitsStored: 1}
		frames := rapid.IntRange(1, 5).Draw(t, "frames")
		size := f.Rows * f.Columns
		bits := rapid.SliceOfN(rapid.ByteRange(0, 1), frames*size, frames*size).Draw(t, "bits")
		data := make([]byte, (len(bits)+7)/8)
		for i, b := range bits {
			data[i/8] |= b << (i % 8)
		}
		for i := range frames {
			frame, err := pixel.Slice(f, data, i)
			if err != nil {
				t.Fatal(err)
			}
			got, err := pixel.Decode(context.Background(), pixel.ExplicitLittle, f, frame)
			if err != nil || !bytes.Equal(got.Data, bits[i*size:(i+1)*size]) {
				t.Fatalf("frame %d: %v, %v", i, got.Data, err)
			}
		}
		if _, err := pixel.Slice(f, data, frames+8); fault.CodeOf(err) != fault.InputTruncated {
			t.Fatalf("a frame that is not there: %v", err)
		}
	})
}

func TestRefusals(t *testing.T) {
	good := pixel.Format{Rows: 4, Columns: 4, Samples: 1, BitsAllocated: 8, BitsStored: 8, Photometric: "MONOCHROME2"}
	change := func(do func(*pixel.Format)) pixel.Format {
		f := good
		do(&f)
		return f
	}
	whole := make([]byte, 64)
	for _, c := range []struct {
		name, syntax string
		f            pixel.Format
		data         []byte
		code         fault.Code
	}{
		{"MPEG", "1.2.840.10008.1.2.4.102", good, whole, fault.InputUnsupported},
		{"no syntax", "", good, whole, fault.InputUnsupported},
		{"no rows", pixel.ExplicitLittle, change(func(f *pixel.Format) { f.Rows = 0 }), whole, fault.InputMalformed},
		{"negative columns", pixel.ExplicitLittle, change(func(f *pixel.Format) { f.Columns = -4 }), whole, fault.InputMalformed},
		{"no samples", pixel.ExplicitLittle, change(func(f *pixel.Format) { f.Samples = 0 }), whole, fault.InputUnsupported},
		{"48 bits", pixel.ExplicitLittle, change(func(f *pixel.Format) { f.BitsAllocated = 48 }), whole, fault.InputUnsupported},
		{"nine of eight bits", pixel.ExplicitLittle, change(func(f *pixel.Format) { f.BitsStored = 9 }), whole, fault.InputMalformed},
		{"too large", pixel.ExplicitLittle, change(func(f *pixel.Format) { f.Rows, f.Columns = 1<<14, 1<<14 }), whole, fault.InputTooLarge},
		{"overflowing", pixel.ExplicitLittle, change(func(f *pixel.Format) { f.Rows, f.Columns = 1<<31-1, 1<<31-1 }), whole, fault.InputTooLarge},
		{"too short", pixel.ExplicitLittle, good, whole[:15], fault.InputTruncated},
		{"deflated, too short", pixel.DeflatedFrames, good, deflate(whole[:15]), fault.InputTruncated},
		{"not deflated", pixel.DeflatedFrames, good, []byte{7, 7, 7}, fault.InputMalformed},
		{"twelve bits, big", pixel.ExplicitBig, change(func(f *pixel.Format) { f.BitsAllocated = 12 }), whole, fault.InputUnsupported},
		{"RLE of doubles", pixel.RLELossless, change(func(f *pixel.Format) { f.BitsAllocated, f.Samples = 64, 3 }), whole, fault.InputMalformed},
		{"RLE of 12 bits", pixel.RLELossless, change(func(f *pixel.Format) { f.BitsAllocated = 12 }), whole, fault.InputUnsupported},
		{"JPEG of 64 bits", pixel.JPEGLossless, change(func(f *pixel.Format) { f.BitsAllocated = 64 }), whole, fault.InputMalformed},
		{"JPEG 2000 of 64 bits", pixel.JPEG2000, change(func(f *pixel.Format) { f.BitsAllocated = 64 }), whole, fault.InputUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := pixel.Decode(context.Background(), c.syntax, c.f, c.data); fault.CodeOf(err) != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
}

// TestBoundsOfGoldens: a frame of another shape is refused, and so are its first halves; the context ends decoding.
func TestBoundsOfGoldens(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, g := range goldens(t) {
		other := g.format
		other.Columns++
		if _, err := pixel.Decode(t.Context(), g.syntax, other, g.frame); g.syntax != pixel.RLELossless && fault.CodeOf(err) != fault.InputMalformed {
			t.Errorf("%s: one more column: %v", g.file, err)
		}
		fewer := g.format
		fewer.Samples = 4 - fewer.Samples
		if _, err := pixel.Decode(t.Context(), g.syntax, fewer, g.frame); fault.CodeOf(err) != fault.InputMalformed {
			t.Errorf("%s: other samples: %v", g.file, err)
		}
		for _, n := range []int{len(g.frame) / 2, len(g.frame) / 4, 3, 0} {
			_, err := pixel.Decode(t.Context(), g.syntax, g.format, g.frame[:n])
			if code := fault.CodeOf(err); code != fault.InputTruncated && code != fault.InputMalformed {
				t.Errorf("%s: %d of %d bytes: %v", g.file, n, len(g.frame), err)
			}
		}
		if _, err := pixel.Decode(ended, g.syntax, g.format, g.frame); fault.CodeOf(err) != fault.Interrupted {
			t.Errorf("%s: %v after the context ended", g.file, err)
		}
	}
}

// TestPhotometric says what the samples are after decoding.
func TestPhotometric(t *testing.T) {
	want := map[string]string{
		"gdcmconv-j2k-3x8.bin":                       "RGB", // YBR_RCT, undone
		"dcmcjpeg-eb-q-90-dcmdjpeg-cn-px-3x8.bin":    "YBR_FULL",
		"dcmcjpeg-eb-q-30-s4-dcmdjpeg-cn-px-3x8.bin": "YBR_FULL",
		"dcmcjpeg-eb-q-60-cr-dcmdjpeg-cn-px-3x8.bin": "RGB",
		"dcmcjpls-el-3x8.bin":                        "RGB",
	}
	for _, g := range goldens(t) {
		if want[g.file] == "" {
			continue
		}
		got, err := pixel.Decode(t.Context(), g.syntax, g.format, g.frame)
		if err != nil || got.Photometric != want[g.file] {
			t.Errorf("%s of %s becomes %q, %v; want %s", g.file, g.format.Photometric, got.Photometric, err, want[g.file])
		}
		delete(want, g.file)
	}
	if len(want) > 0 {
		t.Errorf("not tried: %v", want)
	}
}

// TestEncodeRLE: what we write is what we read, and what dcmtk reads.
func TestEncodeRLE(t *testing.T) {
	for _, g := range goldens(t) {
		if g.syntax != pixel.JPEGLosslessSV1 {
			continue
		}
		plain, err := pixel.Decode(t.Context(), g.syntax, g.format, g.frame)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := pixel.EncodeRLE(plain)
		if err != nil {
			t.Fatal(err)
		}
		back, err := pixel.Decode(t.Context(), pixel.RLELossless, plain.Format, packed)
		if err != nil || !bytes.Equal(back.Data, plain.Data) {
			t.Errorf("%s: the picture changed: %v", g.file, err)
		}
		t.Run(g.file, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir+"/rle.dcm", pixel.RLELossless, plain.Format, packed)
			command(t, peer(t, "dcmdrle"), dir+"/rle.dcm", dir+"/plain.dcm")
			_, f, data := readFile(t, dir+"/plain.dcm")
			theirs, err := pixel.Decode(t.Context(), pixel.ExplicitLittle, f, data)
			if err != nil || !bytes.Equal(theirs.Data, plain.Data) {
				t.Errorf("dcmtk reads another picture: %v", err)
			}
		})
	}
	if _, err := pixel.EncodeRLE(pixel.Frame{}); err == nil {
		t.Error("nothing was encoded")
	}
}

func TestSupported(t *testing.T) {
	if err := pixel.Prepare(); err != nil {
		t.Error(err)
	}
	for _, syntax := range pixel.Syntaxes() {
		if !pixel.Supported(syntax) {
			t.Error(syntax)
		}
	}
	if pixel.Supported("1.2.840.10008.1.2.4.102") || !slices.Contains(pixel.Syntaxes(), pixel.HTJ2K) {
		t.Error("MPEG-4, or no HTJ2K")
	}
}

// FuzzDecode hands any bytes to any decoder through the front door.
func FuzzDecode(f *testing.F) {
	syntaxes := pixel.Syntaxes()
	for i := range syntaxes {
		f.Add(uint8(i), uint8(4), uint8(4), uint8(1), uint8(8), false, make([]byte, 16))
	}
	f.Fuzz(func(t *testing.T, syntax, rows, columns, samples, allocated uint8, planar bool, data []byte) {
		format := pixel.Format{Rows: int(rows), Columns: int(columns), Samples: int(samples) % 5, BitsAllocated: int(allocated) % 70, Photometric: "YBR_FULL_422"}
		format.BitsStored = format.BitsAllocated
		if planar {
			format.PlanarConfiguration, format.Photometric = 1, "RGB"
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		got, err := pixel.Decode(ctx, syntaxes[int(syntax)%len(syntaxes)], format, data)
		switch code := fault.CodeOf(err); {
		case err == nil && len(got.Data) != got.Rows*got.Columns*got.Samples*got.BitsAllocated/8:
			t.Errorf("%d bytes of %+v", len(got.Data), got.Format)
		case code == fault.Internal || code == fault.Timeout:
			t.Error(err)
		}
	})
}
