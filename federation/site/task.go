package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/aggregate"
	"consilium/federation/folder"
	"consilium/federation/harmonise"
	"consilium/federation/local"
)

// task is one job at the site.
type task struct {
	site *Site
	job  federation.Job
	hash string
	dir  string

	mu       sync.Mutex
	h        federation.History
	answer   *federation.Answer
	next     *federation.Delivery // the newest question that is not being worked on
	working  bool
	stop     context.CancelFunc // ends the work on the question before
	value    *value             // waits for its secure sum
	steps    []federation.Delivery
	summing  bool
	parties  map[string]*party
	opened   openings
	adjusted bool

	opening sync.Mutex
	learner *local.Learner
}

// value is what a site puts into one secure sum.
type value struct {
	round, attempt int
	measure        bool // moments, and not an update
	share          []float32
}

func (s *Site) load(id string) (*task, error) {
	j, err := folder.Job(s.o.Dir, id)
	if err != nil {
		return nil, err
	}
	t := &task{site: s, job: j, hash: j.Hash(), dir: folder.JobDir(s.o.Dir, id), parties: map[string]*party{}}
	if err := t.opened.load(filepath.Join(t.dir, openedFile)); err != nil {
		return nil, err
	}
	if t.h, err = folder.History(s.o.Dir, id); err != nil {
		return nil, err
	}
	t.h.Job.Model.Body = nil // job.json has it; see save
	if t.h.State.Consents == nil {
		t.h.State.Consents = map[string]federation.Answer{}
	}
	var a federation.Answer
	switch err := folder.ReadJSON(filepath.Join(t.dir, folder.AnswerFile), 1<<16, &a); {
	case err == nil:
		if err := a.Verify(j, s.o.End.Name(), publicOf(s.o.Key)); err != nil {
			return nil, err
		}
		t.answer = &a
	case fault.CodeOf(err) != fault.NotFound:
		return nil, err
	}
	return t, nil
}

// open makes the learner when it is first needed.
func (t *task) open() error {
	t.opening.Lock()
	defer t.opening.Unlock()
	if t.learner != nil {
		return nil
	}
	l, err := t.site.learner(t.job)
	t.learner = l
	return err
}

// ask takes a question of the hub. The newest replaces what waits; what is being worked on is stopped, unless the
// plan is asynchronous, where every update counts.
func (t *task) ask(ctx context.Context, d federation.Delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next != nil {
		t.site.done(*t.next)
	}
	t.next = &d
	if t.stop != nil && t.job.Plan.Algorithm != federation.FedBuff {
		t.stop()
	}
	if !t.working {
		t.working = true
		t.site.wg.Go(func() { t.work(ctx) })
	}
}

// work answers questions until none is left.
func (t *task) work(ctx context.Context) {
	for {
		t.mu.Lock()
		d := t.next
		t.next = nil
		if d == nil || ctx.Err() != nil {
			t.working = false
			t.mu.Unlock()
			return
		}
		one, stop := context.WithCancel(ctx)
		t.stop = stop
		t.mu.Unlock()
		err := t.reply(one, *d)
		stopped := one.Err() != nil
		stop()
		t.mu.Lock()
		t.stop = nil
		t.mu.Unlock()
		if ctx.Err() != nil {
			return // the question comes again at the next start
		}
		if err != nil && !stopped && t.site.unlinked(ctx, err) {
			t.again(d)
			continue
		}
		if err != nil && !stopped {
			t.trouble(ctx, *d, err)
		}
		t.site.done(*d)
		t.site.o.End.Report("idle")
	}
}

// told is what the hub hears of an error: its code and what that means. The details, with this site's numbers and
// paths, stay in its own log, audit log and report.
func told(err error) string {
	code := fault.CodeOf(err)
	for _, e := range fault.Catalogue() {
		if e.Code == code {
			return string(code) + ": " + e.Meaning
		}
	}
	return string(code)
}

// again puts a question back that could not be answered for want of a link, unless a newer one has come.
func (t *task) again(d *federation.Delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		t.next = d
		return
	}
	t.site.done(*d)
}

