package aggregate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"consilium/fault"
	"consilium/federation"

	"pgregory.net/rapid"
)

func TestRefusesWhatIsNoUpdate(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		good := update(plan, "site-00", 3, []float32{1, 2, 3})
		nan, inf := float32(math.NaN()), float32(math.Inf(-1))
		bad := map[string]func(u *federation.Update){
			"short":   func(u *federation.Update) { u.Delta = u.Delta[:2] },
			"long":    func(u *federation.Update) { u.Delta = append(slices.Clone(u.Delta), 1) },
			"none":    func(u *federation.Update) { u.Delta = nil },
			"nan":     func(u *federation.Update) { u.Delta = []float32{1, nan, 3} },
			"inf":     func(u *federation.Update) { u.Delta = []float32{1, 2, inf} },
			"huge":    func(u *federation.Update) { u.Delta = []float32{2 * MostValue, 2, 3} },
			"extra":   func(u *federation.Update) { u.Extra = []float32{1} },
			"nothing": func(u *federation.Update) { u.Samples = 0 },
			"future":  func(u *federation.Update) { u.Stale = -1 },
		}
		if algorithm == federation.Scaffold {
			bad["no extra"] = func(u *federation.Update) { u.Extra = nil }
			bad["nan extra"] = func(u *federation.Update) { u.Extra = []float32{nan, 0, 0} }
		}
		if algorithm == federation.QFedAvg {
			bad["loss"] = func(u *federation.Update) { u.Loss = math.NaN() }
			bad["negative loss"] = func(u *federation.Update) { u.Loss = -1 }
		}
		spoilt, clean := rule(t, plan, 3, 5), rule(t, plan, 3, 5)
		global := []float32{1, 1, 1}
		if err := spoilt.Begin(global); err != nil {
			t.Fatal(err)
		}
		for name, change := range bad {
			u := good
			change(&u)
			if err := spoilt.Add(u); fault.CodeOf(err) != fault.UpdateRefused || spoilt.Count() != 0 {
				t.Errorf("%s: %v, %d are in", name, err, spoilt.Count())
			}
		}
		// Nothing of what was refused is in the sum.
		updates := some(plan, rand.New(rand.NewPCG(1, 1)), 5, 3)
		for _, u := range updates {
			if err := spoilt.Add(u); err != nil {
				t.Fatal(err)
			}
		}
		got, _, err := spoilt.Finish()
		want, _ := round(t, clean, global, updates)
		if err != nil || !same(got, want) {
			t.Fatal(got, want, err)
		}
	})
}

func TestRefusesBadWeightsAndUpdatesOutsideARound(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		r := rule(t, plan, 2, 5)
		wantCode(t, r.Add(update(plan, "a", 1, []float32{1, 2})), fault.UpdateStale)
		wantCode(t, r.Begin([]float32{1}), fault.Usage)
		wantCode(t, r.Begin([]float32{1, float32(math.NaN())}), fault.InputNotFinite)
		_, _, err := r.Finish()
		wantCode(t, err, fault.QuorumMissed)
	})
}

func TestSameSiteTwice(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		r := rule(t, plan, 1, 5)
		if err := r.Begin([]float32{0}); err != nil {
			t.Fatal(err)
		}
		u := update(plan, "a", 1, []float32{1})
		if err := r.Add(u); err != nil {
			t.Fatal(err)
		}
		wantCode(t, r.Add(u), fault.UpdateStale)
		if r.Count() != 1 {
			t.Fatal(r.Count())
		}
	})
}

func TestQuorumThenGoesOn(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		updates := some(plan, rand.New(rand.NewPCG(2, 1)), 5, 4)
		r, direct := rule(t, plan, 4, 5), rule(t, plan, 4, 5)
		global := []float32{1, 2, 3, 4}
		if err := r.Begin(global); err != nil {
			t.Fatal(err)
		}
		last := len(updates) - 1
		for _, u := range updates[:last] {
			if err := r.Add(u); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := r.Finish()
		wantCode(t, err, fault.QuorumMissed)
		// The round is still open: the last update completes it.
		if err := r.Add(updates[last]); err != nil {
			t.Fatal(err)
		}
		got, note, err := r.Finish()
		want, _ := round(t, direct, global, updates)
		if err != nil || !same(got, want) {
			t.Fatal(got, want, err)
		}
		if all := append(slices.Clone(note.Used), note.Left...); len(all) != len(updates) {
			t.Fatal(note)
		}
		if r.Count() != 0 {
			t.Fatal("a finished round is still counted")
		}
	})
}

func TestBeginDropsWhatWasGathered(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		rng := rand.New(rand.NewPCG(3, 1))
		r, clean := rule(t, plan, 3, 5), rule(t, plan, 3, 5)
		if err := r.Begin([]float32{9, 9, 9}); err != nil {
			t.Fatal(err)
		}
		if err := r.Add(some(plan, rng, 5, 3)[0]); err != nil {
			t.Fatal(err)
		}
		updates, global := some(plan, rng, 5, 3), []float32{1, 2, 3}
		got, _ := round(t, r, global, updates)
		want, _ := round(t, clean, global, updates)
		if !same(got, want) || !same(r.Extra(), clean.Extra()) {
			t.Fatal(got, want)
		}
	})
}

