package govern

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
)

// The folder of a log of n entries holds exactly these files, and verification
// counts on it:
//
//	checkpoint               the signed checkpoint
//	.state/treeState         size and root that tessera has integrated
//	.state/version, *.lock   tessera's own
//	journal/*                entries that are not in the tree yet; empty when the node is not running
//	tile/entries/N[.p/W]     256 entries each; the last one with its width W
//	tile/L/N[.p/W]           256 hashes of level 8L each; the last one of each level with its width
//
// tessera leaves the partial files of earlier sizes behind; superseded names
// them so that they can be removed.
const (
	stateDir  = ".state"
	stateFile = stateDir + "/treeState"
	tileDir   = "tile"
	temporary = ".part-"
	width     = layout.EntryBundleWidth
)

// treeState is tessera's record of the integrated tree.
type treeState struct {
	Size uint64 `json:"size"`
	Root []byte `json:"root"`
}

func readState(dir string) (treeState, error) {
	raw, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return treeState{}, err
	}
	var s treeState
	if err := json.Unmarshal(raw, &s); err != nil {
		return treeState{}, fmt.Errorf("the tree's state cannot be read: %w", err)
	}
	again, err := json.Marshal(s)
	if err != nil || !bytes.Equal(again, raw) {
		return treeState{}, errors.New("the tree's state is not as it was written")
	}
	if len(s.Root) != sha256.Size {
		return treeState{}, errors.New("the tree's root has the wrong length")
	}
	return s, nil
}

// levels of tiles that a log of n entries has.
func levels(n uint64) uint64 {
	var l uint64
	for ; n > 0; n >>= layout.TileHeight {
		l++
	}
	return l
}

// edge lists the partial files of a log of n entries, relative to its folder:
// at most one bundle and one tile a level.
func edge(n uint64) []string {
	var files []string
	if p := n % width; p > 0 {
		files = append(files, layout.EntriesPath(n/width, uint8(p)))
	}
	for l := range levels(n) {
		nodes := n >> (layout.TileHeight * l)
		if p := nodes % width; p > 0 {
			files = append(files, layout.TilePath(l, nodes/width, uint8(p)))
		}
	}
	return files
}

