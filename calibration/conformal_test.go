package calibration

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"consilium/fault"
)

func probabilities(n, k int, seed uint64) ([][]float64, []int) {
	logits, labels := simulate(n, k, 1.7, seed) // overconfident: the promise must hold all the same
	for i, z := range logits {
		logits[i] = softmax(z, 1)
	}
	return logits, labels
}

type fit func([][]float64, []int, float64) (Conformal, error)

var fits = map[string]fit{"lac": FitConformal, "aps": FitAPS, "mondrian": FitMondrian}

// Over many pairs of calibration and test sets the measured coverage must be
// at least the promise on average, and inside the band about as often as the
// band says.
func TestCoverageHolds(t *testing.T) {
	const trials, n, nTest, promise = 200, 100, 150, 0.85
	for name, f := range fits {
		inside, sum := 0, 0.0
		for trial := range uint64(trials) {
			probs, labels := probabilities(n+nTest, 3, trial)
			c, err := f(probs[:n], labels[:n], promise)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Assess(probs[n:], labels[n:])
			if err != nil {
				t.Fatal(err)
			}
			low, high := CoverageBand(n, nTest, promise)
			if low <= got.Measured && got.Measured <= high {
				inside++
			}
			sum += got.Measured
		}
		if mean := sum / trials; mean < promise-0.01 || mean > promise+0.05 {
			t.Errorf("%s: mean coverage %.3f, promised %.2f", name, mean, promise)
		}
		if share := float64(inside) / trials; name == "lac" && (share < 0.91 || share > 0.99) {
			t.Errorf("coverage was inside its 95%% band in %.1f%% of %d trials", 100*share, trials)
		}
	}
}

// One threshold for all may fail the rare class; Mondrian may not.
func TestMondrianCoversTheRareClass(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func(n int) ([][]float64, []int) {
		probs, labels := make([][]float64, n), make([]int, n)
		for i := range probs {
			x := rng.NormFloat64()
			if rng.Float64() < 0.08 {
				labels[i] = 1
				x++
			}
			p := 1 / (1 + math.Exp(-(x - 3)))
			probs[i] = []float64{1 - p, p}
		}
		return probs, labels
	}
	calibrate, y := draw(3000)
	test, truth := draw(6000)
	rare := func(f fit) float64 {
		c, err := f(calibrate, y, 0.9)
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Assess(test, truth)
		if err != nil {
			t.Fatal(err)
		}
		return *a.Classes[1].Measured
	}
	if plain := rare(FitConformal); plain > 0.5 {
		t.Errorf("this test expects plain sets to miss the rare class, they cover %.2f of it", plain)
	}
	if mondrian := rare(FitMondrian); mondrian < 0.85 {
		t.Errorf("Mondrian sets cover %.2f of the rare class, promised 0.90", mondrian)
	}
}

func TestConformalProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 80).Draw(t, "n")
		k := rapid.IntRange(2, 5).Draw(t, "classes")
		probs, labels := probabilities(n, k, rapid.Uint64().Draw(t, "seed"))
		lower := rapid.Float64Range(0.05, 0.9).Draw(t, "coverage")
		higher := rapid.Float64Range(lower, 0.99).Draw(t, "higher")
		for name, f := range fits {
			a, err := f(probs, labels, lower)
			if err != nil {
				t.Fatal(err)
			}
			b, err := f(probs, labels, higher)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Validate(k); err != nil {
				t.Fatal(err)
			}
			again, err := a.Refit(probs, labels, higher)
			if err != nil || cmp.Diff(b, again) != "" {
				t.Fatalf("%s refitted: %v %s", name, err, cmp.Diff(b, again))
			}
			for _, p := range probs {
				if len(a.Set(p)) > len(b.Set(p)) {
					t.Fatalf("%s: more coverage made a smaller set", name)
				}
				if label, ok := a.Verdict(p); ok != (len(a.Set(p)) == 1) || (ok && a.Set(p)[0] != label) {
					t.Fatalf("%s: verdict %d %v for %v", name, label, ok, a.Set(p))
				}
			}
			on, err := a.Assess(probs, labels)
			if err != nil {
				t.Fatal(err)
			}
			if on.Measured < lower-1e-9 {
				t.Fatalf("%s: %.3f of its own examples, promised %.3f", name, on.Measured, lower)
			}
			if s := on.Answered + on.Several + on.Empty; math.Abs(s-1) > 1e-9 {
				t.Fatalf("%s: shares sum to %g", name, s)
			}
			data, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			var back Conformal
			if err := json.Unmarshal(data, &back); err != nil || cmp.Diff(a, back) != "" {
				t.Fatalf("%s: %v %s", name, err, cmp.Diff(a, back))
			}
		}
	})
}

