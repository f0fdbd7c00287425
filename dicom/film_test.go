package dicom

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/fault"
	"pgregory.net/rapid"
)

func film(rows, columns int) clinical.Image {
	m := clinical.Image{
		Frames: 1, Rows: rows, Columns: columns, Channels: 1, Low: 0, High: 1, BodyPart: "CHEST",
		Pixels: make([]float32, rows*columns), Synthetic: true, Patient: clinical.Patient{ID: "synthetic-1", Sex: "F", Age: "045Y"},
	}
	for i := range m.Pixels {
		m.Pixels[i] = float32(i%columns) / float32(max(1, columns-1))
	}
	return m
}

// TestFilmIsAcceptedByOthers checks the film with the DICOM validator, dcmtk
// and pydicom, each where it is installed.
func TestFilmIsAcceptedByOthers(t *testing.T) {
	for _, bits := range []int{8, 12} {
		path := filepath.Join(t.TempDir(), "film.dcm")
		var out bytes.Buffer
		if err := WriteFilm(&out, FilmOptions{Image: film(31, 33), Bits: bits}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Run("dciodvfy", func(t *testing.T) {
			report := run(t, "dciodvfy", path)
			if strings.Contains(report, "Error") || !strings.Contains(report, "CRImage") {
				t.Error(report)
			}
		})
		t.Run("dcmdump", func(t *testing.T) {
			if dump := run(t, "dcmdump", path); !strings.Contains(dump, "[SYNTHETIC^PATIENT]") || strings.Contains(dump, "W:") || strings.Contains(dump, "E:") {
				t.Error(dump)
			}
		})
		t.Run("pydicom", func(t *testing.T) {
			python := pydicomOrSkip(t)
			const script = "import pydicom,sys; a=pydicom.dcmread(sys.argv[1]).pixel_array; print(a.shape, a.min(), a.max())"
			want := map[int]string{8: "(31, 33) 0 255", 12: "(31, 33) 0 4095"}[bits]
			if got := strings.TrimSpace(run(t, python, "-c", script, path)); got != want {
				t.Errorf("pydicom sees %s, want %s", got, want)
			}
		})
	}
}

// run gives what a program prints, and skips when it is not installed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not installed")
	}
	out, _ := exec.Command(program, args...).CombinedOutput()
	return string(out)
}

func TestFilmRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := film(rapid.IntRange(1, 9).Draw(t, "rows"), rapid.IntRange(1, 9).Draw(t, "columns"))
		for i := range m.Pixels {
			m.Pixels[i] = rapid.Float32Range(0, 1).Draw(t, "v")
		}
		bits := rapid.SampledFrom([]int{8, 12}).Draw(t, "bits")
		var first, second bytes.Buffer
		for _, w := range []*bytes.Buffer{&first, &second} {
			if err := WriteFilm(w, FilmOptions{Image: m, Bits: bits}); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatal("the same film gives different bytes")
		}
		if !IsDICOM(first.Bytes()[:132]) {
			t.Fatal("the film is not recognised")
		}
		got, err := Read(&first, "film.dcm")
		if err != nil {
			t.Fatal(err)
		}
		top := float64(int(1)<<bits - 1)
		if got.Low != 0 || got.High != top || !got.Synthetic || got.Patient != (clinical.Patient{ID: "synthetic-1", Sex: "F", Age: "045Y", Synthetic: true}) || got.BodyPart != "CHEST" || got.Modality != "CR" {
			t.Fatalf("%+v", got)
		}
		for i, v := range m.Pixels {
			if d := float64(got.Pixels[i]) - float64(v)*top; d > 0.501 || d < -0.501 {
				t.Fatalf("pixel %d = %v, want %v", i, got.Pixels[i], float64(v)*top)
			}
		}
	})
}

func TestFilmRefusals(t *testing.T) {
	for name, change := range map[string]func(*FilmOptions){
		"real":      func(o *FilmOptions) { o.Image.Synthetic = false },
		"16 bits":   func(o *FilmOptions) { o.Bits = 16 },
		"two":       func(o *FilmOptions) { o.Image.Frames = 2 },
		"no range":  func(o *FilmOptions) { o.Image.High = 0 },
		"backslash": func(o *FilmOptions) { o.Image.Patient.ID = `a\b` },
		"age":       func(o *FilmOptions) { o.Image.Patient.Age = "45" },
	} {
		o := FilmOptions{Image: film(2, 2)}
		change(&o)
		if err := WriteFilm(&bytes.Buffer{}, o); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
