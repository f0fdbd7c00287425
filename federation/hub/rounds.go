package hub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/aggregate"
	"consilium/federation/folder"
)

func tooFew(have, want int, what string) error {
	return fault.New(fault.QuorumMissed, fmt.Sprintf("%d sites %s and the quorum is %d", have, what, want),
		"see `consilium federate status` for who is missing; lower the quorum only if fewer sites may decide")
}

// rounds makes all rounds that are left.
func (r *runner) rounds(ctx context.Context) error {
	for r.done < r.job.Plan.Rounds {
		if err := r.round(ctx, r.done+1); err != nil {
			return err
		}
	}
	return nil
}

// round tries a round until it has a quorum, or was tried too often.
func (r *runner) round(ctx context.Context, n int) error {
	return r.tries(ctx, n, func(attempt int) error { return r.attempt(ctx, n, attempt) })
}

// tries makes attempts at a round, each with a number of its own, until one is done or it was tried too often.
func (r *runner) tries(ctx context.Context, n int, once func(attempt int) error) error {
	attempt := r.attempts(n)
	for try := 0; ; try++ {
		attempt++
		err := once(attempt)
		if err == nil {
			return nil
		}
		code := fault.CodeOf(err)
		again := code == fault.QuorumMissed || code == fault.SumBroken
		r.close(ctx, outcomeOf(code), err)
		if !again || try >= r.job.Plan.Deadlines.Retries || ctx.Err() != nil {
			return err
		}
	}
}

func outcomeOf(code fault.Code) string {
	switch code {
	case fault.QuorumMissed:
		return "no quorum"
	case fault.SumBroken:
		return "broken"
	}
	return "cut short"
}

// attempts counts how often a round was tried. An attempt never gets a number twice: a secure sum may not be repeated.
func (r *runner) attempts(n int) int {
	most := r.leap()
	for _, x := range r.h.Rounds {
		if x.Round == n {
			most = max(most, x.Attempt)
		}
	}
	return most
}

// begin writes the line of an attempt before any site hears of it.
func (r *runner) begin(n, attempt int) *federation.Round {
	r.h.Rounds = append(r.h.Rounds, federation.Round{Round: n, Attempt: attempt, Started: r.now().UTC()})
	r.h.State.Round, r.h.State.Attempt, r.h.State.Step = n, attempt, "training"
	r.save()
	return r.line()
}

// line is the story of the attempt under way.
func (r *runner) line() *federation.Round { return &r.h.Rounds[len(r.h.Rounds)-1] }

// entry is a site's part in it; nil before it was asked.
func (r *runner) entry(site string) *federation.Entry {
	if len(r.h.Rounds) == 0 {
		return nil
	}
	l := r.line()
	i := slices.IndexFunc(l.Sites, func(e federation.Entry) bool { return e.Site == site })
	if i < 0 {
		return nil
	}
	return &l.Sites[i]
}

// close ends an attempt's line.
func (r *runner) close(ctx context.Context, outcome string, reason error) {
	l := r.line()
	l.Outcome, l.Ended = outcome, r.now().UTC()
	detail := map[string]string{"round": fmt.Sprint(l.Round), "attempt": fmt.Sprint(l.Attempt), "outcome": outcome}
	if reason != nil {
		l.Reason = reason.Error()
		detail["reason"] = l.Reason
	}
	in := 0
	for i := range l.Sites {
		e := &l.Sites[i]
		if e.State == "" {
			e.State = "late"
			if m, err := r.member(ctx, e.Site); err != nil || !m.Linked {
				e.State = "dropped"
			}
		}
		if e.State == "in" {
			in++
		}
	}
	detail["in"] = fmt.Sprint(in)
	r.note(ctx, "federation.round", detail)
	r.save()
}

func (r *runner) attempt(ctx context.Context, n, attempt int) error {
	r.begin(n, attempt)
	if err := r.rule.Begin(r.global); err != nil {
		return err
	}
	switch {
	case r.job.Plan.Algorithm == federation.Cyclic:
		return r.cycle(ctx, n, attempt)
	case r.job.Plan.Algorithm == federation.FedBuff:
		return r.buffered(ctx, n, attempt)
	case r.job.Plan.Sum != federation.SumPlain:
		if err := r.secureUpdates(ctx, n, attempt); err != nil {
			return err
		}
	default:
		q := r.question(n, attempt)
		if err := r.ask(ctx, q, "the sites' updates", func(d federation.Delivery) error { return r.update(ctx, d, q) }); err != nil {
			return err
		}
	}
	return r.finish(ctx, n)
}

// finish makes the next weights and keeps them.
func (r *runner) finish(ctx context.Context, n int) error {
	if have := r.rule.Count(); have < r.job.Plan.Quorum {
		return tooFew(have, r.job.Plan.Quorum, "answered in time")
	}
	epsilon, err := r.ledger.spend()
	if err != nil {
		return err
	}
	count := r.rule.Count()
	next, note, err := r.rule.Finish()
	if err != nil {
		return err
	}
	if err := r.ledger.blur(r.global, next, count); err != nil {
		return err
	}
	l := r.line()
	for _, site := range note.Left {
		if e := r.entry(site); e != nil {
			e.Reason = note.Reason
		}
	}
	l.Epsilon, r.h.Epsilon = epsilon, epsilon
	union(l)
	r.global, r.done = next, n
	if err := r.keep(); err != nil {
		return err
	}
	r.close(ctx, "done", nil)
	return nil
}

