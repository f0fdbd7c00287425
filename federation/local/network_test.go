package local

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/federation"
)

// networks to test, small enough for the backend in Go.
func networks(t testing.TB) map[string]network {
	t.Helper()
	picture := blobs(clinical.KindImage, []int{1, 6, 6}, 3, 4, 1)
	out := map[string]network{}
	for _, arch := range []string{ArchLogistic, "linear", "cnn3"} {
		n, err := openNetwork(jobFor(picture, arch, federation.Plan{Batch: 5}), Options{Backend: "go"})
		if err != nil {
			t.Fatal(err)
		}
		out[arch] = n
	}
	return out
}

// drawn gives weights and a batch of 6x6 pictures.
func drawn(n network, seed uint64, count int) (w, x []float32, labels []int) {
	r := rand.New(rand.NewPCG(seed, 3))
	w = n.Initial(seed)
	for i := range w {
		w[i] += 0.1 * float32(r.NormFloat64())
	}
	for range count {
		for range 36 {
			x = append(x, float32(r.NormFloat64()))
		}
		labels = append(labels, r.IntN(3))
	}
	return w, x, labels
}

func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	for name, n := range networks(t) {
		t.Run(name, func(t *testing.T) {
			w, x, labels := drawn(n, 11, 4)
			importance := []float32{0.5, 2, 0, 1}
			grad, scratch := make([]float32, n.Size()), make([]float32, n.Size())
			loss := func(w []float32, into []float32) float64 {
				v, err := n.Gradient(w, x, labels, importance, into)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			loss(w, grad)
			const h = 1e-2
			r := rand.New(rand.NewPCG(1, 1))
			var largest float64
			for range 40 {
				i := r.IntN(n.Size())
				up, down := append([]float32{}, w...), append([]float32{}, w...)
				up[i] += h
				down[i] -= h
				want := (loss(up, scratch) - loss(down, scratch)) / (float64(up[i]) - float64(down[i]))
				largest = max(largest, math.Abs(want))
				if d := math.Abs(want - float64(grad[i])); d > 2e-3+0.03*math.Abs(want) {
					t.Errorf("weight %d: gradient %g, by differences %g", i, grad[i], want)
				}
			}
			if largest < 0.01 {
				t.Errorf("every gradient is about 0 (at most %g): nothing was tested", largest)
			}
		})
	}
}

// TestSmallBatchesAreThemselves: a batch that is filled up for the compiled graph has the loss and gradient of its
// examples alone, which the mean over single examples gives.
func TestSmallBatchesAreThemselves(t *testing.T) {
	for name, n := range networks(t) {
		t.Run(name, func(t *testing.T) {
			w, x, labels := drawn(n, 5, 3)
			got := make([]float32, n.Size())
			loss, err := n.Gradient(w, x, labels, nil, got)
			if err != nil {
				t.Fatal(err)
			}
			sum := make([]float64, n.Size())
			if err := n.Clipped(w, x, labels, 1e9, sum); err != nil { // no example is cut
				t.Fatal(err)
			}
			for i, s := range sum {
				if math.Abs(s/3-float64(got[i])) > 1e-5 {
					t.Fatalf("weight %d: %g in one batch, %g one by one", i, got[i], s/3)
				}
			}
			logits, err := n.Logits(w, x, 3)
			if err != nil {
				t.Fatal(err)
			}
			var want float64
			for i, label := range labels {
				var total float64
				for k := range 3 {
					total += math.Exp(float64(logits[i*3+k]))
				}
				want += (math.Log(total) - float64(logits[i*3+label])) / 3
			}
			if math.Abs(loss-want) > 1e-5 {
				t.Errorf("loss %g, from the logits %g", loss, want)
			}
		})
	}
}

// TestOneExampleCannotOutweighTheClip: whatever an example holds, with and without it the sum before noise differs by
// no more than the clip, over all weights together.
func TestOneExampleCannotOutweighTheClip(t *testing.T) {
	for name, n := range networks(t) {
		t.Run(name, func(t *testing.T) {
			cut := 0
			rapid.Check(t, func(t *rapid.T) {
				w, x, labels := drawn(n, rapid.Uint64().Draw(t, "seed"), 3)
				clip := rapid.Float64Range(0.01, 5).Draw(t, "clip")
				scale := rapid.Float32Range(0, 1000).Draw(t, "scale")
				for i := range 36 {
					x[i] *= scale
				}
				with, without := make([]float64, n.Size()), make([]float64, n.Size())
				if err := n.Clipped(w, x, labels, clip, with); err != nil {
					t.Fatal(err)
				}
				if err := n.Clipped(w, x[36:], labels[1:], clip, without); err != nil {
					t.Fatal(err)
				}
				var square float64
				for i := range with {
					square += (with[i] - without[i]) * (with[i] - without[i])
				}
				if influence := math.Sqrt(square); influence > clip*(1+1e-6) {
					t.Fatalf("one example moved the sum by %g, the clip is %g", influence, clip)
				} else if influence > clip*(1-1e-4) {
					cut++
				}
			})
			if cut == 0 {
				t.Error("no example was ever cut: nothing was tested")
			}
		})
	}
}

func TestForeignShapesAreRefused(t *testing.T) {
	for name, n := range networks(t) {
		w, x, labels := drawn(n, 1, 2)
		grad := make([]float32, n.Size())
		if _, err := n.Gradient(w[1:], x, labels, nil, grad); err == nil {
			t.Errorf("%s took too few weights", name)
		}
		if _, err := n.Gradient(w, x[1:], labels, nil, grad); name == ArchLogistic && err == nil {
			t.Errorf("%s took too few values", name)
		}
		if _, err := n.Logits(w, x[1:], 2); err == nil {
			t.Errorf("%s took too few values", name)
		}
	}
}
