package govern

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"

	"consilium/fault"
)

// Report is what a verification has seen.
type Report struct {
	Entries    uint64     // checked, all of the checkpoint
	Checkpoint Checkpoint // the log's own
	Known      int        // checkpoints kept elsewhere that agree
	ClockBack  uint64     // entries before which the clock went back
	Unsigned   uint64     // entries that a crash kept from being signed; the journal has them
}

// Verify checks a log's folder from its first byte to its last, without the
// node: each entry is hashed again, the tree built again and compared with every tile
// file and with the signed checkpoint; the folder may hold nothing else.
// known are checkpoints kept elsewhere. Each must be signed by the same key, and the log
// must begin with its entries: they find a log that was cut or replaced as a whole,
// which nothing inside the folder can tell.
//
// The folder may be in use by a running node: what that writes meanwhile is
// left alone. Time and reading are linear in the size of the log; memory is constant.
// A log that is not what was written gives AUDIT_BROKEN.
func Verify(ctx context.Context, dir string, verifier note.Verifier, known ...string) (Report, error) {
	var checkpoints []Checkpoint
	for _, text := range known {
		k, err := ParseCheckpoint(text, verifier)
		if err != nil {
			return Report{}, err
		}
		checkpoints = append(checkpoints, k)
	}
	live := inUse(dir)
	report, err := verify(ctx, dir, live, verifier, checkpoints)
	if err != nil && !live && inUse(dir) { // a node was started meanwhile
		report, err = verify(ctx, dir, true, verifier, checkpoints)
	}
	return report, err
}

func verify(ctx context.Context, dir string, live bool, verifier note.Verifier, known []Checkpoint) (Report, error) {
	c := checker{ctx: ctx, dir: dir, live: live, known: known}
	if err := c.snapshot(verifier); err != nil {
		return Report{}, err
	}
	if err := c.check(); err != nil {
		var coded *fault.Error
		if !errors.As(err, &coded) {
			err = broken(err.Error())
		}
		return c.report, err
	}
	return c.report, nil
}

// checker rebuilds the tree of a log and compares.
type checker struct {
	ctx     context.Context
	dir     string
	live    bool // a node has the folder open
	known   []Checkpoint
	state   treeState
	edge    map[string][]byte // content of the partial files, read together with the checkpoint
	tiles   map[compact.NodeID][]byte
	journal [][]byte // entries behind the checkpoint
	report  Report
	fail    error // found by visit, which cannot return it
	last    Entry
}

// snapshot reads what changes while a node writes: checkpoint and partial
// files. They belong together when the checkpoint is still the same afterwards.
func (c *checker) snapshot(verifier note.Verifier) error {
	for {
		err := c.tryShot(verifier)
		if err == nil || !c.live {
			return err
		}
		if stop := c.ctx.Err(); stop != nil {
			return fault.Wrap(stop, fault.Interrupted, "the audit log could not be read in one piece", "try again when the node is less busy")
		}
		now, readErr := os.ReadFile(filepath.Join(c.dir, checkpointFile))
		if readErr == nil && string(now) == c.report.Checkpoint.Text {
			return err // nothing moved: the folder really is so
		}
	}
}

func (c *checker) tryShot(verifier note.Verifier) error {
	text, err := os.ReadFile(filepath.Join(c.dir, checkpointFile))
	if err != nil {
		return broken("the signed checkpoint cannot be read: " + err.Error())
	}
	c.report.Checkpoint.Text = string(text)
	if c.report.Checkpoint, err = ParseCheckpoint(string(text), verifier); err != nil {
		return err
	}
	if c.state, err = readState(c.dir); err != nil {
		return broken(err.Error())
	}
	if c.state.Size < c.report.Checkpoint.Size {
		return broken(fmt.Sprintf("the checkpoint was signed over %d entries, and there are %d", c.report.Checkpoint.Size, c.state.Size))
	}
	size := c.size()
	c.edge = map[string][]byte{}
	for _, file := range edge(size) {
		if c.edge[file], err = readEdge(c.dir, file); err != nil {
			return broken(err.Error())
		}
	}
	again, err := os.ReadFile(filepath.Join(c.dir, checkpointFile))
	if err != nil || !bytes.Equal(again, text) {
		return broken("the checkpoint changes all the time")
	}
	return nil
}

