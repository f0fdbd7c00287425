package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"consilium/fault"
	"consilium/store"
)

// change runs one transaction that must succeed.
func change(t *testing.T, s *store.Store, f func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Tx(within(t), f); err != nil {
		t.Fatal(err)
	}
}

func assessment(t *testing.T, s *store.Store, id, fingerprint string, made time.Time) store.Assessment {
	t.Helper()
	a := store.Assessment{ID: id, Study: Instance(1, 1, 1).Study, Fingerprint: fingerprint, Made: made, Body: []byte(`{"findings":[]}`)}
	change(t, s, func(tx *store.Tx) error {
		added, err := tx.AddAssessment(within(t), a)
		if err == nil && !added {
			t.Errorf("assessment %s was not new", id)
		}
		return err
	})
	return a
}

func results(t *testing.T, s *store.Store) {
	ctx := within(t)
	add(t, s, Instance(1, 1, 1))
	study := Instance(1, 1, 1).Study
	_, err := s.Assessment(ctx, store.Care, study)
	wantCode(t, err, fault.NotFound)
	assessment(t, s, "a1", "f1", Received)
	latest := assessment(t, s, "a2", "f2", Received.Add(time.Hour))
	if got, err := s.Assessment(ctx, store.Care, study); err != nil || cmp.Diff(got, latest) != "" {
		t.Fatalf("the latest assessment: %v\n%s", err, cmp.Diff(got, latest))
	}
	change(t, s, func(tx *store.Tx) error { // the same content and models: nothing is added
		added, err := tx.AddAssessment(ctx, store.Assessment{ID: "a3", Study: study, Fingerprint: "f2", Made: Received, Body: []byte("{}")})
		if added {
			t.Error("one fingerprint was assessed twice")
		}
		return err
	})
	for fingerprint, want := range map[string]bool{"f1": true, "f2": true, "f3": false} {
		if got, err := s.Assessed(ctx, study, fingerprint); err != nil || got != want {
			t.Errorf("Assessed(%s) = %v, %v", fingerprint, got, err)
		}
	}
	withPicture := store.Assessment{ID: "a4", Study: study, Fingerprint: "f4", Made: Received, Body: []byte("{}"), Pictures: []string{latestBlob}}
	change(t, s, func(tx *store.Tx) error { _, err := tx.AddAssessment(ctx, withPicture); return err })
	for blob, want := range map[string]bool{latestBlob: true, "other": false} {
		if got, err := s.HasPicture(ctx, study, blob); err != nil || got != want {
			t.Errorf("HasPicture(%s) = %v, %v", blob, got, err)
		}
	}
}

const latestBlob = "00000000000000000000000000000000000000000000000000000000000000aa"

func reviews(t *testing.T, s *store.Store) {
	ctx := within(t)
	add(t, s, Instance(1, 1, 1))
	assessment(t, s, "a1", "f1", Received)
	first := store.Review{Assessment: "a1", Finding: "x", Decision: "accept", By: "Dr Lee", At: Received}
	second := store.Review{Assessment: "a1", Finding: "x", Decision: "correct", Answer: "normal", Comment: "O'Neil's <b>rule</b>", By: "Dr Kim", At: Received.Add(time.Minute)}
	change(t, s, func(tx *store.Tx) error { return tx.PutReview(ctx, first) })
	change(t, s, func(tx *store.Tx) error { return tx.PutReview(ctx, second) })
	change(t, s, func(tx *store.Tx) error {
		return tx.PutReview(ctx, store.Review{Assessment: "a1", Finding: "y", Decision: "reject", By: "Dr Kim", At: Received})
	})
	change(t, s, func(tx *store.Tx) error { return tx.DropReview(ctx, "a1", "y") })
	if got, err := s.Reviews(ctx, "a1"); err != nil || cmp.Diff(got, []store.Review{second}) != "" {
		t.Fatalf("reviews: %v\n%s", err, cmp.Diff(got, []store.Review{second}))
	}
	_, err := s.Signature(ctx, "a1")
	wantCode(t, err, fault.NotFound)
	g := store.Signature{Assessment: "a1", By: "Dr Kim", At: Received.Add(time.Hour), Attestation: "I looked."}
	change(t, s, func(tx *store.Tx) error { return tx.Sign(ctx, g) })
	if got, err := s.Signature(ctx, "a1"); err != nil || got != g {
		t.Fatalf("signature %+v, %v", got, err)
	}
	for name, f := range map[string]func(tx *store.Tx) error{
		"review":     func(tx *store.Tx) error { return tx.PutReview(ctx, first) },
		"take back":  func(tx *store.Tx) error { return tx.DropReview(ctx, "a1", "x") },
		"sign again": func(tx *store.Tx) error { return tx.Sign(ctx, g) },
		"other hands": func(tx *store.Tx) error {
			return tx.Sign(ctx, store.Signature{Assessment: "a1", By: "Dr Who", At: Received})
		},
	} {
		if err := s.Tx(ctx, f); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("%s after the signature: %v", name, err)
		}
	}
}

