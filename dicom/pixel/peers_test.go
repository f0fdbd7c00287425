package pixel_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/dicom/pixel"
)

// TestAgainstDicomToolkits lets dcmtk and gdcm compress synthetic pictures of many shapes. What we
// decode must be, bit for bit, the picture itself or, after a lossy process, what dcmtk or gdcm decodes.
func TestAgainstDicomToolkits(t *testing.T) {
	grey8 := pixel.Format{Samples: 1, BitsAllocated: 8, BitsStored: 8, Photometric: "MONOCHROME2"}
	grey16 := pixel.Format{Samples: 1, BitsAllocated: 16, BitsStored: 16, Photometric: "MONOCHROME2"}
	grey12 := pixel.Format{Samples: 1, BitsAllocated: 16, BitsStored: 12, Photometric: "MONOCHROME2"}
	signed16 := pixel.Format{Samples: 1, BitsAllocated: 16, BitsStored: 16, Signed: true, Photometric: "MONOCHROME2"}
	rgb := pixel.Format{Samples: 3, BitsAllocated: 8, BitsStored: 8, Photometric: "RGB"}
	for _, c := range []struct {
		encode  string
		decode  string // empty: the process is lossless
		formats []pixel.Format
	}{
		{"dcmcrle", "", []pixel.Format{grey8, grey16, signed16, rgb}},
		{"gdcmconv --rle", "", []pixel.Format{grey8, grey12, rgb}},
		{"dcmcjpeg +e1", "", []pixel.Format{grey8, grey12, grey16, signed16, rgb}},
		{"dcmcjpeg +el +sv 2", "", []pixel.Format{grey8, grey16, rgb}},
		{"dcmcjpeg +el +sv 3", "", []pixel.Format{grey8, grey16}},
		{"dcmcjpeg +el +sv 4", "", []pixel.Format{grey8, grey16}},
		{"dcmcjpeg +el +sv 5", "", []pixel.Format{grey8, grey16}},
		{"dcmcjpeg +el +sv 6", "", []pixel.Format{grey8, grey12}},
		{"dcmcjpeg +el +sv 7", "", []pixel.Format{grey8, grey16}},
		{"dcmcjpeg +e1 +pt 2", "dcmdjpeg +cn", []pixel.Format{grey8, grey16}},
		{"gdcmconv --jpeg", "", []pixel.Format{grey8, grey12, grey16, rgb}},
		{"dcmcjpeg +eb +q 90", "dcmdjpeg +cn +px", []pixel.Format{grey8, rgb}},
		{"dcmcjpeg +eb +q 30 +s4", "dcmdjpeg +cn +px", []pixel.Format{rgb}},
		{"dcmcjpeg +eb +q 60 +n1", "dcmdjpeg +cn +px", []pixel.Format{rgb}},
		{"dcmcjpeg +eb +q 60 +cr", "dcmdjpeg +cn +px", []pixel.Format{rgb}},
		{"dcmcjpeg +ee +be +q 80", "dcmdjpeg +cn +px", []pixel.Format{grey8}},
		{"dcmcjpeg +ee +bt +q 80", "dcmdjpeg +cn +px", []pixel.Format{grey12}},
		{"dcmcjpeg +ee +bt +q 20", "dcmdjpeg +cn +px", []pixel.Format{grey12}},
		{"dcmcjpls +el", "", []pixel.Format{grey8, grey12, grey16, signed16, rgb}},
		{"dcmcjpls +el +pc", "", []pixel.Format{grey12}},
		{"dcmcjpls +el +is", "", []pixel.Format{rgb}},
		{"dcmcjpls +el +in", "", []pixel.Format{rgb}},
		{"dcmcjpls +el +pc +t1 5 +t2 9 +t3 30 +rs 31", "", []pixel.Format{grey8}},
		{"dcmcjpls +en +md 1", "dcmdjpls", []pixel.Format{grey8, rgb}},
		{"dcmcjpls +en +md 3 +is", "dcmdjpls", []pixel.Format{grey8, rgb}},
		{"dcmcjpls +en +md 9", "dcmdjpls", []pixel.Format{grey12, grey16, rgb}},
		{"gdcmconv --jpegls", "", []pixel.Format{grey8, grey12, grey16, rgb}},
		{"gdcmconv --j2k", "", []pixel.Format{grey8, grey12, grey16, signed16, rgb}},
	} {
		for _, f := range c.formats {
			name := fmt.Sprintf("%s of %d bits x %d", c.encode, f.BitsStored, f.Samples)
			t.Run(name, func(t *testing.T) { compare(t, c.encode, c.decode, f) })
		}
	}
}

