package store

import (
	"context"
	"time"
)

// PendingEvent is an audit event that its transaction has made durable and that
// is not in the audit log yet.
type PendingEvent struct {
	ID   string
	Made time.Time
	Body []byte // JSON
}

// AddEvent keeps an event together with what it tells of.
func (t *Tx) AddEvent(ctx context.Context, e PendingEvent) error {
	_, err := t.exec(ctx, `INSERT INTO pending_events (id, created_us, body) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`, e.ID, micros(e.Made), string(e.Body))
	return failed(err, "the audit event was not stored")
}

// PendingEvents gives the oldest events that the audit log still lacks.
func (s *Store) PendingEvents(ctx context.Context, limit int) ([]PendingEvent, error) {
	return all(ctx, s, "the pending audit events cannot be read", func(r scanner) (PendingEvent, error) {
		var e PendingEvent
		var us int64
		var body string
		err := r.Scan(&e.ID, &us, &body)
		e.Made, e.Body = at(us), []byte(body)
		return e, err
	}, `SELECT id, created_us, body FROM pending_events ORDER BY created_us, id LIMIT ?`, limit)
}

// DropEvents forgets events that the audit log has.
func (s *Store) DropEvents(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return s.Tx(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `DELETE FROM pending_events WHERE id IN (`+marks(len(ids))+`)`, anys(ids)...)
		return failed(err, "the pending audit events were not removed")
	})
}
