package site

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
)

// Decision is what a person at the site says about a job, left in the job's folder for the process that runs there.
type Decision struct {
	Agree  bool      `json:"agree"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// Decide leaves a decision. The last one counts; a withdrawal holds from the next round on. Errors: NOT_FOUND, USAGE.
func Decide(dir, id string, d Decision) error {
	if d.By == "" {
		return fault.New(fault.Usage, "a decision needs the name of who decides", "give it with --by")
	}
	if !d.Agree && d.Reason == "" {
		return fault.New(fault.Usage, "a refusal needs a reason", "give it with --reason: the hub shows it to who proposed the job")
	}
	if _, err := folder.Job(dir, id); err != nil {
		return err
	}
	return folder.WriteJSON(filepath.Join(folder.JobDir(dir, id), folder.DecisionFile), d)
}

// proposal keeps a job and judges it by the policy. What the policy does not refuse waits for a person.
func (s *Site) proposal(ctx context.Context, d federation.Delivery) error {
	if len(d.Body) > 2*federation.MaxJobBytes {
		return fault.New(fault.InputTooLarge, "the proposed job is beyond the limit", "ask the hub")
	}
	var j federation.Job
	if err := json.Unmarshal(d.Body, &j); err != nil {
		return fault.Wrap(err, fault.InputMalformed, "the proposed job cannot be read", "use the same version of Consilium at hub and site")
	}
	if err := j.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	old := s.tasks[j.ID]
	s.mu.Unlock()
	if old != nil {
		if old.hash != j.Hash() {
			return fault.New(fault.Conflict, "another job called "+j.ID+" is known here", "the hub chooses another id")
		}
		return old.answerAgain(ctx)
	}
	h := federation.History{Job: j, Hash: j.Hash(), Hub: "the hub", Sites: []string{s.o.End.Name()}}
	h.State = federation.State{Phase: federation.Proposed, Started: s.o.Now().UTC(), Consents: map[string]federation.Answer{},
		Wait: &federation.Wait{For: "a person's decision here", Until: s.o.Now().Add(time.Duration(j.Plan.Deadlines.Consent)).UTC()}}
	h.Job.Model.Body = nil // up to 64 MiB, which a report that is written every round need not hold: job.json does
	dir := folder.JobDir(s.o.Dir, j.ID)
	if err := folder.WriteJSON(filepath.Join(dir, folder.ReportFile), h); err != nil {
		return err
	}
	if err := folder.WriteJSON(filepath.Join(dir, folder.JobFile), j); err != nil {
		return err
	}
	t, err := s.load(j.ID)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.tasks[j.ID] = t
	s.mu.Unlock()
	s.note(ctx, j.ID, "federation.job-proposed", map[string]string{"job_hash": t.hash, "title": j.Title}, "")
	return t.judge(ctx)
}

// judge refuses by policy, or agrees when the policy says so.
func (t *task) judge(ctx context.Context) error {
	policy, err := federation.LoadPolicy(filepath.Join(t.site.o.Dir, PolicyFile))
	if err == nil {
		err = t.fits(policy)
	}
	if err != nil {
		t.site.o.Log.Warn("the policy refuses a job", "job", t.job.ID, "err", err)
		return t.decide(ctx, Decision{Reason: refusal(err), By: "policy", At: t.site.o.Now()})
	}
	if policy.Agree {
		return t.decide(ctx, Decision{Agree: true, By: "policy", At: t.site.o.Now()})
	}
	return nil
}

// refusal is the reason that the hub is given. Those of the policy are made for it; others may hold numbers and paths.
func refusal(err error) string {
	switch fault.CodeOf(err) {
	case fault.PolicyRefused, fault.BudgetSpent, fault.DataUnfit:
		return err.Error()
	}
	return told(err)
}

// fits asks whether the site can do what the job wants, and whether its policy lets it.
func (t *task) fits(policy federation.Policy) error {
	if err := t.open(); err != nil {
		return err
	}
	spent, err := t.spent()
	if err != nil {
		return err
	}
	return policy.Judge(t.job, t.learner.Examples(), spent)
}

// decisions looks for what people have decided.
func (s *Site) decisions(ctx context.Context) {
	s.mu.Lock()
	tasks := make([]*task, 0, len(s.tasks))
	for _, t := range s.tasks {
		tasks = append(tasks, t)
	}
	s.mu.Unlock()
	for _, t := range tasks {
		var d Decision
		err := folder.ReadJSON(filepath.Join(t.dir, folder.DecisionFile), 1<<16, &d)
		if fault.CodeOf(err) == fault.NotFound || (err == nil && !d.At.After(t.answered())) {
			continue
		}
		if err == nil && d.Agree {
			var policy federation.Policy
			if policy, err = federation.LoadPolicy(filepath.Join(s.o.Dir, PolicyFile)); err == nil {
				err = t.fits(policy) // a person cannot agree to what the policy refuses
			}
			if err != nil {
				d.Agree, d.Reason, err = false, refusal(err), nil
			}
		}
		if err == nil {
			err = t.decide(ctx, d)
		}
		if err != nil && ctx.Err() == nil {
			s.o.Log.Warn("a decision", "job", t.job.ID, "err", err)
		}
	}
}

// decide signs an answer, keeps it, and sends it.
func (t *task) decide(ctx context.Context, d Decision) error {
	a, err := federation.Answer{Job: t.hash, Site: t.site.o.End.Name(), Agree: d.Agree, Reason: d.Reason, By: d.By, At: d.At.UTC()}.Sign(t.site.o.Key)
	if err != nil {
		return err
	}
	if err := folder.WriteJSON(filepath.Join(t.dir, folder.AnswerFile), a); err != nil {
		return err
	}
	t.mu.Lock()
	t.answer = &a
	t.h.State.Consents[a.Site] = a
	t.h.State.Wait = nil
	if t.h.State.Phase == federation.Proposed && a.Agree {
		t.h.State.Phase = federation.Running
	}
	t.mu.Unlock()
	t.save()
	action := "federation.site-agreed"
	if !a.Agree {
		action = "federation.site-declined"
	}
	t.site.note(ctx, t.job.ID, action, map[string]string{"job_hash": t.hash, "by": a.By, "reason": a.Reason}, "")
	return t.answerAgain(ctx)
}

// answerAgain sends the signed answer, if there is one. While the link is cut it goes out later: the task waits, not the site.
func (t *task) answerAgain(ctx context.Context) error {
	t.mu.Lock()
	a := t.answer
	t.mu.Unlock()
	if a == nil {
		return nil
	}
	body, err := json.Marshal(a)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the answer cannot be written", "this is a defect; please report it")
	}
	t.site.wg.Go(func() {
		m := federation.Mail{ID: t.hash[:16] + "/answer/" + a.Signature[:16], Kind: federation.MailAnswer, Job: t.job.ID, Body: body}
		for {
			err := t.site.o.End.Send(ctx, m)
			if err == nil || ctx.Err() != nil || t.over() {
				return
			}
			if !t.site.unlinked(ctx, err) {
				t.site.o.Log.Warn("the answer was not sent", "job", t.job.ID, "err", err)
				return
			}
		}
	})
	return nil
}

// over says whether the hub has told that the job is finished.
func (t *task) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.h.State.Phase == federation.Finished
}

func (t *task) answered() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answer == nil {
		return time.Time{}
	}
	return t.answer.At
}

func (t *task) agreed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answer != nil && t.answer.Agree
}
