package page

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"consilium/federation"
	"consilium/metric"
)

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// Wilson's interval by the formula's own example: 1 of 10 (Newcombe, Statistics in Medicine 17, 1998, gives 0.0179 to 0.4042),
// and 81 of 263 (0.2553 to 0.3662).
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		right, wrong int
		low, high    float64
	}{{1, 9, 0.0179, 0.4042}, {81, 182, 0.2553, 0.3662}, {0, 20, 0, 0.1611}} {
		e := AccuracyOf([][]int{{c.right, c.wrong}, {0, 0}})
		if math.Abs(*e.Low-c.low) > 5e-5 || math.Abs(*e.High-c.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %g to %g", c.right, c.right+c.wrong, *e.Low, *e.High, c.low, c.high)
		}
	}
}

// The point and the interval agree with package metric, which draws examples and not cells.
func TestMacroF1AgreesWithMetric(t *testing.T) {
	s := scoreOf(random(), "test", 300, 0.7)
	var probs [][]float64
	var truth []int
	for i, row := range s.Confusion {
		for j, n := range row {
			for range n {
				p := make([]float64, 4)
				p[j] = 1
				probs, truth = append(probs, p), append(truth, i)
			}
		}
	}
	r, err := metric.Evaluate(probs, truth, metric.Options{Draws: 2000, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	want, ok := r.Lookup(metric.IDMacroF1)
	if !ok {
		t.Fatal("no macro-F1")
	}
	got := MacroF1Of(s.Confusion, seed)
	if math.Abs(got.Mean-*want.Value) > 1e-12 {
		t.Errorf("macro-F1 %g, want %g", got.Mean, *want.Value)
	}
	if math.Abs(*got.Low-*want.Low) > 0.012 || math.Abs(*got.High-*want.High) > 0.012 {
		t.Errorf("interval %.3f to %.3f, package metric has %.3f to %.3f", *got.Low, *got.High, *want.Low, *want.High)
	}
}

func TestIntervalsHoldTheirValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 5).Draw(t, "classes")
		c := make([][]int, k)
		for i := range c {
			c[i] = rapid.SliceOfN(rapid.IntRange(0, 30), k, k).Draw(t, "row")
		}
		for _, e := range []Estimate{AccuracyOf(c), MacroF1Of(c, 1)} {
			if !e.known() {
				continue
			}
			if !(e.Mean >= 0 && e.Mean <= 1 && *e.Low >= 0 && *e.High <= 1 && *e.Low <= *e.High) {
				t.Fatalf("%v: %g (%g to %g)", c, e.Mean, *e.Low, *e.High)
			}
		}
		if a := AccuracyOf(c); a.known() && (*a.Low > a.Mean+1e-12 || *a.High < a.Mean-1e-12) {
			t.Fatalf("%v: accuracy %g is not within %g to %g", c, a.Mean, *a.Low, *a.High)
		}
	})
}

func TestOver(t *testing.T) {
	e := Over(0.7, 0.72, 0.74, math.NaN())
	if math.Abs(e.Mean-0.72) > 1e-12 || len(e.Each) != 3 || math.Abs(*e.Low-(0.72-4.302653*0.02/math.Sqrt(3))) > 1e-6 {
		t.Errorf("%+v %g", e, *e.Low)
	}
	if one := Over(0.5); one.Mean != 0.5 || one.Low != nil || one.cell() != "0.500" {
		t.Errorf("%+v", one)
	}
	if e := Over(0.01, 0.99); *e.Low != 0 || *e.High != 1 {
		t.Errorf("an interval leaves 0 to 1: %g %g", *e.Low, *e.High)
	}
	if none := Over(); none.known() || none.cell() != "–" {
		t.Errorf("%+v", none)
	}
}

func TestPool(t *testing.T) {
	a := &federation.Score{N: 3, Loss: 1, Confusion: [][]int{{1, 1}, {0, 1}}}
	b := &federation.Score{N: 1, Loss: 5, Confusion: [][]int{{0, 0}, {1, 0}}}
	got := pool([]*federation.Score{nil, a, b, {N: 9, Confusion: [][]int{{9}}}})
	if got.N != 4 || got.Loss != 2 || got.Confusion[1][0] != 1 || a.Confusion[1][0] != 0 {
		t.Errorf("%+v", got)
	}
	if pool(nil) != nil {
		t.Error("a score of nothing")
	}
}
