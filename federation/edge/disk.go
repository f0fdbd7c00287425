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

	"github.com/gofrs/flock"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
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
	root  string
	lock  *flock.Flock
	write func(path string, content []byte) error // folder.Write; tests do not wait for the platters
	fail  func(op, path string) error             // tests: the disk is full, or the process is dead
}

func openDisk(root string, folders ...string) (*disk, error) {
	for _, f := range folders {
		if err := os.MkdirAll(filepath.Join(root, f), 0o700); err != nil {
			return nil, folder.Failed(err, "the folder "+root+" cannot be made")
		}
	}
	d := &disk{root: root, write: folder.Write, lock: flock.New(filepath.Join(root, "lock"), flock.SetPermissions(0o600))}
	got, err := d.lock.TryLock()
	if err != nil {
		return nil, folder.Failed(err, "the folder "+root+" cannot be locked")
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
func (d *disk) put(in, name string, content []byte) error {
	path := d.path(in, name)
	err := d.may("put", path)
	if err == nil {
		err = d.write(path, content)
	}
	return folder.Failed(err, in+"/"+name+" cannot be written")
}

// remove deletes a file; one that is gone is no error. A removal that a crash undoes is made again when the folder
// is opened, so nothing waits for the platters here.
func (d *disk) remove(in, name string) error {
	path := d.path(in, name)
	err := d.may("remove", path)
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return folder.Failed(err, in+"/"+name+" cannot be removed")
}

func (d *disk) has(in, name string) bool {
	_, err := os.Lstat(d.path(in, name))
	return err == nil
}

// read gives a file of at most limit bytes.
func (d *disk) read(in, name string, limit int64) ([]byte, error) {
	info, err := os.Stat(d.path(in, name))
	if err == nil && info.Size() > limit {
		return nil, fault.New(fault.StoreCorrupt, in+"/"+name+" is larger than it can be", "it was not written by Consilium; restore the folder")
	}
	if err != nil {
		return nil, folder.Failed(err, in+"/"+name+" cannot be read")
	}
	text, err := os.ReadFile(d.path(in, name))
	return text, folder.Failed(err, in+"/"+name+" cannot be read")
}

// list gives the files of a folder by name, and clears what a crash left half written.
func (d *disk) list(in string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(d.path(in))
	if err != nil {
		return nil, folder.Failed(err, "the folder "+in+" cannot be listed")
	}
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		if strings.HasSuffix(e.Name(), folder.Unfinished) {
			os.Remove(d.path(in, e.Name()))
			return true
		}
		return !e.Type().IsRegular()
	}), nil
}

// kept is a file that is named after a case.
type kept struct {
	key
	name string
	size int64
}

// cases gives the files of a folder that are named after cases, by age.
func (d *disk) cases(in string) (all []kept, err error) {
	files, err := d.list(in)
	for _, f := range files {
		k, ok := parseKey(f.Name())
		if info, err := f.Info(); ok && err == nil {
			all = append(all, kept{k, f.Name(), info.Size()})
		}
	}
	return all, err
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