// trouble tells the hub why a question is not answered, so that it need not wait.
func (t *task) trouble(ctx context.Context, d federation.Delivery, err error) {
	t.site.o.Log.Warn("a round", "job", t.job.ID, "round", d.Round, "err", err)
	t.site.note(ctx, t.job.ID, "federation.round-refused", map[string]string{"round": fmt.Sprint(d.Round), "why": err.Error()}, fault.CodeOf(err))
	t.entry(d, "refused", err.Error(), nil)
	m := federation.Mail{ID: fmt.Sprintf("%s/trouble/%s/%d/%d", t.hash[:16], d.Kind, d.Round, d.Attempt), Kind: federation.MailTrouble, Job: t.job.ID,
		Round: d.Round, Attempt: d.Attempt, Body: []byte(told(err))}
	if err := t.site.o.End.Send(ctx, m); err != nil && ctx.Err() == nil {
		t.site.o.Log.Warn("mail to the hub", "err", err)
	}
}

func (t *task) reply(ctx context.Context, d federation.Delivery) error {
	if !t.agreed() {
		return fault.New(fault.ConsentWithheld, "this site has not agreed to the job", "see `consilium federate consent`")
	}
	q, err := federation.DecodeQuestion(d.Body)
	if err != nil {
		return err
	}
	if q.Job != t.hash {
		return fault.New(fault.ConsentForged, "the question is about another version of the job than the one that was agreed to", "the hub proposes it anew")
	}
	if err := t.remembers(d.Kind); err != nil {
		return err
	}
	if err := t.open(); err != nil {
		return err
	}
	if q.Measure {
		return t.measure(ctx, d, q)
	}
	if err := t.adjust(q); err != nil {
		return err
	}
	if len(q.Global) != t.learner.Size() {
		return fault.New(fault.ModelShape, "the hub's weights are not those of the job's network", "use the same version of Consilium at hub and site")
	}
	if d.Kind == federation.MailSettle {
		return t.settle(ctx, q)
	}
	return t.train(ctx, d, q)
}

func (t *task) train(ctx context.Context, d federation.Delivery, q federation.Question) error {
	t.site.note(ctx, t.job.ID, "federation.round-begun", map[string]string{"round": fmt.Sprint(q.Round), "examples": fmt.Sprint(t.learner.Examples())}, "")
	u, err := t.learner.Train(ctx, local.Task{Round: q.Round, Attempt: q.Attempt, Global: q.Global, Extra: q.Extra}, func(done, all int) {
		if t.job.Plan.Sum == federation.SumPlain { // how many steps there are tells how many examples
			t.site.o.End.Report(fmt.Sprintf("%s round %d: step %d of %d", t.job.ID, q.Round, done, all))
		} else if done == 1 {
			t.site.o.End.Report(fmt.Sprintf("%s round %d: training", t.job.ID, q.Round))
		}
	})
	if err != nil {
		return err
	}
	if t.job.Plan.Scores == "each" || t.job.Plan.Sum != federation.SumPlain {
		score, err := t.learner.Score(ctx, q.Global, dataset.Validation)
		if err != nil {
			return err
		}
		u.Score = &score
	}
	if err := t.chargeCentral(q.Round); err != nil {
		return err
	}
	t.entry(d, "in", "", &u)
	if t.job.Plan.Sum != federation.SumPlain {
		share, err := aggregate.Share(t.job.Plan, u)
		if err != nil {
			return err
		}
		return t.ready(ctx, q, share)
	}
	return t.sendUpdate(ctx, q, u)
}

// sendUpdate is where an update leaves the house in a plain sum.
func (t *task) sendUpdate(ctx context.Context, q federation.Question, u federation.Update) error {
	body, err := u.Encode()
	if err != nil {
		return err
	}
	t.site.note(ctx, t.job.ID, "federation.update-sent", map[string]string{"round": fmt.Sprint(q.Round), "bytes": fmt.Sprint(len(body)), "way": "plain"}, "")
	t.site.o.End.Report(fmt.Sprintf("%s round %d: sending", t.job.ID, q.Round))
	return t.site.o.End.Send(ctx, federation.Mail{ID: fmt.Sprintf("%s/%s/update/%d/%d", t.hash[:16], u.Site, q.Round, q.Attempt), Kind: federation.MailUpdate,
		Job: t.job.ID, Round: q.Round, Attempt: q.Attempt, Body: body})
}

// measure answers with the moments of the site's features.
func (t *task) measure(ctx context.Context, d federation.Delivery, q federation.Question) error {
	m, err := t.learner.Moments()
	if err != nil {
		return err
	}
	share := harmonise.Share(m, t.job.Plan.MostSamples)
	u := federation.Update{Job: t.hash, Site: t.site.o.End.Name(), Round: q.Round, Attempt: q.Attempt, Samples: int(m.N), Delta: share}
	t.entry(d, "in", "", &u)
	if t.job.Plan.Sum != federation.SumPlain {
		return t.ready(ctx, q, share)
	}
	return t.sendUpdate(ctx, q, u)
}

