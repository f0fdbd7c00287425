package aggregate

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"consilium/fault"
	"consilium/federation"

	"pgregory.net/rapid"
)

// attacks are what a poisoned site sends instead of an honest update v.
var attacks = map[string]func(r *rand.Rand, v []float32) []float32{
	"sign":    func(_ *rand.Rand, v []float32) []float32 { return times(v, -1) },
	"flip":    func(_ *rand.Rand, v []float32) []float32 { return times(v, -10) },
	"scale":   func(_ *rand.Rand, v []float32) []float32 { return times(v, 100) },
	"garbage": func(r *rand.Rand, v []float32) []float32 { return normals(r, len(v), 50) },
	"huge":    func(_ *rand.Rand, v []float32) []float32 { return times(v, 1e9) },
}

func times(v []float32, x float32) []float32 {
	out := slices.Clone(v)
	for i := range out {
		out[i] *= x
	}
	return out
}

// With a fifth of the sites poisoned robust rules stay near what the honest ones mean, and the plain mean does not.
func TestPoisonedSites(t *testing.T) {
	const sites, evils, size = 20, 4, 60
	for attack, spoil := range attacks {
		for _, algorithm := range []string{federation.FedAvg, federation.Median, federation.Trimmed, federation.Krum, federation.MultiKrum, federation.NormClip} {
			t.Run(attack+"/"+algorithm, func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
					truth := normals(rng, size, 1)
					plan := planFor(algorithm, sites)
					honest := make([]float32, size)
					var updates []federation.Update
					bad := rng.Perm(sites)[:evils]
					for i, name := range names(sites) {
						v := normals(rng, size, 0.25)
						for j := range v {
							v[j] += truth[j]
						}
						samples := 10
						if slices.Contains(bad, i) {
							v, samples = spoil(rng, v), 10_000_000 // a claim that must not help
						} else {
							for j := range v {
								honest[j] += v[j] / (sites - evils)
							}
						}
						updates = append(updates, update(plan, name, samples, v))
					}
					if algorithm == federation.FedAvg {
						for i := range updates { // give the mean a chance: all alike
							updates[i].Samples = 10
						}
					}
					got, _ := round(t, rule(t, plan, size, sites), make([]float32, size), updates)
					off := distance(got, honest) / norm(honest)
					near := off < 0.36
					if algorithm == federation.NormClip {
						// A cut update still pulls with the length of an honest one: at most 2*20%, and here all pull one way.
						near = off < 0.45
					}
					if near == (algorithm == federation.FedAvg) {
						rt.Fatalf("%.2f of the honest mean's length away from it", off)
					}
				})
			})
		}
	}
}

// By hand: five sites, one parameter.
func TestRobustByHand(t *testing.T) {
	for algorithm, want := range map[string]float32{
		federation.Median:    3,                        // of 1 2 3 4 100
		federation.Trimmed:   3,                        // mean of 2 3 4
		federation.NormClip:  (1 + 2 + 3 + 3 + 3) / 5., // the median norm is 3
		federation.Krum:      2,                        // its two nearest are 1 away each, as are those of 3; the first by name wins
		federation.MultiKrum: 2.5,
	} {
		t.Run(algorithm, func(t *testing.T) {
			plan := planFor(algorithm, 5)
			var updates []federation.Update
			for i, x := range []float32{1, 2, 3, 4, 100} {
				updates = append(updates, update(plan, names(5)[i], 1, []float32{x}))
			}
			got, note := round(t, rule(t, plan, 1, 5), []float32{10}, updates)
			if math.Abs(float64(got[0]-10-want)) > 1e-6 {
				t.Fatal(got[0]-10, want)
			}
			if isKrum(algorithm) != (note.Left != nil) || (algorithm != federation.Median) != (note.Reason != "") {
				t.Fatal(note)
			}
		})
	}
}

func TestMedianOfAnEvenNumber(t *testing.T) {
	plan := planFor(federation.Median, 4)
	var updates []federation.Update
	for i, x := range []float32{-1, float32(math.Copysign(0, -1)), 5, 1000} {
		updates = append(updates, update(plan, names(4)[i], 1, []float32{x}))
	}
	if got, _ := round(t, rule(t, plan, 1, 4), []float32{0}, updates); got[0] != 2.5 {
		t.Fatal(got)
	}
}

// Sorting by key is sorting by value.
func TestKeySorts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.Float32().Draw(rt, "a"), rapid.Float32().Draw(rt, "b")
		if a < b && key(a) >= key(b) || a > b && key(a) <= key(b) || value(key(a)) != a {
			rt.Fatal(a, b, key(a), key(b))
		}
	})
}

// Distances by blocks are the distances.
func TestDistances(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	rows := make([][]float32, 7)
	for i := range rows {
		rows[i] = normals(rng, 5001, 1)
	}
	got := distances(rows)
	for i := range rows {
		for j := range rows {
			want := distance(rows[i], rows[j])
			if math.Abs(math.Sqrt(got[i][j])-want) > 1e-9*(1+want) {
				t.Fatal(i, j, got[i][j], want*want)
			}
		}
	}
}

// Krum with enough sites agreed, of which too few came.
func TestKrumOfTooFew(t *testing.T) {
	for _, algorithm := range []string{federation.Krum, federation.MultiKrum} {
		plan := planFor(algorithm, 5)
		plan.Quorum, plan.Evil = 2, 0.25
		r := rule(t, plan, 1, 7)
		if err := r.Begin([]float32{0}); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			if i == 2 || i == 4 { // 2 < 3, and 4 < 2*1+3
				_, _, err := r.Finish()
				wantCode(t, err, fault.QuorumMissed)
				if !strings.Contains(err.Error(), algorithm) {
					t.Fatal(err)
				}
			}
			if err := r.Add(update(plan, names(5)[i], 1, []float32{float32(i)})); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := r.Finish(); err != nil {
			t.Fatal(err)
		}
	}
}
