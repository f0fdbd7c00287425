package govern

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"golang.org/x/mod/sumdb/note"

	"consilium/fault"
)

// Folders of a node's data directory.
const (
	LogDir = "audit"
	KeyDir = "keys"
)

// Memory keeps checkpoints outside the log's folder, so that a log replaced by
// an older copy of itself is noticed. The store is one.
type Memory interface {
	// Remember keeps a checkpoint. It is called about once a second while entries arrive.
	Remember(ctx context.Context, size uint64, checkpoint string) error
	// Remembered gives the checkpoint of the largest size; "" when there is none.
	Remembered(ctx context.Context) (checkpoint string, err error)
}

// Options of OpenLog.
type Options struct {
	DataDir string       // the node's data directory
	Memory  Memory       // nil: no checkpoint is kept outside the log's folder
	Index   Index        // nil: queries read the log backwards
	Log     *slog.Logger // nil: silent
}

// Log is the audit log of one node, open for appending. Its methods may be
// called concurrently. Only one process can have it open.
type Log struct {
	dir      string
	log      *slog.Logger
	signer   note.Signer
	verifier note.Verifier
	memory   Memory
	index    Index
	lock     *os.File

	queue  chan *pending
	life   sync.RWMutex // held for reading while an entry is queued
	closed bool

	// Only the committer touches these.
	journal journal
	stamp   time.Time     // Logged of the last entry
	crowd   int           // size of the last batch
	written chan struct{} // closed when the committer has returned

	// Only the integrator touches these.
	tree       *compact.Range
	appender   *appender // nil after a failed round
	remembered time.Time
	ended      chan struct{} // closed when the integrator has returned

	indexing sync.Mutex
	known    uint64        // entries in the index; unknown before it was asked
	indexed  chan struct{} // closed when the index is left alone

	kick  chan struct{} // there is a backlog
	hurry chan struct{} // somebody waits for it

	mu         sync.RWMutex // guards what follows, and the partial files that checkpoint needs
	checkpoint Checkpoint
	backlog    [][]byte      // leaves in the journal that are not under the checkpoint
	moved      chan struct{} // closed when checkpoint or failure change
	failure    error         // why the last write failed; nil when it worked
}

// OpenLog opens the audit log below DataDir, and makes log and key at the first
// start. A log that was cut, or whose tree does not fit the last checkpoint or
// the remembered one, is refused with AUDIT_BROKEN; Verify looks at all of it.
func OpenLog(ctx context.Context, o Options) (*Log, error) {
	l := &Log{
		dir: filepath.Join(o.DataDir, LogDir), log: o.Log, memory: o.Memory, index: o.Index, known: unknown,
		queue: make(chan *pending, maxBatch), written: make(chan struct{}), ended: make(chan struct{}),
		kick: make(chan struct{}, 1), hurry: make(chan struct{}, 1), moved: make(chan struct{}), indexed: make(chan struct{}),
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.journal.dir = filepath.Join(l.dir, journalDir)
	if err := errors.Join(os.MkdirAll(l.dir, 0o700), os.MkdirAll(l.journal.dir, 0o700), syncDir(l.dir)); err != nil {
		return nil, fault.Wrap(err, fault.IO, "the folder of the audit log cannot be made", "check the permissions of "+o.DataDir)
	}
	var err error
	if l.signer, l.verifier, err = logKey(filepath.Join(o.DataDir, KeyDir)); err != nil {
		return nil, err
	}
	if l.lock, err = lockDir(l.dir); err != nil {
		return nil, err
	}
	if err := l.recover(ctx); err != nil {
		if l.appender != nil {
			l.appender.stop()
		}
		l.lock.Close()
		return nil, err
	}
	go l.commitLoop()
	go l.integrateLoop()
	if l.index != nil {
		go l.indexLoop()
	} else {
		close(l.indexed)
	}
	return l, nil
}

// lockDir takes the folder for this process. The kernel gives the lock back
// when the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the folder of the audit log cannot be opened", "check its permissions")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fault.Wrap(err, fault.Conflict, "another process has the audit log open", "stop the other node, or give this one its own --data-dir")
	}
	return f, nil
}

// Checkpoint gives the latest signed checkpoint. An entry comes under it
// within a quarter of a second after it was acknowledged.
func (l *Log) Checkpoint() Checkpoint {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.checkpoint
}

// Settle waits until every entry that was acknowledged before is under the
// signed checkpoint.
func (l *Log) Settle(ctx context.Context) (Checkpoint, error) {
	l.mu.RLock()
	target := l.checkpoint.Size + uint64(len(l.backlog))
	l.mu.RUnlock()
	for {
		l.mu.RLock()
		now, failure, moved := l.checkpoint, l.failure, l.moved
		l.mu.RUnlock()
		if now.Size >= target || failure != nil {
			return now, failure
		}
		select {
		case l.hurry <- struct{}{}:
		default:
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return now, fault.Wrap(ctx.Err(), fault.Timeout, "the audit log is still writing", "try again")
		}
	}
}

// Verifier is the public half of the log's key.
func (l *Log) Verifier() note.Verifier { return l.verifier }

// Failure says why entries cannot be written at the moment; nil when they can.
// It is for health checks.
func (l *Log) Failure() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.failure
}

// Close writes what was handed in before, signs it, remembers the checkpoint,
// and gives the log free.
func (l *Log) Close(ctx context.Context) error {
	l.life.Lock()
	if l.closed {
		l.life.Unlock()
		return nil
	}
	l.closed = true
	close(l.queue)
	l.life.Unlock()
	for _, end := range []chan struct{}{l.ended, l.indexed} {
		select {
		case <-end:
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Timeout, "the audit log is still writing", "allow more time; what was acknowledged is in its journal")
		}
	}
	return errors.Join(l.Failure(), l.remember(ctx), l.lock.Close())
}

func (l *Log) remember(ctx context.Context) error {
	c := l.Checkpoint()
	if l.memory == nil || c.Size == 0 {
		return nil
	}
	return l.memory.Remember(ctx, c.Size, c.Text)
}
