package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"consilium/fault"
	"consilium/store"
)

func auditIndex(t *testing.T, s *store.Store) {
	ctx := within(t)
	var rows []store.AuditRow
	for i := range uint64(250) {
		rows = append(rows, store.AuditRow{Number: i, Time: Received.Add(time.Duration(i) * time.Second), Actor: fmt.Sprint("a", i%3), Action: "study.viewed", Patient: fmt.Sprint("P", i%10), Study: "1.2"})
	}
	for range 2 { // indexing twice does no harm
		if err := s.IndexAudit(ctx, rows); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.AuditIndexed(ctx); err != nil || n != 250 {
		t.Fatal(n, err)
	}
	found, err := s.FindAudit(ctx, store.AuditQuery{Patient: "P4", Actor: "a1", Action: "study.viewed", Study: "1.2", Since: Received.Add(30 * time.Second), Until: Received.Add(154 * time.Second), Before: 250, Limit: 10})
	if err != nil || !slices.Equal(found, []uint64{124, 94, 64, 34}) {
		t.Fatal(found, err)
	}
	found, err = s.FindAudit(ctx, store.AuditQuery{Before: 124, Limit: 2})
	if err != nil || !slices.Equal(found, []uint64{123, 122}) {
		t.Fatal(found, err)
	}
	if err := s.ClearAuditIndex(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := s.AuditIndexed(ctx); err != nil || n != 0 {
		t.Fatal(n, err)
	}
}

func auditCheckpoints(t *testing.T, s *store.Store) {
	ctx := within(t)
	if text, err := s.Remembered(ctx); text != "" || err != nil {
		t.Fatal(text, err)
	}
	for _, size := range []uint64{5, 9, 7, 9} { // out of order: the largest counts
		if err := s.Remember(ctx, size, fmt.Sprint("checkpoint ", size)); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := s.Remembered(ctx); text != "checkpoint 9" || err != nil {
		t.Fatal(text, err)
	}
	if list, err := s.Checkpoints(ctx); err != nil || len(list) != 1 {
		t.Fatal("of one day the last one stays: ", list, err)
	}
}

func consentRecords(t *testing.T, s *store.Store) {
	ctx := within(t)
	put := func(c *store.ConsentRecord) error {
		return s.Tx(ctx, func(tx *store.Tx) error { return tx.AddConsent(ctx, c) })
	}
	first := store.ConsentRecord{ID: "1", Patient: "SYN1", Purpose: "research", Decision: "permit", From: Received, Until: Received.Add(time.Hour), Text: "research-1", By: "clerk", At: Received}
	second := store.ConsentRecord{ID: "2", Patient: "SYN1", Purpose: "research", Class: "image", Decision: "withdraw", From: Received, By: "clerk", At: Received}
	for _, c := range []*store.ConsentRecord{&first, &second} {
		if err := put(c); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Consents(ctx, "SYN1")
	if err != nil || !slices.Equal(list, []store.ConsentRecord{first, second}) || second.Number != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	wantCode(t, put(&store.ConsentRecord{ID: "2", Patient: "SYN2"}), fault.Conflict)
	wantCode(t, put(&store.ConsentRecord{ID: "3"}), fault.InputMissing)
	if list, err := s.Consents(ctx, "SYN2"); err != nil || len(list) != 0 {
		t.Fatal(list, err)
	}
}
