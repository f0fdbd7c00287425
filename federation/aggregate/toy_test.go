package aggregate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"consilium/federation"
)

// toy is hospitals that disagree: site i wants to minimise a/2 (x-b)^2, and has w of the examples. All is worked out
// by hand: after k local steps of rate eta the site stands at b + (1-eta*a)^k (x-b).
type toy struct {
	a, b    []float64
	samples []int
	eta     float64
	steps   int
	ci      []float64 // SCAFFOLD
}

func newToy() *toy {
	return &toy{a: []float64{0.2, 1, 3, 5, 0.5}, b: []float64{3, -1, 0.5, -2, 4}, samples: []int{10, 60, 30, 20, 40},
		eta: 0.1, steps: 8, ci: make([]float64, 5)}
}

func (y *toy) weights() []float64 {
	p := make([]float64, len(y.a))
	for i, s := range y.samples {
		p[i] = float64(s)
	}
	return p
}

// optimum minimises the weighted sum of all sites' functions.
func (y *toy) optimum() float64 {
	up, down := 0.0, 0.0
	for i, p := range y.weights() {
		up += p * y.a[i] * y.b[i]
		down += p * y.a[i]
	}
	return up / down
}

// drifted is where FedAvg comes to rest: where the sites' moves cancel each other.
func (y *toy) drifted() float64 {
	up, down := 0.0, 0.0
	for i, p := range y.weights() {
		move := p * (1 - math.Pow(1-y.eta*y.a[i], float64(y.steps)))
		up += move * y.b[i]
		down += move
	}
	return up / down
}

func (y *toy) loss(i int, x float64) float64 { return y.a[i] / 2 * (x - y.b[i]) * (x - y.b[i]) }

// train is what site i does with weights x and control variate c.
func (y *toy) train(plan federation.Plan, i int, x float64, extra []float32) federation.Update {
	u := federation.Update{Site: names(5)[i], Samples: y.samples[i], Loss: y.loss(i, x)}
	at, c := x, 0.0
	if extra != nil {
		c = float64(extra[0])
	}
	for range y.steps {
		g := y.a[i] * (at - y.b[i])
		if plan.Algorithm == federation.Scaffold {
			g += c - y.ci[i]
		}
		at -= y.eta * g
	}
	u.Delta = []float32{float32(at - x)}
	if plan.Algorithm == federation.Scaffold {
		next := y.ci[i] - c + (x-at)/(float64(y.steps)*y.eta)
		u.Extra = []float32{float32(next - y.ci[i])}
		y.ci[i] += float64(u.Extra[0])
	}
	return u
}

// run gives where a plan comes to rest. mute hides the control variate from the sites.
func (y *toy) run(t *testing.T, plan federation.Plan, rounds int, turn func(round int) []int, mute bool) float64 {
	r := rule(t, plan, 1, 5)
	x := []float32{0.25}
	for n := range rounds {
		var updates []federation.Update
		for _, i := range turn(n) {
			extra := r.Extra()
			if mute && extra != nil {
				extra = []float32{0}
			}
			updates = append(updates, y.train(plan, i, float64(x[0]), extra))
		}
		x, _ = round(t, r, x, updates)
	}
	return float64(x[0])
}

func everybody(int) []int { return []int{0, 1, 2, 3, 4} }

// Every rule comes to rest, and where the theory says.
func TestConvergence(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		y := newToy()
		plan := planFor(algorithm, 5)
		plan.Rate = y.eta
		turn := everybody
		if algorithm == federation.Cyclic {
			turn = func(n int) []int { return []int{n % 5} }
		}
		got := y.run(t, plan, 3000, turn, false)
		want, tolerance := y.drifted(), 1e-4
		switch {
		case algorithm == federation.Scaffold:
			want = y.optimum()
		case adapts(algorithm):
			tolerance = 0.03 // they go round the goal within a few server rates
		case algorithm == federation.QFedAvg:
			want = y.fair(plan.Q)
		case algorithm == federation.Median: // the middle one does not want to move
			want = 0.5
		case algorithm == federation.Cyclic: // where the last one of a pass left it
			want = y.cycle()
		case robust(algorithm): // what it comes to depends on who is left out
			want, tolerance = 1, 3
		}
		if math.Abs(got-want) > tolerance {
			t.Fatalf("rests at %.5f, should at %.5f (optimum %.5f, drifted %.5f)", got, want, y.optimum(), y.drifted())
		}
		t.Logf("rests at %.5f; optimum %.5f, drifted %.5f", got, y.optimum(), y.drifted())
	})
}

