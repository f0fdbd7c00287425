package store

import (
	"context"
	"time"
)

// States of a delivery.
const (
	DeliveryWaiting = "waiting"
	DeliverySent    = "sent"
	DeliveryFailed  = "failed" // given up; a person may have it tried again
)

// Delivery is one object that one receiver must get.
type Delivery struct {
	ID      string
	Study   string
	Object  string // SOP instance UID, or the message's own identifier
	Peer    string
	Kind    string // "dicom", "fhir", "hl7"
	State   string
	Tries   int
	Created time.Time
	Next    time.Time // not before
	Done    time.Time
	Problem string // of the last try
}

// AddDelivery puts an object on its way. The same ID is the same delivery.
func (t *Tx) AddDelivery(ctx context.Context, d Delivery) error {
	_, err := t.exec(ctx, `INSERT INTO deliveries (id, study_uid, object, peer, kind, state, tries, created_us, next_us, done_us, problem)
		VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, 0, '') ON CONFLICT (id) DO NOTHING`,
		d.ID, d.Study, d.Object, d.Peer, d.Kind, DeliveryWaiting, micros(d.Created), micros(d.Next))
	return failed(err, "the delivery was not stored")
}

// PutDelivery keeps what became of a try.
func (s *Store) PutDelivery(ctx context.Context, d Delivery) error {
	return s.Tx(ctx, func(t *Tx) error { return t.PutDelivery(ctx, d) })
}

// PutDelivery is Store.PutDelivery inside a transaction.
func (t *Tx) PutDelivery(ctx context.Context, d Delivery) error {
	_, err := t.exec(ctx, `UPDATE deliveries SET state = ?, tries = ?, next_us = ?, done_us = ?, problem = ? WHERE id = ?`,
		d.State, d.Tries, micros(d.Next), micros(d.Done), clean(d.Problem), d.ID)
	return failed(err, "the delivery was not stored")
}

const deliveryColumns = `SELECT id, study_uid, object, peer, kind, state, tries, created_us, next_us, done_us, problem FROM deliveries `

func scanDelivery(r scanner) (Delivery, error) {
	var d Delivery
	var created, next, done int64
	err := r.Scan(&d.ID, &d.Study, &d.Object, &d.Peer, &d.Kind, &d.State, &d.Tries, &created, &next, &done, &d.Problem)
	d.Created, d.Next, d.Done = at(created), at(next), at(done)
	return d, err
}

// DueDeliveries gives what is to be sent to a peer now, oldest first.
func (s *Store) DueDeliveries(ctx context.Context, peer string, now time.Time, limit int) ([]Delivery, error) {
	return all(ctx, s, "the deliveries cannot be read", scanDelivery,
		deliveryColumns+`WHERE state = ? AND peer = ? AND next_us <= ? ORDER BY next_us, id LIMIT ?`, DeliveryWaiting, peer, micros(now), limit)
}

// Deliveries of a study, oldest first.
func (s *Store) Deliveries(ctx context.Context, study string) ([]Delivery, error) {
	return all(ctx, s, "the deliveries cannot be read", scanDelivery, deliveryColumns+`WHERE study_uid = ? ORDER BY created_us, id LIMIT 1000`, study)
}

// CountDeliveries counts them by state.
func (s *Store) CountDeliveries(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	_, err := all(ctx, s, "the deliveries cannot be counted", func(r scanner) (struct{}, error) {
		var state string
		var n int
		err := r.Scan(&state, &n)
		counts[state] = n
		return struct{}{}, err
	}, `SELECT state, COUNT(*) FROM deliveries GROUP BY state`)
	return counts, err
}
