package hub

import (
	"fmt"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/privacy"
)

// ledger counts what the hub's own noise has spent. Every site takes part in every round, so there is no gain from
// sampling: the mechanism is the plain Gaussian one.
type ledger struct {
	noise *federation.Noise // nil: the job adds none
	steps int
}

// spend charges one more round before its result is made. Errors: BUDGET_SPENT.
func (l *ledger) spend() (epsilon float64, err error) {
	if l.noise == nil {
		return 0, nil
	}
	epsilon, err = privacy.Epsilon(1, l.noise.Multiplier, l.steps+1, l.noise.Delta, privacy.Tight)
	if err != nil {
		return 0, err
	}
	if epsilon > l.noise.Epsilon {
		return 0, fault.New(fault.BudgetSpent, fmt.Sprintf("one more round would bring epsilon to %.3g of %.3g", epsilon, l.noise.Epsilon),
			"the weights of the rounds before are kept; fewer rounds, or a larger multiplier")
	}
	l.steps++
	return epsilon, nil
}

// blur adds the noise to a mean of sites' updates: global - before is the mean of count sites.
func (l *ledger) blur(before, global []float32, count int) error {
	if l.noise == nil {
		return nil
	}
	mean := make([]float64, len(global))
	for i, v := range global {
		mean[i] = float64(v) - float64(before[i])
	}
	if err := privacy.Noise(mean, l.noise.Multiplier*l.noise.Clip/float64(count)); err != nil {
		return err
	}
	for i, d := range mean {
		global[i] = before[i] + float32(d)
	}
	return nil
}
