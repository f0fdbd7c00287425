package govern

import (
	"context"
	"strconv"
	"strings"
	"time"

	"consilium/fault"
)

const (
	maxBatch    = 4096                 // entries that share one write
	maxBacklog  = 64 << 10             // entries between journal and tree
	gatherTime  = 2 * time.Millisecond // the longest wait for those who came along last time
	roomTimeout = 10 * time.Second
)

// pending is one call of Append or AppendAll on its way into the log.
type pending struct {
	events []Event
	first  uint64 // index of the first of them
	err    error
	done   chan struct{}
}

// Append writes one event. When it returns without an error, the entry is on
// the disk and its index is final; the signed checkpoint follows within a
// quarter of a second. When ctx ends first the error is TIMEOUT, and the entry may still get in.
func (l *Log) Append(ctx context.Context, e Event) (index uint64, err error) {
	return l.AppendAll(ctx, []Event{e})
}

// AppendAll is Append for up to MaxPage events at the price of one: they get
// neighbouring indexes, and all of them are in the log or none.
func (l *Log) AppendAll(ctx context.Context, events []Event) (first uint64, err error) {
	for _, e := range events {
		if e.Action == "" {
			return 0, fault.New(fault.InputMalformed, "an audit event without an action", "say what was done")
		}
	}
	if len(events) == 0 || len(events) > MaxPage {
		return 0, fault.New(fault.Usage, "one call appends between 1 and "+strconv.Itoa(MaxPage)+" events", "split them")
	}
	p := &pending{events: events, done: make(chan struct{})}
	if err := l.enqueue(ctx, p); err != nil {
		return 0, err
	}
	select {
	case <-p.done:
		return p.first, p.err
	case <-ctx.Done():
		return 0, fault.Wrap(ctx.Err(), fault.Timeout, "the audit log did not acknowledge in time; the entry may still be written", "look whether the disk keeps up")
	}
}

func (l *Log) enqueue(ctx context.Context, p *pending) error {
	l.life.RLock()
	defer l.life.RUnlock()
	if l.closed {
		return fault.New(fault.Interrupted, "the audit log is closed", "start the node again")
	}
	select {
	case l.queue <- p:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Timeout, "the audit log is too busy", "look whether the disk keeps up")
	}
}

// commitLoop writes batch after batch until the queue is closed and empty.
func (l *Log) commitLoop() {
	defer close(l.written)
	for first := range l.queue {
		batch := l.gather(first)
		l.crowd = len(batch)
		err := l.commit(batch)
		if err != nil {
			l.log.Error("audit entries were refused", "entries", len(batch), "error", err)
		}
		for _, p := range batch {
			close(p.done)
		}
	}
}

// gather collects the entries that share one commit with the first. Callers
// that were acknowledged together tend to come back together: it waits for as
// many as last time, but not long. A single caller therefore never waits.
func (l *Log) gather(first *pending) []*pending {
	batch := []*pending{first}
	var deadline <-chan time.Time
	for len(batch) < maxBatch {
		select {
		case p, ok := <-l.queue:
			if !ok {
				return batch
			}
			batch = append(batch, p)
			continue
		default:
		}
		if len(batch) >= l.crowd {
			return batch
		}
		if deadline == nil {
			deadline = time.After(gatherTime)
		}
		select {
		case p, ok := <-l.queue:
			if !ok {
				return batch
			}
			batch = append(batch, p)
		case <-deadline:
			return batch
		}
	}
	return batch
}

// commit writes a batch to the journal. It fills in index and error of each
// entry, and gives the error that hit them all.
func (l *Log) commit(batch []*pending) error {
	leaves := make([][]byte, 0, len(batch))
	stamp := l.stamp
	for _, p := range batch {
		p.first = l.journal.next + uint64(len(leaves))
		var lines [][]byte
		if lines, stamp, p.err = encodeAll(p.events, stamp); p.err == nil {
			leaves = append(leaves, lines...)
		}
	}
	err := l.waitForRoom()
	if err == nil {
		err = writeFault(l.journal.write(leaves))
	}
	if err != nil {
		for _, p := range batch {
			p.err = err
		}
		return err
	}
	l.stamp = stamp
	l.mu.Lock()
	l.backlog = append(l.backlog, leaves...)
	l.mu.Unlock()
	select {
	case l.kick <- struct{}{}:
	default:
	}
	return nil
}

// encodeAll makes the lines of events that are sequenced now.
func encodeAll(events []Event, before time.Time) (lines [][]byte, stamp time.Time, err error) {
	stamp = before
	for _, e := range events {
		now := time.Now().UTC().Truncate(time.Microsecond)
		line, err := encode(e, now, stamp)
		if err != nil {
			return nil, before, err
		}
		lines, stamp = append(lines, line), now
	}
	return lines, stamp, nil
}

// waitForRoom holds new entries back while too many wait for the tree.
func (l *Log) waitForRoom() error {
	deadline := time.After(roomTimeout)
	for {
		l.mu.RLock()
		full, failure, moved := len(l.backlog) > maxBacklog, l.failure, l.moved
		l.mu.RUnlock()
		if !full {
			return nil
		}
		select {
		case <-moved:
		case <-deadline:
			if failure == nil {
				failure = fault.New(fault.StoreFailed, "the audit log cannot keep up", "look whether the disk is slow or broken")
			}
			return failure
		}
	}
}

// writeFault tells a full disk from other failures. tessera does not wrap all
// of its errors, so that the text decides.
func writeFault(err error) error {
	if err == nil {
		return nil
	}
	if fault.CodeOf(err) == fault.AuditBroken {
		return err
	}
	if strings.Contains(err.Error(), "no space left on device") || strings.Contains(err.Error(), "disk quota exceeded") {
		return fault.Wrap(err, fault.StoreFull, "the audit log cannot be written", "make room on the disk; the node does nothing that it cannot record")
	}
	return fault.Wrap(err, fault.StoreFailed, "the audit log cannot be written", "check the disk; the node does nothing that it cannot record")
}
