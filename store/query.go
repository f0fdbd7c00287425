package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"consilium/store/migrations"
)

// querier runs SQL: a Store on its readers, a Tx inside its transaction.
type querier interface {
	query(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	bounded(ctx context.Context) (context.Context, context.CancelFunc)
}

// scanner is a row: *sql.Row and *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// one reads the one row of a query. None is NOT_FOUND, told by what.
func one[T any](ctx context.Context, q querier, what string, scan func(scanner) (T, error), text string, args ...any) (T, error) {
	found, err := all(ctx, q, what, scan, text, args...)
	if err == nil && len(found) == 0 {
		err = failed(sql.ErrNoRows, what)
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

// all reads every row of a query, which therefore needs a LIMIT or a narrow
// key. scan must not ask the store: it holds a connection.
func all[T any](ctx context.Context, q querier, what string, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	ctx, cancel := q.bounded(ctx)
	defer cancel()
	rows, err := q.query(ctx, text, args...)
	if err != nil {
		return nil, failed(err, what)
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, failed(err, what)
		}
		out = append(out, v)
	}
	return out, failed(rows.Err(), what)
}

// value is the scan function of a single column.
func value[T any](r scanner) (v T, err error) { return v, r.Scan(&v) }

// preparer is what statements are prepared on: all readers, or the one SQLite writer.
type preparer interface {
	PrepareContext(ctx context.Context, text string) (*sql.Stmt, error)
}

// statements keeps prepared statements by their text: for SQLite, parsing a
// short statement takes as long as running it. (pgx keeps them by itself.)
type statements struct {
	on   preparer
	kept sync.Map // text -> *sql.Stmt; they close with the connection
	n    atomic.Int64
}

// maxStatements bounds what is kept; texts are few unless lists in them vary.
const maxStatements = 512

// with calls f with the statement.
func (p *statements) with(ctx context.Context, text string, f func(*sql.Stmt) error) error {
	if known, ok := p.kept.Load(text); ok {
		return f(known.(*sql.Stmt))
	}
	st, err := p.on.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	if p.n.Load() < maxStatements {
		if _, raced := p.kept.LoadOrStore(text, st); !raced {
			p.n.Add(1)
			return f(st)
		}
	}
	defer st.Close() // rows that f opened keep it until they are read
	return f(st)
}

// query reads outside of a transaction.
func (s *Store) query(ctx context.Context, text string, args ...any) (rows *sql.Rows, err error) {
	if s.dialect == migrations.Postgres {
		return s.reader.QueryContext(ctx, placeholders(text), args...)
	}
	err = s.reading.with(ctx, text, func(st *sql.Stmt) error {
		rows, err = st.QueryContext(ctx, args...)
		return err
	})
	return rows, err
}

// placeholders turns each `?` into the `$n` that PostgreSQL reads. No text of
// ours holds a question mark that is not a placeholder.
func placeholders(text string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(text, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// marks gives n placeholders: "?, ?, ?".
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// anys turns a list into arguments.
func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
