// Package hub runs the rounds: it proposes jobs to sites, gathers their signed answers, asks for updates or for a
// secure sum of them, makes the next weights, and goes on where it was when it is killed.
//
// Every job has a goroutine and a folder. What the goroutine waits for has a deadline and stands in the job's
// report with its reason; every edge of a job's life is an audit entry before anybody else hears of it.
package hub

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/govern"
)

// Options of a hub.
type Options struct {
	Dir     string // jobs are kept here
	Name    string // name and version, for reports
	End     federation.HubEnd
	Audit   func(ctx context.Context, e govern.Event) error // nil: no audit log
	Log     *slog.Logger
	Now     func() time.Time // nil = time.Now
	Backend string           // that declares networks
	Library string
	Edge    func(ctx context.Context, d federation.Delivery) error // takes mail whose kind begins with "edge-"; nil: it is put aside
	Look    time.Duration                                          // how often the folder is looked at for new jobs and marks; 0 = 200 ms
}

// Hub runs jobs.
type Hub struct {
	o        Options
	started  time.Time
	restored folder.Restored
	mu       sync.Mutex
	jobs     map[string]*runner
	wg       sync.WaitGroup
}

// Open makes a hub on a folder. Jobs that were under way go on when it runs.
func Open(o Options) *Hub {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Look == 0 {
		o.Look = 200 * time.Millisecond
	}
	return &Hub{o: o, started: o.Now(), jobs: map[string]*runner{}}
}

// Propose puts a job into a hub's folder; the process that runs there takes it up. Errors: USAGE, CONFLICT, IO.
func Propose(dir string, j federation.Job, now time.Time) error {
	if err := j.Validate(); err != nil {
		return err
	}
	path := filepath.Join(folder.JobDir(dir, j.ID), folder.JobFile)
	if old, err := folder.Job(dir, j.ID); err == nil {
		if old.Hash() == j.Hash() {
			return nil
		}
		return fault.New(fault.Conflict, "there is another job called "+j.ID, "choose another id: what was signed stays as it was")
	}
	h := federation.History{Job: j, Hash: j.Hash(), Written: now.UTC()}
	h.Job.Model.Body = nil // up to 64 MiB, which a report that is written every round need not hold: job.json does
	if err := h.State.Move(federation.Draft); err != nil {
		return err
	}
	if err := folder.WriteJSON(filepath.Join(folder.JobDir(dir, j.ID), folder.ReportFile), h); err != nil {
		return err
	}
	return folder.WriteJSON(path, j) // last: the hub looks for this file
}

// Run works until ctx ends. Jobs that are under way go on at the next Run.
func (h *Hub) Run(ctx context.Context) error {
	var err error
	if h.restored, err = folder.WasRestored(h.o.Dir); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer func() { cancel(); h.wg.Wait() }()
	failed := make(chan error, 1)
	h.wg.Go(func() { failed <- h.receive(ctx) })
	look := time.NewTicker(h.o.Look)
	defer look.Stop()
	for {
		if err := h.scan(ctx); err != nil {
			return err
		}
		select {
		case <-look.C:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// scan starts jobs that are new in the folder.
func (h *Hub) scan(ctx context.Context) error {
	ids, err := folder.Jobs(h.o.Dir)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		if h.jobs[id] != nil {
			continue
		}
		r, err := h.load(id)
		if err != nil {
			if fault.CodeOf(err) != fault.NotFound { // the file of a job that is being proposed comes last
				h.o.Log.Warn("a job cannot be read", "job", id, "err", err)
			}
			continue
		}
		h.jobs[id] = r
		if r.h.State.Phase != federation.Finished {
			h.wg.Go(func() { r.run(ctx) })
		}
	}
	return nil
}

// receive hands mail to the jobs that it is about.
func (h *Hub) receive(ctx context.Context) error {
	for {
		d, err := h.o.End.Receive(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		h.deliver(ctx, d)
	}
}

func (h *Hub) deliver(ctx context.Context, d federation.Delivery) {
	if len(d.Kind) > 5 && d.Kind[:5] == "edge-" && h.o.Edge != nil {
		h.wg.Go(func() {
			d, err := d.Load(ctx)
			if err == nil {
				err = h.o.Edge(ctx, d)
			}
			if err != nil {
				h.o.Log.Warn("mail of an edge site", "site", d.From, "err", err)
			}
		})
		return
	}
	h.mu.Lock()
	r := h.jobs[d.Job]
	h.mu.Unlock()
	if r == nil || r.over() {
		h.aside(ctx, d, "no such job is under way")
		return
	}
	r.mail.put(d)
}

// aside puts mail away that has no place: noted, and done with, so that what is behind it comes.
func (h *Hub) aside(ctx context.Context, d federation.Delivery, why string) {
	h.refuse(ctx, d, why)
	h.done(d)
}

// refuse notes mail that has no effect.
func (h *Hub) refuse(ctx context.Context, d federation.Delivery, why string) {
	h.audit(ctx, govern.Event{Action: "federation.mail-refused", Actor: d.From, Object: d.Job, Outcome: string(fault.UpdateStale),
		Detail: map[string]string{"kind": d.Kind, "why": why}})
}

func (h *Hub) done(d federation.Delivery) {
	if err := d.Done(); err != nil {
		h.o.Log.Warn("mail was dealt with and may come again", "kind", d.Kind, "from", d.From, "err", err)
	}
}

func (h *Hub) audit(ctx context.Context, e govern.Event) {
	if h.o.Audit == nil {
		return
	}
	e.Time = h.o.Now()
	if e.Actor == "" {
		e.Actor = "hub"
	}
	// An entry that cannot be written does not stop patients' data from being protected; the log's own health check tells.
	if err := h.o.Audit(context.WithoutCancel(ctx), e); err != nil {
		h.o.Log.Error("audit", "action", e.Action, "err", err)
	}
}
