package calibration

import (
	"fmt"
	"slices"
	"strconv"

	"consilium/fault"
)

// split deals units (examples, or groups) to folds: shuffled, then in order of
// their label, so that every fold has its share of every class.
func (o FitOptions) split(labels []int) ([]int, error) {
	folds := o.Folds
	if folds == 0 {
		folds = 5
	}
	if folds < 2 {
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d folds", folds), "cross-validate over at least 2")
	}
	if o.Groups != nil && len(o.Groups) != len(labels) {
		return nil, fault.New(fault.InputMalformed, fmt.Sprintf("%d groups for %d examples", len(o.Groups), len(labels)),
			"give one group for each example, or none")
	}
	of, first := o.units(len(labels))
	if len(first) < folds {
		return nil, unfit(fmt.Sprintf("%d independent examples for %d folds", len(first), folds))
	}
	order := o.seed().Perm(len(first))
	slices.SortStableFunc(order, func(a, b int) int { return labels[first[a]] - labels[first[b]] })
	place := make([]int, len(first))
	for rank, u := range order {
		place[u] = rank % folds
	}
	out := make([]int, len(labels))
	for i := range out {
		out[i] = place[of[i]]
	}
	return out, nil
}

// units says which independent unit each example belongs to, and gives one
// example that stands for each unit.
func (o FitOptions) units(n int) (of, first []int) {
	seen := map[string]int{}
	of = make([]int, n)
	for i := range of {
		key := strconv.Itoa(i)
		if o.Groups != nil {
			key = o.Groups[i]
		}
		unit, known := seen[key]
		if !known {
			unit = len(first)
			seen[key] = unit
			first = append(first, i)
		}
		of[i] = unit
	}
	return of, first
}
