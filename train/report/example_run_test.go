package report

import (
	"math"
	"math/rand/v2"
	"testing"

	"consilium/calibration"
	"consilium/clinical"
	"consilium/dataset"
	"consilium/metric"
)

// exampleRun makes a run as the training loop would fill it, from simulated
// logits that are twice too sure: seeds runs on k classes.
func exampleRun(t testing.TB, k, seeds, examples, draws int) Run {
	t.Helper()
	labels := []clinical.Concept{{Name: "normal"}, {Name: "pneumonia"}}
	if k > 2 {
		labels = nil
		for _, n := range []string{"no retinopathy", "mild", "moderate", "severe", "proliferative"}[:k] {
			labels = append(labels, clinical.Concept{Name: n})
		}
	}
	r := Run{
		Title: "Example of a report", Task: "Simulated predictions, to look at the page",
		Model: Model{Name: "example", Version: "1.0.0", Arch: "none", Parameters: 123456},
		Data: dataset.Info{Name: "simulated logits", Kind: clinical.KindImage, Shape: []int{1, 28, 28}, Labels: labels,
			Licence: "CC0-1.0", SplitBy: "nothing", Synthetic: true, Caveats: []string{"Made by a random number generator <for tests & pictures>."}},
		Shipped: 0, Command: "consilium train --data synthetic:film --seeds 5", Started: "2026-01-01T00:00:00Z", Seconds: 321.5,
		Config: []Setting{{"optimiser", "AdamW"}, {"learning rate", "0.001"}, {"batch", "64"}},
	}
	names := make([]string, k)
	for i, l := range labels {
		names[i] = l.Name
	}
	o := metric.Options{Labels: names, Draws: draws, Ordinal: k > 2, Seed: 1}
	_, heldLabels := cases(examples, k, 1000)
	held := wobble(1000, examples, k, 99)
	_, truth := cases(examples, k, 2000)
	var runs [][][]float64
	for seed := range seeds {
		z := wobble(2000, examples, k, seed)
		fitted, err := calibration.Fit(held, heldLabels, calibration.FitOptions{Methods: []string{calibration.None, calibration.Temperature}})
		must(t, err)
		probs := apply(t, fitted.Map, z)
		runs = append(runs, probs)
		test, err := metric.Evaluate(probs, truth, o)
		must(t, err)
		r.Seeds = append(r.Seeds, Seed{Seed: uint64(seed), Best: 14 + seed, Curve: curveOf(seed), Test: test, Seconds: 60})
		if seed > 0 {
			continue
		}
		before, err := metric.Evaluate(apply(t, calibration.Map{}, z), truth, o)
		must(t, err)
		rule, err := calibration.FitConformal(fitted.Held, heldLabels, 0.9)
		must(t, err)
		kept, err := rule.Assess(probs, truth)
		must(t, err)
		sweep, err := Sweep(fitted.Held, heldLabels, probs, truth)
		must(t, err)
		fitted.Map.Scores, fitted.Map.Truth = nil, nil // keep the golden file small
		r.Calibration = &Calibration{Map: fitted.Map, Split: dataset.Validation, Candidates: fitted.Candidates, Before: before}
		r.Conformal = &Conformal{Rule: rule, Test: kept, Sweep: sweep}
	}
	var err error
	r.Across, err = metric.AcrossSeeds(runs, truth, o)
	must(t, err)
	count := make([]int, k)
	for _, y := range truth {
		count[y]++
	}
	r.Splits = []Split{{dataset.Train, 4 * examples, nil}, {dataset.Validation, examples, nil}, {dataset.Test, examples, count}}
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cases draws labels from known probabilities; the logits are twice too sure.
func cases(n, k int, seed uint64) (logits [][]float64, labels []int) {
	rng := rand.New(rand.NewPCG(seed, 3))
	for range n {
		z := make([]float64, k)
		for j := range z {
			z[j] = 1.6*rng.NormFloat64() - 0.25*float64(j)
		}
		p, _ := calibration.Softmax(z) // finite by construction
		u, label := rng.Float64(), k-1
		for j, share := range p {
			if u -= share; u < 0 {
				label = j
				break
			}
		}
		for j := range z {
			z[j] *= 2
		}
		logits, labels = append(logits, z), append(labels, label)
	}
	return logits, labels
}

// wobble gives the same cases as another training seed would see them.
func wobble(caseSeed uint64, n, k, seed int) [][]float64 {
	logits, _ := cases(n, k, caseSeed)
	rng := rand.New(rand.NewPCG(uint64(seed), 4))
	for _, z := range logits {
		for j := range z {
			z[j] += 0.8 * rng.NormFloat64()
		}
	}
	return logits
}

func apply(t testing.TB, m calibration.Map, logits [][]float64) [][]float64 {
	t.Helper()
	out := make([][]float64, len(logits))
	for i, z := range logits {
		p, err := m.Apply(z)
		must(t, err)
		out[i] = p
	}
	return out
}

// curveOf is a learning curve that overfits after a while.
func curveOf(seed int) []Epoch {
	rng := rand.New(rand.NewPCG(uint64(seed), 5))
	var out []Epoch
	for e := 1; e <= 24; e++ {
		x := float64(e)
		train := 0.08 + 0.6*math.Exp(-x/6) + 0.01*rng.NormFloat64()
		val := 0.25 + 0.45*math.Exp(-x/5) + 0.002*math.Max(0, x-14)*(x-14) + 0.015*rng.NormFloat64()
		ta, va := 1-0.4*train, 0.97-0.35*val
		out = append(out, Epoch{Epoch: e, Train: Scores{&train, &ta}, Validation: Scores{&val, &va}, LearningRate: 1e-3, Seconds: 2.5})
	}
	return out
}
