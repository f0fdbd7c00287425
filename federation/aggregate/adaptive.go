package aggregate

import (
	"math"
	"slices"

	"consilium/fault"
	"consilium/federation"
)

// adaptive is FedAdam, FedYogi and FedAdagrad: the mean update is taken for a gradient, and the server steps along it
// with a rate of its own for each parameter (Reddi et al. 2021, algorithm 2; no correction of the first steps).
type adaptive struct {
	mean
	first, second []float32 // moments
}

// newAdaptive starts with a second moment of tau^2, the least that the paper allows.
func newAdaptive(b base) *adaptive {
	a := &adaptive{mean: mean{base: b}, first: make([]float32, b.size), second: make([]float32, b.size)}
	square := float32(b.plan.Tau * b.plan.Tau)
	for i := range a.second {
		a.second[i] = square
	}
	return a
}

// Finish implements Rule. A parameter that no site moves, and that never moved, has a first moment of zero and stays.
func (a *adaptive) Finish() ([]float32, Note, error) {
	if err := a.quorum(); err != nil {
		return nil, Note{}, err
	}
	out, global, p := a.sum.high, a.global, a.plan
	blocks(a.size, func(from, to int) {
		for i := from; i < to; i++ {
			g := a.sum.at(i) / a.weight
			m := float64(p.Beta1*float64(a.first[i])) + float64((1-p.Beta1)*g)
			v := second(p, float64(a.second[i]), float64(g*g))
			a.first[i], a.second[i] = float32(m), float32(v)
			out[i] = float32(float64(global[i]) + float64(p.ServerRate*m/(math.Sqrt(v)+p.Tau)))
		}
	})
	a.sum = sum{}
	return out, Note{Used: a.close()}, nil
}

func second(p federation.Plan, v, square float64) float64 {
	switch p.Algorithm {
	case federation.FedAdam:
		return float64(p.Beta2*v) + float64((1-p.Beta2)*square)
	case federation.FedYogi:
		switch {
		case v < square:
			return v + float64((1-p.Beta2)*square)
		case v > square:
			return v - float64((1-p.Beta2)*square)
		}
		return v
	}
	return v + square // FedAdagrad
}

// Snapshot implements Rule.
func (a *adaptive) Snapshot() ([]byte, error) { return a.snapshot(nil, a.first, a.second), nil }

// Restore implements Rule.
func (a *adaptive) Restore(b []byte) error {
	_, lists, err := a.restore(b, 0, 2)
	if err != nil {
		return err
	}
	if !usable(lists[0], MostValue) || slices.ContainsFunc(lists[1], func(v float32) bool { return v < 0 }) {
		return fault.New(fault.CheckpointBad, "a rule's snapshot has moments that cannot be", "start the job again")
	}
	a.drop()
	a.first, a.second = lists[0], lists[1]
	return nil
}
