package local

import (
	"context"
	"math"

	"consilium/dataset"
	"consilium/federation"
)

// What a site may keep.
const (
	KeepsFederated = "federated"
	KeepsOwn       = "own"
	KeepsPersonal  = "personal"
)

// candidate is a model that the site could use from now on.
type candidate struct {
	name    string
	weights []float32
	losses  []float64 // of each validation example
}

// Settle compares the final weights, the site's own model and its personal one (ditto; fedbn and whenever
// parameters are personal), and gives what the site uses from now on. Kept holds their figures on the test split,
// which decides nothing.
//
// The choice is made on the validation split, by the loss of each example: macro-F1 jumps with single examples in a
// hospital's few, and does not see them where a rare class has none. The federated model stays unless another is
// better by more than one standard error of the paired differences: the own model was picked on these very examples
// among as many as there were rounds, and looks better on them than it is. Without keepBetter the federated model
// stays in any case; under fedbn that is the one with the site's normalisation, since there is none in the global one.
func (l *Learner) Settle(ctx context.Context, global []float32, keepBetter bool) (federation.Kept, []float32, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := federation.Kept{Site: l.o.Site, Keeps: KeepsFederated}
	if err := l.checkWeights(global); err != nil {
		return kept, nil, err
	}
	own, err := l.ownModel(ctx, nil)
	if err != nil {
		return kept, nil, err
	}
	list := []candidate{{name: KeepsFederated, weights: global}, {name: KeepsOwn, weights: own}}
	if p := l.personalModel(global); p != nil {
		list = append(list, candidate{name: KeepsPersonal, weights: p})
	}
	for i := range list {
		score, err := l.score(ctx, list[i].weights, dataset.Test)
		if err != nil {
			return kept, nil, err
		}
		*map[string]**federation.Score{KeepsFederated: &kept.Federated, KeepsOwn: &kept.Own, KeepsPersonal: &kept.Personal}[list[i].name] = &score
		probs, labels, err := l.probabilities(ctx, list[i].weights, dataset.Validation)
		if err != nil {
			return kept, nil, err
		}
		for k, p := range probs {
			list[i].losses = append(list[i].losses, surprise(p, labels[k]))
		}
	}
	chosen := list[0]
	if keepBetter {
		chosen = choose(list)
	} else if l.job.Plan.Algorithm == federation.FedBN && len(list) > 2 {
		chosen = list[2]
	}
	kept.Keeps = chosen.name
	return kept, append([]float32{}, chosen.weights...), nil
}

// personalModel is nil where the plan makes none, or the site never trained.
func (l *Learner) personalModel(global []float32) []float32 {
	switch {
	case l.state.after.ditto != nil:
		return l.state.after.ditto
	case l.state.after.kept != nil:
		return l.placed(global, l.state.after.kept)
	}
	return nil
}

// choose keeps the first unless another beats it clearly; of those, the one with the lowest mean loss.
func choose(list []candidate) candidate {
	best, least := list[0], math.Inf(1)
	for _, c := range list[1:] {
		gain, deviation := paired(list[0].losses, c.losses)
		mean, _ := paired(c.losses, nil)
		if gain > deviation && mean < least {
			best, least = c, mean
		}
	}
	return best
}

// paired gives the mean of a - b (b may be nil) and its standard error; without two examples nothing is certain.
func paired(a, b []float64) (mean, standardError float64) {
	n := float64(len(a))
	if n < 2 {
		return 0, math.Inf(1)
	}
	at := func(i int) float64 {
		if b == nil {
			return a[i]
		}
		return a[i] - b[i]
	}
	for i := range a {
		mean += at(i) / n
	}
	var square float64
	for i := range a {
		square += (at(i) - mean) * (at(i) - mean)
	}
	return mean, math.Sqrt(square / (n - 1) / n)
}
