package store

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"consilium/fault"
)

// dirLock says that this process has the data directory, and whether the last
// one that had it went away without closing the store.
type dirLock struct {
	lock   *flock.Flock
	marker string
}

// lockDir takes the directory. The lock ends with the process, however it ends; the marker does not.
func lockDir(dir string) (l *dirLock, unclean bool, err error) {
	l = &dirLock{flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600)), filepath.Join(dir, "running")}
	got, err := l.lock.TryLock()
	if err != nil {
		return nil, false, failed(err, "the data directory cannot be locked")
	}
	if !got {
		return nil, false, fault.New(fault.Conflict, "another process has this data directory", "stop it, or choose another --data-dir")
	}
	if _, err := os.Stat(l.marker); err == nil {
		unclean = true
	}
	f, err := os.OpenFile(l.marker, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, false, errors.Join(failed(err, "the data directory cannot be written"), l.lock.Unlock())
	}
	return l, unclean, failed(f.Close(), "the data directory cannot be written")
}

func (l *dirLock) release(clean bool) error {
	if clean {
		os.Remove(l.marker) // a marker too many costs one check
	}
	return l.lock.Unlock()
}