func deliveries(t *testing.T, s *store.Store) {
	ctx := within(t)
	now := Received
	list := []store.Delivery{
		{ID: "1", Study: "1.2", Object: "1.2.3", Peer: "pacs", Kind: "dicom", Created: now, Next: now},
		{ID: "2", Study: "1.2", Object: "1.2.4", Peer: "pacs", Kind: "dicom", Created: now, Next: now.Add(time.Minute)},
		{ID: "3", Study: "1.2", Object: "1.2.3", Peer: "record", Kind: "fhir", Created: now, Next: now},
	}
	for range 2 { // the second time changes nothing
		change(t, s, func(tx *store.Tx) error {
			for _, d := range list {
				if err := tx.AddDelivery(ctx, d); err != nil {
					return err
				}
			}
			return nil
		})
	}
	due := func(peer string, at time.Time) []string {
		t.Helper()
		found, err := s.DueDeliveries(ctx, peer, at, 10)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, d := range found {
			ids = append(ids, d.ID)
		}
		return ids
	}
	for _, c := range []struct {
		peer string
		at   time.Time
		want []string
	}{{"pacs", now, []string{"1"}}, {"pacs", now.Add(time.Hour), []string{"1", "2"}}, {"record", now, []string{"3"}}, {"pacs", now.Add(-time.Second), []string{}}} {
		if got := due(c.peer, c.at); cmp.Diff(got, c.want) != "" {
			t.Errorf("due for %s at %v: %v, want %v", c.peer, c.at, got, c.want)
		}
	}
	sent := list[0]
	sent.State, sent.Tries, sent.Done, sent.Problem = store.DeliverySent, 3, now.Add(time.Second), "busy"
	if err := s.PutDelivery(ctx, sent); err != nil {
		t.Fatal(err)
	}
	if got := due("pacs", now.Add(time.Hour)); cmp.Diff(got, []string{"2"}) != "" {
		t.Errorf("after one was sent: %v", got)
	}
	all, err := s.Deliveries(ctx, "1.2")
	if err != nil || len(all) != 3 || cmp.Diff(all[0], sent) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(all[0], sent))
	}
	if got, err := s.CountDeliveries(ctx); err != nil || got[store.DeliverySent] != 1 || got[store.DeliveryWaiting] != 2 {
		t.Errorf("counts %v, %v", got, err)
	}
}

func failures(t *testing.T, s *store.Store) {
	ctx := within(t)
	add(t, s, Instance(1, 1, 1))
	f := store.Failure{Study: Instance(1, 1, 1).Study, Code: "MODEL_HASH", What: "a file differs", Do: "install it again", At: Received}
	change(t, s, func(tx *store.Tx) error { return tx.PutFailure(ctx, store.Failure{Study: f.Study, Code: "IO"}) })
	change(t, s, func(tx *store.Tx) error { return tx.PutFailure(ctx, f) })
	if got, err := s.Failure(ctx, f.Study); err != nil || got != f {
		t.Fatalf("%+v, %v", got, err)
	}
	change(t, s, func(tx *store.Tx) error { return tx.DropFailure(ctx, f.Study) })
	_, err := s.Failure(ctx, f.Study)
	wantCode(t, err, fault.NotFound)
}

func pendingEvents(t *testing.T, s *store.Store) {
	ctx := within(t)
	change(t, s, func(tx *store.Tx) error {
		for i, id := range []string{"b", "a", "b"} {
			if err := tx.AddEvent(ctx, store.PendingEvent{ID: id, Made: Received.Add(time.Duration(i) * time.Second), Body: []byte(`{"action":"x"}`)}); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := s.PendingEvents(ctx, 10)
	if err != nil || len(got) != 2 || got[0].ID != "b" || got[1].ID != "a" {
		t.Fatalf("%+v, %v: want b and a, in the order they were made", got, err)
	}
	if err := s.DropEvents(ctx, []string{"b"}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.PendingEvents(ctx, 10); err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
}

func stateCounts(t *testing.T, s *store.Store) {
	ctx := within(t)
	add(t, s, Instance(1, 1, 1), Instance(2, 1, 1), Instance(3, 1, 1))
	if err := s.SetState(ctx, Instance(2, 1, 1).Study, nil, store.StateReady); err != nil {
		t.Fatal(err)
	}
	got, err := s.CountStates(ctx, store.Care)
	if err != nil || got[store.StateReceiving] != 2 || got[store.StateReady] != 1 || got[store.StateSigned] != 0 {
		t.Errorf("%v, %v", got, err)
	}
	_, err = s.CountStates(ctx, store.Reader{})
	wantCode(t, err, fault.AccessDenied)
}
