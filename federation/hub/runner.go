package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/aggregate"
	"consilium/federation/folder"
	"consilium/federation/local"
	"consilium/govern"
)

// runner is one job under way.
type runner struct {
	hub   *Hub
	job   federation.Job
	hash  string
	dir   string
	h     federation.History
	mail  *queue
	ended atomic.Bool

	rule     aggregate.Rule
	global   []float32
	pooled   []float64 // sum of the sites' moments, for harmonisation
	measured int
	done     int // rounds that are done
	ledger   *ledger
	saved    []string // sites that the report says are waited for
}

// errAborted ends a job by a person's will.
var errAborted = fault.New(fault.Interrupted, "the job was aborted by a person", "")

func (h *Hub) load(id string) (*runner, error) {
	j, err := folder.Job(h.o.Dir, id)
	if err != nil {
		return nil, err
	}
	r := &runner{hub: h, job: j, hash: j.Hash(), dir: folder.JobDir(h.o.Dir, id), mail: newQueue()}
	if r.h, err = folder.History(h.o.Dir, id); err != nil {
		return nil, err
	}
	if r.h.Hash != r.hash {
		return nil, fault.New(fault.StoreCorrupt, "the job "+id+" is not the one that was proposed", "restore its folder from a backup")
	}
	r.h.Job.Model.Body = nil // job.json has it
	if r.h.State.Consents == nil {
		r.h.State.Consents = map[string]federation.Answer{}
	}
	r.h.Hub = h.o.Name
	r.ended.Store(r.h.State.Phase == federation.Finished)
	return r, nil
}

func (r *runner) over() bool { return r.ended.Load() }

func (r *runner) now() time.Time { return r.hub.o.Now() }

// run takes the job through the rest of its life, unless ctx ends: then it goes on at the next start.
func (r *runner) run(ctx context.Context) {
	err := r.live(ctx)
	if ctx.Err() != nil {
		return
	}
	outcome := federation.OK
	switch {
	case errors.Is(err, errAborted):
		outcome = federation.Aborted
	case err != nil:
		outcome = federation.Failed
	}
	if err != nil && r.done > 0 && r.h.Final == nil {
		if e := r.final(ctx); e != nil {
			r.hub.o.Log.Error("the weights of the rounds that are done", "job", r.job.ID, "err", e)
		}
	}
	if e := r.h.State.End(outcome, err, r.now()); e != nil {
		r.hub.o.Log.Error("a job's end", "job", r.job.ID, "err", e)
	}
	r.note(ctx, "federation.job-finished", map[string]string{"outcome": string(outcome), "reason": r.h.State.Reason})
	r.save()
	r.ended.Store(true)
	if body, err := json.Marshal(r.h.State); err == nil {
		for _, site := range r.h.Sites {
			r.send(ctx, site, federation.Mail{ID: r.hash[:16] + "/" + site + "/end", Kind: federation.MailEnd, Body: body})
		}
	}
	for d, ok := r.mail.take(); ok; d, ok = r.mail.take() {
		r.hub.aside(ctx, d, "the job is over")
	}
	r.hub.o.Log.Info("job finished", "job", r.job.ID, "outcome", outcome, "reason", r.h.State.Reason)
}

func (r *runner) live(ctx context.Context) error {
	s := &r.h.State
	if s.Phase == federation.Draft {
		if err := s.Move(federation.Proposed); err != nil {
			return err
		}
		s.Started = r.now().UTC()
		r.note(ctx, "federation.job-proposed", map[string]string{"title": r.job.Title, "by": r.job.By})
		r.save()
	}
	if s.Phase == federation.Proposed {
		if err := r.gatherConsent(ctx); err != nil {
			return err
		}
		if err := s.Move(federation.Running); err != nil {
			return err
		}
		r.note(ctx, "federation.job-running", map[string]string{"sites": fmt.Sprint(len(r.h.Sites))})
		r.save()
	}
	if err := r.resume(); err != nil {
		return err
	}
	if err := r.harmonise(ctx); err != nil {
		return err
	}
	if err := r.rounds(ctx); err != nil {
		return err
	}
	return r.settle(ctx)
}

