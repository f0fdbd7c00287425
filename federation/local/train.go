package local

import (
	"context"
	"fmt"
	"math"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/privacy"
)

// Task is one round as the site sees it.
type Task struct {
	Round, Attempt int
	Global, Extra  []float32
}

// Train trains from the hub's weights on the permitted examples, and gives what leaves the site. Score is left to
// the caller, who knows whether it may be told. The same task gives the same update again, without training and
// without spending privacy: also after a crash, and also in a later attempt as long as consent did not change.
// Errors: DATA_UNFIT below the job's cohort, BUDGET_SPENT, ENGINE_FAILED when it diverges, MODEL_SHAPE,
// INPUT_NOT_FINITE, INTERRUPTED, TIMEOUT, IO.
func (l *Learner) Train(ctx context.Context, t Task, progress func(done, all int)) (federation.Update, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	which, err := l.begin(ctx, t)
	if err != nil {
		return federation.Update{}, err
	}
	key := l.key(t, which)
	if l.state.Key == key {
		u, err := federation.DecodeUpdate(l.state.update)
		u.Attempt = t.Attempt
		return u, err
	}
	from := l.state.after
	if t.Round == l.state.Round {
		from = l.state.before // a round that is tried again has not happened
	}
	noise, err := l.mechanism(len(which))
	if err != nil {
		return federation.Update{}, err
	}
	r := &round{l: l, task: t, which: which, from: from, noise: noise, all: steps(l.job.Plan, len(which))}
	u, to, err := r.run(ctx, progress)
	if err != nil {
		return federation.Update{}, err
	}
	return l.keep(key, u, from, to, noise)
}

// begin checks a task and asks who consents.
func (l *Learner) begin(ctx context.Context, t Task) ([]int, error) {
	if err := l.checkWeights(t.Global); err != nil {
		return nil, err
	}
	if len(t.Extra) != 0 {
		if err := l.checkWeights(t.Extra); err != nil {
			return nil, err
		}
	}
	which, err := l.own.permitted(ctx, dataset.Train)
	if err != nil {
		return nil, err
	}
	if least := max(l.job.Data.Cohort, 1); len(which) < least {
		return nil, fault.New(fault.DataUnfit, fmt.Sprintf("%d training examples may be used, the job asks for %d", len(which), least),
			"the site leaves this round out")
	}
	return which, nil
}

// keep charges the ledger, then writes all that the next round needs: a crash between the two costs privacy that
// was not used, never the other way round.
func (l *Learner) keep(key string, u federation.Update, from, to carried, noise *mechanism) (federation.Update, error) {
	next := &state{Job: l.hash, Round: u.Round, Key: key, Spends: l.state.Spends, before: from, after: to}
	var err error
	if noise != nil {
		if next.Spends, u.Epsilon, err = l.charge(noise, u.Round, u.Steps); err != nil {
			return federation.Update{}, err
		}
	}
	if next.update, err = u.Encode(); err == nil {
		err = next.save(l.o.Dir)
	}
	if err != nil {
		return federation.Update{}, err
	}
	l.state = next
	return u, nil
}

// round is one training under way.
type round struct {
	l     *Learner
	task  Task
	which []int
	from  carried
	noise *mechanism
	all   int // steps
}

func (r *round) run(ctx context.Context, progress func(done, all int)) (u federation.Update, to carried, err error) {
	l, plan := r.l, r.l.job.Plan
	u = federation.Update{Job: l.hash, Site: l.o.Site, Round: r.task.Round, Attempt: r.task.Attempt, Base: federation.HashFloats(r.task.Global),
		Samples: len(r.which), Steps: r.all}
	if plan.Algorithm == federation.QFedAvg {
		if u.Loss, err = l.loss(ctx, r.task.Global, dataset.Train, r.which); err != nil {
			return u, to, err
		}
	}
	start := l.placed(r.task.Global, r.from.kept)
	d := l.descent(r, start)
	all := r.all
	if plan.Algorithm == federation.Ditto {
		all *= 2
	}
	d.after = told(progress, 0, all)
	if u.Trained, err = l.descend(ctx, d); err != nil {
		return u, to, err
	}
	u.Delta = make([]float32, len(start))
	for i, w := range d.w {
		u.Delta[i] = w - start[i]
	}
	to = carried{kept: l.taken(d.w), control: r.from.control, ditto: r.from.ditto}
	l.clearPersonal(u.Delta)
	switch plan.Algorithm {
	case federation.Scaffold:
		u.Extra, to.control = r.control(u.Delta)
	case federation.Ditto:
		to.ditto, err = r.ditto(ctx, told(progress, r.all, all))
	}
	if err != nil {
		return u, to, err
	}
	if !finite(u.Delta) || !finite(u.Extra) {
		return u, to, diverged()
	}
	if plan.Clip > 0 { // behind a secure sum nobody but the site can cut it
		privacy.Clip(u.Delta, plan.Clip)
	}
	return u, to, nil
}

// descent is the training that every algorithm has in common, with what its own adds to a step.
func (l *Learner) descent(r *round, start []float32) descent {
	plan := l.job.Plan
	d := descent{w: append([]float32{}, start...), round: r.task.Round, steps: r.all, rate: plan.Rate, momentum: plan.Momentum,
		importance: l.importance(r.which), noise: r.noise, which: r.which}
	switch plan.Algorithm {
	case federation.FedProx:
		d.anchor, d.mu = start, plan.Mu
	case federation.Scaffold:
		d.momentum, d.shift = 0, make([]float32, len(start))
		for i := range d.shift {
			d.shift[i] = at(r.task.Extra, i) - at(r.from.control, i)
		}
	}
	return d
}

// control is option II of SCAFFOLD: c_i+ = c_i - c + (x - y) / (K rate). It leaves as its change.
func (r *round) control(delta []float32) (change, control []float32) {
	change, control = make([]float32, len(delta)), make([]float32, len(delta))
	scale := 1 / (float64(r.all) * r.l.job.Plan.Rate)
	for i, v := range delta {
		change[i] = float32(-float64(v)*scale) - at(r.task.Extra, i)
	}
	r.l.clearPersonal(change)
	for i, v := range change {
		control[i] = at(r.from.control, i) + v
	}
	return change, control
}

// ditto trains the personal model on the same batches, pulled towards the hub's weights. It never leaves, and so
// is trained without noise.
func (r *round) ditto(ctx context.Context, after func(int) error) ([]float32, error) {
	l := r.l
	start := r.from.ditto
	if start == nil {
		start = l.placed(r.task.Global, r.from.kept)
	}
	d := l.descent(r, start)
	d.anchor, d.mu, d.noise, d.after = r.task.Global, l.job.Plan.Mu, nil, after
	_, err := l.descend(ctx, d)
	return d.w, err
}

func at(v []float32, i int) float32 {
	if len(v) == 0 {
		return 0
	}
	return v[i]
}

func finite(v []float32) bool {
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return false
		}
	}
	return true
}
