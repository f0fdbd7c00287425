package local

import (
	"context"

	"consilium/dataset"
	"consilium/federation/privacy"
)

// mechanism is DP-SGD (Abadi et al. 2016) with this round's examples.
type mechanism struct {
	multiplier, clip, delta, epsilon float64
	rate                             float64 // with which each example is drawn into a step
	expected                         float64 // examples a step
	draw                             func() []int
	noise                            func(sum []float64, deviation float64) error
}

// spend is what steps at one sampling rate have used.
type spend struct {
	Rate  float64 `json:"rate"`
	Steps int     `json:"steps"`
}

// mechanism gives the noise that the job promises for training on n examples; nil when it promises none here.
func (l *Learner) mechanism(n int) (*mechanism, error) {
	p := l.job.Privacy.Local
	if p == nil {
		return nil, nil
	}
	expected := float64(min(l.job.Plan.Batch, n))
	m := &mechanism{multiplier: p.Multiplier, clip: p.Clip, delta: p.Delta, epsilon: p.Epsilon, rate: expected / float64(n), expected: expected,
		noise: privacy.Noise}
	chance := privacy.Generator() // secret: who can guess the draw knows who was left out
	m.draw = func() []int { return privacy.Poisson(n, m.rate, chance) }
	_, err := l.afford(m, steps(l.job.Plan, n))
	return m, err
}

// afford adds a round's steps to those that were made.
func (l *Learner) afford(m *mechanism, steps int) ([]spend, error) {
	return append(append([]spend{}, l.state.Spends...), spend{m.rate, steps}), nil
}

func (l *Learner) charge(m *mechanism, round, steps int) ([]spend, error) {
	return l.afford(m, steps)
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
			err = l.net.Clipped(d.w, x, labels, m.clip, sum)
		}
		if err != nil {
			return err
		}
	}
	if err := m.noise(sum, m.multiplier*m.clip); err != nil {
		return err
	}
	for i, v := range sum {
		grad[i] = float32(v / m.expected)
	}
	return nil
}
