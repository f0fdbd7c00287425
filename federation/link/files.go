package link

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"consilium/fault"
	"consilium/federation/folder"
)

// maxSecret bounds the small files of this package.
const maxSecret = 1 << 20

func makeDirs(dir string, under ...string) error {
	for _, d := range append([]string{"."}, under...) {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return folder.Failed(err, "the folder "+dir+" cannot be made")
		}
	}
	return nil
}

func readSecret(path string) ([]byte, error) { return folder.Read(path, maxSecret) }

func readJSON(path string, v any) error { return folder.ReadJSON(path, maxSecret, v) }

// lockFile waits for a lock that the writers of some files share: Invite, Revoke and the hub; Join and a running site.
// The kernel gives it back when a process ends.
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
		return nil, folder.Failed(err, "the folder "+dir+" cannot be locked")
	}
	if !got {
		return nil, fault.New(fault.Conflict, "another process uses the folder "+dir, "stop it first")
	}
	return func() { _ = l.Unlock() }, nil
}
