package local

import (
	"context"
	"encoding/json"

	"consilium/dataset"
	"consilium/federation/harmonise"
	"consilium/train"
)

// Moments measures the permitted training examples as the site has them, for harmonisation. They are asked for anew:
// consent may have changed. Errors: those of harmonise.Measure.
func (l *Learner) Moments() (harmonise.Moments, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, err := l.rawView(context.Background())
	if err != nil {
		return harmonise.Moments{}, err
	}
	return harmonise.Measure(v, dataset.Train)
}

// Adjust harmonises all later reads; a second adjustment replaces the first. It is not kept: the caller adjusts again
// after a restart. One that does not fit shows as an error of the next training.
func (l *Learner) Adjust(a harmonise.Adjustment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, err := json.Marshal(a)
	if err != nil {
		text = []byte("unfit") // NaN: no read will succeed either
	}
	l.own.close()
	l.own = newExamples(harmonise.Set(l.raw, a), l.net, len(l.job.Data.Labels), l.o)
	l.adjusted, l.affine = string(text), affineOf(l.raw.Info().Shape, a)
}

// affineOf spreads an adjustment, a number a feature, over the values of an example. Adding to zeros spreads exactly.
func affineOf(shape []int, a harmonise.Adjustment) train.Affine {
	spread := func(list []float64) []float32 {
		minus, one := make([]float64, len(list)), make([]float64, len(list))
		for i, v := range list {
			minus[i], one[i] = -v, 1
		}
		values := make([]float32, dataset.Info{Shape: shape}.Size())
		if err := (harmonise.Adjustment{Shift: minus, Scale: one}).Apply(shape, values); err != nil {
			return nil // reads fail with the same error
		}
		return values
	}
	out := train.Affine{Shift: spread(a.Shift), Scale: spread(a.Scale)}
	for i, s := range out.Scale {
		out.Scale[i] = 1 / s
	}
	return out
}
