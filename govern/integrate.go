package govern

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"

	"consilium/fault"
)

const (
	signEvery     = 200 * time.Millisecond // the longest wait for company on the way into the tree
	flushAge      = time.Millisecond       // tessera's shortest useful batch age
	retryAfter    = time.Second            // when the disk refused
	rememberEvery = time.Second            // a checkpoint goes to Memory this often
	never         = 100 * 365 * 24 * time.Hour
)

// integrateLoop brings the backlog into the tree, round after round, until the
// committer has ended and nothing is left.
func (l *Log) integrateLoop() {
	defer close(l.ended)
	for running := true; running; {
		select {
		case <-l.kick:
		case <-l.written:
			running = false
		}
		if running {
			running = l.pause(signEvery, l.hurry)
		}
		for l.waiting() > 0 {
			if l.round() != nil && (!running || !l.pause(retryAfter, nil)) {
				break
			}
		}
	}
	if l.appender != nil {
		l.appender.stop()
	}
	if l.waiting() == 0 {
		if err := l.journal.end(l.checkpoint.Size); err != nil {
			l.log.Warn("the journal of the audit log could not be removed; it is read again, without effect", "error", err)
		}
	}
}

// pause waits, but not for longer than until somebody is in a hurry. It is
// false when the log is closing.
func (l *Log) pause(d time.Duration, hurry <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-hurry:
	case <-l.written:
		return false
	}
	return true
}

func (l *Log) waiting() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.backlog)
}

// round brings up to maxBatch entries of the backlog into the tree and signs
// the new checkpoint.
func (l *Log) round() error {
	err := l.tryRound()
	if err != nil {
		err = writeFault(err)
		l.log.Error("the audit log could not be signed; its entries wait in the journal", "error", err)
		if l.appender != nil {
			l.appender.stop()
			l.appender = nil
		}
	}
	l.mu.Lock()
	l.failure = err
	close(l.moved)
	l.moved = make(chan struct{})
	l.mu.Unlock()
	if now := time.Now(); err == nil && now.Sub(l.remembered) >= rememberEvery {
		l.remembered = now
		l.rememberSoon()
	}
	return err
}

func (l *Log) tryRound() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if l.appender == nil { // the last round failed: back to what is surely in the tree
		if err := l.openTree(ctx); err != nil {
			return err
		}
	}
	l.mu.RLock()
	leaves := l.backlog[:min(len(l.backlog), maxBatch)]
	l.mu.RUnlock()
	if err := l.integrate(leaves); err != nil {
		return err
	}
	return l.publish(l.tree.End())
}

// probe opens tessera's lock file. tessera panics where it cannot: when the
// folder is gone, or when the process has no file descriptor left.
func (l *Log) probe() error {
	f, err := os.OpenFile(filepath.Join(l.dir, stateDir, "treeState.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// integrate hands leaves to tessera and waits until all of them are in the
// tree on the disk. The tree is computed here as well, and must agree.
func (l *Log) integrate(leaves [][]byte) error {
	if err := l.probe(); err != nil {
		return err
	}
	first := l.tree.End()
	entries := make([]*tessera.Entry, len(leaves))
	for i, leaf := range leaves {
		entries[i] = tessera.NewEntry(leaf)
		if err := l.tree.Append(entries[i].LeafHash(), nil); err != nil {
			return err
		}
	}
	futures := make([]tessera.IndexFuture, len(entries))
	for i, e := range entries { // quickly, so that they share one flush
		futures[i] = l.appender.add(l.appender.ctx, e)
	}
	var failure error
	for i, future := range futures { // all of them, so that nothing is under way afterwards
		index, err := future()
		if want := first + uint64(i); err == nil && index.Index != want {
			err = fault.New(fault.AuditBroken, fmt.Sprintf("entry %d was written as entry %d", want, index.Index), "stop the node and run `consilium audit verify`")
		}
		if failure == nil {
			failure = err
		}
	}
	return failure
}

// rememberSoon hands the checkpoint to Memory within a deadline.
func (l *Log) rememberSoon() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := l.remember(ctx); err != nil {
		l.log.Warn("the audit checkpoint was not remembered outside the log", "error", err)
	}
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
	if done := size - old; done >= uint64(len(l.backlog)) {
		l.backlog = nil // lets go of the memory of a busy hour
	} else {
		l.backlog = l.backlog[done:]
	}
	files, err := superseded(l.dir, old, size)
	if err != nil {
		return err
	}
	if err := removeFiles(l.dir, files); err != nil {
		return err
	}
	return l.journal.drop(size)
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
