package metric

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestPairedDifferences(t *testing.T) {
	groups := []string{"a", "b", "c"}
	if e, p := Paired([]float64{0.25, 0.25, 0.25}, groups, 1); e != (Estimate{0.25, 0.25, 0.25}) || p > 0.001 || p == 0 {
		t.Errorf("the same gain everywhere: %+v, p %g", e, p)
	}
	if e, p := Paired([]float64{0, 0, 0}, groups, 1); e != (Estimate{}) || p != 1 {
		t.Errorf("no difference: %+v, p %g", e, p)
	}
	if _, p := Paired([]float64{1, -1, 0}, groups, 1); p < 0.5 {
		t.Errorf("as much won as lost: p %g", p)
	}
	if e, p := Paired(nil, nil, 1); e != (Estimate{}) || p != 1 {
		t.Errorf("of nothing: %+v, p %g", e, p)
	}
}

// Paired is Grouped over values, turned round when the two systems change places.
func TestPairedIsGroupedOverValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1, 1), 1, 12).Draw(t, "differences")
		groups, turned := make([]string, len(values)), make([]float64, len(values))
		for i, v := range values {
			groups[i], turned[i] = fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "group")), -v
		}
		want, _ := Grouped(values, groups, 7)
		e, p := Paired(values, groups, 7)
		back, q := Paired(turned, groups, 7)
		if e != want || p != q || p <= 0 || p > 1 {
			t.Fatalf("%+v, want %+v; p %g and %g", e, want, p, q)
		}
		if math.Abs(back.Value+e.Value) > 1e-12 || math.Abs(back.Low+e.High) > 1e-12 || math.Abs(back.High+e.Low) > 1e-12 {
			t.Fatalf("%+v turned round is %+v", e, back)
		}
	})
}
