package aggregate

import (
	"math"

	"consilium/federation"
)

// fair is q-FedAvg (Li et al. 2020): sites on which the global weights do badly count more.
type fair struct {
	mean
	h float64 // the paper's sum of h, divided by L; exact, being a sum of multiples of 2^-28
}

// Begin implements Rule.
func (f *fair) Begin(global []float32) error {
	f.h = 0
	return f.mean.Begin(global)
}

// Add implements Rule. What it does to h is what Share does, so that both ways give the same.
func (f *fair) Add(u federation.Update) error {
	if err := f.admit(u); err != nil {
		return err
	}
	w := weight(f.plan, u)
	scale, h := fairness(f.plan, u)
	coarse, fine := steps.put(w * h)
	f.h += steps.join(float64(coarse), float64(fine))
	f.take(u, scale, w)
	return nil
}

// AddSum implements Rule.
func (f *fair) AddSum(sum []float64, sites []string) error {
	head, err := f.admitSum(sum, sites)
	if err != nil {
		return err
	}
	f.h += head.h
	f.takeSum(head, sites)
	return nil
}

// Finish implements Rule.
func (f *fair) Finish() ([]float32, Note, error) {
	if err := f.quorum(); err != nil {
		return nil, Note{}, err
	}
	h := max(f.h, 1e-9) // losses of zero everywhere: nothing to learn, and nothing to divide by
	out := f.sum.applied(f.global, f.plan.ServerRate/h)
	return out, Note{Used: f.close()}, nil
}

// fairness gives q-FedAvg's F^q and h/L. The paper's step is sum(F^q L delta) / sum(h); here both are divided by
// L = 1/rate, which keeps the numbers near those of delta.
func fairness(plan federation.Plan, u federation.Update) (f, h float64) {
	loss := u.Loss + 1e-6 // q - 1 is below zero
	square := 0.0
	for _, x := range u.Delta {
		square += float64(float64(x) * float64(x))
	}
	f = math.Pow(loss, plan.Q)
	return f, f + plan.Q*math.Pow(loss, plan.Q-1)*square/plan.Rate
}
