package deid

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/dicom"
	"consilium/fault"
)

// folder holds two films of one patient, one that is refused, and one that is no DICOM file.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	save := func(name string, o *dicom.Object) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), written(t, o), 0o600))
	}
	one := func(sop string, pairs ...any) *dicom.Object {
		return object(t, crClass, "CR", append([]any{dicom.SOPInstanceUID, sop, dicom.StudyInstanceUID, "1.2.3", dicom.PatientID, "4711", dicom.PatientName, "Doe^Jane"}, pairs...)...)
	}
	save("Doe_Jane/1.dcm", one("1.2.3.1"))
	save("Doe_Jane/2.dcm", one("1.2.3.2"))
	save("pdf.dcm", object(t, classPrefix+"104.1", "DOC", dicom.SOPInstanceUID, "1.2.3.3", dicom.StudyInstanceUID, "1.2.3"))
	must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("not DICOM"), 0o600))
	return dir
}

func TestRun(t *testing.T) {
	in, out := folder(t), filepath.Join(t.TempDir(), "out")
	d := deidentifier(t, "basic", nil)
	s, err := d.Run(context.Background(), []string{in}, out, nil)
	must(t, err)
	if s.Written != 2 || s.Refused != 2 || s.Present != 0 || len(s.Files) != 4 {
		t.Errorf("%+v", s)
	}
	codes := map[string]string{}
	for _, f := range s.Files {
		codes[filepath.Base(f.Input)] = f.Code
		if f.Fate == Written {
			if strings.Contains(f.Output, "Doe") {
				t.Error(f.Output)
			}
			if _, err := os.Stat(filepath.Join(out, f.Output)); err != nil {
				t.Error(err)
			}
		}
	}
	if codes["pdf.dcm"] != string(fault.DeidRefused) || codes["notes.txt"] == "" {
		t.Error(codes)
	}
	// Again: what is there stays; one that was lost comes back.
	lost := filepath.Join(out, s.Files[0].Output)
	before, err := os.ReadFile(lost)
	must(t, err)
	must(t, os.Remove(lost))
	s, err = d.Run(context.Background(), []string{in}, out, nil)
	must(t, err)
	after, err := os.ReadFile(lost)
	must(t, err)
	if s.Written != 1 || s.Present != 1 || string(before) != string(after) {
		t.Errorf("%+v", s)
	}
	// With another key or profile the folder is refused.
	for _, other := range []*Deidentifier{deidentifier(t, "retain-uids", nil), deidentifier(t, "basic", func(o *Options) { o.Key = Key{8} })} {
		if _, err := other.Run(context.Background(), []string{in}, out, nil); fault.CodeOf(err) != fault.Conflict {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(out, Manifest))
	must(t, err)
	if !json.Valid(text) || strings.Contains(string(text), "4711") {
		t.Errorf("%s", text)
	}
}

func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out := filepath.Join(t.TempDir(), "out")
	s, err := deidentifier(t, "basic", nil).Run(ctx, []string{folder(t)}, out, func(File) { cancel() })
	if fault.CodeOf(err) != fault.Interrupted || len(s.Files) != 1 {
		t.Error(err, len(s.Files))
	}
}

func TestOutputInsideTheInputIsNotReadAgain(t *testing.T) {
	in := folder(t)
	d := deidentifier(t, "basic", nil)
	for range 2 {
		s, err := d.Run(context.Background(), []string{in}, filepath.Join(in, "out"), nil)
		must(t, err)
		if len(s.Files) != 4 {
			t.Errorf("%d files", len(s.Files))
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k, made, err := OpenKey(path)
	must(t, err)
	again, second, err := OpenKey(path)
	must(t, err)
	if !made || second || k != again || k == (Key{}) {
		t.Error(made, second)
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Error(info.Mode())
	}
	must(t, os.Chmod(path, 0o644))
	if _, _, err := OpenKey(path); fault.CodeOf(err) != fault.Usage {
		t.Error("a key that others can read was taken", err)
	}
	must(t, os.Chmod(path, 0o600))
	must(t, os.WriteFile(path, []byte("no key"), 0o600))
	if _, _, err := OpenKey(path); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
}