// union adds up what the sites told of themselves.
func union(l *federation.Round) {
	var loss, samples float64
	for _, e := range l.Sites {
		if e.State != "in" {
			continue
		}
		if e.Loss != nil {
			loss += *e.Loss * float64(e.Samples)
			samples += float64(e.Samples)
		}
		if e.Score != nil {
			l.Score = l.Score.Plus(e.Score)
		}
	}
	if samples > 0 {
		loss /= samples
		l.Loss = &loss
	}
}

func (r *runner) question(n, attempt int) federation.Question {
	return federation.Question{Job: r.hash, Round: n, Attempt: attempt, Pooled: r.pooled, Measured: r.measured, Global: r.global, Extra: r.rule.Extra(),
		Until: r.now().Add(time.Duration(r.job.Plan.Deadlines.Round)).UTC()}
}

// ask puts a question to every site that is linked, and to those that come back meanwhile, and takes answers until
// all that can answer have, or time is up. take's error is a refusal of that one answer.
func (r *runner) ask(ctx context.Context, q federation.Question, what string, take func(federation.Delivery) error) error {
	p := &poll{r: r, question: q, answered: map[string]bool{}}
	if err := p.reach(ctx); err != nil {
		return err
	}
	_, err := r.await(ctx, federation.Wait{For: what, Sites: p.open(), Until: q.Until}, func(d federation.Delivery) {
		p.take(ctx, d, take)
	}, func() bool {
		if p.err = p.reach(ctx); p.err != nil {
			return true
		}
		r.still(p.open())
		return p.over()
	})
	if err == nil {
		err = p.err
	}
	return err
}

// update takes a site's update into the rule.
func (r *runner) update(ctx context.Context, d federation.Delivery, q federation.Question) error {
	return r.fold(ctx, d, func(u *federation.Update) error { return inRound(*u, q) })
}

// inRound refuses an update of another round. One of an attempt that a killed hub began is as good: it is trained from
// the same weights.
func inRound(u federation.Update, q federation.Question) error {
	if u.Round != q.Round {
		return fault.New(fault.UpdateStale, fmt.Sprintf("the update of %s is for round %d, this is round %d", u.Site, u.Round, q.Round), "nothing; it came too late")
	}
	return nil
}

// fold reads an update into the rule, unless it is not for this job and its numbers, or fits is against it.
func (r *runner) fold(ctx context.Context, d federation.Delivery, fits func(u *federation.Update) error) error {
	u, err := aggregate.AddFrom(ctx, r.rule, d.Source(), func(u *federation.Update, numbers int) error {
		u.Stale = 0 // the hub's to say
		if err := u.CheckHead(r.hash, d.From, numbers, len(r.global)); err != nil {
			return err
		}
		return fits(u)
	})
	if err == nil {
		r.heard(d, u)
	}
	return err
}

// heard writes an update into the round's story.
func (r *runner) heard(d federation.Delivery, u federation.Update) {
	e := r.entry(d.From)
	if e == nil {
		return
	}
	e.State, e.Arrived, e.Samples, e.Steps, e.Reason = "in", r.now().UTC(), u.Samples, u.Steps, ""
	e.Received += d.Source().Size
	trained := u.Trained
	e.Loss = &trained
	if r.job.Plan.Scores == "each" {
		e.Score = u.Score
		e.Epsilon = u.Epsilon
	}
}

// harmonise learns, before the first round, the sum of the sites' moments.
func (r *runner) harmonise(ctx context.Context) error {
	if r.job.Plan.Harmonise == "" || r.pooled != nil {
		return nil
	}
	return r.tries(ctx, 0, func(attempt int) error {
		r.begin(0, attempt)
		r.h.State.Step = "measuring"
		if err := r.measure(ctx, attempt); err != nil {
			return err
		}
		if err := r.keep(); err != nil {
			return err
		}
		r.close(ctx, "done", nil)
		return nil
	})
}

func (r *runner) measure(ctx context.Context, attempt int) error {
	q := r.question(0, attempt)
	q.Measure, q.Global, q.Extra = true, nil, nil
	if r.job.Plan.Sum != federation.SumPlain {
		sum, sites, err := r.secureSum(ctx, q, momentsLength(r.job))
		if err == nil {
			r.pooled, r.measured = sum, len(sites)
		}
		return err
	}
	sum, in := make([]float64, momentsLength(r.job)), 0
	err := r.ask(ctx, q, "the sites' moments", func(d federation.Delivery) error {
		d, err := d.Load(ctx)
		if err != nil {
			return err
		}
		u, err := federation.DecodeUpdate(d.Body)
		if err == nil {
			err = u.Check(r.hash, d.From, len(sum))
		}
		if err != nil {
			return err
		}
		for i, v := range u.Delta {
			sum[i] += float64(v)
		}
		in++
		r.heard(d, u)
		return nil
	})
	if err == nil && in < r.job.Plan.Quorum {
		err = tooFew(in, r.job.Plan.Quorum, "measured in time")
	}
	if err == nil {
		r.pooled, r.measured = sum, in
	}
	return err
}

// scoreOf reads the union's score out of a secure sum.
func (r *runner) scoreOf(sum []float64) error {
	score, err := aggregate.ScoreOf(r.job.Plan, sum, len(r.global), len(r.job.Data.Labels))
	if err != nil {
		return err
	}
	loss, err := aggregate.TrainedOf(r.job.Plan, sum, len(r.global), len(r.job.Data.Labels))
	if err != nil {
		return err
	}
	r.line().Score, r.line().Loss = score, loss
	return nil
}

// aborted says whether a person wants the job to end.
func (r *runner) aborted() bool {
	_, ok := folder.Marked(r.hub.o.Dir, r.job.ID, folder.AbortFile)
	return ok
}
