package wfdb_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"consilium/clinical"
	"consilium/dataset/wfdb"
	"consilium/fault"
	"pgregory.net/rapid"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestFormats(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name, format, bytes string
		want                []float32
	}{
		{"16", "16", "\x01\x00\xff\xff\x00\x80", []float32{1, -1, nan}},
		{"61 is big endian", "61", "\x00\x01\xff\xff\x80\x00", []float32{1, -1, nan}},
		{"80 is offset binary", "80", "\x81\x7f\x00", []float32{1, -1, nan}},
		{"24", "24", "\x01\x00\x00\xff\xff\xff\x00\x00\x80", []float32{1, -1, nan}},
		{"32", "32", "\x01\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x80", []float32{1, -1, nan}},
		{"212 packs pairs, a lone last sample takes two bytes", "212", "\x01\xf0\xff\x00\x08", []float32{1, -1, nan}},
		{"offset", "16+2", "zz\x01\x00\xff\xff\x00\x80", []float32{1, -1, nan}},
		{"skew", "16:1", "\x07\x00\x01\x00\xff\xff", []float32{1, -1, nan}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec, err := wfdb.ReadFS(fstest.MapFS{
				"r.hea": file("r 1 100 3\nr.dat " + c.format + " 1/mV\n"),
				"r.dat": file(c.bytes),
			}, "r")
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.want {
				got := rec.Channels[0].Samples[i]
				if got != want && !(got != got && want != want) {
					t.Errorf("sample %d = %v, want %v", i, got, want)
				}
			}
		})
	}
}

func TestCalibration(t *testing.T) {
	for _, c := range []struct {
		field string
		want  float32 // of the stored value 1000
		unit  string
	}{
		{"", 1000 / 200., "mV"},
		{"0", 1000 / 200., "mV"},
		{"1000/mV", 1, "mV"},
		{"1000(500)/mV", 0.5, "mV"},
		{"1000/mV(500)", 0.5, "mV"},
		{"1(0)/uV", 1, "mV"},
		{"1e6/V", 1, "mV"},
		{"100/NU", 10, "NU"},
		{"1000/mV 16 500", 0.5, "mV"}, // without a baseline the ADC's zero is 0 mV
	} {
		rec, err := wfdb.ReadFS(fstest.MapFS{
			"r.hea": file("r 1 100 1\nr.dat 16 " + c.field + "\n"),
			"r.dat": file("\xe8\x03"),
		}, "r")
		if err != nil {
			t.Errorf("%q: %v", c.field, err)
			continue
		}
		if got := rec.Channels[0]; got.Samples[0] != c.want || got.Unit != c.unit {
			t.Errorf("%q: %v %s, want %v %s", c.field, got.Samples[0], got.Unit, c.want, c.unit)
		}
	}
}

func TestRefusals(t *testing.T) {
	const good = "r 1 100 2\nr.dat 16 1000/mV 16 0 1 3 0 I\n"
	matlab := func(kind, rows byte) string {
		b := make([]byte, 28)
		b[0], b[4], b[8] = kind, rows, 2
		return string(b)
	}
	for _, c := range []struct {
		name, header, data string
		code               fault.Code
	}{
		{"no header content", " ", "\x01\x00\x02\x00", fault.InputMalformed},
		{"empty header", "", "", fault.InputEmpty},
		{"short data", good, "\x01\x00", fault.InputTruncated},
		{"wrong checksum", good, "\x01\x00\x03\x00", fault.InputMalformed},
		{"wrong first sample", good, "\x02\x00\x01\x00", fault.InputMalformed},
		{"multi-segment", "r/2 1 100 2\na 1\nb 1\n", "", fault.InputUnsupported},
		{"samples per frame", "r 1 100 2\nr.dat 16x4 1\n", "", fault.InputUnsupported},
		{"unknown format", "r 1 100 2\nr.dat 311 1\n", "", fault.InputUnsupported},
		{"no signals", "r 0\n", "", fault.InputEmpty},
		{"missing signal line", "r 2 100 2\nr.dat 16 1\n", "", fault.InputMalformed},
		{"extra signal line", "r 1 100 2\nr.dat 16 1\nr.dat 16 1\n", "", fault.InputMalformed},
		{"bad rate", "r 1 NaN 2\nr.dat 16 1\n", "", fault.InputMalformed},
		{"negative rate", "r 1 -5 2\nr.dat 16 1\n", "", fault.InputMalformed},
		{"too many samples", "r 1 100 99999999999\nr.dat 16 1\n", "", fault.InputTooLarge},
		{"too many signals", "r 9999 100 2\n", "", fault.InputTooLarge},
		{"parent folder", "r 1 100 2\n../r.dat 16 1\n", "", fault.InputMalformed},
		{"absolute path", "r 1 100 2\n/etc/passwd 16 1\n", "", fault.InputMalformed},
		{"other platform's path", "r 1 100 2\n..\\r.dat 16 1\n", "", fault.InputMalformed},
		{"standard input", "r 1 100 2\n- 16 1\n", "", fault.InputUnsupported},
		{"missing file", "r 1 100 2\nq.dat 16 1\n", "", fault.InputMissing},
		{"no length, no data", "r 1 100\nr.dat 16 1\n", "", fault.InputEmpty},
		{"enormous skew", "r 1 100 2\nr.dat 16:9223372036854775807 1\n", "\x01\x00\x02\x00", fault.InputMalformed},
		{"matlab doubles", "r 1 100 2\nr.mat 16+24 1\n", matlab(0, 1), fault.InputUnsupported},
		{"matlab rows", "r 1 100 2\nr.mat 16+24 1\n", matlab(30, 2), fault.InputMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := wfdb.ReadFS(fstest.MapFS{"r.hea": file(c.header), "r.dat": file(c.data), "r.mat": file(c.data)}, "r")
			if fault.CodeOf(err) != c.code {
				t.Errorf("error %v, want %s", err, c.code)
			}
		})
	}
}