func TestFiniteSampleQuantile(t *testing.T) {
	for _, c := range []struct {
		n        int
		coverage float64
		want     int
	}{{9, 0.9, 9}, {8, 0.9, 9}, {99, 0.9, 90}, {100, 0.9, 91}, {999, 0.95, 950}, {9, 0.7, 7}, {99, 0.55, 55}} {
		if k := order(c.n, c.coverage); k != c.want {
			t.Errorf("order(%d, %g) = %d, want %d", c.n, c.coverage, k, c.want)
		}
	}
	few, err := FitConformal([][]float64{{0.1, 0.9}}, []int{1}, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	if set := few.Set([]float64{0.001, 0.999}); len(set) != 2 {
		t.Errorf("one example cannot promise 90%%: the set must hold everything, got %v", set)
	}
	if low, high := CoverageBand(1, 50, 0.9); low != 1 || high != 1 {
		t.Errorf("band %g..%g", low, high)
	}
}

func TestConformalBadInputIsCoded(t *testing.T) {
	good, labels := [][]float64{{0.4, 0.6}}, []int{1}
	for name, c := range map[string]struct {
		probs    [][]float64
		labels   []int
		coverage float64
		want     fault.Code
	}{
		"nothing":  {nil, nil, 0.9, fault.InputEmpty},
		"lengths":  {good, nil, 0.9, fault.InputMalformed},
		"classes":  {[][]float64{{1}}, []int{0}, 0.9, fault.InputMalformed},
		"NaN":      {[][]float64{{math.NaN(), 0}}, labels, 0.9, fault.InputNotFinite},
		"logits":   {[][]float64{{-3, 4}}, labels, 0.9, fault.InputRange},
		"label":    {good, []int{2}, 0.9, fault.InputRange},
		"coverage": {good, labels, 1, fault.Usage},
		"no cover": {good, labels, math.NaN(), fault.Usage},
	} {
		for method, f := range fits {
			if _, err := f(c.probs, c.labels, c.coverage); fault.CodeOf(err) != c.want {
				t.Errorf("%s %s: %v, want %s", method, name, err, c.want)
			}
		}
	}
	for name, c := range map[string]Conformal{
		"zero":       {},
		"threshold":  {Coverage: 0.9, Threshold: math.NaN()},
		"method":     {Coverage: 0.9, Method: "magic"},
		"thresholds": {Coverage: 0.9, Thresholds: []float64{0.1}},
		"outside":    {Coverage: 0.9, Thresholds: []float64{0.1, 7}},
		"examples":   {Coverage: 0.9, Examples: -1},
	} {
		if err := c.Validate(2); fault.CodeOf(err) != fault.ModelMalformed {
			t.Errorf("Validate %s: %v", name, err)
		}
	}
}

func TestAssessCountsWhatTheReaderSees(t *testing.T) {
	c := Conformal{Coverage: 0.9, Threshold: 0.5, Examples: 99}
	probs := [][]float64{{0.8, 0.1, 0.1}, {0.2, 0.7, 0.1}, {0.5, 0.5, 0}, {0.4, 0.3, 0.3}}
	got, err := c.Assess(probs, []int{0, 0, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	half, one, zero := 0.5, 1.0, 0.0
	low, high := CoverageBand(99, 4, 0.9)
	want := Coverage{
		Examples: 4, Promised: 0.9, Measured: 0.5, Low: &low, High: &high, MeanSize: 1,
		Answered: 0.5, Several: 0.25, Empty: 0.25, AnswerAccuracy: &half,
		Classes: []ClassCoverage{{2, &half}, {1, &one}, {1, &zero}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
