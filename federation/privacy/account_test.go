package privacy

import (
	"math"
	"testing"

	"consilium/fault"

	"pgregory.net/rapid"
)

// Golden values, computed with other implementations: 60,000 examples in batches of 240, delta 1e-5.
func TestGoldenValues(t *testing.T) {
	for _, c := range []struct {
		sigma          float64
		steps          int
		classic, tight float64
	}{
		{1.3, 3750, 1.1597, 0.922},
		{1.1, 15000, 2.9052, 2.506},
		{0.7, 11250, 6.8627, 6.113},
	} {
		classic, err := Epsilon(240./60000, c.sigma, c.steps, 1e-5, Classic)
		if err != nil {
			t.Fatal(err)
		}
		tight, err := Epsilon(240./60000, c.sigma, c.steps, 1e-5, Tight)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("sigma %g, %d steps: classic %.6f, tight %.6f", c.sigma, c.steps, classic, tight)
		if math.Abs(classic-c.classic) > 5e-5 || math.Abs(tight-c.tight) > 5e-4 {
			t.Errorf("sigma %g, %d steps: classic %.6f, tight %.6f; want %.4f, %.3f", c.sigma, c.steps, classic, tight, c.classic, c.tight)
		}
	}
}

func TestEpsilonIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.OneOf(rapid.Float64Range(1e-5, 1), rapid.Just(1.0)).Draw(t, "q")
		sigma := rapid.Float64Range(0.4, 30).Draw(t, "sigma")
		steps := rapid.IntRange(1, 5000).Draw(t, "steps")
		delta := rapid.SampledFrom([]float64{1e-3, 1e-5, 1e-8}).Draw(t, "delta")
		c := rapid.SampledFrom([]Conversion{Classic, Tight}).Draw(t, "conversion")
		of := func(q, sigma float64, steps int, delta float64, c Conversion) float64 {
			e, err := Epsilon(q, sigma, steps, delta, c)
			if err != nil || e < 0 || math.IsNaN(e) || math.IsInf(e, 0) {
				t.Fatalf("epsilon %g, %v", e, err)
			}
			return e * (1 - 1e-9) // rounding
		}
		base := of(q, sigma, steps, delta, c)
		by := rapid.Float64Range(1, 3).Draw(t, "by")
		for what, other := range map[string]float64{
			"more steps":    of(q, sigma, steps+rapid.IntRange(0, 5000).Draw(t, "more"), delta, c),
			"more sampling": of(min(1, q*by), sigma, steps, delta, c),
			"less noise":    of(q, sigma/by, steps, delta, c),
			"less delta":    of(q, sigma, steps, delta/by, c),
			"classic":       of(q, sigma, steps, delta, Classic),
		} {
			if other*(1+1e-8) < base {
				t.Fatalf("%s lowers epsilon from %.12g to %.12g", what, base, other)
			}
		}
	})
}

func TestCompositionAddsDivergences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q, sigma := rapid.Float64Range(1e-4, 1).Draw(t, "q"), rapid.Float64Range(0.5, 10).Draw(t, "sigma")
		parts := rapid.SliceOfN(rapid.IntRange(0, 500), 1, 5).Draw(t, "steps")
		var a Account
		all := 0
		for _, n := range parts {
			if err := a.Add(q, sigma, n); err != nil {
				t.Fatal(err)
			}
			all += n
		}
		got, err := a.Epsilon(1e-5, Tight)
		want, err2 := Epsilon(q, sigma, all, 1e-5, Tight)
		if err != nil || err2 != nil || got != want {
			t.Fatalf("in parts %g (%v), at once %g (%v)", got, err, want, err2)
		}
		// n plain steps are one with sigma/sqrt(n); and another mechanism beside costs more than none, and no more than its own epsilon.
		if err := a.Add(1, 5, 10); err != nil {
			t.Fatal(err)
		}
		both, _ := a.Epsilon(1e-5, Classic)
		first, _ := Epsilon(q, sigma, all, 1e-5, Classic)
		second, _ := Epsilon(1, 5, 10, 1e-5, Classic)
		if both < max(first, second*(1-2e-2)) || both > first+second {
			t.Fatalf("%g and %g compose to %g", first, second, both)
		}
	})
	twice, _ := Epsilon(1, 2, 100, 1e-5, Tight)
	once, _ := Epsilon(1, 0.2, 1, 1e-5, Tight)
	if math.Abs(twice-once) > 1e-9 {
		t.Errorf("100 steps of sigma 2 give %g, one of 0.2 gives %g", twice, once)
	}
}

func TestStepsIsTheInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.SampledFrom([]float64{0.004, 0.2, 1}).Draw(t, "q")
		sigma := rapid.SampledFrom([]float64{0.7, 1.1, 4, 20}).Draw(t, "sigma")
		epsilon := rapid.Float64Range(0, 20).Draw(t, "epsilon")
		c := rapid.SampledFrom([]Conversion{Classic, Tight}).Draw(t, "conversion")
		n, err := Steps(q, sigma, 1e-5, epsilon, c)
		if err != nil {
			t.Fatal(err)
		}
		in, _ := Epsilon(q, sigma, n, 1e-5, c)
		out, _ := Epsilon(q, sigma, n+1, 1e-5, c)
		if n == MostSteps {
			t.Fatalf("%g allows as many steps as there are", epsilon)
		}
		if in > epsilon || out <= epsilon {
			t.Fatalf("%d steps: %g, one more: %g, allowed %g", n, in, out, epsilon)
		}
	})
	if n, err := Steps(1, 1, 1e-5, 0.1, Tight); n != 0 || err != nil {
		t.Errorf("a budget that one step breaks gives %d steps, %v", n, err)
	}
	if n, err := Steps(1, MostSigma, 1e-5, math.Inf(1), Tight); n != MostSteps || err != nil {
		t.Errorf("no budget gives %d steps, %v", n, err)
	}
}

func TestAccountRefusesNonsense(t *testing.T) {
	for name, err := range map[string]error{
		"steps below 0":  second(Epsilon(1, 1, -1, 1e-5, Tight)),
		"too many steps": second(Epsilon(1, 1, MostSteps+1, 1e-5, Tight)),
		"delta 0":        second(Epsilon(1, 1, 1, 0, Tight)),
		"delta 1":        second(Epsilon(1, 1, 1, 1, Tight)),
		"delta NaN":      second(Epsilon(1, 1, 1, math.NaN(), Tight)),
		"conversion":     second(Epsilon(1, 1, 1, 1e-5, 7)),
		"no noise":       second(Epsilon(1, 0, 1, 1e-5, Tight)),
		"epsilon NaN":    second(Steps(1, 1, 1e-5, math.NaN(), Tight)),
		"epsilon -1":     second(Steps(1, 1, 1e-5, -1, Tight)),
		"rate":           second(Steps(2, 1, 1e-5, 1, Tight)),
		"curve":          second(Curve(1, 1, 1e-5, -1)),
		"curve delta":    second(Curve(1, 1, 2, 10)),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s gave %v, want USAGE", name, err)
		}
	}
	if e, err := Epsilon(1, 1, 0, 1e-5, Tight); e != 0 || err != nil {
		t.Errorf("no step spends %g, %v", e, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestCurve(t *testing.T) {
	for _, upTo := range []int{0, 1, 7, 200, 1000} {
		points, err := Curve(0.01, 1.1, 1e-5, upTo)
		if err != nil || len(points) != min(upTo, 200)+1 || points[0] != (Point{}) || points[len(points)-1].Steps != upTo {
			t.Fatalf("up to %d: %v, %v", upTo, points, err)
		}
		for i := 1; i < len(points); i++ {
			want, _ := Epsilon(0.01, 1.1, points[i].Steps, 1e-5, Tight)
			if points[i].Steps <= points[i-1].Steps || points[i].Epsilon < points[i-1].Epsilon || points[i].Epsilon != want {
				t.Errorf("up to %d: %v after %v", upTo, points[i], points[i-1])
			}
		}
	}
}

func BenchmarkFreshMechanism(b *testing.B) {
	sigma := 1.0
	for b.Loop() {
		sigma += 1e-9
		if _, err := Epsilon(0.01, sigma, 1000, 1e-5, Tight); err != nil {
			b.Fatal(err)
		}
	}
}