// superseded lists the partial files that a log has left behind while it grew
// from n entries to m: those of n, and of sizes in between.
func superseded(dir string, n, m uint64) ([]string, error) {
	var old []string
	list := func(path string) error {
		names, err := os.ReadDir(filepath.Join(dir, path+".p"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, name := range names {
			if file := path + ".p/" + name.Name(); !expected(file, m) {
				old = append(old, file)
			}
		}
		return nil
	}
	for l := range levels(m) {
		shift := layout.TileHeight * l
		for index := n >> shift / width; index <= m>>shift/width; index++ {
			if err := list(layout.TilePath(l, index, 0)); err != nil {
				return nil, err
			}
			if l > 0 {
				continue
			}
			if err := list(layout.EntriesPath(index, 0)); err != nil {
				return nil, err
			}
		}
	}
	return old, nil
}

// removeFiles deletes partial files and the folders that become empty by it.
func removeFiles(dir string, files []string) error {
	for _, file := range files {
		path := filepath.Join(dir, file)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_ = os.Remove(filepath.Dir(path)) // refused while others are in it
	}
	return nil
}

// expected says whether a log of n entries has this file (slash-separated,
// relative to its folder).
func expected(file string, n uint64) bool {
	kind, rest, ok := strings.Cut(strings.TrimPrefix(file, tileDir+"/"), "/")
	if !ok || !strings.HasPrefix(file, tileDir+"/") {
		return false
	}
	level := "0"
	if kind != "entries" {
		level = kind
	}
	l, index, p, err := layout.ParseTileLevelIndexPartial(level, rest)
	if err != nil || l >= levels(n) {
		return false
	}
	path := layout.TilePath(l, index, p)
	if kind == "entries" {
		path = layout.EntriesPath(index, p)
	}
	if path != file { // another spelling of the same number
		return false
	}
	nodes := n >> (layout.TileHeight * l)
	if p == 0 {
		return index < nodes/width
	}
	return index == nodes/width && uint64(p) == nodes%width
}

// belongs says whether the folder of a log of n entries has this file.
func belongs(file string, n uint64) bool {
	switch file {
	case checkpointFile, stateFile, stateDir + "/version", stateDir + "/treeState.lock", stateDir + "/publish.lock":
		return true
	}
	return strings.HasPrefix(file, journalDir+"/") || expected(file, n)
}

// tree reads the files of a log of a given size.
type tree struct {
	dir  string
	size uint64
}

// tile reads a tile of the tree. It has the signature that tessera's client
// asks for; the width is that of the tree, whatever is asked.
func (t tree) tile(_ context.Context, level, index uint64, _ uint8) ([]byte, error) {
	p := layout.PartialTileSize(level, index, t.size)
	raw, err := os.ReadFile(filepath.Join(t.dir, layout.TilePath(level, index, p)))
	if err != nil {
		return nil, err
	}
	if want := tileWidth(p) * sha256.Size; len(raw) != want {
		return nil, fmt.Errorf("tile %d of level %d has %d bytes instead of %d", index, level, len(raw), want)
	}
	return raw, nil
}

// leaves reads an entry bundle of the tree.
func (t tree) leaves(index uint64) ([][]byte, error) {
	p := layout.PartialTileSize(0, index, t.size)
	raw, err := os.ReadFile(filepath.Join(t.dir, layout.EntriesPath(index, p)))
	if err != nil {
		return nil, err
	}
	leaves, err := bundle(raw, tileWidth(p))
	if err != nil {
		return nil, fmt.Errorf("entries %d and following: %w", index*width, err)
	}
	return leaves, nil
}

func tileWidth(partial uint8) int {
	if partial == 0 {
		return width
	}
	return int(partial)
}

// root computes the root hash of the first n entries from the tiles.
func (t tree) root(ctx context.Context, n uint64) ([]byte, error) {
	if n == 0 {
		return rfc6962.DefaultHasher.EmptyRoot(), nil
	}
	nodes, err := client.FetchRangeNodes(ctx, n, t.tile)
	if err != nil {
		return nil, err
	}
	r, err := ranges.NewRange(0, n, nodes)
	if err != nil {
		return nil, err
	}
	return r.GetRootHash(nil)
}

// bundle splits the bytes of an entry bundle into exactly want leaves.
func bundle(raw []byte, want int) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(raw); err != nil {
		return nil, err
	}
	if len(b.Entries) != want {
		return nil, fmt.Errorf("there are %d entries instead of %d", len(b.Entries), want)
	}
	return b.Entries, nil
}

// mend writes the partial files of a log of n entries again where a batch that
// was cut short has replaced them by full ones.
func mend(dir string, n uint64) error {
	for _, file := range edge(n) {
		path := filepath.Join(dir, file)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			continue
		}
		raw, err := readEdge(dir, file)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := replaceFile(path, raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readEdge reads a partial file, or, where the log has grown past it, the
// beginning of a longer one: of a batch that was cut short, or in a copy that
// was made while the log grew.
func readEdge(dir, file string) ([]byte, error) {
	path := filepath.Join(dir, file)
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		return os.ReadFile(path)
	}
	full, partial, _ := strings.Cut(file, ".p/")
	keep, err := strconv.Atoi(partial)
	if err != nil {
		return nil, err
	}
	for longer := keep + 1; longer <= width; longer++ {
		name := full
		if longer < width {
			name = full + ".p/" + strconv.Itoa(longer)
		}
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if raw, err = prefix(raw, keep, longer, strings.HasPrefix(file, tileDir+"/entries/")); err != nil {
			return nil, fmt.Errorf("%s is missing, and %s does not replace it: %w", file, name, err)
		}
		return raw, nil
	}
	return nil, fmt.Errorf("%s is missing", file)
}

// prefix gives the bytes of the first n of so many hashes or entries.
func prefix(raw []byte, n, of int, entries bool) ([]byte, error) {
	end := n * sha256.Size
	if entries {
		leaves, err := bundle(raw, of)
		if err != nil {
			return nil, err
		}
		end = 0
		for _, leaf := range leaves[:n] {
			end += 2 + len(leaf)
		}
	}
	if end > len(raw) {
		return nil, errors.New("it is too short")
	}
	return raw[:end], nil
}
