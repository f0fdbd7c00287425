package node

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
	"consilium/work"
)

// jobDiagnose is the kind of the jobs that diagnose a study.
const jobDiagnose = "diagnose"

// board remembers when studies got their latest object.
type board struct {
	mu   sync.Mutex
	last map[string]time.Time
	wake chan struct{}
}

func newBoard() *board { return &board{last: map[string]time.Time{}, wake: make(chan struct{}, 1)} }

func (b *board) touch(study string, at time.Time) {
	b.mu.Lock()
	b.last[study] = at
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// rested takes off the studies that nothing has come for since before, and
// says whether others are left.
func (b *board) rested(before time.Time) (studies []string, left bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for study, at := range b.last {
		if !at.After(before) {
			studies = append(studies, study)
			delete(b.last, study)
		}
	}
	slices.Sort(studies)
	return studies, len(b.last) > 0
}

// settle queues studies that have come to rest.
func (n *Node) settle(ctx context.Context) error {
	tick := time.NewTicker(n.Quiet / 8)
	defer tick.Stop()
	for {
		studies, left := n.settled.rested(n.Now().Add(-n.Quiet))
		for _, study := range studies {
			if err := n.queue(ctx, study); err != nil && ctx.Err() == nil {
				n.Log.Warn("a study cannot be queued and is tried again", "study", study, "error", err)
				n.settled.touch(study, n.Now().Add(time.Second))
				left = true
			}
		}
		next := tick.C
		if !left {
			next = nil // nothing can come to rest before something arrives
		}
		select {
		case <-ctx.Done():
			return nil
		case <-n.settled.wake:
		case <-next:
		}
	}
}

// queue takes a study from receiving to queued, and says so in the audit log.
func (n *Node) queue(ctx context.Context, study string) error {
	s, err := n.Store.Study(ctx, store.Care, study)
	if fault.CodeOf(err) == fault.NotFound {
		return nil // withheld by the patient, or gone
	}
	if err != nil {
		return err
	}
	if s.State != store.StateReceiving {
		return nil
	}
	err = n.Store.Tx(ctx, func(t *store.Tx) error {
		if err := t.SetState(ctx, study, []store.State{store.StateReceiving}, store.StateQueued); err != nil {
			return err
		}
		return n.Note(ctx, t, govern.Event{Actor: "system", Action: "study.received", Patient: s.Patient.ID, Study: study, Outcome: "ok"})
	})
	if fault.CodeOf(err) == fault.Conflict {
		return nil // another process was first
	}
	if err != nil {
		return err
	}
	if err := n.Flush(ctx); err != nil {
		return err
	}
	n.changed(study)
	return n.enqueue(ctx, study, "")
}

// enqueue asks for a diagnosis. attempt tells a person's wish for another one
// from a repetition.
func (n *Node) enqueue(ctx context.Context, study, attempt string) error {
	content, err := n.content(ctx, study)
	if err != nil {
		return err
	}
	body, err := json.Marshal(diagnosis{Study: study, Attempt: attempt})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "a job cannot be written", "this is a defect; please report it")
	}
	return n.Queue.Put(ctx, work.Job{ID: digest(study, content.fingerprint, attempt), Kind: jobDiagnose, Body: body})
}

// diagnosis is the body of a job.
type diagnosis struct {
	Study   string `json:"study"`
	Attempt string `json:"attempt,omitempty"`
}
