package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"consilium/fault"
)

// Ways out that several errors share.
const (
	doRoom    = "free some room on the disk of the data directory; nothing half-written was kept"
	doRestore = "stop the node and restore the latest backup with `consilium restore`"
	doLog     = "look at the log and the disk; what was not confirmed was not kept"
)

// failed codes an error of the database or the file system; a coded error
// and nil pass as they are.
func failed(err error, what string) error {
	var coded *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &coded):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return fault.Wrap(err, fault.NotFound, what, "check the identifier")
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, what, "try again; the store is busy or its disk is slow")
	case errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Interrupted, what, "")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(err, fault.StoreFull, what, doRoom)
	}
	switch codeOf(err) {
	case full:
		return fault.Wrap(err, fault.StoreFull, what, doRoom)
	case constraint:
		return fault.Wrap(err, fault.Conflict, what, "what is there already forbids it")
	case corrupt:
		return fault.Wrap(err, fault.StoreCorrupt, what, doRestore)
	}
	return fault.Wrap(err, fault.StoreFailed, what, doLog)
}

// kind of a database's error, the same for both.
type kind int

const (
	other kind = iota
	busy       // another writer was in the way: the transaction may be tried again
	full
	constraint
	corrupt
)

// Primary result codes of SQLite, sqlite.org/rescode.html.
var sqliteKinds = map[int]kind{5: busy, 6: busy, 11: corrupt, 13: full, 19: constraint, 26: corrupt}

// Codes of PostgreSQL, appendix A of its manual; two digits are a whole class.
var postgresKinds = map[string]kind{"40001": busy, "40P01": busy, "55P03": busy, "53100": full, "23": constraint, "XX001": corrupt, "XX002": corrupt}

func codeOf(err error) kind {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return sqliteKinds[lite.Code()&0xff]
	}
	var post *pgconn.PgError
	if errors.As(err, &post) {
		if k, known := postgresKinds[post.Code]; known {
			return k
		}
		return postgresKinds[post.Code[:min(2, len(post.Code))]]
	}
	if strings.Contains(err.Error(), "database is locked") { // modernc tells it as text when a pragma meets it
		return busy
	}
	return other
}