// compare encodes a few pictures, the smallest first, and compares what becomes of them.
func compare(t *testing.T, encode, decode string, f pixel.Format) {
	program := strings.Fields(encode)
	update := golden{maker: encode + ", " + decode}
	if decode == "" {
		update.maker = encode
	}
	path := peer(t, program[0])
	random := rand.New(rand.NewPCG(1, 7))
	dir := t.TempDir()
	from, coded, flat := filepath.Join(dir, "plain.dcm"), filepath.Join(dir, "coded.dcm"), filepath.Join(dir, "flat.dcm")
	sizes := [][2]int{{17, 23}, {48, 1 + random.IntN(90)}}
	if testing.Short() {
		sizes = sizes[:1]
	}
	for i, size := range sizes {
		f.Rows, f.Columns = size[0], size[1]
		if encode == "gdcmconv --rle" {
			f.Columns += f.Columns % 2 // it aborts on frames of an odd length
		}
		want := picture(random, f)
		writeFile(t, from, pixel.ExplicitLittle, f, want)
		command(t, path, append(program[1:], from, coded)...)
		syntax, got, frame := readFile(t, coded)
		if plain(syntax) {
			t.Fatal("the peer did not compress")
		}
		decoded, err := pixel.Decode(context.Background(), syntax, got, frame)
		if err != nil {
			t.Fatal(err)
		}
		if decode != "" {
			words := strings.Fields(decode)
			command(t, peer(t, words[0]), append(words[1:], coded, flat)...)
			_, theirs, native := readFile(t, flat)
			plainFrame, err := pixel.Decode(context.Background(), pixel.ExplicitLittle, theirs, native)
			if err != nil {
				t.Fatal(err)
			}
			want = plainFrame.Data
		}
		same(t, fmt.Sprintf("picture %d (%s)", i, syntax), decoded, want)
		if i == 0 {
			update.keep(t, syntax, got, frame, decoded)
		}
	}
}

// TestAgainstOpenJPEG lets OpenJPEG's own program compress with all the options
// that change the codestream, and compares with its own decoder.
func TestAgainstOpenJPEG(t *testing.T) {
	compress, decompress := peer(t, "opj_compress"), peer(t, "opj_decompress")
	for i, c := range []struct {
		options                  string
		samples, bits, allocated int
		signed                   bool
	}{
		{"", 1, 8, 8, false}, {"", 1, 16, 16, false}, {"", 1, 12, 16, true}, {"", 3, 8, 8, false}, {"", 1, 1, 8, false},
		{"-n 1", 1, 8, 8, false}, {"-n 3 -b 4,4", 1, 16, 16, false}, {"-b 64,16 -t 20,14 -n 2", 3, 8, 8, false},
		{"-p RPCL -c [16,16],[8,8]", 1, 16, 16, false}, {"-p CPRL -SOP -EPH", 3, 8, 8, false}, {"-p PCRL -t 9,31 -n 2", 1, 10, 16, false},
		{"-M 1", 1, 16, 16, false}, {"-M 38", 1, 12, 16, false}, {"-M 13", 1, 8, 8, false}, {"-M 43", 1, 16, 16, true},
		{"-mct 0", 3, 8, 8, false}, {"-r 20,10,1", 1, 16, 16, false}, {"-TP R -p LRCP", 1, 8, 8, false}, {"-d 3,5", 1, 8, 8, false},
		{"-I -r 5", 1, 12, 16, false}, {"-I -r 8", 3, 8, 8, false}, {"-I -q 40 -t 16,16 -n 3", 1, 8, 8, false}, {"-I -r 4", 1, 16, 16, true},
	} {
		t.Run(fmt.Sprintf("%s of %d bits x %d", c.options, c.bits, c.samples), func(t *testing.T) {
			f := pixel.Format{Rows: 29, Columns: 20 + i, Samples: c.samples, BitsAllocated: c.allocated, BitsStored: c.bits, Signed: c.signed, Photometric: "MONOCHROME2"}
			if c.samples == 3 {
				f.Photometric = "YBR_RCT"
			}
			random := rand.New(rand.NewPCG(2, uint64(i)))
			dir := t.TempDir()
			from, coded, flat := filepath.Join(dir, "plain.rawl"), filepath.Join(dir, "coded.j2k"), filepath.Join(dir, "flat.rawl")
			writeRaw(t, from, f, picture(random, f))
			sign := map[bool]string{true: "s", false: "u"}[c.signed]
			shape := fmt.Sprintf("%d,%d,%d,%d,%s", f.Columns, f.Rows, f.Samples, c.bits, sign)
			options := strings.Fields(c.options)
			if !strings.Contains(c.options, "-n ") {
				options = append(options, "-n", "4")
			}
			command(t, compress, append(options, "-i", from, "-F", shape, "-o", coded)...)
			command(t, decompress, "-i", coded, "-o", flat)
			frame, err := os.ReadFile(coded)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := pixel.Decode(t.Context(), pixel.JPEG2000, f, frame)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "picture", decoded, readRaw(t, flat, f))
			golden{maker: strings.TrimSpace("opj_compress " + c.options)}.keep(t, pixel.JPEG2000, f, frame, decoded)
		})
	}
}

