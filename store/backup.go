package store

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"consilium/fault"
)

// A backup is one tar file, compressed with zstd (RFC 8878):
//
//	backup.json             what it is: format, schema, time
//	tables/NAME/000000.jsonl rows, column names first; the same for both databases; none without a node
//	blobs/DIGEST            every object that the rows name
//	files/...               everything else in the data directory: audit log, keys ...
//	manifest.json           every entry before it with its size and SHA-256
//
// The manifest comes last, so that a backup that was cut has none.
const (
	backupHead     = "backup.json"
	backupManifest = "manifest.json"
	tablesDir      = "tables/"
	blobsDir       = "blobs/"
	filesDir       = "files/"
	backupFormat   = 1
)

// notInBackup are entries of the data directory that are not copied as files:
// kept in another form, or of no use to another process.
var notInBackup = []string{IndexFile, IndexFile + "-wal", IndexFile + "-shm", blobDir, "lock", "running", "spool", "scratch", "queue"}

// BackupInfo is what a backup says of itself.
type BackupInfo struct {
	Format  int       `json:"format"`
	Made    time.Time `json:"made"`
	Schema  []int64   `json:"schema"` // migrations that were applied
	Objects int       `json:"objects"`
	Bytes   int64     `json:"bytes"` // of the objects
}

// Listed is one line of the manifest.
type Listed struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Progress is told how many of how many bytes of objects are done.
type Progress func(done, total int64)

// Copying is what a backup and a restore are told beside the place.
type Copying struct {
	Progress Progress // nil: nobody is told

	// Leave says which other files are not copied, by their path below the
	// data directory; a folder's path leaves all of it. nil: all are copied.
	Leave func(name string) bool

	// Finish sees the restored directory before it appears under its name.
	Finish func(dir string, of BackupInfo) error
}

func (c Copying) filled() Copying {
	if c.Progress == nil {
		c.Progress = func(int64, int64) {}
	}
	if c.Leave == nil {
		c.Leave = func(string) bool { return false }
	}
	return c
}

// Backup writes a backup to a new file, while the node runs: the index as of
// one moment, every object that it names, and then the other files, so that the
// audit log is never behind the index. The file appears when it is whole, and
// only its owner may read it: it holds the node's keys.
// Errors: CONFLICT when the file is there already, STORE_FULL, STORE_FAILED,
// STORE_CORRUPT when an object is not what was written.
func (s *Store) Backup(ctx context.Context, path string, c Copying) (BackupInfo, error) {
	return writeBackup(ctx, path, &backup{s: s, dataDir: s.dataDir, Copying: c.filled()})
}

// BackupFiles is Backup of a data directory in which there is no node: a
// backup without index and objects. Errors: those of Backup, and INPUT_MISSING
// when there are a node's objects all the same.
func BackupFiles(ctx context.Context, dataDir, path string, c Copying) (BackupInfo, error) {
	if _, err := os.Lstat(filepath.Join(dataDir, blobDir)); err == nil {
		return BackupInfo{}, fault.New(fault.InputMissing, "the data directory holds a node's objects and no index", "name the node's database with --store")
	}
	return writeBackup(ctx, path, &backup{dataDir: dataDir, Copying: c.filled()})
}

func writeBackup(ctx context.Context, path string, b *backup) (BackupInfo, error) {
	if _, err := os.Lstat(path); err == nil {
		return BackupInfo{}, fault.New(fault.Conflict, path+" is there already", "name a new file; a backup is never overwritten")
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".backup-*")
	if err != nil {
		return BackupInfo{}, failed(err, "the backup cannot be written")
	}
	defer os.Remove(f.Name())
	defer f.Close()
	err = b.pack(ctx, f)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Link(f.Name(), path) // fails when another was faster
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return b.info, failed(err, "the backup was not written")
}

// backup is one that is being written.
type backup struct {
	Copying
	s       *Store // nil: there is no node
	dataDir string
	tar     *tar.Writer
	info    BackupInfo
	listed  []Listed
}

func (b *backup) pack(ctx context.Context, w io.Writer) error {
	packed, err := zstd.NewWriter(w)
	if err != nil {
		return failed(err, "the backup cannot be written")
	}
	b.tar = tar.NewWriter(packed)
	if err := b.write(ctx); err != nil {
		return errors.Join(err, packed.Close())
	}
	return failed(errors.Join(b.tar.Close(), packed.Close()), "the backup was not written")
}

func (b *backup) write(ctx context.Context) error {
	b.info = BackupInfo{Format: backupFormat, Made: time.Now().UTC()}
	err := b.node(ctx)
	if err == nil {
		err = b.files(ctx)
	}
	if err != nil {
		return err
	}
	return b.json(backupManifest, b.listed)
}

