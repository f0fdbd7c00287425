package link

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"consilium/fault"
)

// maxSecret bounds the small files of this package.
const maxSecret = 1 << 20

func makeDirs(dir string, under ...string) error {
	for _, d := range append([]string{"."}, under...) {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return ioFault(err, "the folder "+dir+" cannot be made")
		}
	}
	return nil
}

func ioFault(err error, what string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.NotFound, what, "check the path")
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fault.Wrap(err, fault.StoreFull, what, "free space on the disk")
	}
	return fault.Wrap(err, fault.IO, what, "check permissions and free disk space")
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, ioFault(err, path+" cannot be read")
	}
	if info.Size() > maxSecret {
		return nil, fault.New(fault.InputTooLarge, path+" is larger than such a file can be", "restore it from a backup")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, ioFault(err, path+" cannot be read")
	}
	return text, nil
}

// writeTemp writes a file beside path, on disk, readable by its owner only.
func writeTemp(path string, text []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return "", ioFault(err, path+" cannot be written")
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", ioFault(err, path+" cannot be written")
	}
	return f.Name(), nil
}

// createSecret writes a file unless it is there already, which is no error.
func createSecret(path string, text []byte) error {
	temp, err := writeTemp(path, text)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp) }()
	if err := os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return ioFault(err, path+" cannot be written")
	}
	return syncDir(path)
}

// writeSecret replaces a file as a whole.
func writeSecret(path string, text []byte) error {
	temp, err := writeTemp(path, text)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return ioFault(err, path+" cannot be written")
	}
	return syncDir(path)
}

// syncDir makes a new name of a file last.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return ioFault(err, path+" cannot be written")
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	if err != nil {
		return ioFault(err, path+" cannot be written")
	}
	return nil
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fault.Wrap(err, fault.Internal, path+" cannot be written", "please report it")
	}
	return writeSecret(path, text)
}

func readJSON(path string, v any) error {
	text, err := readSecret(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fault.Wrap(err, fault.StoreCorrupt, path+" cannot be read", "restore it from a backup, or join again")
	}
	return nil
}

// lockFile waits for a lock that Invite, Revoke and the hub share. The kernel gives it back when a process ends.
func lockFile(path string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), shortWait)
	defer cancel()
	l := flock.New(path, flock.SetPermissions(0o600))
	if got, err := l.TryLockContext(ctx, 10*time.Millisecond); err != nil || !got {
		return nil, fault.Wrap(err, fault.Conflict, path+" is held by another process", "try again; see whether another Consilium hangs")
	}
	return func() { _ = l.Unlock() }, nil
}

// holdDir says that this process runs the hub of a folder. Errors: CONFLICT.
func holdDir(dir string) (release func(), err error) {
	l := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	got, err := l.TryLock()
	if err != nil {
		return nil, ioFault(err, "the folder "+dir+" cannot be locked")
	}
	if !got {
		return nil, fault.New(fault.Conflict, "another process uses the folder "+dir, "stop it first")
	}
	return func() { _ = l.Unlock() }, nil
}