func TestLinkOutOfTheFolderIsRefused(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "record")
	for _, err := range []error{
		os.Mkdir(dir, 0o755),
		os.WriteFile(filepath.Join(base, "secret"), []byte("\x01\x00"), 0o644),
		os.WriteFile(filepath.Join(dir, "r.hea"), []byte("r 1 100 1\nr.dat 16 1\n"), 0o644),
		os.Symlink(filepath.Join("..", "secret"), filepath.Join(dir, "r.dat")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := wfdb.Read(filepath.Join(dir, "r")); fault.CodeOf(err) != fault.InputMissing {
		t.Errorf("error %v", err)
	}
}

// Opening a FIFO waits for its writer: whatever names one must be refused before that.
func TestWhatIsNoFileIsRefusedUnopened(t *testing.T) {
	const header, signal = "r.hea", "r.dat"
	for name, place := range map[string]func(path string) error{
		"FIFO":   func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"folder": func(path string) error { return os.Mkdir(path, 0o755) },
	} {
		for _, odd := range []string{header, signal, "r.atr"} {
			t.Run(name+" "+odd, func(t *testing.T) {
				dir := t.TempDir()
				for file, content := range map[string]string{header: "r 1 100 1\nr.dat 16 1\n", signal: "\x01\x00"} {
					if file == odd {
						continue
					}
					if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if err := place(filepath.Join(dir, odd)); err != nil {
					t.Fatal(err)
				}
				refused := goAndRead(filepath.Join(dir, "r"))
				select {
				case err := <-refused:
					if fault.CodeOf(err) != fault.InputMissing {
						t.Errorf("error %v", err)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("reading waits")
				}
			})
		}
	}
}

func goAndRead(path string) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := wfdb.Read(path)
		done <- err
	}()
	return done
}

func TestAnnotationsParse(t *testing.T) {
	// Two beats, a long step, a rhythm change with text, sub, channel and num.
	raw := "\x0a\x04" + // N at 10
		"\x00\xec\x01\x00\x00\x00" + // skip 65536
		"\x05\x70" + "\x01\xf4" + "\x02\xf8" + "\xff\xf0" + "\x05\xfc(AFIB\x00" + // + 5 later: sub 1, channel 2, num -1
		"\x01\x14" + // V one later: keeps channel and num, not the subtype
		"\x00\x00"
	got, err := wfdb.ParseAnnotations([]byte(raw), 360)
	if err != nil {
		t.Fatal(err)
	}
	want := []clinical.Annotation{
		{Sample: 10, Symbol: "N"},
		{Sample: 65551, Symbol: "+", Subtype: 1, Channel: 2, Num: -1, Note: "(AFIB"},
		{Sample: 65552, Symbol: "V", Channel: 2, Num: -1},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("annotation %d = %+v, want %+v", i, got[i], want[i])
		}
	}
	for cut := range len(raw) {
		if _, err := wfdb.ParseAnnotations([]byte(raw[:cut]), 360); err == nil {
			t.Errorf("no error after %d of %d bytes", cut, len(raw))
		}
	}
}

