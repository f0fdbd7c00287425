package train

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/dataset/synthetic"
	"consilium/engine"
	"consilium/fault"
	"consilium/registry"
)

// small is a recipe that runs in a second on any backend.
func small(arch string) Config {
	c := Recipe(clinical.KindImage)
	c.Arch, c.Epochs, c.Batch, c.PerEpoch, c.Backend = arch, 3, 16, 64, engine.BackendGo
	return c
}

func films() dataset.Set { return synthetic.FilmSet(200, 5) }

func TestARunThatStopsAndGoesOnEndsWithTheSameBytes(t *testing.T) {
	whole, err := Fit(context.Background(), films(), small("linear"), nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := small("linear")
	cfg.Resume = filepath.Join(t.TempDir(), "run.ckpt")
	steps := 0
	for _, stopAfter := range []int{6, 3, 1000} { // inside the second epoch, again, and to the end
		ctx, cancel := context.WithCancel(context.Background())
		n := 0
		f, err := Fit(ctx, films(), cfg, func(Step) {
			if n++; n == stopAfter {
				cancel()
			}
		})
		cancel()
		steps += n
		if err != nil {
			t.Fatal(err)
		}
		if stopAfter == 1000 {
			if f.Stopped != "epochs" || f.Best != whole.Best {
				t.Errorf("stopped by %s with epoch %d, want epochs with %d", f.Stopped, f.Best, whole.Best)
			}
			if !sameBits(f.Model.Weights, whole.Model.Weights) {
				t.Error("weights differ from those of the run that was not stopped")
			}
		} else if f.Stopped != "interrupted" {
			t.Errorf("stopped by %s", f.Stopped)
		}
	}
	if steps != 12 {
		t.Errorf("%d steps in all, want 12: none repeated, none lost", steps)
	}
}

func sameBits(a, b []float32) bool {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

func TestSeedsDecideEverything(t *testing.T) {
	one := func(seed uint64) []float32 {
		c := small("linear")
		c.Epochs, c.Seed = 1, seed
		f, err := Fit(context.Background(), films(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f.Model.Weights
	}
	if !sameBits(one(1), one(1)) {
		t.Error("the same seed gave other weights")
	}
	if sameBits(one(1), one(2)) {
		t.Error("another seed gave the same weights")
	}
}

func TestStoppingBeforeTheFirstEpochSaysSo(t *testing.T) {
	c := small("linear")
	c.TimeLimit = time.Nanosecond
	if _, err := Fit(context.Background(), films(), c, nil); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("got %v", err)
	}
}

func TestABadCheckpointIsRefused(t *testing.T) {
	c := small("linear")
	c.Epochs = 1
	c.Resume = filepath.Join(t.TempDir(), "run.ckpt")
	if _, err := Fit(context.Background(), films(), c, nil); err != nil {
		t.Fatal(err)
	}
	other := c
	other.Rate /= 2
	if _, err := Fit(context.Background(), films(), other, nil); fault.CodeOf(err) != fault.CheckpointBad {
		t.Errorf("a checkpoint of another recipe: %v", err)
	}
	data, err := os.ReadFile(c.Resume)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Resume, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Fit(context.Background(), films(), c, nil); fault.CodeOf(err) != fault.CheckpointBad {
		t.Errorf("half a checkpoint: %v", err)
	}
}

func FuzzCheckpoint(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed.ckpt")
	good := &checkpoint{Format: checkpointFormat, Config: []byte("{}"), Weights: []float32{1}}
	if err := good.save(path); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte("not a checkpoint"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.ckpt")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := loadCheckpoint(path, []byte("{}")); err != nil && fault.CodeOf(err) != fault.CheckpointBad {
			t.Errorf("got %v", err)
		}
	})
}

func TestNonsenseRecipesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"batch":     func(c *Config) { c.Batch = 1 },
		"rate":      func(c *Config) { c.Rate = math.NaN() },
		"epochs":    func(c *Config) { c.Epochs = -1 },
		"smoothing": func(c *Config) { c.Loss.Smoothing = 1 },
		"network":   func(c *Config) { c.Arch = "gru-cough" },
		"unknown":   func(c *Config) { c.Arch = "x" },
	} {
		c := small("linear")
		spoil(&c)
		if _, err := Fit(context.Background(), films(), c, nil); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClassWeightsBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.IntRange(1, 1000), 2, 6).Draw(t, "counts")
		balance := rapid.Float64Range(0, 1).Draw(t, "balance")
		w := ClassWeights(counts, balance)
		var total, sum float64
		for k, n := range counts {
			total += float64(n)
			sum += w[k] * float64(n)
			if balance == 1 && math.Abs(w[k]*float64(n)-w[0]*float64(counts[0])) > 1e-6*total {
				t.Errorf("class %d weighs %g, class 0 %g", k, w[k]*float64(n), w[0]*float64(counts[0]))
			}
		}
		if math.Abs(sum-total) > 1e-6*total {
			t.Errorf("the mean weight is %g", sum/total)
		}
	})
}

