package aggregate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"consilium/fault"
	"consilium/federation"
)

// The conformance suite runs over all of federation.Algorithms: a new name without a rule fails it.

// planFor is a plan that n sites can carry out, one update for cyclic.
func planFor(algorithm string, n int) federation.Plan {
	return federation.Plan{Algorithm: algorithm, Rounds: 1, Quorum: n, Buffer: n, MostSamples: 64}.WithDefaults()
}

// takes is how many updates make a round of n sites.
func takes(algorithm string, n int) int {
	if algorithm == federation.Cyclic {
		return 1
	}
	return n
}

func robust(algorithm string) bool {
	switch algorithm {
	case federation.Median, federation.Trimmed, federation.Krum, federation.MultiKrum, federation.NormClip:
		return true
	}
	return false
}

func adapts(algorithm string) bool {
	return algorithm == federation.FedAdam || algorithm == federation.FedYogi || algorithm == federation.FedAdagrad
}

// update is one that a site could send for that plan.
func update(plan federation.Plan, site string, samples int, delta []float32) federation.Update {
	u := federation.Update{Site: site, Samples: samples, Loss: 0.7, Trained: 0.5, Delta: delta}
	if plan.Algorithm == federation.Scaffold {
		u.Extra = make([]float32, len(delta))
		for i, x := range delta {
			u.Extra[i] = -x / 2
		}
	}
	return u
}

func normals(r *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64() * scale)
	}
	return v
}

func rule(t testing.TB, plan federation.Plan, size, sites int) Rule {
	t.Helper()
	r, err := New(plan, size, sites)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// round runs one whole round.
func round(t testing.TB, r Rule, global []float32, updates []federation.Update) ([]float32, Note) {
	t.Helper()
	if err := r.Begin(global); err != nil {
		t.Fatal(err)
	}
	for _, u := range updates {
		if err := r.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	out, note, err := r.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return out, note
}

func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("want %s, got %v", code, err)
	}
}

func each(t *testing.T, check func(t *testing.T, algorithm string)) {
	for _, a := range federation.Algorithms() {
		t.Run(a, func(t *testing.T) { check(t, a) })
	}
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("site-%02d", i)
	}
	return out
}

func some(plan federation.Plan, r *rand.Rand, n, size int) []federation.Update {
	out := make([]federation.Update, takes(plan.Algorithm, n))
	for i, name := range names(len(out)) {
		out[i] = update(plan, name, 1+r.IntN(100), normals(r, size, 0.1))
		out[i].Loss = r.Float64() * 3
		if plan.Algorithm == federation.FedBuff {
			out[i].Stale = r.IntN(4)
		}
	}
	return out
}

func distance(a, b []float32) float64 {
	t := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		t += d * d
	}
	return math.Sqrt(t)
}

func same(a, b []float32) bool {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
