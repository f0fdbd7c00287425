package simulate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"consilium/dataset"
	"consilium/dataset/partition"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/aggregate"
	"consilium/federation/local"
	"consilium/federation/privacy"
)

// Run is one arm with one seed.
type Run struct {
	Arm  string `json:"arm"`
	Key  string `json:"key"`
	Seed uint64 `json:"seed"`
	// Score is of one model on the common test split, or the sum over all sites' own test splits; nil where there
	// are as many models as sites and one test split: then Sites has them.
	Score   *federation.Score `json:"score,omitempty"`
	Sites   []SiteRun         `json:"sites,omitempty"`
	Curve   []float64         `json:"curve,omitempty"` // macro-F1 on all sites' validation examples, by round
	Steps   int               `json:"steps"`           // gradients, all sites together
	Bytes   int64             `json:"bytes"`           // of all messages, both ways
	Seconds float64           `json:"seconds"`
	Epsilon float64           `json:"epsilon,omitempty"` // spent: at the hub, or the most of all sites
	Kept    int               `json:"kept,omitempty"`    // sites that keep another model than the federated one
	Left    int               `json:"left,omitempty"`    // updates that a robust rule left out, of poisoned sites
	Wrong   int               `json:"wrong,omitempty"`   // of others
	Failed  string            `json:"failed,omitempty"`  // why the training ended early; the weights before are scored
}

// SiteRun is how one site's model does.
type SiteRun struct {
	Site  string           `json:"site"`
	Score federation.Score `json:"score"`
}

// work is one run under way.
type work struct {
	e        *Experiment
	arm      Arm
	seed     uint64
	cohort   *Cohort // harmonised, with what poisoned sites see
	victims  []bool
	networks *local.Networks
	prior    []int
	noting   sync.Mutex // guards out while sites train side by side
	out      Run

	learners []*local.Learner
	all      *local.Learner
}

// run does one arm with one seed.
func (e *Experiment) run(ctx context.Context, a Arm, seed uint64, cohort *Cohort, networks *local.Networks) (r Run, err error) {
	began := time.Now()
	w := &work{e: e, arm: a, seed: seed, networks: networks, victims: a.Attack.victims(len(cohort.Sites), seed),
		out: Run{Arm: a.Name, Key: e.key(a, seed), Seed: seed}}
	if w.cohort, err = cohort.harmonised(a.Plan.Harmonise, a.Plan.MostSamples); err != nil {
		return r, err
	}
	if a.Prior && a.Plan.Balance > 0 {
		if w.prior, err = partition.Counts(w.cohort.All, dataset.Train); err != nil {
			return r, err
		}
		for i, n := range w.prior {
			w.prior[i] = max(n, 1)
		}
	}
	w.cohort = w.cohort.poisoned(a.Attack, w.victims)
	defer func() { err = errors.Join(err, w.close()) }()
	switch a.Kind {
	case Pooled:
		err = w.pooled(ctx)
	case Local:
		err = w.local(ctx)
	default:
		err = w.federated(ctx)
	}
	w.out.Seconds = time.Since(began).Seconds()
	return w.out, err
}

func (w *work) close() (err error) {
	for _, l := range append(w.learners, w.all) {
		if l != nil {
			err = errors.Join(err, l.Close())
		}
	}
	return err
}

func (w *work) learner(name string, set dataset.Set) (*local.Learner, error) {
	return local.New(w.e.job(w.arm, set, w.prior, w.seed), set, w.e.options(name, w.seed, w.networks))
}

// open makes every site's learner, and the one that has all examples.
func (w *work) open() (err error) {
	if w.all, err = w.learner("all", w.cohort.All); err != nil {
		return err
	}
	for i, s := range w.cohort.Sites {
		l, err := w.learner(w.cohort.Names[i], s)
		if err != nil {
			return err
		}
		w.learners = append(w.learners, l)
	}
	return nil
}

