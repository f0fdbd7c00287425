package storetest

import (
	"fmt"
	"sync"
	"testing"

	"consilium/fault"
	"consilium/store"
)

func workitems(t *testing.T, s *store.Store) {
	ctx := within(t)
	for n := range 3 {
		w := store.Workitem{UID: fmt.Sprintf("1.2.3.%d", n), State: store.WorkScheduled, Priority: "HIGH", Label: "Synthetic read",
			Patient: store.PatientKey{ID: fmt.Sprintf("SYN%d", n), Name: "Synthetic^Patient"}, Scheduled: fmt.Sprintf("2026030%d080000", n+1), Body: []byte(`{}`)}
		if err := s.AddWorkitem(ctx, w); err != nil {
			t.Fatal(err)
		}
		wantCode(t, s.AddWorkitem(ctx, w), fault.Conflict)
	}
	for _, c := range []struct {
		query store.WorkitemQuery
		want  int
	}{
		{store.WorkitemQuery{}, 3}, {store.WorkitemQuery{State: store.WorkScheduled}, 3}, {store.WorkitemQuery{State: store.WorkCompleted}, 0},
		{store.WorkitemQuery{PatientID: "SYN1"}, 1}, {store.WorkitemQuery{PatientName: "SYNTH*"}, 3}, {store.WorkitemQuery{Label: "*read"}, 3},
		{store.WorkitemQuery{ScheduledFrom: "20260302", ScheduledTo: "20260302"}, 1}, {store.WorkitemQuery{UIDs: []string{"1.2.3.0", "1.2.3.9"}}, 1}, {store.WorkitemQuery{Limit: 2}, 2},
	} {
		if got, err := s.Workitems(ctx, store.Care, c.query); err != nil || len(got) != c.want {
			t.Errorf("%+v finds %d, want %d; %v", c.query, len(got), c.want, err)
		}
	}
	// One of many claims it.
	var wg sync.WaitGroup
	claimed := make(chan string, 8)
	for n := range 8 {
		wg.Go(func() {
			err := s.ChangeWorkitem(ctx, "1.2.3.1", func(w *store.Workitem) error {
				if w.State != store.WorkScheduled {
					return fault.New(fault.Conflict, "claimed", "")
				}
				w.State, w.Transaction = store.WorkInProgress, fmt.Sprintf("9.%d", n)
				return nil
			})
			if err == nil {
				claimed <- fmt.Sprintf("9.%d", n)
			}
		})
	}
	wg.Wait()
	close(claimed)
	if len(claimed) != 1 {
		t.Fatalf("%d claimed one workitem", len(claimed))
	}
	if w, err := s.Workitem(ctx, store.Care, "1.2.3.1"); err != nil || w.Transaction != <-claimed || w.State != store.WorkInProgress {
		t.Errorf("%+v, %v", w, err)
	}
	_, err := s.Workitem(ctx, store.Care, "1.2.3.99")
	wantCode(t, err, fault.NotFound)
	if err := s.Tx(ctx, func(tx *store.Tx) error {
		return tx.ReplaceConsent(ctx, "SYN1", []store.ConsentRule{{Purpose: "care", From: Received}})
	}); err != nil {
		t.Fatal(err)
	}
	_, err = s.Workitem(ctx, store.Care, "1.2.3.1")
	wantCode(t, err, fault.ConsentWithheld)
	if got, err := s.Workitems(ctx, store.Care, store.WorkitemQuery{}); err != nil || len(got) != 2 {
		t.Errorf("%d workitems are listed, %v", len(got), err)
	}
}

// lists: series and objects across studies.
func lists(t *testing.T, s *store.Store) {
	ctx := within(t)
	report := Instance(2, 2, 1)
	report.Class, report.Modality = "1.2.840.10008.5.1.4.1.1.88.34", "SR"
	add(t, s, Instance(1, 1, 1), Instance(1, 1, 2), Instance(2, 1, 1), report)
	two := 2
	for _, c := range []struct {
		query store.SeriesQuery
		want  int
	}{
		{store.SeriesQuery{}, 3}, {store.SeriesQuery{Modality: "SR"}, 1}, {store.SeriesQuery{Number: &two}, 1}, {store.SeriesQuery{Limit: 1, Offset: 1}, 1},
		{store.SeriesQuery{Study: store.StudyQuery{UIDs: []string{report.Study}}}, 2}, {store.SeriesQuery{Study: store.StudyQuery{PatientID: "SYN1"}}, 1},
		{store.SeriesQuery{UIDs: []string{report.Series}, Description: "Synth*"}, 1}, {store.SeriesQuery{BodyPart: "FOOT"}, 0},
	} {
		if got, err := s.SearchSeries(ctx, store.Care, c.query); err != nil || len(got) != c.want || c.want > 0 && got[0].Study.UID != got[0].Series.Study {
			t.Errorf("%+v finds %+v, want %d; %v", c.query, got, c.want, err)
		}
	}
	for _, c := range []struct {
		query store.InstanceQuery
		want  int
	}{
		{store.InstanceQuery{}, 4}, {store.InstanceQuery{Classes: []string{report.Class}}, 1}, {store.InstanceQuery{Number: &two}, 1},
		{store.InstanceQuery{Series: store.SeriesQuery{Modality: "CT"}}, 3}, {store.InstanceQuery{UIDs: []string{report.SOP, "1.2"}}, 1}, {store.InstanceQuery{Offset: 3}, 1},
	} {
		if got, err := s.SearchInstances(ctx, store.Care, c.query); err != nil || len(got) != c.want {
			t.Errorf("%+v finds %d, want %d; %v", c.query, len(got), c.want, err)
		}
	}
}