// resume takes up the checkpoint of the last finished round, or draws the first weights.
func (r *runner) resume() error {
	initial, _, err := local.Initial(r.job, local.Options{Backend: r.hub.o.Backend, Library: r.hub.o.Library})
	if err != nil {
		return err
	}
	r.h.Size, r.global = len(initial), initial
	if r.rule, err = aggregate.New(r.job.Plan, len(initial), len(r.h.Sites)); err != nil {
		return err
	}
	r.ledger = &ledger{noise: r.job.Privacy.Central}
	c, err := loadCheckpoint(filepath.Join(r.dir, checkpointFile), len(initial))
	if err != nil {
		return err
	}
	if c == nil {
		return r.remembers()
	}
	r.global, r.pooled, r.measured = c.Global, c.Pooled, c.Measured
	r.ledger.steps = c.Noised
	if c.Rule != nil {
		if err := r.rule.Restore(c.Rule); err != nil {
			return err
		}
	}
	// Lines of rounds that were under way when the hub died stay in the story.
	if n := len(r.h.Rounds); n > 0 && r.h.Rounds[n-1].Outcome == "" {
		r.h.Rounds[n-1].Outcome, r.h.Rounds[n-1].Reason, r.h.Rounds[n-1].Ended = "cut short", "the hub was stopped", r.now().UTC()
	}
	r.done = c.Round
	return r.remembers()
}

// keep writes the checkpoint of a finished round; only then may the sites hear of the next.
func (r *runner) keep() error {
	rule, err := r.rule.Snapshot()
	if err != nil {
		return err
	}
	c := checkpoint{Round: r.done, Pooled: r.pooled, Measured: r.measured, Rule: rule, Global: r.global, Noised: r.ledger.steps}
	return c.save(filepath.Join(r.dir, checkpointFile))
}

// save writes the report. A disk that is full must not end the job: the checkpoint decides, and its errors do.
func (r *runner) save() {
	r.h.Written = r.now().UTC()
	if err := folder.WriteJSON(filepath.Join(r.dir, folder.ReportFile), r.h); err != nil {
		r.hub.o.Log.Error("the report", "job", r.job.ID, "err", err)
	}
}

func (r *runner) note(ctx context.Context, action string, detail map[string]string) {
	if detail == nil {
		detail = map[string]string{}
	}
	detail["job_hash"] = r.hash
	r.hub.audit(ctx, govern.Event{Action: action, Object: r.job.ID, Detail: detail})
}

// send sends to one site; a site that cannot be written to is one that does not answer.
func (r *runner) send(ctx context.Context, site string, m federation.Mail) bool {
	m.Job = r.job.ID
	m = r.anew(m)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(r.job.Plan.Deadlines.Round))
	defer cancel()
	if err := r.hub.o.End.Send(ctx, site, m); err != nil {
		r.hub.o.Log.Warn("mail to a site", "site", site, "kind", m.Kind, "err", err)
		return false
	}
	return true
}

// sendAll sends to many sites at a time, so that one whose mail is slow to be kept holds nobody up. It gives those
// whose mail is on the disk.
func (r *runner) sendAll(ctx context.Context, sites []string, mail func(site string) federation.Mail) map[string]bool {
	sent := map[string]bool{}
	var mu sync.Mutex
	var work sync.WaitGroup
	turn := make(chan struct{}, 16)
	for _, site := range sites {
		work.Go(func() {
			turn <- struct{}{}
			ok := r.send(ctx, site, mail(site))
			<-turn
			mu.Lock()
			defer mu.Unlock()
			sent[site] = ok
		})
	}
	work.Wait()
	return sent
}
