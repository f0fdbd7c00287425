package dataset_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"consilium/dataset"
	"consilium/fault"
)

// Golden values, computed with another SHA-256 implementation: a change of the hash would silently move patients between
// the splits of models that are already trained.
func TestAssignSplitIsStable(t *testing.T) {
	for _, c := range []struct {
		group string
		seed  uint64
		want  dataset.Split
	}{
		{"patient 1", 1, dataset.Train},
		{"patient 2", 1, dataset.Test},
		{"patient 4", 1, dataset.Validation},
		{"patient 1", 2, dataset.Test},
		{"", 0, dataset.Train},
	} {
		if got := dataset.AssignSplit(c.group, c.seed, dataset.Fractions{}); got != c.want {
			t.Errorf("AssignSplit(%q, %d) = %s, want %s", c.group, c.seed, got, c.want)
		}
	}
}

func TestPartitionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.SliceOf(rapid.StringMatching(`p[0-9]{1,2}`)).Draw(t, "groups")
		seed := rapid.Uint64().Draw(t, "seed")
		f := fractions(t)
		parts := dataset.Partition(groups, seed, f)
		home := map[string]dataset.Split{}
		seen := 0
		for _, split := range dataset.Splits {
			last := -1
			for _, i := range parts[split] {
				if i <= last {
					t.Fatalf("%s is out of order: %v", split, parts[split])
				}
				last = i
				seen++
				if before, ok := home[groups[i]]; ok && before != split {
					t.Fatalf("group %q is in %s and %s", groups[i], before, split)
				}
				home[groups[i]] = split
			}
		}
		if seen != len(groups) {
			t.Fatalf("%d of %d examples are in a split", seen, len(groups))
		}
		// A group stays where it is when the others leave.
		for group, split := range home {
			if got := dataset.AssignSplit(group, seed, f); got != split {
				t.Fatalf("alone, %q is in %s instead of %s", group, got, split)
			}
		}
	})
}

func fractions(t *rapid.T) dataset.Fractions {
	train := rapid.Float64Range(0.1, 1).Draw(t, "train")
	validation := rapid.Float64Range(0, 1-train).Draw(t, "validation")
	return dataset.Fractions{Train: train, Validation: validation, Test: 1 - train - validation}
}

func TestPartitionKeepsTheFractions(t *testing.T) {
	groups := make([]string, 20000)
	for i := range groups {
		groups[i] = fmt.Sprint("patient ", i)
	}
	parts := dataset.Partition(groups, 7, dataset.Fractions{})
	for split, want := range map[dataset.Split]float64{dataset.Train: 0.7, dataset.Validation: 0.1, dataset.Test: 0.2} {
		// Four standard errors of a share of 20,000.
		if got := float64(len(parts[split])) / 20000; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/20000) {
			t.Errorf("%s has a share of %.4f, want %.2f", split, got, want)
		}
	}
}

func TestFractionsCheck(t *testing.T) {
	for _, f := range []dataset.Fractions{{}, dataset.DefaultFractions, {Train: 1}, {Train: 0.5, Test: 0.5}} {
		if err := f.Check(); err != nil {
			t.Errorf("%v: %v", f, err)
		}
	}
	for _, f := range []dataset.Fractions{{Validation: 1}, {Train: 0.5}, {Train: 1.5, Test: -0.5}, {Train: math.NaN(), Test: 1}} {
		if fault.CodeOf(f.Check()) != fault.Usage {
			t.Errorf("%v was accepted", f)
		}
	}
}
