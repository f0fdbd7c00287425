package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"consilium/store/migrations"
)

// Tx is a write transaction. It belongs to the function that it was given to.
type Tx struct {
	s  *Store
	tx *sql.Tx
}

// Tx runs f in a write transaction: what f did is kept whole when f and the
// commit succeed, and durable when Tx returns; otherwise nothing of it is.
// When another writer was in the way f runs again, until the context's deadline
// (or the store's timeout): f must have no effect outside of the transaction,
// and must return the first error that it meets in it.
func (s *Store) Tx(ctx context.Context, f func(tx *Tx) error) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		err := s.tryTx(ctx, f)
		if err == nil || codeOf(err) != busy {
			return failed(err, "the change was not stored")
		}
		select {
		case <-ctx.Done():
			return failed(errors.Join(ctx.Err(), err), "the change was not stored: other writers were in the way")
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

func (s *Store) tryTx(ctx context.Context, f func(tx *Tx) error) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.end()
	if err := f(&Tx{s, tx.Tx}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return tx.Commit()
}

// begun is a transaction and what is given back when it is over.
type begun struct {
	*sql.Tx
	over func()
}

func (b begun) end() {
	_ = b.Rollback() // does nothing after Commit
	b.over()
}

// begin starts a transaction. SQLite has one writer: who wants to write waits
// for the turn here. Its transaction ends by commit or rollback only, never
// by the context in the midst of f, because statements run on the connection.
func (s *Store) begin(ctx context.Context) (begun, error) {
	if s.dialect == migrations.Postgres {
		tx, err := s.writer.BeginTx(ctx, nil)
		return begun{tx, func() {}}, err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return begun{}, ctx.Err()
	}
	tx, err := s.writing.on.(*sql.Conn).BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		<-s.turn
		return begun{}, err
	}
	return begun{tx, func() { <-s.turn }}, nil
}

// exec changes rows and says how many.
func (t *Tx) exec(ctx context.Context, text string, args ...any) (n int64, err error) {
	var res sql.Result
	if t.s.dialect == migrations.Postgres {
		res, err = t.tx.ExecContext(ctx, placeholders(text), args...)
	} else {
		err = t.s.writing.with(ctx, text, func(st *sql.Stmt) error {
			res, err = st.ExecContext(ctx, args...)
			return err
		})
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *Tx) query(ctx context.Context, text string, args ...any) (rows *sql.Rows, err error) {
	if t.s.dialect == migrations.Postgres {
		return t.tx.QueryContext(ctx, placeholders(text), args...)
	}
	err = t.s.writing.with(ctx, text, func(st *sql.Stmt) error {
		rows, err = st.QueryContext(ctx, args...)
		return err
	})
	return rows, err
}

// bounded: the transaction has its deadline already.
func (t *Tx) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}
