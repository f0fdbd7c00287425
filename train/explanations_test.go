package train

import (
	"slices"
	"testing"
)

func TestEvenlyGivesEachPartItsShare(t *testing.T) {
	for seed := range uint64(50) {
		at := evenly(100, 7, seed)
		if len(at) != 7 || at[0] < 0 || at[6] >= 100 {
			t.Fatalf("%v", at)
		}
		for i := 1; i < len(at); i++ {
			if d := at[i] - at[i-1]; d < 14 || d > 15 {
				t.Errorf("%v has a gap of %d", at, d)
			}
		}
		if !slices.Equal(at, evenly(100, 7, seed)) {
			t.Error("the same seed drew others")
		}
	}
	if slices.Equal(evenly(100, 7, 1), evenly(100, 7, 2)) {
		t.Error("the seed draws nothing")
	}
	if got := evenly(3, 50, 9); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("a small split: %v", got)
	}
}
