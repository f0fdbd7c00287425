package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"consilium/fault"
)

// Handler does the jobs of one kind.
type Handler struct {
	// Do does a job. An error hands it out again, a little later each time,
	// until Last.
	Do func(ctx context.Context, j Job) error
	// GiveUp is told of a job that failed for good: tried five times, or failed
	// with an error that Hopeless knows. It must not fail silently: an error
	// leaves the job in the queue.
	GiveUp func(ctx context.Context, j Job, cause error) error
	// Hopeless says whether trying again is in vain. nil = never.
	Hopeless func(err error) bool
	Parallel int // jobs at the same time; 0 = 1
}

// Take hands jobs of a kind to a handler until ctx ends, which is no error. It
// returns when the handlers at work have returned.
// Errors: QUEUE_FAILED.
func (q *Queue) Take(ctx context.Context, kind string, h Handler) error {
	setup, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	consumer, err := q.stream.CreateOrUpdateConsumer(setup, streamFor, jetstream.ConsumerConfig{
		Durable:       "take-" + kind,
		FilterSubject: subject(kind),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       lease,
		MaxDeliver:    -1, // the handler's GiveUp ends a job, not silence
		MaxAckPending: 1024,
	})
	if err != nil {
		return failed(err, "jobs cannot be taken from the queue")
	}
	var workers sync.WaitGroup
	for range max(1, h.Parallel) {
		workers.Go(func() { q.loop(ctx, consumer, h) })
	}
	workers.Wait()
	return nil
}

// loop takes one job after another.
func (q *Queue) loop(ctx context.Context, consumer jetstream.Consumer, h Handler) {
	for ctx.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, 5*time.Second)
		batch, err := consumer.Fetch(1, jetstream.FetchContext(wait))
		if err != nil {
			cancel()
			q.pause(ctx, err)
			continue
		}
		for m := range batch.Messages() {
			q.handle(ctx, m, h)
		}
		if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			q.pause(ctx, err)
		}
		cancel()
	}
}

// pause waits a second before the queue is asked again.
func (q *Queue) pause(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	q.log.Warn("the queue does not answer", "error", err)
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

func (q *Queue) handle(ctx context.Context, m jetstream.Msg, h Handler) {
	var j Job
	if err := json.Unmarshal(m.Data(), &j); err != nil || !word(j.Kind) {
		q.log.Error("a job in the queue cannot be read and is put aside", "error", err)
		_ = m.TermWithReason("not a job")
		return
	}
	stop := q.renew(m)
	err := do(ctx, j, h)
	stop()
	if err == nil {
		q.settle(m.DoubleAck, j)
		return
	}
	if ctx.Err() != nil { // stopped, not failed: another takes it at once
		_ = m.Nak()
		return
	}
	tries := uint64(maxTries)
	if meta, e := m.Metadata(); e == nil {
		tries = meta.NumDelivered
	}
	if tries < maxTries && (h.Hopeless == nil || !h.Hopeless(err)) {
		q.log.Warn("a job failed and is tried again", "job", j.ID, "try", tries, "error", err)
		_ = m.NakWithDelay(time.Duration(tries*tries) * time.Second)
		return
	}
	if h.GiveUp != nil {
		if e := h.GiveUp(ctx, j, err); e != nil {
			q.log.Error("a failed job cannot be put aside and stays", "job", j.ID, "error", e)
			_ = m.NakWithDelay(lease)
			return
		}
	}
	_ = m.TermWithReason("failed for good")
}

// settle tells the queue that a job is done. When that fails the job comes
// again, and finds its effect made.
func (q *Queue) settle(ack func(context.Context) error, j Job) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if err := ack(ctx); err != nil {
		q.log.Warn("a finished job could not be taken off the queue", "job", j.ID, "error", err)
	}
}

// do runs a handler; a panic in it is an error of this job alone.
func do(ctx context.Context, j Job, h Handler) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Internal, fmt.Sprintf("the handler of job %s failed: %v", j.ID, r), "this is a defect; please report it")
		}
	}()
	return h.Do(ctx, j)
}

// renew keeps the lease of a job while its handler works.
func (q *Queue) renew(m jetstream.Msg) (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if err := m.InProgress(); err != nil {
					q.log.Warn("the lease of a job cannot be renewed", "error", err)
				}
			}
		}
	})
	return func() { close(done); ended.Wait() }
}
