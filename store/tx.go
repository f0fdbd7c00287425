package store

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"
)

// Tx is a write transaction.
type Tx struct {
	s  *Store
	tx *sql.Tx
}

// Tx runs f in a write transaction: what f did is kept whole when f and the
// commit succeed, and durable when Tx returns; otherwise nothing of it is.
// When another writer was in the way f runs again, until the context's deadline
// (or the store's timeout): f must have no effect outside of the transaction.
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
			return failed(err, "the change was not stored: other writers were in the way")
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

func (s *Store) tryTx(ctx context.Context, f func(tx *Tx) error) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := f(&Tx{s, tx}); err != nil {
		return err
	}
	return tx.Commit()
}

// exec changes rows and says how many.
func (t *Tx) exec(ctx context.Context, text string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, t.s.placeholders(text), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *Tx) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, t.s.placeholders(text), args...)
}

// bounded: the transaction has its deadline already.
func (t *Tx) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}
