package ontology

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"consilium/fault"
)

// Import reads the files of an ontology (see Read), keeps copies of them byte for
// byte in the data directory with their SHA-256, and writes a cache that loads
// fast. The given files are not altered. What was imported before stays in place
// until all is written: a crash leaves the old base or the new one. progress is
// told what happens; it may be nil.
func Import(ctx context.Context, dir string, progress func(string), paths ...string) (*Base, error) {
	if progress == nil {
		progress = func(string) {}
	}
	home := filepath.Join(dir, folder)
	if err := os.MkdirAll(filepath.Join(home, originals), 0o755); err != nil {
		return nil, unwritable(err)
	}
	lock := flock.New(filepath.Join(home, lockName))
	if held, err := lock.TryLock(); err != nil {
		return nil, unwritable(err)
	} else if !held {
		return nil, fault.New(fault.Conflict, "another import runs in this data directory", "wait until it has ended")
	}
	defer func() { _ = lock.Unlock() }()

	files := make([]file, len(paths))
	for i, path := range paths {
		files[i] = onDisk(path)
	}
	progress("reading")
	todo, err := sorted(ctx, files)
	if err != nil {
		return nil, err
	}
	b, err := assemble(ctx, todo)
	if err != nil {
		return nil, err
	}
	for _, s := range b.Sources {
		progress(fmt.Sprintf("keeping %s (%s %s)", s.Name, s.Kind, s.Version))
		if err := keep(ctx, home, s, todo[s.Kind]); err != nil {
			return nil, err
		}
	}
	progress("writing the cache")
	if err := replace(filepath.Join(home, cacheName), encodeCache(b)); err != nil {
		return nil, unwritable(err)
	}
	manifest, err := json.MarshalIndent(b.Sources, "", "  ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the list of files cannot be written", "please report it")
	}
	if err := replace(filepath.Join(home, manifestName), append(manifest, '\n')); err != nil {
		return nil, unwritable(err)
	}
	forget(home, b.Sources)
	return b, nil
}

func unwritable(err error) error {
	return fault.Wrap(err, fault.IO, "the ontology cannot be kept in the data directory", "check its rights and the room on the disk")
}

// keep copies the original of a source. Its digest must be that of the bytes which were read.
func keep(ctx context.Context, home string, s Source, original file) error {
	in, err := original.open()
	if err != nil {
		return fault.Wrap(err, fault.InputMissing, "the file cannot be opened", "check its name")
	}
	defer in.Close()
	sum := newDigest()
	err = replaceBy(filepath.Join(home, originals, s.SHA256), func(w io.Writer) error {
		if _, err := io.Copy(io.MultiWriter(w, sum), &bounded{r: in, left: maxUnpacked, ctx: ctx}); err != nil {
			return err
		}
		if sum.hex() != s.SHA256 {
			return fault.New(fault.Conflict, s.Name+" changed while it was imported", "import it again")
		}
		return nil
	})
	var coded *fault.Error
	if err == nil || errors.As(err, &coded) || ctx.Err() != nil {
		return err
	}
	return unwritable(err)
}

// forget removes originals that no source names any more.
func forget(home string, sources []Source) {
	used := map[string]bool{}
	for _, s := range sources {
		used[s.SHA256] = true
	}
	entries, err := os.ReadDir(filepath.Join(home, originals))
	if err != nil {
		return // they take room and do no harm
	}
	for _, e := range entries {
		if !used[e.Name()] {
			_ = os.Remove(filepath.Join(home, originals, e.Name()))
		}
	}
}

// replace writes a file so that there is the old content or the new one, never a part.
func replace(path string, content []byte) error {
	return replaceBy(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

func replaceBy(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
