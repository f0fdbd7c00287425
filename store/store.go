// Package store is where everything that the node knows is kept: an index in
// SQL (SQLite in the data directory by default, PostgreSQL by URL) and the
// objects themselves as blobs named by their SHA-256. All SQL of the program
// is in this package, one file a subject.
//
// To add a subject:
//
//   - its tables go into migrations/NNNN_subject.sql (package migrations says
//     which types both databases share);
//   - its types and methods go into subject.go: what writes is a method of *Tx,
//     with a method of *Store around it where it is wanted alone; what reads
//     is a method of *Store, takes a Reader when it reads patient data, and
//     puts Reader.may into its SQL;
//   - write `?` placeholders, times by micros and at, truth by bit; read rows
//     by one or all with a scan function beside the type; every error comes
//     out coded (NOT_FOUND, CONFLICT, STORE_FULL, STORE_CORRUPT, STORE_FAILED);
//   - a column that names a blob goes into blobColumns, or the sweep takes the
//     blob for an orphan;
//   - its test goes into storetest, where both databases must pass it.
package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"consilium/fault"
	"consilium/store/migrations"
)

// Options say where the store is.
type Options struct {
	DataDir string        // blobs, and the index when URL is ""; made when absent
	URL     string        // "" = SQLite in DataDir, "postgres://..." = PostgreSQL
	Bucket  string        // "" = blobs in DataDir, "s3://..." = in an object store
	Timeout time.Duration // for what comes without a deadline; 0 = DefaultTimeout
	Log     *slog.Logger  // nil = silent

	// Shared opens the store beside a running node: nothing is locked,
	// migrated or cleaned. For verbs that look in.
	Shared bool

	schema []int64 // Restore: an empty store, and only these migrations
}

// DefaultTimeout bounds every statement and transaction whose context has no
// deadline of its own.
const DefaultTimeout = 30 * time.Second

// Store is the open store. Its methods may be called from many goroutines.
type Store struct {
	dialect migrations.Dialect
	writer  *sql.DB
	reader  *sql.DB       // PostgreSQL: the writer
	reading statements    // SQLite only, as the next two
	writing statements    // on the one connection that writes
	turn    chan struct{} // held by who writes
	blobs   blobs
	dataDir string
	timeout time.Duration
	log     *slog.Logger
	lock    *dirLock
	close   sync.Once
}

// Open opens the store and brings its schema up to date. After a stop that was
// not clean it checks the index first (SQLite) and clears what was half written.
// Errors: CONFLICT (another process has the directory), STORE_CORRUPT,
// STORE_FULL, STORE_FAILED.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{dialect: migrations.SQLite, dataDir: o.DataDir, timeout: o.Timeout, log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.timeout <= 0 {
		s.timeout = DefaultTimeout
	}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) (err error) {
	if o.DataDir == "" {
		return fault.New(fault.Usage, "the store needs a data directory", "give one with --data-dir")
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return failed(err, "the data directory cannot be made")
	}
	unclean := false
	if !o.Shared {
		if s.lock, unclean, err = lockDir(o.DataDir); err != nil {
			return err
		}
	}
	if o.URL == "" {
		err = s.openSQLite(ctx, filepath.Join(o.DataDir, IndexFile), unclean)
	} else {
		err = s.openPostgres(ctx, o.URL)
	}
	if err != nil {
		return err
	}
	switch {
	case o.schema != nil:
		err = s.migrateTo(ctx, o.schema)
	case !o.Shared:
		err = s.migrate(ctx)
	}
	if err != nil {
		return err
	}
	if err := s.oneWriter(ctx); err != nil {
		return err
	}
	s.blobs, err = openBlobs(ctx, o)
	return err
}

// DataDir is the directory that the store was opened with.
func (s *Store) DataDir() string { return s.dataDir }

// Close ends the store; a second call does nothing.
func (s *Store) Close() error {
	var errs []error
	s.close.Do(func() {
		for _, p := range []*sql.DB{s.reader, s.writer} {
			if p != nil {
				errs = append(errs, p.Close())
			}
		}
		if s.lock != nil {
			errs = append(errs, s.lock.release(errors.Join(errs...) == nil))
		}
	})
	return failed(errors.Join(errs...), "the store did not close cleanly")
}

// Ping says whether the index answers.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return failed(s.reader.PingContext(ctx), "the index does not answer")
}

// bounded gives a context that ends: nothing here waits for ever.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, s.timeout)
}
