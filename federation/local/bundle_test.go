package local

import (
	"context"
	"crypto/ed25519"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/federation"
	"consilium/federation/harmonise"
	"consilium/registry"
	"consilium/train"
)

// body is a frozen graph: relu(x W) with eight features.
func body(t testing.TB, values int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 5))
	w := make([]float32, values*8)
	for i := range w {
		w[i] = float32(r.NormFloat64()) / 3
	}
	return onnxtest.New(17).Input("pixels", -1, 1, 5, 5).Weights("w", []int{values, 8}, w).
		Node("Flatten", []string{"pixels"}, []string{"flat"}, map[string]any{"axis": 1}).
		Node("MatMul", []string{"flat", "w"}, []string{"sums"}, nil).
		Node("Relu", []string{"sums"}, []string{"features"}, nil).
		Output("features", -1, 8).Build()
}

// pictures are blobs in 0 to 1, as pixels are.
func pictures(n int) *memory {
	m := blobs(clinical.KindImage, []int{1, 5, 5}, 2, n, 4)
	for _, split := range m.values {
		for _, x := range split {
			for i := range x {
				x[i] = float32(1 / (1 + math.Exp(-float64(x[i]))))
			}
		}
	}
	return m
}

func TestAHeadLearnsOnAFrozenBody(t *testing.T) {
	set := pictures(60)
	job := jobFor(set, ArchHead, federation.Plan{Batch: 8, Rate: 0.1, Momentum: 0.9, Epochs: 40})
	job.Model.Body = body(t, 25)
	l := learner(t, job, set, Options{Backend: "go"})
	if l.Size() != 2*9 {
		t.Fatalf("%d weights, want a layer of 8 features and a bias for 2 classes", l.Size())
	}
	w := initial(t, job)
	u := must(t, l, Task{Round: 1, Global: w})
	if s := scored(t, l, plus(w, u.Delta), dataset.Test); s.Accuracy() < 0.8 {
		t.Errorf("accuracy %.2f", s.Accuracy())
	}
	p := l.own.splits[dataset.Train]
	p.values = nil // as if the features were too many for memory
	var err error
	if p.file, err = l.own.featureFile(dataset.Train); err != nil {
		t.Fatal(err)
	}
	row := make([]float32, 8)
	for i := range p.samples {
		if _, err := l.own.fresh(context.Background(), dataset.Train, i, row); err != nil {
			t.Fatal(err)
		}
		if err := writeRow(p.file, row); err != nil {
			t.Fatal(err)
		}
	}
	l.state = &state{Job: l.hash}
	if v := must(t, l, Task{Round: 1, Global: w}); !slices.Equal(v.Delta, u.Delta) {
		t.Error("features from the disk are others")
	}
}

// TestABundleSaysWhatTheLearnerSays: sealed, opened and evaluated as the node does it, the model makes the same
// predictions on the raw examples as the learner on its harmonised ones.
func TestABundleSaysWhatTheLearnerSays(t *testing.T) {
	if _, err := engine.FindLibrary(""); err != nil {
		t.Skip("ONNX Runtime is not there:", err)
	}
	column := harmonise.Adjustment{Shift: []float64{1, 0, -2, 0.5, 0}, Scale: []float64{2, 1, 0.5, 1, 3}}
	pixel := harmonise.Adjustment{Shift: []float64{0.4}, Scale: []float64{0.2}}
	for _, c := range []struct {
		name, arch string
		set        *memory
		adjust     *harmonise.Adjustment
		calibrated bool
	}{
		{"logistic", ArchLogistic, blobs(clinical.KindTable, []int{5}, 3, 200, 2), nil, true},
		{"logistic, harmonised", ArchLogistic, blobs(clinical.KindTable, []int{5}, 3, 200, 2), &column, true},
		{"network, harmonised", "cnn3", pictures(100), &pixel, true},
		{"head, harmonised", ArchHead, pictures(100), &pixel, true},
		{"too few to calibrate", ArchLogistic, blobs(clinical.KindTable, []int{5}, 3, 20, 2), nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := jobFor(c.set, c.arch, federation.Plan{Batch: 8, Rate: 0.1, Momentum: 0.5, Epochs: 2})
			if c.arch == ArchHead {
				job.Model.Body = body(t, 25)
			}
			l := learner(t, job, c.set, Options{})
			if c.adjust != nil {
				l.Adjust(*c.adjust)
			}
			w := initial(t, job)
			w = plus(w, must(t, l, Task{Round: 1, Global: w}).Delta)
			b, err := l.Bundle(context.Background(), w, registry.Card{Name: "joint"}, "test")
			if err != nil {
				t.Fatal(err)
			}
			opened := sealed(t, b)
			if opened.Card.Calibrated() != c.calibrated || opened.Card.Conforms() != c.calibrated {
				t.Errorf("calibrated %v, conformal %v", opened.Card.Calibrated(), opened.Card.Conforms())
			}
			if !c.calibrated && !strings.Contains(opened.Card.Limits[1]+opened.Card.Limits[0], "Not calibrated") {
				t.Errorf("the card does not say it: %v", opened.Card.Limits)
			}
			got, err := train.Evaluate(context.Background(), opened, c.set, dataset.Test, engine.Options{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := scored(t, l, w, dataset.Test)
			different := 0
			for i, row := range want.Confusion {
				for k, n := range row {
					if d := n - got.Metrics.Confusion[i][k]; d > 0 {
						different += d
					}
				}
			}
			if want.Accuracy() < 0.6 || different > want.N/10 { // a calibration map may move a few across 0.5
				t.Errorf("confusion %v by the learner, %v by the bundle", want.Confusion, got.Metrics.Confusion)
			}
		})
	}
}

// sealed writes a bundle as a maker does, and opens it as a node does.
func sealed(t *testing.T, b registry.Bundle) *registry.Bundle {
	t.Helper()
	key, err := registry.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := registry.Write(dir, b, key); err != nil {
		t.Fatal(err)
	}
	opened, err := registry.OpenPath(dir, registry.NewTrust(key.Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	return opened
}