// size of the tree that is checked: without a running node all that is there,
// with one what it has signed.
func (c *checker) size() uint64 {
	if c.live {
		return c.report.Checkpoint.Size
	}
	return c.state.Size
}

func (c *checker) check() error {
	size := c.size()
	if err := c.readJournal(); err != nil {
		return err
	}
	for _, k := range c.known {
		if k.Size > size {
			return fmt.Errorf("a checkpoint over %d entries is known, and there are only %d: the tail was cut off, or an older copy restored", k.Size, size)
		}
	}
	c.tiles = map[compact.NodeID][]byte{}
	r := ranges.NewEmptyRange(0)
	if err := c.compare(r, 0); err != nil {
		return err
	}
	for index := uint64(0); index*width < size; index++ {
		if err := c.ctx.Err(); err != nil {
			return fault.Wrap(err, fault.Interrupted, "the verification was stopped", "start it again")
		}
		if err := c.block(r, index); err != nil {
			return err
		}
	}
	if err := c.flush(); err != nil {
		return err
	}
	if !c.live {
		root, err := r.GetRootHash(nil)
		if size == 0 {
			root = rfc6962.DefaultHasher.EmptyRoot()
		}
		if err != nil || !bytes.Equal(root, c.state.Root) {
			return errors.New("the tree's state is not that of the entries")
		}
	}
	return c.strangers()
}

// readJournal reads what a crash left to be signed at the next start. Entries
// behind the checkpoint that the journal does not have were not put there by the node.
func (c *checker) readJournal() (err error) {
	if c.live {
		return nil
	}
	signed := c.report.Checkpoint.Size
	if c.journal, _, err = readJournal(filepath.Join(c.dir, journalDir), signed); err != nil {
		return err
	}
	c.report.Unsigned = uint64(len(c.journal))
	if c.state.Size-signed > uint64(len(c.journal)) {
		return fmt.Errorf("the checkpoint was signed over %d entries, and there are %d", signed, c.state.Size)
	}
	return nil
}

// block checks the entries of one bundle.
func (c *checker) block(r *compact.Range, index uint64) error {
	p := layout.PartialTileSize(0, index, c.size())
	raw, err := c.read(layout.EntriesPath(index, p))
	if err != nil {
		return err
	}
	leaves, err := bundle(raw, tileWidth(p))
	if err != nil {
		return fmt.Errorf("entries %d and following: %w", index*width, err)
	}
	for i, leaf := range leaves {
		at := index*width + uint64(i)
		if err := r.Append(rfc6962.DefaultHasher.HashLeaf(leaf), c.visit); err != nil {
			return err
		}
		if c.fail != nil {
			return c.fail
		}
		if signed := c.report.Checkpoint.Size; at >= signed && !bytes.Equal(leaf, c.journal[at-signed]) {
			return fmt.Errorf("entry %d differs from the journal", at)
		}
		if err := c.entry(at, leaf); err != nil {
			return err
		}
		if err := c.compare(r, at+1); err != nil {
			return err
		}
	}
	return nil
}

// entry checks one line, and its clock against the one before.
func (c *checker) entry(at uint64, leaf []byte) error {
	e, err := decode(at, leaf)
	if err != nil {
		return err
	}
	if e.Clock == clockWentBack {
		c.report.ClockBack++
	}
	if back := at > 0 && e.Logged.Before(c.last.Logged); back != (e.Clock == clockWentBack) {
		return fmt.Errorf("entry %d does not fit the time of the entry before it", at)
	}
	c.last = e
	c.report.Entries = at + 1
	return nil
}

// compare checks the tree of n entries against the checkpoints of that size.
func (c *checker) compare(r *compact.Range, n uint64) error {
	signed := c.report.Checkpoint
	if n != signed.Size && !slices.ContainsFunc(c.known, func(k Checkpoint) bool { return k.Size == n }) {
		return nil
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		return err
	}
	if n == 0 {
		root = rfc6962.DefaultHasher.EmptyRoot()
	}
	for _, k := range c.known {
		if k.Size != n {
			continue
		}
		if !bytes.Equal(k.Root, root) {
			return c.blame(fmt.Errorf("the first %d entries are not those of a checkpoint kept elsewhere", n))
		}
		c.report.Known++
	}
	if n == signed.Size && !bytes.Equal(signed.Root, root) {
		return c.blame(fmt.Errorf("the %d entries are not those that the checkpoint was signed over", n))
	}
	return nil
}