func TestAugmentationKeepsTheRangeAndIsRepeatable(t *testing.T) {
	for kind, shape := range map[clinical.Kind][]int{
		clinical.KindImage: {3, 28, 20}, clinical.KindVolume: {1, 5, 8, 9}, clinical.KindECG: {12, 300}, clinical.KindSound: {50, 20},
	} {
		a := Recipe(kind).Augment
		rapid.Check(t, func(t *rapid.T) {
			seed := rapid.Uint64().Draw(t, "seed")
			make_ := func() []float32 {
				r := rand.New(rand.NewPCG(seed, 1))
				x := make([]float32, engine.Size(shape))
				for i := range x {
					x[i] = r.Float32()
				}
				a.apply(rand.New(rand.NewPCG(seed, 2)), kind, shape, x, make([]float32, len(x)))
				return x
			}
			x := make_()
			if !sameBits(x, make_()) {
				t.Fatal("the same seed gave another picture")
			}
			for _, v := range x {
				bad := math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)
				if kind == clinical.KindImage || kind == clinical.KindVolume {
					bad = bad || v < 0 || v > 1
				}
				if bad {
					t.Fatalf("value %v", v)
				}
			}
		})
	}
}

func TestScheduleWarmsUpAndDecays(t *testing.T) {
	c := Config{Rate: 1, WarmUp: 0.1}
	if first, peak, last := c.rate(0, 100), c.rate(10, 100), c.rate(99, 100); first >= 0.2 || math.Abs(peak-1) > 1e-9 || last > 0.02 {
		t.Errorf("first %g, peak %g, last %g", first, peak, last)
	}
	for s := 11; s < 100; s++ {
		if c.rate(s, 100) > c.rate(s-1, 100) {
			t.Fatalf("rate rises at step %d", s)
		}
	}
}

func TestEpochsFollowTheSizeOfTheSet(t *testing.T) {
	for n, want := range map[int]int{64 * 10: 100, 64 * 1000: fewestEpochs, 100: mostEpochs} {
		if got := (Config{Steps: 1000, Batch: 64}).planned(n).Epochs; got != want {
			t.Errorf("%d examples: %d epochs, want %d", n, got, want)
		}
	}
}

// TestFromDataToASignedModel is the researcher's way: train, calibrate, ship, open, measure again.
func TestFromDataToASignedModel(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains two networks")
	}
	if _, err := engine.FindLibrary(""); err != nil {
		t.Skip("export needs ONNX Runtime: ", err)
	}
	cfg := small("cnn5")
	cfg.Backend, cfg.Epochs, cfg.PerEpoch = engine.BackendONNX, 6, 0
	set := synthetic.FilmSet(400, 9)
	card := registry.Card{Name: "test", Version: "1.0.0", Task: "synthetic test", Licence: "Apache-2.0", IntendedUse: "tests", Limits: []string{"synthetic"}}
	r, err := Run(context.Background(), set, Plan{Config: cfg, Seeds: 2, Card: card, Command: "test"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := registry.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := registry.Seal(r.Bundle, key)
	if err != nil {
		t.Fatal(err)
	}
	if gaps := b.Card.Gaps(); len(gaps) > 0 && !bytes.Contains([]byte(gaps[0]), []byte("licence")) {
		t.Errorf("the card lacks %v", gaps)
	}
	e, err := Evaluate(context.Background(), b, set, dataset.Test, engine.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := e.Metrics.Lookup("auc")
	first, _ := r.Report.Seeds[r.Report.Shipped].Test.Lookup("auc")
	if *again.Low < 0.5 {
		t.Errorf("AUC %.3f, from %.3f: the network did not learn", *again.Value, *again.Low)
	}
	if math.Abs(*again.Value-*first.Value) > 1e-6 {
		t.Errorf("the shipped model measures %.6f, training measured %.6f", *again.Value, *first.Value)
	}
}

func TestEveryNetworkExports(t *testing.T) {
	if _, err := engine.FindLibrary(""); err != nil {
		t.Skip("export needs ONNX Runtime: ", err)
	}
	backend, err := engine.Training(engine.BackendONNX, "")
	if err != nil {
		t.Fatal(err)
	}
	for arch, in := range map[string][]int{"mobilenet2d": {3, 28, 28}, "resnet2d": {1, 12, 12}, "resnet3d": {1, 12, 12, 12},
		"mobilenet-ecg": {12, 500}, "gru-cough": {40, 16}, "linear": {1, 9, 9}} {
		t.Run(arch, func(t *testing.T) {
			m, err := newTestModel(backend, arch, in)
			if err != nil {
				t.Fatal(err)
			}
			model, gradient, err := m.Export(context.Background(), "") // compares with the training graph itself
			if err != nil {
				t.Fatal(err)
			}
			if len(model)+len(gradient) > 3<<20 {
				t.Errorf("%d bytes", len(model)+len(gradient))
			}
			if _, err := registry.Inspect(model); err != nil {
				t.Errorf("the registry refuses it: %v", err)
			}
		})
	}
}