func TestIdenticalUpdates(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(5, 9).Draw(rt, "n")
			plan := planFor(algorithm, n)
			if algorithm == federation.QFedAvg {
				plan.Q = 1e-12 // only then is it a theorem: F^q = 1 and h = 1
			}
			v := rapid.SliceOfN(rapid.Float32Range(-2, 2), 3, 3).Draw(rt, "delta")
			global := rapid.SliceOfN(rapid.Float32Range(-2, 2), 3, 3).Draw(rt, "global")
			var updates []federation.Update
			for _, name := range names(takes(algorithm, n)) {
				updates = append(updates, update(plan, name, rapid.IntRange(1, 200).Draw(rt, "samples"), v))
			}
			got, _ := round(t, rule(t, plan, 3, n), global, updates)
			for i := range got {
				moved := float64(got[i]) - float64(global[i])
				if adapts(algorithm) {
					if math.Abs(float64(v[i])) > 1e-3 && math.Signbit(moved) != math.Signbit(float64(v[i])) {
						rt.Fatalf("delta %g moved it by %g", v[i], moved)
					}
				} else if math.Abs(moved-float64(v[i])) > 1e-6 {
					rt.Fatalf("delta %g moved it by %g", v[i], moved)
				}
			}
		})
	})
}

func TestArrivalDoesNotMatter(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(5, 12).Draw(rt, "n")
			plan := planFor(algorithm, n)
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			updates := some(plan, rng, n, 40)
			for _, u := range updates { // of very different size, so that a naive sum would round differently
				scale := float32(math.Pow(10, float64(rng.IntN(6)-4)))
				for i := range u.Delta {
					u.Delta[i] *= scale
				}
			}
			global := normals(rng, 40, 1)
			one, other := rule(t, plan, 40, n), rule(t, plan, 40, n)
			a, noteA := round(t, one, global, updates)
			rng.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
			b, noteB := round(t, other, global, updates)
			if !same(a, b) || !same(one.Extra(), other.Extra()) {
				rt.Fatalf("the order of arrival shows:\n%v\n%v", a, b)
			}
			if !slices.Equal(noteA.Used, noteB.Used) || !slices.Equal(noteA.Left, noteB.Left) {
				rt.Fatal(noteA, noteB)
			}
		})
	})
}

// What no site moves stays where it is, to the last bit, also after rounds in which other parameters moved.
func TestPersonalParametersStay(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		r := rule(t, plan, 4, 5)
		rng := rand.New(rand.NewPCG(4, 1))
		global := normals(rng, 4, 1)
		for range 5 {
			updates := some(plan, rng, 5, 4)
			for _, u := range updates {
				u.Delta[1], u.Delta[3] = 0, 0
			}
			next, _ := round(t, r, global, updates)
			if next[1] != global[1] || next[3] != global[3] || next[0] == global[0] {
				t.Fatal(global, next)
			}
			global = next
		}
	})
}

func TestWeights(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		if algorithm == federation.Cyclic {
			t.Skip("one update at a time")
		}
		global := []float32{0, 0}
		run := func(weighting string, heavy int) []float32 {
			plan := planFor(algorithm, 5)
			plan.Weighting = weighting
			updates := some(plan, rand.New(rand.NewPCG(5, 1)), 5, 2)
			for i := range updates {
				updates[i].Samples, updates[i].Loss = 3, 1
			}
			updates[0].Samples = heavy
			out, _ := round(t, rule(t, plan, 2, 5), global, updates)
			return out
		}
		equal, claimed := run("sites", 3), run("sites", 60)
		if !same(equal, claimed) {
			t.Fatal("sites count alike, and yet samples show", equal, claimed)
		}
		if bySamples := run("samples", 60); same(bySamples, run("samples", 3)) != robust(algorithm) {
			t.Fatal("samples must count for rules on a mean, and must not for robust ones")
		}
		if !same(run("samples", 64), run("samples", 1_000_000)) {
			t.Fatal("a site with more than most_samples counts more")
		}
	})
}

