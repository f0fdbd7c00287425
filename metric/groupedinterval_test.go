package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestGroupedMeans(t *testing.T) {
	for name, c := range map[string]struct {
		values             []float64
		groups             []string
		overValues, groupd float64
	}{
		"nothing":        {nil, nil, 0, 0},
		"one":            {[]float64{3}, []string{"a"}, 3, 3},
		"one group":      {[]float64{1, 2, 6}, []string{"a", "a", "a"}, 3, 3},
		"each its own":   {[]float64{1, 2, 6}, []string{"a", "b", "c"}, 3, 3},
		"uneven groups":  {[]float64{1, 1, 1, 0}, []string{"a", "a", "a", "b"}, 0.75, 0.5},
		"in any order":   {[]float64{0, 1, 1, 1}, []string{"b", "a", "a", "a"}, 0.75, 0.5},
		"negative gains": {[]float64{-1, 0, 1, -1}, []string{"a", "a", "b", "c"}, -0.25, -1.0 / 6},
	} {
		v, g := Grouped(c.values, c.groups, 1)
		if math.Abs(v.Value-c.overValues) > 1e-12 || math.Abs(g.Value-c.groupd) > 1e-12 {
			t.Errorf("%s: %g and %g, want %g and %g", name, v.Value, g.Value, c.overValues, c.groupd)
		}
		if v.Low > v.Value || v.High < v.Value || g.Low > g.Value || g.High < g.Value {
			t.Errorf("%s: %+v, %+v", name, v, g)
		}
	}
}

func TestGroupedStaysInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1, 1), 1, 30).Draw(t, "values")
		groups := make([]string, len(values))
		sum, lo, hi := 0.0, math.Inf(1), math.Inf(-1)
		for i, v := range values {
			groups[i] = fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "group"))
			sum, lo, hi = sum+v, min(lo, v), max(hi, v)
		}
		seed := rapid.Uint64().Draw(t, "seed")
		v, g := Grouped(values, groups, seed)
		if math.Abs(v.Value-sum/float64(len(values))) > 1e-12 {
			t.Errorf("mean %g, want %g", v.Value, sum/float64(len(values)))
		}
		for _, e := range []Estimate{v, g} {
			if e.Low > e.High || e.Low < lo-1e-9 || e.High > hi+1e-9 {
				t.Errorf("%+v outside %g to %g", e, lo, hi)
			}
		}
		if a, b := Grouped(values, groups, seed); a != v || b != g {
			t.Error("the same seed gives another interval")
		}
	})
}

// Whole groups are drawn: values that repeat within their group make the interval no narrower.
func TestGroupsAreDrawnAsAWhole(t *testing.T) {
	var once, often []float64
	var groups, repeated []string
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 30 {
		v, g := rng.NormFloat64(), fmt.Sprint(i)
		once, groups = append(once, v), append(groups, g)
		for range 50 {
			often, repeated = append(often, v), append(repeated, g)
		}
	}
	a, _ := Grouped(once, groups, 1)
	b, _ := Grouped(often, repeated, 1)
	if math.Abs(a.Low-b.Low) > 1e-9 || math.Abs(a.High-b.High) > 1e-9 {
		t.Errorf("%+v, and with every value 50 times %+v", a, b)
	}
	single := make([]string, len(often))
	for i := range single {
		single[i] = fmt.Sprint(i)
	}
	if c, _ := Grouped(often, single, 1); c.High-c.Low > (b.High-b.Low)/4 {
		t.Errorf("as if they were independent: %+v, by groups %+v", c, b)
	}
}

// Of 95% intervals of the mean of normal values, about 95% hold the true mean.
func TestIntervalsCover(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	const trials = 150
	in := [2]int{}
	for i := range trials {
		var values []float64
		var groups []string
		for g := range 40 {
			effect := rng.NormFloat64()
			for range 1 + rng.IntN(3) {
				values, groups = append(values, 0.3+effect+0.1*rng.NormFloat64()), append(groups, fmt.Sprint(g))
			}
		}
		a, b := Grouped(values, groups, uint64(i))
		for k, e := range []Estimate{a, b} {
			if e.Low <= 0.3 && 0.3 <= e.High {
				in[k]++
			}
		}
	}
	for _, n := range in {
		if n < trials*86/100 || n == trials {
			t.Errorf("%d of %d intervals hold the mean", n, trials)
		}
	}
}