// pooled trains one learner on everything, with as many gradients as all sites of a federation make together.
func (w *work) pooled(ctx context.Context) error {
	plan := &w.arm.Plan
	steps := 0
	for _, s := range w.cohort.Sites {
		steps += stepsOf(*plan, s.Len(dataset.Train))
	}
	once := stepsOf(federation.Plan{Batch: plan.Batch, Epochs: 1}, w.cohort.All.Len(dataset.Train))
	plan.Epochs, plan.Steps = (steps+once-1)/once, steps
	if err := w.open(); err != nil {
		return err
	}
	if w.arm.Last {
		return w.last(ctx)
	}
	weights, err := w.all.Alone(ctx, func(_, all int) { w.out.Steps = all })
	if err != nil {
		return err
	}
	return w.judge(ctx, weights)
}

// last is a federation of one site that has everything.
func (w *work) last(ctx context.Context) error {
	global, _, err := local.Initial(w.e.job(w.arm, w.cohort.All, w.prior, w.seed), w.e.options("hub", w.seed, w.networks))
	if err != nil {
		return err
	}
	for round := 1; round <= w.arm.Plan.Rounds; round++ {
		u, err := w.all.Train(ctx, local.Task{Round: round, Attempt: 1, Global: global}, nil)
		if err != nil {
			return err
		}
		for i, d := range u.Delta {
			global[i] += d
		}
		w.out.Steps += u.Steps
	}
	return w.judge(ctx, global)
}

// stepsOf is how many gradients a site with n examples computes in a round.
func stepsOf(p federation.Plan, n int) int {
	batch := max(min(p.Batch, n), 1)
	steps := p.Epochs * ((n + batch - 1) / batch)
	if p.Steps > 0 {
		steps = min(steps, p.Steps)
	}
	return steps
}

// local trains every site alone.
func (w *work) local(ctx context.Context) error {
	if err := w.open(); err != nil {
		return err
	}
	steps := make([]int, len(w.learners))
	weights := make([][]float32, len(w.learners))
	err := w.each(func(i int) (err error) {
		weights[i], err = w.learners[i].Alone(ctx, func(_, all int) { steps[i] = all })
		return err
	})
	if err != nil {
		return err
	}
	for i, l := range w.learners {
		w.out.Steps += steps[i]
		score, err := l.Score(ctx, weights[i], dataset.Test)
		if err != nil {
			return err
		}
		w.add(i, score)
	}
	return nil
}

