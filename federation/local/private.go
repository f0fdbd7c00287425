package local

import (
	"context"
	"fmt"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/privacy"
)

// mechanism is DP-SGD (Abadi et al. 2016) with this round's examples. The number of examples is taken as known, as
// is usual; who they are is what is protected.
type mechanism struct {
	federation.Noise
	rate     float64 // with which each example is drawn into a step
	expected float64 // examples a step
	draw     func() []int
	cover    func(sum []float64, deviation float64) error
}

// spend is what steps at one sampling rate have used.
type spend struct {
	Rate  float64 `json:"rate"`
	Steps int     `json:"steps"`
}

// mechanism gives the noise that the job promises for training on n examples; nil when it promises none here.
// Errors: BUDGET_SPENT when a round more would pass the job's epsilon.
func (l *Learner) mechanism(n int) (*mechanism, error) {
	p := l.job.Privacy.Local
	if p == nil {
		return nil, nil
	}
	expected := float64(min(l.job.Plan.Batch, n))
	m := &mechanism{Noise: *p, rate: expected / float64(n), expected: expected, cover: privacy.Noise}
	chance := privacy.Generator() // secret: who can guess the draw knows who was left out
	m.draw = func() []int { return privacy.Poisson(n, m.rate, chance) }
	_, err := l.afford(m, steps(l.job.Plan, n))
	return m, err
}

// afford gives the epsilon that the job has spent after some steps more. The ledger's word counts, where there is one.
func (l *Learner) afford(m *mechanism, steps int) (epsilon float64, err error) {
	var account privacy.Account
	if l.o.Ledger != nil {
		for _, e := range l.o.Ledger.Entries() {
			if e.Job == l.job.ID {
				if err := account.Add(e.Q, e.Sigma, e.Steps); err != nil {
					return 0, err
				}
			}
		}
	} else {
		for _, s := range l.state.Spends {
			if err := account.Add(s.Rate, m.Multiplier, s.Steps); err != nil {
				return 0, err
			}
		}
	}
	if err := account.Add(m.rate, m.Multiplier, steps); err != nil {
		return 0, err
	}
	epsilon, err = account.Epsilon(m.Delta, privacy.Accounting)
	if err == nil && epsilon > m.Epsilon {
		err = fault.New(fault.BudgetSpent, fmt.Sprintf("another round would spend epsilon %.3g in all, the job allows %g", epsilon, m.Epsilon),
			"the site has given what it promised; more takes a new job with a larger epsilon or more noise")
	}
	return epsilon, err
}

// charge puts a round into the books. Nothing leaves before it returns.
func (l *Learner) charge(m *mechanism, round, steps int) (spends []spend, epsilon float64, err error) {
	if epsilon, err = l.afford(m, steps); err != nil { // another process of this job may have come between
		return nil, 0, err
	}
	if l.o.Ledger != nil {
		err := l.o.Ledger.Spend(privacy.Entry{At: l.o.Now(), Job: l.job.ID, Q: m.rate, Sigma: m.Multiplier, Steps: steps, Delta: m.Delta, Round: round})
		if err != nil {
			return nil, 0, err
		}
	}
	spends = append(spends, l.state.Spends...)
	if n := len(spends); n > 0 && spends[n-1].Rate == m.rate {
		spends[n-1].Steps += steps
		return spends, epsilon, nil
	}
	return append(spends, spend{m.rate, steps}), epsilon, nil
}

// privateGradient is one step: the sum of clipped gradients of the examples that were drawn, noise, and the
// expected number of examples as divisor. A step without examples is noise alone, and counts.
func (l *Learner) privateGradient(ctx context.Context, d descent, grad []float32) error {
	m := d.noise
	drawn := m.draw()
	sum := make([]float64, len(grad))
	for from := 0; from < len(drawn); from += scoreChunk {
		members := make([]int, 0, scoreChunk)
		for _, i := range drawn[from:min(from+scoreChunk, len(drawn))] {
			members = append(members, d.which[i])
		}
		x, labels, err := l.own.read(ctx, dataset.Train, members)
		if err == nil {
			err = l.net.Clipped(d.w, x, labels, m.Clip, sum)
		}
		if err != nil {
			return err
		}
	}
	if err := m.cover(sum, m.Multiplier*m.Clip); err != nil {
		return err
	}
	for i, v := range sum {
		grad[i] = float32(v / m.expected)
	}
	return nil
}
