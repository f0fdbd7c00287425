package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

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

// all reads every row of a query, which therefore needs a LIMIT or a narrow key.
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

// query reads outside of a transaction.
func (s *Store) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return s.reader.QueryContext(ctx, s.placeholders(text), args...)
}

// placeholders turns `?` into what the database reads. No text of ours holds
// a question mark that is not a placeholder.
func (s *Store) placeholders(text string) string {
	if s.dialect != migrations.Postgres {
		return text
	}
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