// fair solves sum of p F^q delta = 0 by halving: every term falls as x grows.
func (y *toy) fair(q float64) float64 {
	low, high := -2.0, 4.0
	for range 80 {
		x, total := (low+high)/2, 0.0
		for i, p := range y.weights() {
			total += p * math.Pow(y.loss(i, x), q) * (1 - math.Pow(1-y.eta*y.a[i], float64(y.steps))) * (y.b[i] - x)
		}
		if total > 0 {
			low = x
		} else {
			high = x
		}
	}
	return low
}

func (y *toy) cycle() float64 {
	x := 0.0
	for range 500 {
		for i := range y.a {
			x = y.b[i] + math.Pow(1-y.eta*y.a[i], float64(y.steps))*(x-y.b[i])
		}
	}
	return x
}

// SCAFFOLD finds the optimum of the weighted sum, with all sites or two at a time, and would not without what Extra
// carries: then it drifts as FedAvg does.
func TestScaffoldIsUnbiased(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	two := func(int) []int { return rng.Perm(5)[:2] }
	if y := newToy(); math.Abs(y.drifted()-y.optimum()) < 0.3 {
		t.Fatal("the toy has no teeth", y.drifted(), y.optimum())
	}
	for name, c := range map[string]struct {
		turn      func(int) []int
		weighting string
		mute      bool
	}{
		"all":         {everybody, "samples", false},
		"all alike":   {everybody, "sites", false},
		"two":         {two, "samples", false},
		"two alike":   {two, "sites", false},
		"not told":    {everybody, "samples", true},
		"alike, mute": {everybody, "sites", true},
	} {
		t.Run(name, func(t *testing.T) {
			y := newToy()
			plan := planFor(federation.Scaffold, 2)
			plan.Weighting = c.weighting
			if c.weighting == "sites" {
				y.samples = []int{1, 1, 1, 1, 1}
			}
			got := y.run(t, plan, 4000, c.turn, c.mute)
			if off := math.Abs(got - y.optimum()); (off < 2e-3) == c.mute {
				t.Fatalf("rests at %.5f, optimum %.5f, drifted %.5f", got, y.optimum(), y.drifted())
			}
		})
	}
}

// A larger q brings the worst site nearer.
func TestFairnessHelpsTheWorst(t *testing.T) {
	worst := func(q float64) float64 {
		y, plan := newToy(), planFor(federation.QFedAvg, 5)
		plan.Rate, plan.Q = y.eta, q
		x := y.run(t, plan, 20000, everybody, false)
		var all []float64
		for i := range y.a {
			all = append(all, y.loss(i, x))
		}
		return slices.Max(all)
	}
	if none, little, much := worst(1e-9), worst(0.5), worst(2); !(much < little && little < none) {
		t.Fatal(none, little, much)
	}
}

// FedBuff by hand: a late update counts less, and is not made up for.
func TestLateUpdatesCountLess(t *testing.T) {
	plan := planFor(federation.FedBuff, 2)
	fresh, late := update(plan, "a", 5, []float32{1}), update(plan, "b", 5, []float32{1})
	late.Stale = 3
	if got, _ := round(t, rule(t, plan, 1, 2), []float32{0}, []federation.Update{fresh, late}); got[0] != 0.75 {
		t.Fatal(got) // (1 + 1/sqrt(4)) / 2
	}
}

// One step of each adaptive rule, by hand: g = 0.5, beta 0.9 and 0.99, tau 0.1, rate 0.01.
func TestAdaptiveByHand(t *testing.T) {
	for algorithm, v := range map[string]float64{
		federation.FedAdam:    0.99*0.01 + 0.01*0.25,
		federation.FedYogi:    0.01 + 0.01*0.25,
		federation.FedAdagrad: 0.01 + 0.25,
	} {
		plan := planFor(algorithm, 1)
		plan.Tau = 0.1
		got, _ := round(t, rule(t, plan, 1, 1), []float32{0}, []federation.Update{update(plan, "a", 1, []float32{0.5})})
		if want := 0.01 * 0.05 / (math.Sqrt(v) + 0.1); math.Abs(float64(got[0])-want) > 1e-9 {
			t.Error(algorithm, got, want)
		}
	}
}
