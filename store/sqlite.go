package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"runtime"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"consilium/fault"
	"consilium/store/migrations"
)

// IndexFile is the name of the SQLite index in the data directory.
const IndexFile = "index.db"

// The index is in WAL mode, so that readers never wait for the writer, and
// synchronous=FULL: what a peer was told is stored outlives a power cut.
// docs/store.md has what that costs.
var sqlitePragmas = []string{
	"busy_timeout(10000)", // first: it must hold for the pragmas after it
	"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	"case_sensitive_like(1)", "temp_store(MEMORY)", "cache_size(-16000)", "journal_size_limit(67108864)",
}

func sqliteURL(path string, pragmas []string, more ...string) string {
	q := url.Values{"_pragma": append(append([]string{}, pragmas...), more...)}
	q.Set("_txlock", "immediate")
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String()
}

func (s *Store) openSQLite(ctx context.Context, path string, unclean bool) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	writer, err := sql.Open("sqlite", sqliteURL(path, sqlitePragmas))
	if err != nil {
		return failed(err, "the index cannot be opened")
	}
	s.writer = writer
	if err := writer.PingContext(ctx); err != nil {
		return failed(err, "the index cannot be opened")
	}
	if unclean {
		s.log.Warn("the node did not stop cleanly; the index is checked")
		if err := s.checkSQLite(ctx); err != nil {
			return err
		}
	}
	reader, err := sql.Open("sqlite", sqliteURL(path, sqlitePragmas, "query_only(1)"))
	if err != nil {
		return failed(err, "the index cannot be opened")
	}
	n := max(4, 2*runtime.NumCPU())
	reader.SetMaxOpenConns(n)
	reader.SetMaxIdleConns(n)
	s.reader, s.reading.on = reader, reader
	return nil
}

// oneWriter sets the connection apart that transactions write on.
func (s *Store) oneWriter(ctx context.Context) error {
	if s.dialect != migrations.SQLite {
		return nil
	}
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return failed(err, "the index cannot be opened")
	}
	s.writing.on, s.turn = conn, make(chan struct{}, 1)
	return nil
}

// checkSQLite reads every page of the index and compares it with its neighbours.
func (s *Store) checkSQLite(ctx context.Context) error {
	var answer string
	if err := s.writer.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&answer); err != nil {
		return failed(err, "the index cannot be checked")
	}
	if answer != "ok" {
		return fault.New(fault.StoreCorrupt, fmt.Sprintf("the index is damaged: %.200s", answer), doRestore)
	}
	return nil
}
