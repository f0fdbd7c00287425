package doctor

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/fault"
	"consilium/registry"
)

var update = flag.Bool("update", false, "write probe.onnx anew")

func TestProbeIsWhatItSays(t *testing.T) {
	want := onnxtest.New(17).Input("input", -1, 2).Weights("one", []int{1}, []float32{1}).
		Node("Add", []string{"input", "one"}, []string{"output"}, nil).Output("output", -1, 2).Build()
	if *update {
		if err := os.WriteFile("probe.onnx", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("probe.onnx"); err != nil || !bytes.Equal(got, want) {
		t.Error("probe.onnx is not what the test builds; -update writes it anew", err)
	}
}

func check(t *testing.T, r Report, name string) Check {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %q in %+v", name, r.Checks)
	}
	return r.Checks[i]
}

func TestExamine(t *testing.T) {
	empty := func() (*registry.Store, error) { return registry.OpenStore(t.TempDir(), nil) }
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		o      Options
		check  string
		level  string
		broken bool
	}{
		{"go backend", Options{Engine: engine.Options{Backend: engine.BackendGo}, DataDir: t.TempDir(), Store: empty}, "backend", OK, false},
		{"library is gone", Options{Engine: engine.Options{Backend: engine.BackendONNX, Library: "nowhere.so"}, DataDir: t.TempDir(), Store: empty}, "backend", Broken, true},
		{"no models", Options{Engine: engine.Options{Backend: engine.BackendGo}, DataDir: t.TempDir(), Store: empty}, "models", Warning, false},
		{"data directory is a file", Options{Engine: engine.Options{Backend: engine.BackendGo}, DataDir: file, Store: empty}, "data directory", Broken, true},
		{"data directory will be made", Options{Engine: engine.Options{Backend: engine.BackendGo}, DataDir: filepath.Join(t.TempDir(), "new"), Store: empty}, "data directory", OK, false},
		{"store does not open", Options{Engine: engine.Options{Backend: engine.BackendGo}, DataDir: t.TempDir(), Store: func() (*registry.Store, error) {
			return nil, fault.Wrap(errors.New("no"), fault.IO, "unreadable", "look")
		}}, "models", Broken, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Examine(t.Context(), tt.o)
			if c := check(t, r, tt.check); c.Level != tt.level || r.Broken() != tt.broken || c.Level != OK && c.Do == "" {
				t.Errorf("%+v, broken %v", c, r.Broken())
			}
		})
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("the doctor left something behind: %v %v", left, err)
	}
}