func TestWriteThenRead(t *testing.T) {
	dir := t.TempDir()
	symbols := []string{"N", "V", "A", "+", "~"}
	rapid.Check(t, func(t *rapid.T) {
		n, samples := rapid.IntRange(1, 4).Draw(t, "channels"), rapid.IntRange(1, 50).Draw(t, "samples")
		rec := clinical.Recording{Rate: rapid.Float64Range(1, 2000).Draw(t, "rate"), Kind: clinical.KindECG, Synthetic: rapid.Bool().Draw(t, "synthetic")}
		for range n {
			c := clinical.Channel{Name: "V1", Unit: "mV", Samples: make([]float32, samples)}
			for i := range c.Samples {
				c.Samples[i] = rapid.Float32Range(-100, 100).Draw(t, "v")
			}
			c.Samples[rapid.IntRange(0, samples-1).Draw(t, "missing")] = float32(math.NaN())
			rec.Channels = append(rec.Channels, c)
		}
		at := 0
		for range rapid.IntRange(0, 5).Draw(t, "annotations") {
			at += rapid.IntRange(0, 1<<20).Draw(t, "step")
			rec.Annotations = append(rec.Annotations, clinical.Annotation{
				Sample: at, Symbol: rapid.SampledFrom(symbols).Draw(t, "symbol"), Note: rapid.StringMatching(`[(a-zA-Z]{0,7}`).Draw(t, "note"),
				Subtype: rapid.IntRange(-128, 127).Draw(t, "sub"), Num: rapid.IntRange(-128, 127).Draw(t, "num"), Channel: rapid.IntRange(0, 3).Draw(t, "channel"),
			})
		}
		os.Remove(filepath.Join(dir, "r.atr"))
		if err := wfdb.Write(dir, "r", rec); err != nil {
			t.Fatal(err)
		}
		got, err := wfdb.Read(filepath.Join(dir, "r"))
		if err != nil {
			t.Fatal(err)
		}
		if got.Rate != rec.Rate || got.Synthetic != rec.Synthetic || len(got.Annotations) != len(rec.Annotations) {
			t.Fatalf("%+v", got)
		}
		for i, a := range rec.Annotations {
			if got.Annotations[i] != a {
				t.Fatalf("annotation %+v, want %+v", got.Annotations[i], a)
			}
		}
		for i, c := range rec.Channels {
			for k, v := range c.Samples {
				back := got.Channels[i].Samples[k]
				if (v != v) != (back != back) || math.Abs(float64(back-v)) > 100./32767 {
					t.Fatalf("channel %d sample %d = %v, want %v", i, k, back, v)
				}
			}
		}
	})
}

func TestWriteRefusesPathsAsNames(t *testing.T) {
	rec := clinical.Recording{Rate: 500, Channels: []clinical.Channel{{Name: "I", Samples: []float32{1}}}}
	for _, name := range []string{"", "../r", "a/b", "a b", strings.Repeat("a", 65)} {
		if err := wfdb.Write(t.TempDir(), name, rec); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("r 1 100 2\nr.dat 16 1000/mV 16 0 1 3 0 I\n# Age: 5\n", "\x01\x00\x02\x00", "\x0a\x04\x00\x00")
	f.Add("r 2 100\nr.dat 212:1+1 200(5)/uV\nr.dat 212:2+1 1e3/mV(3)\n", "\x01\xf0\xff\x00\x08", "\x00\xec\x01\x00\x00\x00\x05\x70\x05\xfc(AFIB\x00\x00\x00")
	f.Add("r 1 100 2\nr.mat 16+24 1\n", "\x1e\x00\x00\x00", "\x00\x00")
	f.Fuzz(func(t *testing.T, header, data, annotations string) {
		folder := fstest.MapFS{"r.hea": file(header), "r.dat": file(data), "r.mat": file(data), "r.atr": file(annotations)}
		rec, err := wfdb.ReadFS(folder, "r")
		if err != nil {
			if code := fault.CodeOf(err); code == fault.Internal {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		for _, c := range rec.Channels {
			if len(c.Samples) == 0 || len(c.Samples) != len(rec.Channels[0].Samples) {
				t.Fatalf("channel of %d samples", len(c.Samples))
			}
		}
	})
}
