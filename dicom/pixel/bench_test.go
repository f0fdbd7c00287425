package pixel_test

import (
	"context"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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

// coloured is an RGB picture of the same size.
func coloured() (pixel.Format, []byte) {
	f, grey := scan()
	f.Samples, f.BitsAllocated, f.BitsStored, f.Photometric = 3, 8, 8, "RGB"
	out := make([]byte, 512*512*3)
	for i := range out {
		out[i] = grey[i/3*2] + byte(i/1536)
	}
	return f, out
}

var measured = []struct{ name, encode, decode string }{
	{"RLE", "dcmcrle", "dcmdrle"},
	{"JPEGBaselineColour", "dcmcjpeg +eb", "dcmdjpeg +cn"},
	{"JPEGExtended12", "dcmcjpeg +ee +bt +q 90", "dcmdjpeg +cn"},
	{"JPEGLossless", "dcmcjpeg +e1", "dcmdjpeg"},
	{"JPEGLS", "dcmcjpls +el", "dcmdjpls"},
	{"JPEGLSNear", "dcmcjpls +en +md 2", "dcmdjpls"},
	{"JPEG2000", "gdcmconv --j2k", "gdcmconv --raw"},
	{"JPEG2000Lossy", "gdcmconv --j2k --lossy --irreversible -r 8", "gdcmconv --raw"},
}

// BenchmarkDecode decodes the slice after each peer's compression. MB/s are of decoded bytes;
// cpu-ms are of the processor, and say more where other programs run too.
func BenchmarkDecode(b *testing.B) {
	f, data := scan()
	b.Run("Native", func(b *testing.B) { measure(b, pixel.ExplicitLittle, f, data) })
	b.Run("NativeBig", func(b *testing.B) { measure(b, pixel.ExplicitBig, f, data) })
	for _, c := range measured {
		b.Run(c.name, func(b *testing.B) {
			syntax, f, frame := compressed(b, c.name, c.encode)
			measure(b, syntax, f, frame)
		})
	}
}

// BenchmarkPeers has the same frames decoded by the peer's own program: a file of 33 of them, less
// the time for a file of one, so that neither its start nor ours counts.
func BenchmarkPeers(b *testing.B) {
	for _, c := range measured {
		b.Run(c.name, func(b *testing.B) {
			syntax, f, frame := compressed(b, c.name, c.encode)
			const more = 32
			one, many, flat := filepath.Join(b.TempDir(), "one.dcm"), filepath.Join(b.TempDir(), "many.dcm"), filepath.Join(b.TempDir(), "flat.dcm")
			writeFile(b, one, syntax, f, frame)
			writeFile(b, many, syntax, f, frame, 1+more)
			words := strings.Fields(c.decode)
			program := peer(b, words[0])
			spent := func(file string) time.Duration {
				cmd := exec.CommandContext(b.Context(), program, append(words[1:], file, flat)...)
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%s: %v\n%s", c.decode, err, out)
				}
				return cmd.ProcessState.UserTime()
			}
			var total time.Duration
			for b.Loop() {
				total += spent(many) - spent(one)
			}
			b.ReportMetric(total.Seconds()*1e3/float64(b.N*more), "cpu-ms/frame")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func compressed(b *testing.B, name, encode string) (string, pixel.Format, []byte) {
	b.Helper()
	f, data := scan()
	if strings.Contains(name, "Colour") {
		f, data = coloured()
	}
	dir := b.TempDir()
	flat, coded := filepath.Join(dir, "plain.dcm"), filepath.Join(dir, "coded.dcm")
	writeFile(b, flat, pixel.ExplicitLittle, f, data)
	words := strings.Fields(encode)
	command(b, peer(b, words[0]), append(words[1:], flat, coded)...)
	return readFile(b, coded)
}

func measure(b *testing.B, syntax string, f pixel.Format, frame []byte) {
	b.Helper()
	if _, err := pixel.Decode(context.Background(), syntax, f, frame); err != nil { // compiles the module
		b.Fatal(err)
	}
	b.SetBytes(int64(f.Rows * f.Columns * f.Samples * ((f.BitsAllocated + 7) / 8)))
	b.ReportAllocs()
	before := processor()
	for b.Loop() {
		if _, err := pixel.Decode(context.Background(), syntax, f, frame); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((processor()-before).Seconds()*1e3/float64(b.N), "cpu-ms/frame")
	b.ReportMetric(float64(len(frame)), "coded-bytes")
}

// processor is the time that this process has spent on the processor.
func processor() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
