package govern

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"k8s.io/klog/v2"

	"consilium/fault"
)

const checkpointFile = layout.CheckpointPath

// quiet turns off tessera's own log lines, which go to standard error: what
// matters comes back as errors.
var quiet = sync.OnceFunc(func() { klog.SetSlogLogger(slog.New(slog.DiscardHandler)) })

// openTree brings the folder into a known state and starts the appender: the tree
// must lead from the last checkpoint, and from the remembered one, to what
// tessera has integrated. What a crash left behind is then removed.
func (l *Log) openTree(ctx context.Context) error {
	quiet()
	state, err := l.integrated()
	if err != nil {
		return err
	}
	last, err := l.lastCheckpoint(state.Size)
	if err != nil {
		return err
	}
	if last.Size > state.Size {
		if state, err = l.catchState(ctx, last); err != nil {
			return err
		}
	}
	if state.Size > 0 {
		if err := l.restoreTree(ctx, state, last); err != nil {
			return err
		}
	} else {
		l.tree = ranges.NewEmptyRange(0)
	}
	if err := sweep(l.dir, state.Size); err != nil {
		return fault.Wrap(err, fault.IO, "what a crash left in the audit log cannot be removed", "check the permissions of "+l.dir)
	}
	if err := l.startAppender(); err != nil {
		return err
	}
	l.mu.Lock()
	if l.checkpoint.Text == "" { // at the start; later the backlog counts from it
		l.checkpoint = last
	}
	l.mu.Unlock()
	if last.Text == "" || last.Size < state.Size { // written, but a crash came before the signature
		return l.publish(state.Size)
	}
	return nil
}

// recover opens the log after whatever ended the last process: the tree first,
// then what the journal still held, so that both are empty of debts.
func (l *Log) recover(ctx context.Context) error {
	if err := l.openTree(ctx); err != nil {
		return err
	}
	size := l.tree.End()
	leaves, segments, err := readJournal(l.journal.dir, size)
	if err != nil {
		return broken(err.Error())
	}
	for i, leaf := range leaves {
		e, err := decode(size+uint64(i), leaf)
		if err != nil {
			return broken("the journal holds what was never logged: " + err.Error())
		}
		l.stamp = e.Logged
	}
	l.backlog = leaves
	for l.waiting() > 0 {
		if err := l.tryRound(); err != nil {
			return writeFault(err)
		}
	}
	l.journal.closed, l.journal.next = segments, l.tree.End()
	if err := l.journal.drop(math.MaxUint64); err != nil {
		return fault.Wrap(err, fault.IO, "the journal of the audit log cannot be cleared", "check the permissions of "+l.dir)
	}
	return nil
}

var ranges = compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// integrated reads the size of the tree. Only a folder without entries and
// without a checkpoint may lack it.
func (l *Log) integrated() (treeState, error) {
	state, err := readState(l.dir)
	if err == nil {
		return state, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return treeState{}, broken(err.Error())
	}
	for _, file := range []string{checkpointFile, tileDir} {
		if _, err := os.Lstat(filepath.Join(l.dir, file)); err == nil {
			return treeState{}, broken("the tree's state is gone")
		}
	}
	return treeState{Root: rfc6962.DefaultHasher.EmptyRoot()}, nil
}

// lastCheckpoint reads the signed checkpoint beside the tree.
func (l *Log) lastCheckpoint(size uint64) (Checkpoint, error) {
	text, err := os.ReadFile(filepath.Join(l.dir, checkpointFile))
	if errors.Is(err, fs.ErrNotExist) && size == 0 {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, broken("the signed checkpoint cannot be read: " + err.Error())
	}
	c, err := ParseCheckpoint(string(text), l.verifier)
	if err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// catchState mends a copy of the folder that was made while the log grew, by a
// backup: it has the tree's state of a moment before the checkpoint. The
// entries must then be there as the checkpoint says.
func (l *Log) catchState(ctx context.Context, last Checkpoint) (treeState, error) {
	wrong := broken(fmt.Sprintf("the checkpoint was signed over %d entries, and they are not there", last.Size))
	if mend(l.dir, last.Size) != nil {
		return treeState{}, wrong
	}
	if (tree{dir: l.dir, size: last.Size}).leadsFrom(ctx, last) != nil {
		return treeState{}, wrong
	}
	state := treeState{last.Size, last.Root}
	raw, err := json.Marshal(state)
	if err == nil {
		err = replaceFile(filepath.Join(l.dir, stateFile), raw, 0o644)
	}
	if err != nil {
		return treeState{}, fault.Wrap(err, fault.IO, "the tree's state cannot be written", "check the permissions of "+l.dir)
	}
	return state, nil
}

// restoreTree reads the right edge of the tree and the time of the last entry.
func (l *Log) restoreTree(ctx context.Context, state treeState, last Checkpoint) error {
	if err := mend(l.dir, state.Size); err != nil {
		return broken(err.Error())
	}
	t := tree{dir: l.dir, size: state.Size}
	for _, c := range []Checkpoint{{Size: state.Size, Root: state.Root}, last} {
		if err := t.leadsFrom(ctx, c); err != nil {
			return err
		}
	}
	nodes, err := client.FetchRangeNodes(ctx, state.Size, t.tile)
	if err != nil {
		return broken(err.Error())
	}
	if l.tree, err = ranges.NewRange(0, state.Size, nodes); err != nil {
		return broken(err.Error())
	}
	if err := l.checkMemory(ctx, t); err != nil {
		return err
	}
	leaves, err := t.leaves((state.Size - 1) / width)
	if err != nil {
		return broken(err.Error())
	}
	entry, err := decode(state.Size-1, leaves[len(leaves)-1])
	if err != nil {
		return broken(err.Error())
	}
	if l.stamp.IsZero() {
		l.stamp = entry.Logged
	}
	return nil
}

// checkMemory compares the tree with the checkpoint that was kept elsewhere.
func (l *Log) checkMemory(ctx context.Context, t tree) error {
	if l.memory == nil {
		return nil
	}
	text, err := l.memory.Remembered(ctx)
	if err != nil || text == "" {
		return err
	}
	c, err := ParseCheckpoint(text, l.verifier)
	if err != nil {
		return err
	}
	return t.leadsFrom(ctx, c)
}

// leadsFrom says whether the tree begins with the entries of a checkpoint.
func (t tree) leadsFrom(ctx context.Context, c Checkpoint) error {
	if c.Size > t.size {
		return broken(fmt.Sprintf("a checkpoint over %d entries is known, and there are only %d: the tail was cut off, or an older copy restored", c.Size, t.size))
	}
	if c.Size == 0 {
		return nil
	}
	root, err := t.root(ctx, c.Size)
	if err != nil {
		return broken(err.Error())
	}
	if !bytes.Equal(root, c.Root) {
		return broken(fmt.Sprintf("the first %d entries are not those of the checkpoint", c.Size))
	}
	return nil
}

// broken is the error of a log that cannot be trusted.
func broken(what string) *fault.Error {
	return fault.New(fault.AuditBroken, what, "keep the folder as it is, run `consilium audit verify`, and compare with a checkpoint kept elsewhere and with the backup")
}

// sweep removes what a crash left behind: temporary files, and files of a
// batch that was never acknowledged.
func sweep(dir string, size uint64) error {
	var extra []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if file = filepath.ToSlash(file); !belongs(file, size) {
			extra = append(extra, file)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return removeFiles(dir, extra)
}
