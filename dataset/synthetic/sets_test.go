package synthetic

import (
	"testing"

	"consilium/dataset"
	"consilium/dataset/settest"
)

func TestSets(t *testing.T) {
	for name, s := range map[string]dataset.Set{
		"ecg": ECGSet(24, 1), "cough": CoughSet(10, 1), "film": FilmSet(20, 1), "nodule": NoduleSet(10, 1),
	} {
		t.Run(name, func(t *testing.T) {
			settest.Run(t, s)
			if !s.Info().Synthetic || len(s.Info().Caveats) == 0 {
				t.Error("not marked as synthetic")
			}
		})
	}
}

// TestSeedsDiffer: splits, indices and seeds give different examples.
func TestSeedsDiffer(t *testing.T) {
	read := func(seed uint64, split dataset.Split, i int) [784]float32 {
		var x [784]float32
		if _, err := FilmSet(40, seed).Read(split, i, x[:]); err != nil {
			t.Fatal(err)
		}
		return x
	}
	a := read(1, dataset.Train, 0)
	for name, b := range map[string][784]float32{
		"seed": read(2, dataset.Train, 0), "split": read(1, dataset.Test, 0), "index": read(1, dataset.Train, 2),
	} {
		if a == b {
			t.Errorf("another %s gives the same film", name)
		}
	}
}
