package demo_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"consilium/clinical"
	"consilium/fault"
	"consilium/intake"
	"consilium/panel/demo"
)

func TestWrittenFilesAreReadBack(t *testing.T) {
	first, second := t.TempDir(), filepath.Join(t.TempDir(), "made", "here")
	files, err := demo.Write(first, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(files.Paths) != 3 || len(files.Truth) != 3 {
		t.Fatalf("%+v", files)
	}
	for i, kind := range []clinical.Kind{clinical.KindImage, clinical.KindECG, clinical.KindSound} {
		item, err := intake.Read(t.Context(), files.Paths[i])
		if err != nil {
			t.Fatal(err)
		}
		if item.Kind() != kind || !item.Synthetic() {
			t.Errorf("%s is %s, synthetic %v", files.Paths[i], item.Kind(), item.Synthetic())
		}
	}
	if _, err := demo.Write(second, 3); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"film.dcm", "ecg.hea", "ecg.dat", "cough.wav"} {
		a, err := os.ReadFile(filepath.Join(first, name))
		b, err2 := os.ReadFile(filepath.Join(second, name))
		if err != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs between two runs of one seed (%v, %v)", name, err, err2)
		}
	}
}

func TestUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := demo.Write(file, 1); fault.CodeOf(err) != fault.IO {
		t.Errorf("got %v", err)
	}
}