// visit collects the hashes of the rebuilt tree that tiles hold, and compares
// each tile as soon as it is full.
func (c *checker) visit(id compact.NodeID, hash []byte) {
	if id.Level%layout.TileHeight != 0 || c.fail != nil {
		return
	}
	level, index := uint64(id.Level)/layout.TileHeight, id.Index/width
	key := compact.NewNodeID(uint(level), index)
	c.tiles[key] = append(c.tiles[key], hash...)
	if id.Index%width == width-1 {
		c.fail = c.compareTile(level, index, 0, c.tiles[key])
		delete(c.tiles, key)
	}
}

// flush compares the partial tiles at the right edge.
func (c *checker) flush() error {
	for key, hashes := range c.tiles {
		if err := c.compareTile(uint64(key.Level), key.Index, uint8(len(hashes)/rfc6962.DefaultHasher.Size()), hashes); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) compareTile(level, index uint64, partial uint8, want []byte) error {
	file := layout.TilePath(level, index, partial)
	raw, err := c.read(file)
	if err != nil {
		return err
	}
	if bytes.Equal(raw, want) {
		return nil
	}
	if at, ok := differs(raw, want); ok && level == 0 {
		return fmt.Errorf("entry %d is not what its hash in %s says: entry or hash was changed", index*width+at, file)
	}
	return fmt.Errorf("%s does not hold the hashes of the entries", file)
}

// differs finds the first hash that two lists do not share.
func differs(a, b []byte) (at uint64, ok bool) {
	size := rfc6962.DefaultHasher.Size()
	for i := 0; i+size <= min(len(a), len(b)); i += size {
		if !bytes.Equal(a[i:i+size], b[i:i+size]) {
			return uint64(i / size), true
		}
	}
	return 0, false
}

// blame names the entry behind a wrong root, where the hashes on the disk tell.
func (c *checker) blame(wrong error) error {
	for key, want := range c.tiles {
		if key.Level > 0 {
			continue
		}
		file := layout.TilePath(0, key.Index, layout.PartialTileSize(0, key.Index, c.size()))
		raw, err := c.read(file)
		if err != nil {
			continue
		}
		if at, ok := differs(raw, want); ok {
			return fmt.Errorf("entry %d is not what its hash in %s says: entry or hash was changed (%w)", key.Index*width+at, file, wrong)
		}
	}
	return wrong
}

// read gives a file of the log: from the snapshot, or from the disk, where a
// full file never changes.
func (c *checker) read(file string) ([]byte, error) {
	if raw, ok := c.edge[file]; ok {
		return raw, nil
	}
	path := filepath.Join(c.dir, file)
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is missing", file)
	}
	return os.ReadFile(path)
}

// strangers refuses files that are no part of the log: nothing may be hidden
// beside it. A running node, or one that was killed while entries were under
// way, leaves some; they are removed at its next start.
func (c *checker) strangers() error {
	if raw, err := os.ReadFile(filepath.Join(c.dir, stateDir, "version")); err != nil || string(raw) != "1" {
		return errors.New(stateDir + "/version was changed")
	}
	if c.live || len(c.journal) > 0 {
		return nil
	}
	return filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := filepath.Rel(c.dir, path)
		if err != nil {
			return err
		}
		if file = filepath.ToSlash(file); !belongs(file, c.size()) {
			return fmt.Errorf("%s is no part of the log", file)
		}
		if info, err := d.Info(); err != nil || strings.HasSuffix(file, ".lock") && info.Size() > 0 {
			return fmt.Errorf("%s was changed", file)
		}
		return nil
	})
}

// inUse says whether a node has the folder open.
func inUse(dir string) bool {
	f, err := lockDir(dir)
	if err != nil {
		return fault.CodeOf(err) == fault.Conflict
	}
	f.Close()
	return false
}
