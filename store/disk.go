package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"consilium/fault"
)

// disk keeps blobs as files: blobs/ab/cdef..., written as blobs/tmp/*, synced,
// and only then renamed; the directory is synced after. A file with a blob's
// name is therefore whole, whatever happened.
type disk struct {
	root, tmp string
	sweep     sync.RWMutex // held for writing while a blob is removed
}

const (
	blobDir = "blobs"
	tmpDir  = "tmp"
)

func openDisk(dataDir string, clear bool) (*disk, error) {
	d := &disk{root: filepath.Join(dataDir, blobDir)}
	d.tmp = filepath.Join(d.root, tmpDir)
	if clear {
		if err := os.RemoveAll(d.tmp); err != nil { // what an earlier process did not finish
			return nil, failed(err, "unfinished blobs cannot be cleared")
		}
	}
	if err := os.MkdirAll(d.tmp, 0o700); err != nil {
		return nil, failed(err, "the folder of the blobs cannot be made")
	}
	return d, nil
}

func (d *disk) path(digest string) string {
	return filepath.Join(d.root, digest[:2], digest[2:])
}

func (d *disk) put(ctx context.Context, r io.Reader) (digest string, size int64, err error) {
	f, err := os.CreateTemp(d.tmp, "put-*")
	if err != nil {
		return "", 0, failed(err, "the blob cannot be written")
	}
	defer os.Remove(f.Name()) // does nothing after the rename
	defer f.Close()
	h := sha256.New()
	w := &blobWriter{w: io.MultiWriter(f, h)}
	if size, err = io.Copy(w, &patient{ctx, r}); err != nil {
		if w.err != nil || ctx.Err() != nil {
			err = failed(err, "the blob was not written")
		}
		return "", 0, err // the reader's own error stays what it is
	}
	digest = hex.EncodeToString(h.Sum(nil))
	return digest, size, d.settle(f, f.Name(), digest)
}

// blobWriter remembers that it was the writer that failed.
type blobWriter struct {
	w   io.Writer
	err error
}

func (w *blobWriter) Write(b []byte) (n int, err error) {
	n, err = w.w.Write(b)
	w.err = err
	return n, err
}

func (d *disk) adopt(ctx context.Context, path string) (digest string, size int64, err error) {
	f, err := openReceived(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, &patient{ctx, f}); err != nil {
		return "", 0, failed(err, "the received file cannot be read")
	}
	digest = hex.EncodeToString(h.Sum(nil))
	err = d.settle(f, path, digest)
	if !errors.Is(err, syscall.EXDEV) {
		return digest, size, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", 0, failed(err, "the received file cannot be read")
	}
	if digest, size, err = d.put(ctx, f); err == nil { // another file system
		err = failed(os.Remove(path), "the received file cannot be removed")
	}
	return digest, size, err
}

// openReceived opens a file that is to become a blob; a link or a pipe is none.
func openReceived(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, fault.Wrap(err, fault.IO, "the received file is gone", "send it again")
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	return f, failed(err, "the received file cannot be opened")
}

// settle makes the file at path the blob of that digest, durably.
func (d *disk) settle(f *os.File, path, digest string) error {
	d.sweep.RLock()
	defer d.sweep.RUnlock()
	target := d.path(digest)
	folder := filepath.Dir(target)
	if err := makeFolder(folder); err != nil {
		return failed(err, "the blob was not written")
	}
	now := time.Now()
	if os.Chtimes(target, now, now) == nil { // here already: as new for the sweep
		if err := os.Remove(path); err != nil {
			return failed(err, "the copy of a blob cannot be removed")
		}
		return failed(syncDir(folder), "the blob was not written") // who wrote it may not have come this far
	}
	if err := errors.Join(f.Chmod(0o400), f.Sync()); err != nil {
		return failed(err, "the blob was not written")
	}
	if err := os.Rename(path, target); err != nil {
		return failed(err, "the blob was not written")
	}
	return failed(syncDir(folder), "the blob was not written")
}

// makeFolder makes a folder whose own entry is durable.
func makeFolder(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d *disk) open(_ context.Context, digest string) (io.ReadSeekCloser, error) {
	f, err := os.Open(d.path(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "there is no blob "+digest[:12]+"...", doRestore)
	}
	if err != nil {
		return nil, failed(err, "the blob cannot be opened")
	}
	return f, nil
}

func (d *disk) each(ctx context.Context, f func(digest string, size int64, changed time.Time) error) error {
	folders, err := os.ReadDir(d.root)
	if err != nil {
		return failed(err, "the blobs cannot be listed")
	}
	for _, folder := range folders {
		files, err := os.ReadDir(filepath.Join(d.root, folder.Name()))
		if err != nil {
			return failed(err, "the blobs cannot be listed")
		}
		for _, file := range files {
			digest := folder.Name() + file.Name()
			info, err := file.Info()
			if err != nil || !validDigest(digest) {
				continue // just removed, or not ours
			}
			if err := errors.Join(ctx.Err(), f(digest, info.Size(), info.ModTime())); err != nil {
				return failed(err, "the blobs cannot be listed")
			}
		}
	}
	return nil
}

func (d *disk) remove(_ context.Context, digest string, before time.Time) (bool, error) {
	d.sweep.Lock()
	defer d.sweep.Unlock()
	info, err := os.Stat(d.path(digest))
	if err != nil || !info.ModTime().Before(before) {
		return false, nil
	}
	return true, failed(os.Remove(d.path(digest)), "the blob cannot be removed")
}
