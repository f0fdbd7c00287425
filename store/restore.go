package store

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
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
	"consilium/store/migrations"
)

// restoreLimit bounds a restore that has no deadline of its own.
const restoreLimit = 24 * time.Hour

// Limits of a backup that is read.
const (
	maxSmall   = 256 << 20 // bytes of backup.json, of the manifest, of one piece of a table
	maxEntries = 50_000_000
)

// Restore makes a data directory from a backup: o.DataDir must not exist, or be
// empty, and a PostgreSQL database must be empty. A backup of one database can
// be restored into the other. Everything is checked against the manifest; the
// directory appears when all of it is good, and after an error nothing is left.
// Errors: CONFLICT when there is something already, USAGE when a place for a
// node is named and the backup holds none, STORE_CORRUPT when the backup is cut
// or was changed, INPUT_UNSUPPORTED when it is of a newer program, STORE_FULL,
// STORE_FAILED.
func Restore(ctx context.Context, file string, o Options, c Copying) (BackupInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, restoreLimit)
	defer cancel()
	if entries, err := os.ReadDir(o.DataDir); err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return BackupInfo{}, fault.New(fault.Conflict, o.DataDir+" is there already and not empty", "name a new folder; nothing is overwritten")
	}
	f, err := os.Open(file)
	if err != nil {
		return BackupInfo{}, fault.Wrap(err, fault.InputMissing, "the backup cannot be opened", "check the path")
	}
	defer f.Close()
	final := filepath.Clean(o.DataDir)
	if err := os.MkdirAll(filepath.Dir(final), 0o700); err != nil {
		return BackupInfo{}, failed(err, "the data directory cannot be made")
	}
	if o.DataDir, err = os.MkdirTemp(filepath.Dir(final), ".restore-*"); err != nil {
		return BackupInfo{}, failed(err, "the data directory cannot be made")
	}
	defer os.RemoveAll(o.DataDir)
	info, err := restoreInto(ctx, f, o, c.filled())
	if err != nil {
		return info, err
	}
	os.Remove(final) // when it is there and empty
	if err := os.Rename(o.DataDir, final); err != nil {
		return info, failed(err, "the data directory cannot be made")
	}
	return info, failed(syncDir(filepath.Dir(final)), "the data directory cannot be made")
}

func restoreInto(ctx context.Context, f io.Reader, o Options, c Copying) (info BackupInfo, err error) {
	r, err := newRestore(ctx, f, o, c)
	if err != nil {
		return info, err
	}
	err = r.run(ctx)
	if err == nil && c.Finish != nil {
		err = c.Finish(o.DataDir, r.info)
	}
	if r.s == nil {
		return r.info, err
	}
	if err != nil && o.URL != "" {
		err = errors.Join(err, r.s.dropAll()) // the directory goes by itself
	}
	return r.info, errors.Join(err, r.s.Close())
}

// restore is one that is under way.
type restore struct {
	Copying
	s       *Store // nil: the backup holds no node
	dataDir string
	tar     *tar.Reader
	info    BackupInfo
	seen    []Listed
	done    int64
}

func newRestore(ctx context.Context, f io.Reader, o Options, c Copying) (*restore, error) {
	packed, err := zstd.NewReader(f, zstd.WithDecoderMaxMemory(1<<30), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return nil, damaged(err)
	}
	r := &restore{tar: tar.NewReader(packed), dataDir: o.DataDir, Copying: c}
	head, err := r.tar.Next()
	if err != nil || head.Name != backupHead {
		return nil, damaged(err)
	}
	text, err := r.read(head)
	if err == nil {
		err = json.Unmarshal(text, &r.info)
	}
	if err != nil {
		return nil, damaged(err)
	}
	if r.info.Format != backupFormat {
		return nil, fault.New(fault.InputUnsupported, "the backup has a format that this program does not know", "use the program that made it, or a newer one")
	}
	if len(r.info.Schema) == 0 {
		if o.URL != "" || o.Bucket != "" {
			return nil, fault.New(fault.Usage, "the backup holds no node", "restore it without naming a database or an object store")
		}
		return r, nil
	}
	r.s, err = openEmpty(ctx, o, r.info.Schema)
	return r, err
}

// run reads entry by entry. Rows come first.
func (r *restore) run(ctx context.Context) error {
	head, err := r.tar.Next()
	if r.s != nil {
		head, err = r.rows(ctx, head, err)
	}
	for ; len(r.seen) < maxEntries; head, err = r.tar.Next() {
		if err != nil {
			return damaged(err)
		}
		switch {
		case head.Name == backupManifest:
			return errors.Join(r.check(head), syncTree(r.dataDir))
		case strings.HasPrefix(head.Name, blobsDir) && r.s != nil:
			err = r.blob(ctx, head)
		case strings.HasPrefix(head.Name, filesDir):
			err = r.file(ctx, head)
		default:
			err = damaged(nil)
		}
		if err != nil {
			return err
		}
	}
	return damaged(nil)
}

