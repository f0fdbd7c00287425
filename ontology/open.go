package ontology

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"consilium/fault"
)

// What lies in the folder "ontology" of a data directory.
const (
	folder       = "ontology"
	manifestName = "sources.json" // which files the base is made of; written last
	originals    = "originals"    // these files, byte for byte, each named by its SHA-256
	cacheName    = "base.cache"   // derived from them
	lockName     = "lock"
)

const maxManifest = 1 << 20

// Open gives the base that was imported into a data directory, else the built-in
// sample, whose Synthetic is true. A cache that is damaged or of an older version
// of the program is built again from the kept originals.
func Open(dir string) (*Base, error) {
	b, _, err := open(dir)
	return b, err
}

// open also tells why the cache could not be used, when it could not.
func open(dir string) (b *Base, stale, err error) {
	home := filepath.Join(dir, folder)
	sources, err := readManifest(home)
	if err != nil {
		return nil, nil, err
	}
	if sources == nil {
		b, err = Sample()
		return b, nil, err
	}
	b, stale = loadCache(home, sources)
	if stale == nil {
		return b, nil, nil
	}
	if b, err = rebuild(home, sources); err != nil {
		return nil, stale, err
	}
	_ = replace(filepath.Join(home, cacheName), encodeCache(b)) // a disk that cannot be written to costs time, not the answer
	return b, stale, nil
}

// State is what `consilium ontology status` shows.
type State struct {
	Base     *Base
	Imported bool          // false: the built-in sample
	Stale    error         // why the cache had to be built again; nil when it was whole
	Took     time.Duration // to open it
}

// Check opens the base of a data directory and compares the kept originals with their SHA-256.
func Check(dir string) (State, error) {
	start := time.Now()
	b, stale, err := open(dir)
	if err != nil {
		return State{}, err
	}
	s := State{Base: b, Stale: stale, Took: time.Since(start)}
	home := filepath.Join(dir, folder)
	sources, err := readManifest(home)
	s.Imported = sources != nil
	for _, source := range sources {
		sum, _, err := kept(home, source).through(context.Background(), func(*bounded) error { return nil })
		if err != nil || sum != source.SHA256 {
			return State{}, damaged(source, err)
		}
	}
	return s, err
}

func loadCache(home string, sources []Source) (*Base, error) {
	path := filepath.Join(home, cacheName)
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxCache {
		return nil, unusable("it is missing or too large")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, unusable("it cannot be read")
	}
	return decodeCache(data, sources)
}

// kept is the original of a source in the data directory.
func kept(home string, s Source) file {
	f := onDisk(filepath.Join(home, originals, s.SHA256))
	f.name = s.Name
	return f
}

func rebuild(home string, sources []Source) (*Base, error) {
	files := make([]file, len(sources))
	for i, s := range sources {
		files[i] = kept(home, s)
	}
	b, err := read(context.Background(), files)
	if err != nil {
		return nil, fault.Wrap(err, fault.StoreCorrupt, "the ontology cannot be built again from its kept originals", again)
	}
	for i, s := range b.Sources {
		if s.SHA256 != sources[i].SHA256 {
			return nil, damaged(s, nil)
		}
	}
	return b, nil
}

const again = "import the files again: `consilium ontology import FILE...`"

func damaged(s Source, err error) error {
	return fault.Wrap(err, fault.StoreCorrupt, "the kept original of "+s.Name+" is not what was imported", again)
}

// readManifest gives the sources of the imported base; nil when nothing was imported.
func readManifest(home string) ([]Source, error) {
	f, err := os.Open(filepath.Join(home, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the imported ontology cannot be opened", "check the data directory's rights")
	}
	defer f.Close()
	var sources []Source
	if err := json.NewDecoder(io.LimitReader(f, maxManifest)).Decode(&sources); err != nil {
		return nil, fault.Wrap(err, fault.StoreCorrupt, "the list of the imported files cannot be read", again)
	}
	for _, s := range sources {
		if sum, err := hex.DecodeString(s.SHA256); err != nil || len(sum) != 32 {
			return nil, fault.New(fault.StoreCorrupt, fmt.Sprintf("the list of the imported files names no SHA-256 for %q", s.Name), again)
		}
	}
	if len(sources) == 0 {
		return nil, fault.New(fault.StoreCorrupt, "the list of the imported files is empty", again)
	}
	return sources, nil
}
