package npz

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"consilium/fault"
)

// inMemory is Options.InMemory when that is 0.
const inMemory = 64 << 20

// store takes the decoded images of a set in one pass and then gives any of
// them back: a deflated array cannot be seeked. It is memory for small sets
// and a file, removed with the set, for others.
type store struct {
	io.Writer
	io.ReaderAt
	file *os.File
	path string
}

// newStore makes a store for size bytes. Its file lies in the user's cache
// directory, because the system's temporary directory is often memory itself.
func newStore(size int64, o Options) (*store, error) {
	if size <= cmp.Or(o.InMemory, inMemory) {
		values := &memory{}
		values.Grow(int(size))
		return &store{Writer: values, ReaderAt: values}, nil
	}
	dir := o.Spool
	if dir == "" {
		dir = os.TempDir()
		if cache, err := os.UserCacheDir(); err == nil {
			dir = filepath.Join(cache, "consilium")
		}
	}
	do := fmt.Sprintf("make room for %d MiB there, or choose another directory", size>>20)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.IO, "no directory for decoded images", do)
	}
	file, err := os.CreateTemp(dir, "images-*")
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "no file for decoded images", do)
	}
	// Where the system allows it, unlink at once: a crash then leaves nothing behind.
	path := file.Name()
	if os.Remove(path) == nil {
		path = ""
	}
	return &store{Writer: file, ReaderAt: file, file: file, path: path}, nil
}

func (s *store) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.path != "" {
		err = errors.Join(err, os.Remove(s.path))
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "the file of decoded images cannot be closed", "")
	}
	return nil
}

// memory is a growing byte slice that can be read anywhere.
type memory struct{ bytes.Buffer }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.Bytes()).ReadAt(p, off)
}