// node writes what the node's store keeps, after the head.
func (b *backup) node(ctx context.Context) error {
	if b.s == nil {
		return b.json(backupHead, b.info)
	}
	snap, err := b.s.snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.end()
	digests, err := snap.blobs(ctx)
	if err != nil {
		return err
	}
	b.info.Objects = len(digests)
	if b.info.Schema, err = all(ctx, snap, "the schema cannot be read", value[int64], "SELECT version_id FROM goose_db_version WHERE version_id > 0 AND is_applied ORDER BY id"); err != nil {
		return err
	}
	if b.info.Bytes, err = one(ctx, snap, "the objects cannot be counted", value[int64], "SELECT coalesce(sum(size), 0) FROM (SELECT DISTINCT blob, size FROM instances) AS objects"); err != nil {
		return err
	}
	if err := b.json(backupHead, b.info); err != nil {
		return err
	}
	if err := snap.tables(ctx, b.bytes); err != nil {
		return err
	}
	snap.end() // the objects stay: an object that is named is not swept
	return b.blobs(ctx, digests)
}

func (b *backup) blobs(ctx context.Context, digests []string) error {
	done := int64(0)
	for _, digest := range digests {
		r, err := b.s.OpenBlob(ctx, digest)
		if err != nil {
			return err
		}
		size, err := r.Seek(0, io.SeekEnd)
		if err == nil {
			_, err = r.Seek(0, io.SeekStart)
		}
		if err == nil {
			err = b.entry(blobsDir+digest, size, &patient{ctx, r})
		}
		if err = errors.Join(err, r.Close()); err != nil {
			return failed(err, "an object cannot be read")
		}
		if b.listed[len(b.listed)-1].SHA256 != digest {
			return fault.New(fault.StoreCorrupt, "blob "+digest[:12]+"... is not what was written", "restore an earlier backup; this one would keep the damage")
		}
		done += size
		b.Progress(done, max(b.info.Bytes, done))
	}
	return nil
}

// files copies what else lies in the data directory, in the order of names: a
// hash tree's checkpoint goes before the tiles that it needs.
func (b *backup) files(ctx context.Context) error {
	root, err := os.OpenRoot(b.dataDir)
	if err != nil {
		return failed(err, "the data directory cannot be read")
	}
	defer root.Close()
	copied := map[string]bool{}
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return b.instead(root, name, copied)
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return failed(err, "the data directory cannot be read")
		}
		if b.left(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		err = b.file(root, name, copied)
		if errors.Is(err, fs.ErrNotExist) {
			return b.instead(root, name, copied)
		}
		return err
	})
}

// left says whether a file or folder is not copied.
func (b *backup) left(name string) bool { return slices.Contains(notInBackup, name) || b.Leave(name) }

// file copies one file, once. A file that is gone gives fs.ErrNotExist.
func (b *backup) file(root *os.Root, name string, copied map[string]bool) error {
	if copied[name] {
		return nil
	}
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil {
		return failed(err, "a file of the data directory cannot be read")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return failed(err, "a file of the data directory cannot be read")
	}
	copied[name] = true
	return b.entry(filesDir+name, info.Size(), io.LimitReader(f, info.Size())) // a log may grow meanwhile
}

// instead copies what has come in the place of a file that is gone since it was
// listed: a hash tree replaces a partial tile by a longer one beside it, or by
// the full one a folder up, which the walk has passed.
func (b *backup) instead(root *os.Root, gone string, copied map[string]bool) error {
	for try := 0; try < 20; try++ {
		lost := false
		for _, dir := range []string{path.Dir(gone), path.Dir(path.Dir(gone))} {
			entries, err := fs.ReadDir(root.FS(), dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return failed(err, "the data directory cannot be read")
			}
			for _, e := range entries {
				name := path.Join(dir, e.Name())
				if !e.Type().IsRegular() || b.left(name) {
					continue
				}
				if err := b.file(root, name, copied); errors.Is(err, fs.ErrNotExist) {
					lost = true
				} else if err != nil {
					return err
				}
			}
		}
		if !lost {
			return nil
		}
	}
	return nil // it changes faster than it can be read; opening the copy tells whether something is missing
}

func (b *backup) json(name string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return failed(err, "the backup cannot be written")
	}
	return b.bytes(name, text)
}

func (b *backup) bytes(name string, content []byte) error {
	return b.entry(name, int64(len(content)), bytes.NewReader(content))
}

func (b *backup) entry(name string, size int64, r io.Reader) error {
	if err := b.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: b.info.Made, Format: tar.FormatPAX}); err != nil {
		return failed(err, "the backup cannot be written")
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(b.tar, h), r)
	if err == nil && n != size {
		err = fmt.Errorf("%s shrank while it was read", strings.TrimPrefix(name, filesDir))
	}
	if err != nil {
		return failed(err, "the backup cannot be written")
	}
	b.listed = append(b.listed, Listed{name, size, hex.EncodeToString(h.Sum(nil))})
	return nil
}
