package edge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"consilium/fault"
	"consilium/federation"
)

// Folders of a desk.
const (
	casesDir   = "cases"
	askedDir   = "asked"
	outboxDir  = "outbox"
	heldDir    = "held"
	resultsDir = "results"
	tmpDir     = "tmp"
)

// disk is a folder in which every file is whole or not there.
type disk struct {
	root string
	lock *flock.Flock
	fail func(op, path string) error // tests: the disk is full, or the process is dead
	fast bool                        // tests: without waiting for the platters
}

func openDisk(root string, folders ...string) (*disk, error) {
	for _, f := range folders {
		if err := os.MkdirAll(filepath.Join(root, f), 0o700); err != nil {
			return nil, refusedByDisk(err, "the folder "+root+" cannot be made")
		}
	}
	d := &disk{root: root, lock: flock.New(filepath.Join(root, "lock"), flock.SetPermissions(0o600))}
	got, err := d.lock.TryLock()
	if err != nil {
		return nil, refusedByDisk(err, "the folder "+root+" cannot be locked")
	}
	if !got {
		return nil, fault.New(fault.Conflict, "another process uses "+root, "stop it, or choose another folder")
	}
	return d, nil
}

func (d *disk) close() error { return d.lock.Unlock() }

func (d *disk) path(name ...string) string {
	return filepath.Join(append([]string{d.root}, name...)...)
}

func (d *disk) may(op, path string) error {
	if d.fail == nil {
		return nil
	}
	return d.fail(op, path)
}

// put replaces a file durably: after a crash it is the old one or the new one.
func (d *disk) put(folder, name string, content []byte) error {
	path := d.path(folder, name)
	err := d.may("put", path)
	if err == nil {
		err = d.replace(path, content)
	}
	return refusedByDisk(err, folder+"/"+name+" cannot be written")
}

func (d *disk) replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil && !d.fast {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return d.settle(filepath.Dir(path))
}

// settle makes the names in a folder durable.
func (d *disk) settle(folder string) error {
	if d.fast {
		return nil
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// remove deletes a file; one that is gone is no error. A removal that a crash undoes is made again when the folder
// is opened, so nothing waits for the platters here.
func (d *disk) remove(folder, name string) error {
	path := d.path(folder, name)
	err := d.may("remove", path)
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return refusedByDisk(err, folder+"/"+name+" cannot be removed")
}

func (d *disk) has(folder, name string) bool {
	_, err := os.Lstat(d.path(folder, name))
	return err == nil
}

// read gives a file of at most limit bytes.
func (d *disk) read(folder, name string, limit int64) ([]byte, error) {
	info, err := os.Stat(d.path(folder, name))
	if err == nil && info.Size() > limit {
		return nil, fault.New(fault.StoreCorrupt, folder+"/"+name+" is larger than it can be", "it was not written by Consilium; restore the folder")
	}
	if err != nil {
		return nil, refusedByDisk(err, folder+"/"+name+" cannot be read")
	}
	text, err := os.ReadFile(d.path(folder, name))
	return text, refusedByDisk(err, folder+"/"+name+" cannot be read")
}

// list gives the files of a folder by name, and clears what a crash left half written.
func (d *disk) list(folder string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(d.path(folder))
	if err != nil {
		return nil, refusedByDisk(err, "the folder "+folder+" cannot be listed")
	}
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		if strings.HasPrefix(e.Name(), ".part-") {
			os.Remove(d.path(folder, e.Name()))
			return true
		}
		return !e.Type().IsRegular()
	}), nil
}

// refusedByDisk makes a coded error of what a file system said; coded errors pass. Errors: STORE_FULL, IO.
func refusedByDisk(err error, what string) error {
	var coded *fault.Error
	switch {
	case err == nil || errors.As(err, &coded):
		return err
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(err, fault.StoreFull, what, "make room on the disk; what was kept before is whole")
	}
	return fault.Wrap(err, fault.IO, what, "check the folder's permissions and the disk")
}

// key names a case in the folders: the number in which it was accepted, then its ID, so that names sort by age.
type key struct {
	seq uint64
	id  string
}

func (k key) String() string { return fmt.Sprintf("%016x-%s", k.seq, k.id) }

// parseKey reads SEQ-ID.EXT.
func parseKey(name string) (key, bool) {
	if i := strings.IndexByte(name, '.'); i >= 0 {
		name = name[:i]
	}
	if len(name) < 18 || name[16] != '-' || !federation.Word(name[17:]) {
		return key{}, false
	}
	seq, err := strconv.ParseUint(name[:16], 16, 64)
	return key{seq, name[17:]}, err == nil
}