// TestAgainstLibjpeg compares with libjpeg-turbo's own program, which has sampling factors that
// DICOM's tools do not write.
func TestAgainstLibjpeg(t *testing.T) {
	compress, decompress := peer(t, "cjpeg"), peer(t, "djpeg")
	for i, options := range []string{
		"-rgb", "-rgb -sample 2x1", "-rgb -sample 2x2", "-rgb -sample 1x2", "-rgb -sample 1x1,2x2,2x2", "-rgb -sample 4x1", "-rgb -sample 2x2 -restart 1",
		"-rgb -optimize -restart 3B", "-grayscale -sample 2x2", "-grayscale -quality 5", "-rgb -quality 100 -sample 2x1",
	} {
		t.Run(options, func(t *testing.T) {
			for k, size := range [][2]int{{17, 23}, {1, 1}, {40, 5}, {16, 49}} {
				f := pixel.Format{Rows: size[0], Columns: size[1], Samples: 3, BitsAllocated: 8, BitsStored: 8, Photometric: "RGB"}
				random := rand.New(rand.NewPCG(uint64(i), uint64(k)))
				dir := t.TempDir()
				from, coded, flat := filepath.Join(dir, "plain.ppm"), filepath.Join(dir, "coded.jpg"), filepath.Join(dir, "flat.pnm")
				header := fmt.Sprintf("P6\n%d %d\n255\n", f.Columns, f.Rows)
				if err := os.WriteFile(from, append([]byte(header), picture(random, f)...), 0o600); err != nil {
					t.Fatal(err)
				}
				command(t, compress, append(strings.Fields(options), "-outfile", coded, from)...)
				command(t, decompress, "-outfile", flat, coded)
				if strings.Contains(options, "gray") {
					f.Samples, f.Photometric = 1, "MONOCHROME2"
				}
				frame, err := os.ReadFile(coded)
				if err != nil {
					t.Fatal(err)
				}
				want, err := os.ReadFile(flat)
				if err != nil {
					t.Fatal(err)
				}
				decoded, err := pixel.Decode(t.Context(), pixel.JPEGBaseline, f, frame)
				if err != nil {
					t.Fatal(err)
				}
				same(t, fmt.Sprint(size), decoded, want[len(want)-f.Rows*f.Columns*f.Samples:])
				if k == 0 {
					golden{maker: "cjpeg " + options}.keep(t, pixel.JPEGBaseline, f, frame, decoded)
				}
			}
		})
	}
}

// writeRaw writes planes, as OpenJPEG's program wants them, little endian.
func writeRaw(t *testing.T, path string, f pixel.Format, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, planes(data, f, true), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readRaw(t *testing.T, path string, f pixel.Format) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return planes(b, f, false)
}

// planes moves samples from pixels to planes, or back.
func planes(data []byte, f pixel.Format, apart bool) []byte {
	width, pixels := f.BitsAllocated/8, f.Rows*f.Columns
	out := make([]byte, len(data))
	for i := range pixels {
		for s := range f.Samples {
			a, b := (i*f.Samples+s)*width, (s*pixels+i)*width
			if !apart {
				a, b = b, a
			}
			copy(out[b:b+width], data[a:a+width])
		}
	}
	return out
}

// same compares samples in the bits that are stored.
func same(t *testing.T, what string, got pixel.Frame, want []byte) {
	t.Helper()
	if len(got.Data) != len(want) {
		t.Fatalf("%s: %d bytes, want %d", what, len(got.Data), len(want))
	}
	if bytes.Equal(got.Data, want) {
		return
	}
	width := got.BitsAllocated / 8
	differ, first := 0, -1
	for i := 0; i < len(want); i += width {
		var a, b uint64
		for k := range width {
			a, b = a|uint64(got.Data[i+k])<<(8*k), b|uint64(want[i+k])<<(8*k)
		}
		if mask := uint64(1)<<got.BitsStored - 1; a&mask != b&mask {
			differ++
			if first < 0 {
				first = i / width
				t.Logf("%s: sample %d is %d, want %d", what, first, a&mask, b&mask)
			}
		}
	}
	if differ > 0 {
		t.Fatalf("%s: %d of %d samples differ", what, differ, len(want)/width)
	}
}
