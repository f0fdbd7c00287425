package pixel_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/dicom/pixel"
)

// scan is a synthetic 512 x 512 slice of 16 bits that compresses about as well
// as a CT: smooth tissue inside air, with noise of a few steps.
func scan() (pixel.Format, []byte) {
	f := pixel.Format{Rows: 512, Columns: 512, Samples: 1, BitsAllocated: 16, BitsStored: 16, Photometric: "MONOCHROME2"}
	random := rand.New(rand.NewPCG(3, 3))
	out := make([]byte, 0, 512*512*2)
	for y := range 512 {
		for x := range 512 {
			v := 24 + random.IntN(8)
			if r := (x-256)*(x-256)/4 + (y-256)*(y-256)/3; r < 12000 {
				v = 1000 + r/100 + (x/16*y/16)%64 + random.IntN(24)
			}
			out = append(out, byte(v), byte(v>>8))
		}
	}
	return f, out
}

// BenchmarkDecode decodes the slice after each peer's compression; MB/s are of decoded bytes.
func BenchmarkDecode(b *testing.B) {
	f, data := scan()
	dir := b.TempDir()
	flat := filepath.Join(dir, "plain.dcm")
	writeFile(b, flat, pixel.ExplicitLittle, f, data)
	for _, c := range []struct{ name, encode string }{
		{"RLE", "dcmcrle"},
		{"JPEGLossless", "dcmcjpeg +e1"},
		{"JPEGExtended12", "dcmcjpeg +ee +bt +q 90"},
		{"JPEGLS", "dcmcjpls +el"},
		{"JPEGLSNear", "dcmcjpls +en +md 2"},
		{"JPEG2000", "gdcmconv --j2k"},
		{"JPEG2000Lossy", "opj_compress -I -r 8"},
	} {
		b.Run(c.name, func(b *testing.B) {
			words := strings.Fields(c.encode)
			program, coded := peer(b, words[0]), filepath.Join(dir, c.name+".dcm")
			syntax, format, frame := pixel.JPEG2000, f, []byte(nil)
			if words[0] == "opj_compress" {
				plain, coded := filepath.Join(dir, "plain.rawl"), filepath.Join(dir, "coded.j2k")
				if err := os.WriteFile(plain, data, 0o600); err != nil {
					b.Fatal(err)
				}
				command(b, program, append(words[1:], "-i", plain, "-F", "512,512,1,16,u", "-o", coded)...)
				var err error
				if frame, err = os.ReadFile(coded); err != nil {
					b.Fatal(err)
				}
			} else {
				command(b, program, append(words[1:], flat, coded)...)
				syntax, format, frame = readFile(b, coded)
			}
			measure(b, syntax, format, frame)
		})
	}
	b.Run("Native", func(b *testing.B) { measure(b, pixel.ExplicitLittle, f, data) })
	b.Run("NativeBig", func(b *testing.B) { measure(b, pixel.ExplicitBig, f, data) })
	colour := pixel.Format{Rows: 512, Columns: 512, Samples: 3, BitsAllocated: 8, BitsStored: 8, Photometric: "RGB"}
	b.Run("JPEGBaselineColour", func(b *testing.B) {
		picture := make([]byte, 512*512*3)
		for i := range picture {
			picture[i] = data[i/3*2] + byte(i/1536)
		}
		coded := filepath.Join(dir, "colour.dcm")
		writeFile(b, flat, pixel.ExplicitLittle, colour, picture)
		command(b, peer(b, "dcmcjpeg"), "+eb", flat, coded)
		syntax, format, frame := readFile(b, coded)
		measure(b, syntax, format, frame)
	})
}

func measure(b *testing.B, syntax string, f pixel.Format, frame []byte) {
	b.Helper()
	b.SetBytes(int64(f.Rows * f.Columns * f.Samples * ((f.BitsAllocated + 7) / 8)))
	b.ReportMetric(float64(len(frame)), "bytes")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pixel.Decode(context.Background(), syntax, f, frame); err != nil {
			b.Fatal(err)
		}
	}
}