// One secure sum gives what the single updates give, for rules on a mean; others refuse it.
func TestSumOfSharesIsTheSame(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(5, 9).Draw(rt, "n")
			plan := planFor(algorithm, n)
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			one, other := rule(t, plan, 20, n), rule(t, plan, 20, n)
			if federation.NeedsEach(algorithm) {
				sum := make([]float64, ShareLen(plan, 20, 2))
				if err := other.Begin(make([]float32, 20)); err != nil {
					rt.Fatal(err)
				}
				wantCode(t, other.AddSum(sum, names(n)), fault.Usage)
				_, err := Share(plan, some(plan, rng, n, 20)[0])
				wantCode(t, err, fault.Usage)
				return
			}
			global := normals(rng, 20, 1)
			for range 2 {
				updates := some(plan, rng, n, 20)
				a, _ := round(t, one, global, updates)
				if err := other.Begin(global); err != nil {
					rt.Fatal(err)
				}
				if err := other.AddSum(summed(t, plan, updates), names(n)); err != nil {
					rt.Fatal(err)
				}
				wantCode(t, other.Add(updates[0]), fault.UpdateStale)
				if other.Count() != n {
					rt.Fatal(other.Count())
				}
				b, note, err := other.Finish()
				if err != nil || !slices.Equal(note.Used, names(n)) {
					rt.Fatal(err, note)
				}
				tolerance := 1e-6
				if adapts(algorithm) {
					tolerance = 1e-5 // a rounding of delta is divided by tau = 1e-3
				}
				if d := distance(a, b); d > tolerance {
					rt.Fatalf("sum and singles are %g apart", d)
				}
				if e, f := one.Extra(), other.Extra(); distance(e, f) > 1e-6 || len(e) != len(f) {
					rt.Fatal(e, f)
				}
				global = a
			}
		})
	})
}

func summed(t testing.TB, plan federation.Plan, updates []federation.Update) []float64 {
	t.Helper()
	var sum []float64
	for _, u := range updates {
		v, err := Share(plan, u)
		if err != nil {
			t.Fatal(err)
		}
		if sum == nil {
			sum = make([]float64, len(v))
		}
		for i, x := range v {
			sum[i] += float64(x)
		}
	}
	return sum
}

func TestBadSums(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		if federation.NeedsEach(algorithm) {
			t.Skip("takes no sums")
		}
		plan := planFor(algorithm, 2)
		good := summed(t, plan, some(plan, rand.New(rand.NewPCG(6, 1)), 2, 3))
		change := func(i int, x float64) []float64 {
			v := slices.Clone(good)
			v[i] = x
			return v
		}
		at := layoutOf(plan, 3).weight
		r := rule(t, plan, 3, 2)
		wantCode(t, r.AddSum(good, names(2)), fault.UpdateStale)
		if err := r.Begin(make([]float32, 3)); err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string][]float64{
			"short": good[:len(good)-1], "long": append(slices.Clone(good), 1), "none": nil,
			"nan": change(0, math.NaN()), "inf": change(1, math.Inf(1)), "huge": change(1, 1e30),
			"no weight": change(at, 0), "negative weight": change(at, -1), "too heavy": change(at, 2.1),
		} {
			if err := r.AddSum(bad, names(2)); fault.CodeOf(err) != fault.SumBroken {
				t.Errorf("%s: %v", name, err)
			}
		}
		wantCode(t, r.AddSum(good, nil), fault.SumBroken)
		wantCode(t, r.AddSum(good, []string{"a", "a"}), fault.SumBroken)
		if r.Count() != 0 {
			t.Fatal("a refused sum is counted")
		}
		if err := r.AddSum(good, names(2)); err != nil {
			t.Fatal(err)
		}
		wantCode(t, r.AddSum(good, names(2)), fault.UpdateStale)
	})
}

func TestNewRefuses(t *testing.T) {
	bad := map[string]func(p *federation.Plan, size, sites *int){
		"algorithm":    func(p *federation.Plan, _, _ *int) { p.Algorithm = "fedsgd" },
		"no size":      func(_ *federation.Plan, size, _ *int) { *size = 0 },
		"large":        func(_ *federation.Plan, size, _ *int) { *size = 1 << 40 },
		"no sites":     func(_ *federation.Plan, _, sites *int) { *sites = 0 },
		"too many":     func(_ *federation.Plan, _, sites *int) { *sites = 1001 },
		"quorum":       func(p *federation.Plan, _, _ *int) { p.Quorum = 6 },
		"rate":         func(p *federation.Plan, _, _ *int) { p.ServerRate = 1e9 },
		"nan rate":     func(p *federation.Plan, _, _ *int) { p.ServerRate = math.NaN() },
		"beta":         func(p *federation.Plan, _, _ *int) { p.Beta2 = 1 },
		"tau":          func(p *federation.Plan, _, _ *int) { p.Tau = -1 },
		"q":            func(p *federation.Plan, _, _ *int) { p.Q = -1 },
		"buffer":       func(p *federation.Plan, _, _ *int) { p.Algorithm, p.Buffer = federation.FedBuff, 6 },
		"krum of 5":    func(p *federation.Plan, _, _ *int) { p.Algorithm, p.Evil = federation.Krum, 0.4 },
		"multikrum, 2": func(p *federation.Plan, _, s *int) { p.Algorithm, p.Quorum, *s = federation.MultiKrum, 2, 2 },
	}
	for name, change := range bad {
		t.Run(name, func(t *testing.T) {
			plan, size, sites := planFor(federation.FedAvg, 5), 10, 5
			change(&plan, &size, &sites)
			_, err := New(plan, size, sites)
			wantCode(t, err, fault.Usage)
		})
	}
}
