package aggregate

import (
	"testing"

	"consilium/federation"
)

// The mean of two sites, by hand: samples 1 and 3, deltas 4 and 8 -> 7.
func TestMeanByHand(t *testing.T) {
	plan := federation.Plan{Rounds: 1, Quorum: 2}
	r, err := New(plan, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Begin([]float32{1, -1}); err != nil {
		t.Fatal(err)
	}
	for i, u := range []federation.Update{
		{Site: "b", Samples: 3, Delta: []float32{8, 0}},
		{Site: "a", Samples: 1, Delta: []float32{4, 0}},
	} {
		if err := r.Add(u); err != nil || r.Count() != i+1 {
			t.Fatal(err, r.Count())
		}
	}
	got, note, err := r.Finish()
	if err != nil || got[0] != 8 || got[1] != -1 {
		t.Fatal(got, err)
	}
	if len(note.Used) != 2 || note.Used[0] != "a" || note.Left != nil {
		t.Fatal(note)
	}
}
