package aggregate

import (
	"math"
	"testing"

	"consilium/fault"
	"consilium/federation"
)

// SCAFFOLD's c by hand, two of four sites. All alike it is the paper's: c += 2/4 * mean(1, 3) = 1. By samples, 16 and
// 48 of 64, all four are taken to weigh 4 * 0.5: c += (0.25*1 + 0.75*3) / 2 = 1.25.
func TestControlByHand(t *testing.T) {
	for weighting, want := range map[string]float32{"sites": 1, "samples": 1.25} {
		plan := planFor(federation.Scaffold, 2)
		plan.Weighting = weighting
		r := rule(t, plan, 1, 4)
		a, b := update(plan, "a", 16, []float32{1}), update(plan, "b", 48, []float32{1})
		a.Extra, b.Extra = []float32{1}, []float32{3}
		for n := range 3 {
			before := r.Extra()
			if before[0] != float32(n)*want {
				t.Fatal(weighting, n, before, want)
			}
			round(t, r, []float32{0}, []federation.Update{a, b})
			if before[0] != float32(n)*want {
				t.Fatal("what was handed out has changed")
			}
		}
	}
}

// Two steps of each adaptive rule against the paper's lines, the second with a gradient below the second moment.
func TestTwoAdaptiveSteps(t *testing.T) {
	for algorithm, next := range map[string]func(v, g float64) float64{
		federation.FedAdam:    func(v, g float64) float64 { return 0.99*v + 0.01*g*g },
		federation.FedYogi:    func(v, g float64) float64 { return v - 0.01*g*g*sign(v-g*g) },
		federation.FedAdagrad: func(v, g float64) float64 { return v + g*g },
	} {
		plan := planFor(algorithm, 1)
		plan.Tau = 0.1
		r := rule(t, plan, 1, 1)
		x, m, v := 0.0, 0.0, 0.01
		global := []float32{0}
		for _, g := range []float64{0.5, 0.05, -0.1} {
			global, _ = round(t, r, global, []federation.Update{update(plan, "a", 1, []float32{float32(g)})})
			m, v = 0.9*m+0.1*g, next(v, g)
			x += 0.01 * m / (math.Sqrt(v) + 0.1)
			if math.Abs(float64(global[0])-x) > 1e-9*(1+math.Abs(x)) {
				t.Error(algorithm, g, global, x)
			}
		}
	}
}

func sign(x float64) float64 { return math.Copysign(1, x) }

// Cyclic takes one update, and puts it whole in the place of the weights.
func TestCyclicTakesOne(t *testing.T) {
	plan := planFor(federation.Cyclic, 5)
	plan.ServerRate = 0.5 // does not matter here
	r := rule(t, plan, 1, 5)
	if err := r.Begin([]float32{2}); err != nil {
		t.Fatal(err)
	}
	if err := r.Add(update(plan, "a", 1, []float32{3})); err != nil {
		t.Fatal(err)
	}
	wantCode(t, r.Add(update(plan, "b", 1, []float32{4})), fault.UpdateStale)
	got, note, err := r.Finish()
	if err != nil || got[0] != 5 || len(note.Used) != 1 || note.Used[0] != "a" {
		t.Fatal(got, note, err)
	}
}