// adjust brings the site's features to the common scale, once.
func (t *task) adjust(q federation.Question) error {
	if t.job.Plan.Harmonise == "" || t.adjusted {
		return nil
	}
	m, err := t.learner.Moments()
	if err != nil {
		return err
	}
	a, err := harmonise.Fit(t.job.Plan.Harmonise, q.Pooled, t.job.Plan.MostSamples, q.Measured, m)
	if err != nil {
		return err
	}
	t.learner.Adjust(a)
	t.adjusted = true
	return folder.WriteJSON(filepath.Join(t.dir, "harmonise.json"), a)
}

// settle decides which model the site keeps, and tells the hub.
func (t *task) settle(ctx context.Context, q federation.Question) error {
	policy, err := federation.LoadPolicy(filepath.Join(t.site.o.Dir, PolicyFile))
	if err != nil {
		return err
	}
	t.site.o.End.Report(t.job.ID + ": comparing with the site's own model")
	kept, weights, err := t.learner.Settle(ctx, q.Global, policy.KeepBetter)
	if err != nil {
		return err
	}
	kept.Site = t.site.o.End.Name()
	if err := folder.Write(filepath.Join(t.dir, folder.FinalFile), federation.AppendFloats(nil, weights)); err != nil {
		return err
	}
	t.mu.Lock()
	t.h.Final = &federation.Final{Weights: folder.FinalFile, Hash: federation.HashFloats(weights), Scores: []federation.Kept{kept}}
	t.mu.Unlock()
	t.save()
	told := kept
	if t.job.Plan.Scores != "each" {
		told = federation.Kept{Site: kept.Site, Keeps: kept.Keeps}
	}
	t.site.note(ctx, t.job.ID, "federation.model-kept", map[string]string{"keeps": kept.Keeps, "weights": t.h.Final.Hash}, "")
	body, err := json.Marshal(told)
	if err != nil {
		return fault.Wrap(err, fault.InputNotFinite, "the site's figures cannot be written", "look at the site's validation and test examples")
	}
	return t.site.o.End.Send(ctx, federation.Mail{ID: t.hash[:16] + "/kept", Kind: federation.MailKept, Job: t.job.ID, Body: body})
}

// end takes note of how the job ended.
func (t *task) end(ctx context.Context, d federation.Delivery) {
	var state federation.State
	err := json.Unmarshal(d.Body, &state)
	if err == nil && state.Phase == federation.Finished {
		t.mu.Lock()
		consents := t.h.State.Consents
		t.h.State = state
		t.h.State.Consents = consents
		t.mu.Unlock()
		t.save()
		t.site.note(ctx, t.job.ID, "federation.job-finished", map[string]string{"outcome": string(state.Outcome), "reason": state.Reason}, "")
	}
	t.site.done(d)
}

// entry writes the site's own part of a round into its story.
func (t *task) entry(d federation.Delivery, state, reason string, u *federation.Update) {
	now := t.site.o.Now().UTC()
	e := federation.Entry{Site: t.site.o.End.Name(), State: state, Reason: reason, Received: int64(len(d.Body)), Arrived: now}
	line := federation.Round{Round: d.Round, Attempt: d.Attempt, Started: now, Ended: now, Outcome: "done"}
	if u != nil {
		loss := u.Trained
		e.Samples, e.Steps, e.Score, e.Epsilon, e.Loss, e.Sent = u.Samples, u.Steps, u.Score, u.Epsilon, &loss, int64(4*(len(u.Delta)+len(u.Extra)))
	}
	line.Sites = []federation.Entry{e}
	t.mu.Lock()
	t.h.Rounds = append(t.h.Rounds, line)
	t.h.State.Round, t.h.State.Attempt = d.Round, d.Attempt
	if t.learner != nil {
		t.h.Size = t.learner.Size()
	}
	t.mu.Unlock()
	t.save()
}

func (t *task) save() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.h.Written = t.site.o.Now().UTC()
	if err := folder.WriteJSON(filepath.Join(t.dir, folder.ReportFile), t.h); err != nil && !errors.Is(err, context.Canceled) {
		t.site.o.Log.Error("the report", "job", t.job.ID, "err", err)
	}
}
