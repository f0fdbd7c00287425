package local

import (
	"context"
	"encoding/json"
	"math"

	"consilium/dataset"
	"consilium/federation"
)

// alone is the site's own model, with what it was made of.
type alone struct {
	key     string
	weights []float32
}

const aloneFile = "alone.state"

// Alone trains the site's own model on its own examples, with the first weights, the step size and the number of
// steps that the site makes in the whole job, and nothing of what others know. It is looked at once a round's worth
// of steps, and the weights with the lowest validation loss are kept (the last ones, without validation examples).
// It never leaves, so it is trained without clipping and without noise. It is made once and kept.
func (l *Learner) Alone(ctx context.Context, progress func(done, all int)) ([]float32, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, err := l.ownModel(ctx, progress)
	return append([]float32{}, w...), err
}

func (l *Learner) ownModel(ctx context.Context, progress func(done, all int)) ([]float32, error) {
	initial := l.net.Initial(l.job.Model.Seed)
	which, err := l.begin(ctx, Task{Global: initial})
	if err != nil {
		return nil, err
	}
	held, err := l.own.permitted(ctx, dataset.Validation)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal([]string{l.hash, fingerprint(which), fingerprint(held), l.adjusted})
	if err != nil {
		return nil, err
	}
	if l.alone == nil {
		if r, found, err := loadRecord(l.o.Dir, aloneFile); err == nil && found && len(r.vectors) == 1 { // a damaged one is made again
			l.alone = &alone{string(r.head), r.vectors[0]}
		}
	}
	if l.alone != nil && l.alone.key == string(head) && len(l.alone.weights) == len(initial) {
		return l.alone.weights, nil
	}
	w, err := l.trainAlone(ctx, initial, which, held, progress)
	if err != nil {
		return nil, err
	}
	l.alone = &alone{string(head), w}
	return w, record{head: head, vectors: [][]float32{w}}.save(l.o.Dir, aloneFile)
}

// trainAlone looks at the validation examples as often as the federation does.
func (l *Learner) trainAlone(ctx context.Context, w []float32, which, held []int, progress func(done, all int)) ([]float32, error) {
	plan := l.job.Plan
	per := steps(plan, len(which))
	all := per * plan.Rounds
	best, least := w, math.Inf(1)
	d := descent{w: append([]float32{}, w...), round: 0, steps: all, rate: plan.Rate, momentum: plan.Momentum,
		importance: l.importance(which), which: which}
	if plan.Algorithm == federation.Scaffold {
		d.momentum = 0
	}
	d.after = func(done int) error {
		if progress != nil {
			progress(done, all)
		}
		if len(held) == 0 || done%per != 0 {
			return nil
		}
		loss, err := l.loss(ctx, d.w, dataset.Validation, held)
		if err == nil && loss < least {
			best, least = append([]float32{}, d.w...), loss
		}
		return err
	}
	if _, err := l.descend(ctx, d); err != nil {
		return nil, err
	}
	if len(held) == 0 {
		best = d.w
	}
	return best, nil
}