// rows reads the rows, which go in as one transaction, and gives the entry behind them.
func (r *restore) rows(ctx context.Context, head *tar.Header, err error) (*tar.Header, error) {
	begun := false
	err = r.s.Tx(ctx, func(tx *Tx) error {
		if begun {
			return fault.New(fault.StoreFailed, "others write to the database that is restored", "let nothing else use it meanwhile")
		}
		begun = true // the rows pass by once
		for ; err == nil && strings.HasPrefix(head.Name, tablesDir); head, err = r.tar.Next() {
			if err := r.table(ctx, tx, head); err != nil {
				return err
			}
		}
		if err != nil {
			return damaged(err)
		}
		return tx.countOn(ctx)
	})
	if err == nil {
		err = r.s.migrate(ctx) // a backup of an older program
	}
	return head, err
}

func damaged(err error) error {
	var coded *fault.Error
	if errors.As(err, &coded) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return failed(err, "the restore was ended")
	}
	return fault.Wrap(err, fault.StoreCorrupt, "the backup is cut, was changed, or is none", "use another backup")
}

func (r *restore) table(ctx context.Context, tx *Tx, head *tar.Header) error {
	name := path.Base(path.Dir(head.Name))
	known, err := migrations.Tables()
	if err != nil {
		return failed(err, "the schema cannot be read")
	}
	if !slices.ContainsFunc(known, func(t migrations.Table) bool { return t.Name == name }) {
		return fault.New(fault.InputUnsupported, "the backup has a table that this program does not know", "use the program that made it, or a newer one")
	}
	text, err := r.read(head)
	if err != nil {
		return damaged(err)
	}
	return tx.loadRows(ctx, name, text)
}

func (r *restore) blob(ctx context.Context, head *tar.Header) error {
	digest := strings.TrimPrefix(head.Name, blobsDir)
	got, size, err := r.s.PutBlob(ctx, r.tar)
	if err != nil {
		return failed(err, "an object cannot be restored")
	}
	if got != digest || size != head.Size {
		return damaged(nil)
	}
	r.seen = append(r.seen, Listed{head.Name, size, got})
	r.done += size
	r.Progress(r.done, max(r.info.Bytes, r.done))
	return nil
}

func (r *restore) file(ctx context.Context, head *tar.Header) error {
	name := strings.TrimPrefix(head.Name, filesDir)
	first, _, _ := strings.Cut(name, "/")
	if !fs.ValidPath(name) || head.Typeflag != tar.TypeReg || slices.Contains(notInBackup, first) {
		return damaged(nil)
	}
	if r.Leave(name) { // an older program copied it
		h := sha256.New()
		n, err := io.Copy(h, &patient{ctx, r.tar})
		if err != nil {
			return damaged(err)
		}
		r.seen = append(r.seen, Listed{head.Name, n, hex.EncodeToString(h.Sum(nil))})
		return nil
	}
	root, err := os.OpenRoot(r.dataDir)
	if err != nil {
		return failed(err, "the data directory cannot be written")
	}
	defer root.Close()
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return failed(err, "the data directory cannot be written")
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return failed(err, "a file cannot be restored")
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), &patient{ctx, r.tar})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return failed(err, "a file cannot be restored")
	}
	r.seen = append(r.seen, Listed{head.Name, n, hex.EncodeToString(h.Sum(nil))})
	return nil
}

// read takes a small entry whole.
func (r *restore) read(head *tar.Header) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r.tar, maxSmall+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSmall {
		return nil, fault.New(fault.InputTooLarge, "an entry of the backup is too large", "use another backup")
	}
	sum := sha256.Sum256(text)
	r.seen = append(r.seen, Listed{head.Name, int64(len(text)), hex.EncodeToString(sum[:])})
	return text, nil
}

// syncTree makes the entries of all folders durable.
func syncTree(root string) error {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = syncDir(path)
		}
		return err
	})
	return failed(err, "the data directory cannot be written")
}

// check compares what was read with the manifest, which is the last entry.
func (r *restore) check(head *tar.Header) error {
	seen := slices.Clone(r.seen)
	text, err := r.read(head)
	if err != nil {
		return damaged(err)
	}
	var want []Listed
	if err := json.Unmarshal(text, &want); err != nil || !slices.Equal(want, seen) {
		return damaged(err)
	}
	if _, err := r.tar.Next(); err != io.EOF {
		return damaged(err)
	}
	return nil
}
