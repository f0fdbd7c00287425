package aggregate

import (
	"math"
	"math/rand/v2"
	"testing"

	"consilium/fault"
	"consilium/federation"
)

func opened(t testing.TB, u federation.Update) federation.Raw {
	t.Helper()
	text, err := u.Encode()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := federation.OpenUpdate(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Updates that are added up as bytes give what decoded ones give, to the last bit, with every rule.
func TestRawIsTheSame(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		rng := rand.New(rand.NewPCG(14, 1))
		one, other := rule(t, plan, 70_001, 5), rule(t, plan, 70_001, 5) // in two blocks, the last one odd
		global := normals(rng, 70_001, 1)
		for range 2 {
			updates := some(plan, rng, 5, 70_001)
			a, _ := round(t, one, global, updates)
			if err := other.Begin(global); err != nil {
				t.Fatal(err)
			}
			for _, u := range updates {
				raw := opened(t, u)
				raw.Stale = u.Stale
				if err := AddRaw(other, raw); err != nil {
					t.Fatal(err)
				}
				clear(raw.DeltaBytes) // the caller may
				wantCode(t, AddRaw(other, raw), fault.UpdateStale)
			}
			b, _, err := other.Finish()
			if err != nil || !same(a, b) {
				t.Fatal(err, distance(a, b))
			}
			global = a
		}
	})
}

func TestRawRefuses(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		r := rule(t, plan, 9, 5)
		if err := r.Begin(make([]float32, 9)); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(u *federation.Update){
			"short":   func(u *federation.Update) { u.Delta = u.Delta[:8] },
			"nan":     func(u *federation.Update) { u.Delta[8] = float32(math.NaN()) },
			"huge":    func(u *federation.Update) { u.Delta[0] = -2 * MostValue },
			"extra":   func(u *federation.Update) { u.Extra = []float32{1} },
			"nothing": func(u *federation.Update) { u.Samples = 0 },
			"future":  func(u *federation.Update) { u.Stale = -1 },
		} {
			u := update(plan, "a", 1, make([]float32, 9))
			change(&u)
			if err := AddRaw(r, opened(t, u)); fault.CodeOf(err) != fault.UpdateRefused || r.Count() != 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