// each does something at every site, Parallel at a time.
func (w *work) each(f func(site int) error) error {
	errs := make([]error, len(w.learners))
	room := make(chan struct{}, w.e.Parallel)
	var wait sync.WaitGroup
	for i := range w.learners {
		room <- struct{}{}
		wait.Go(func() {
			errs[i] = f(i)
			<-room
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// federated runs the rounds.
func (w *work) federated(ctx context.Context) error {
	if err := w.open(); err != nil {
		return err
	}
	job := w.e.job(w.arm, w.cohort.All, w.prior, w.seed)
	global, _, err := local.Initial(job, w.e.options("hub", w.seed, w.networks))
	if err != nil {
		return err
	}
	rule, err := aggregate.New(w.arm.Plan, len(global), len(w.learners))
	if err != nil {
		return err
	}
	for round := 1; round <= w.arm.Plan.Rounds; round++ {
		next, err := w.round(ctx, rule, round, global)
		if ctx.Err() != nil {
			return fault.Wrap(ctx.Err(), fault.Interrupted, "stopped in round "+fmt.Sprint(round), "the same command goes on")
		}
		if code := fault.CodeOf(err); code == fault.QuorumMissed || code == fault.InputNotFinite || code == fault.EngineFailed {
			w.out.Failed = fmt.Sprintf("round %d: %v", round, err)
			break
		}
		if err != nil {
			return err
		}
		global = next
		score, err := w.all.Score(ctx, global, dataset.Validation)
		if err != nil {
			return err
		}
		w.out.Curve = append(w.out.Curve, score.MacroF1())
		if round%10 == 0 || round == w.arm.Plan.Rounds {
			w.e.Progress(fmt.Sprintf("%s, seed %d: round %d of %d, validation macro-F1 %.3f", w.arm.Name, w.seed, round, w.arm.Plan.Rounds, score.MacroF1()))
		}
	}
	return w.judge(ctx, global)
}

// round makes the next weights out of the global ones.
func (w *work) round(ctx context.Context, rule aggregate.Rule, round int, global []float32) ([]float32, error) {
	if w.arm.Plan.Algorithm == federation.Cyclic {
		for i := range w.learners {
			if err := rule.Begin(global); err != nil {
				return nil, err
			}
			u, err := w.answer(ctx, i, local.Task{Round: round, Attempt: 1, Global: global})
			if err != nil {
				return nil, err
			}
			if err := rule.Add(u); err != nil {
				continue // the hub passes over what it refuses
			}
			if global, _, err = rule.Finish(); err != nil {
				return nil, err
			}
		}
		return global, nil
	}
	if err := rule.Begin(global); err != nil {
		return nil, err
	}
	task := local.Task{Round: round, Attempt: 1, Global: global, Extra: rule.Extra()}
	updates, errs := make([]federation.Update, len(w.learners)), make([]error, len(w.learners))
	_ = w.each(func(i int) error {
		updates[i], errs[i] = w.answer(ctx, i, task)
		return nil
	})
	for i, u := range updates {
		err := errs[i]
		if err == nil {
			err = rule.Add(u)
		}
		// A site that fails or is refused is left out, as a hub would leave it out; what is wrong with all of them
		// ends the run below.
		if code := fault.CodeOf(err); err != nil && code != fault.EngineFailed && code != fault.UpdateRefused && code != fault.InputNotFinite {
			return nil, err
		}
	}
	count := rule.Count()
	next, note, err := rule.Finish()
	if err != nil {
		return nil, err
	}
	w.count(note)
	return next, w.blur(global, next, count, round)
}

// answer is a site's update, poisoned where the site is.
func (w *work) answer(ctx context.Context, i int, t local.Task) (federation.Update, error) {
	u, err := w.learners[i].Train(ctx, t, nil)
	if err != nil {
		return u, err
	}
	body, err := u.Encode()
	if err != nil {
		return u, err
	}
	question, err := federation.Question{Job: u.Job, Round: t.Round, Attempt: t.Attempt, Global: t.Global, Extra: t.Extra}.Encode()
	if err != nil {
		return u, err
	}
	w.note(u, int64(len(body)+len(question)))
	if w.victims[i] {
		u = w.arm.Attack.poison(u)
	}
	return u, nil
}

func (w *work) note(u federation.Update, bytes int64) {
	w.noting.Lock()
	defer w.noting.Unlock()
	w.out.Steps += u.Steps
	w.out.Bytes += bytes
	w.out.Epsilon = max(w.out.Epsilon, u.Epsilon)
}

// count says whom a robust rule left out.
func (w *work) count(note aggregate.Note) {
	for _, site := range note.Left {
		for i, name := range w.cohort.Names {
			switch {
			case name == site && w.victims[i]:
				w.out.Left++
			case name == site:
				w.out.Wrong++
			}
		}
	}
}

// blur is the hub's noise on the mean of count updates.
func (w *work) blur(before, global []float32, count, round int) error {
	n := w.arm.Privacy.Central
	if n == nil {
		return nil
	}
	mean := make([]float64, len(global))
	for i, v := range global {
		mean[i] = float64(v) - float64(before[i])
	}
	if err := privacy.Noise(mean, n.Multiplier*n.Clip/float64(count)); err != nil {
		return err
	}
	for i, d := range mean {
		global[i] = before[i] + float32(d)
	}
	var err error
	w.out.Epsilon, err = privacy.Epsilon(1, n.Multiplier, round, n.Delta, privacy.Tight)
	return err
}
