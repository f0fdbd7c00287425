package govern

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"

	"consilium/fault"
)

const (
	maxBatch      = 4096                 // entries that share one commit
	gather        = 2 * time.Millisecond // the longest wait for those who came along last time
	flushAge      = time.Millisecond     // tessera's shortest useful batch age
	rememberEvery = time.Second          // a checkpoint goes to Memory this often
	never         = 100 * 365 * 24 * time.Hour
)

// pending is an entry on its way into the log.
type pending struct {
	event Event
	index uint64
	err   error
	done  chan struct{}
}

// Append writes one event. When it returns without an error, the entry is on
// the disk, in the tree, and under a signed checkpoint. When ctx ends first the
// error is TIMEOUT, and the entry may still get in.
func (l *Log) Append(ctx context.Context, e Event) (index uint64, err error) {
	if e.Action == "" {
		return 0, fault.New(fault.InputMalformed, "an audit event without an action", "say what was done")
	}
	p := &pending{event: e, done: make(chan struct{})}
	if err := l.enqueue(ctx, p); err != nil {
		return 0, err
	}
	select {
	case <-p.done:
		return p.index, p.err
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
	defer close(l.ended)
	var remembered time.Time
	for first := range l.queue {
		batch := l.gather(first)
		l.crowd = len(batch)
		err := l.commit(batch)
		l.mu.Lock()
		l.failure = err
		l.mu.Unlock()
		for _, p := range batch {
			close(p.done)
		}
		if err != nil {
			l.log.Error("audit entries were not written", "entries", len(batch), "error", err)
		} else if now := time.Now(); now.Sub(remembered) >= rememberEvery {
			remembered = now
			l.rememberSoon()
		}
	}
	if l.appender != nil {
		l.appender.stop()
	}
}

// rememberSoon hands the checkpoint to Memory within a deadline.
func (l *Log) rememberSoon() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := l.remember(ctx); err != nil {
		l.log.Warn("the audit checkpoint was not remembered outside the log", "error", err)
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
			deadline = time.After(gather)
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

// commit brings a batch into the tree and signs the new checkpoint. It fills
// in index and error of each entry, and gives the error that hit them all.
func (l *Log) commit(batch []*pending) error {
	if l.appender == nil { // the last commit failed: back to what is surely there
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := l.open(ctx); err != nil {
			return refuse(batch, err)
		}
	}
	err := l.integrate(batch)
	if err == nil {
		err = l.publish(l.tree.End())
	}
	if err != nil {
		l.appender.stop()
		l.appender = nil
		return refuse(batch, writeFault(err))
	}
	return nil
}

func refuse(batch []*pending, err error) error {
	for _, p := range batch {
		p.err = err
	}
	return err
}

// writeFault tells a full disk from other failures. tessera does not wrap all
// of its errors, so that the text decides.
func writeFault(err error) error {
	if fault.CodeOf(err) == fault.AuditBroken {
		return err
	}
	if strings.Contains(err.Error(), "no space left on device") || strings.Contains(err.Error(), "disk quota exceeded") {
		return fault.Wrap(err, fault.StoreFull, "the audit log cannot be written", "make room on the disk; the node does nothing that it cannot record")
	}
	return fault.Wrap(err, fault.StoreFailed, "the audit log cannot be written", "check the disk; the node does nothing that it cannot record")
}

// integrate hands the batch to tessera and waits until all of it is in the
// tree on the disk. The tree is computed here as well, and must agree.
func (l *Log) integrate(batch []*pending) error {
	entries := make([]*tessera.Entry, len(batch))
	for i, p := range batch {
		now := time.Now().UTC()
		leaf, err := encode(p.event, now, l.stamp)
		if err != nil {
			p.err = err
			continue
		}
		l.stamp = now.Truncate(time.Microsecond)
		entries[i] = tessera.NewEntry(leaf)
		if err := l.tree.Append(entries[i].LeafHash(), nil); err != nil {
			return err
		}
		p.index = l.tree.End() - 1
	}
	futures := make([]tessera.IndexFuture, len(batch))
	for i, e := range entries { // quickly, so that they share one flush
		if e != nil {
			futures[i] = l.appender.add(l.appender.ctx, e)
		}
	}
	var failure error
	for i, future := range futures { // all of them, so that nothing is under way afterwards
		if future == nil {
			continue
		}
		index, err := future()
		if err == nil && index.Index != batch[i].index {
			err = fault.New(fault.AuditBroken, fmt.Sprintf("entry %d was written as entry %d", batch[i].index, index.Index), "stop the node and run `consilium audit verify`")
		}
		if failure == nil {
			failure = err
		}
	}
	return failure
}

// publish signs the tree of this size, provided that tessera has the very same
// one on the disk, and removes the partial files of the size before.
func (l *Log) publish(size uint64) error {
	root, err := l.tree.GetRootHash(nil)
	if err != nil {
		return err
	}
	if size == 0 {
		root = rfc6962.DefaultHasher.EmptyRoot()
	}
	state, err := readState(l.dir)
	if err != nil {
		return err
	}
	if state.Size != size || !bytes.Equal(state.Root, root) {
		return fault.New(fault.AuditBroken, "the tree on the disk is not the one that was written", "stop the node and run `consilium audit verify`: somebody changed files of the log")
	}
	c, err := sign(l.signer, size, root)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := replaceFile(filepath.Join(l.dir, checkpointFile), []byte(c.Text), 0o600); err != nil {
		return err
	}
	old := l.checkpoint.Size
	l.checkpoint = c
	files, err := superseded(l.dir, old, size)
	if err != nil {
		return err
	}
	return removeFiles(l.dir, files)
}

// appender is a running tessera appender.
type appender struct {
	ctx  context.Context
	stop context.CancelFunc
	add  tessera.AddFn
}

// startAppender starts tessera over the folder. Its own checkpoints and its
// garbage collection are off: publish does both, at once.
func (l *Log) startAppender() error {
	ctx, cancel := context.WithCancel(context.Background())
	driver, err := posix.New(ctx, posix.Config{Path: l.dir})
	if err == nil {
		options := tessera.NewAppendOptions().WithCheckpointSigner(l.signer).WithBatching(maxBatch, flushAge).
			WithCheckpointInterval(never).WithGarbageCollectionInterval(0)
		var a *tessera.Appender
		if a, _, _, err = tessera.NewAppender(ctx, driver, options); err == nil {
			l.appender = &appender{ctx: ctx, stop: cancel, add: a.Add}
			return nil
		}
	}
	cancel()
	return fault.Wrap(err, fault.StoreFailed, "the audit log cannot be started", "check the disk and the permissions of "+l.dir)
}
