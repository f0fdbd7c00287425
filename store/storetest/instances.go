package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"consilium/fault"
	"consilium/store"
)

// Received is when the synthetic instances say they came.
var Received = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// Instance makes a synthetic object: number n of a series of a study.
func Instance(study, series, n int) store.Instance {
	uid := fmt.Sprintf("1.2.826.0.1.3680043.10.999.%d", study)
	return store.Instance{
		Study: uid, Series: fmt.Sprintf("%s.%d", uid, series), SOP: fmt.Sprintf("%s.%d.%d", uid, series, n),
		Class: "1.2.840.10008.5.1.4.1.1.2", TransferSyntax: "1.2.840.10008.1.2.1",
		Blob: fmt.Sprintf("%064x", study*1_000_000+series*10_000+n), Size: 1000, Number: n, Frames: 1, Rows: 512, Columns: 512,
		Received: Received.Add(time.Duration(study) * time.Minute), From: "SYNTHETIC", Synthetic: true,
		Modality: "CT", SeriesDescription: "Synthetic series", BodyPart: "CHEST", Manufacturer: "Synthetic", Device: "None", SeriesNumber: series,
		Patient:   store.PatientKey{ID: fmt.Sprintf("SYN%d", study), Name: fmt.Sprintf("Synthetic^Patient%d", study), BirthDate: "19700101", Sex: "O"},
		StudyDate: "20260301", StudyTime: "083000", StudyID: "1", Accession: fmt.Sprintf("A%d", study), StudyDescription: "Synthetic study", Referring: "Nobody^Nora",
	}
}

// add files instances that must be new.
func add(t *testing.T, s *store.Store, list ...store.Instance) {
	t.Helper()
	for _, i := range list {
		if added, err := s.AddInstance(within(t), i); err != nil || !added {
			t.Fatalf("AddInstance(%s) = %v, %v", i.SOP, added, err)
		}
	}
}

// wantCode checks the code of an error.
func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("got error %v, want code %s", err, code)
	}
}

func instances(t *testing.T, s *store.Store) {
	ctx := within(t)
	second := Instance(1, 2, 1)
	second.Class, second.Modality, second.Result = "1.2.840.10008.5.1.4.1.1.88.34", "SR", true
	second.Received = second.Received.Add(time.Hour)
	add(t, s, Instance(1, 1, 2), Instance(1, 1, 1), second, Instance(2, 1, 1))
	if added, err := s.AddInstance(ctx, Instance(1, 1, 1)); added || err != nil {
		t.Fatalf("the same object again: %v, %v", added, err)
	}

	study, err := s.Study(ctx, store.Care, second.Study)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Study{
		UID: second.Study, Patient: second.Patient, Date: "20260301", Time: "083000", ID: "1", Accession: "A1", Description: "Synthetic study",
		Referring: "Nobody^Nora", Modalities: []string{"CT", "SR"}, Series: 2, Instances: 3, Bytes: 3000,
		Received: Received.Add(time.Minute), Changed: second.Received, State: store.StateReceiving, Synthetic: true,
	}
	if d := cmp.Diff(want, study); d != "" {
		t.Error(d)
	}
	series, err := s.Series(ctx, store.Care, second.Study)
	if err != nil || len(series) != 2 || series[0].Instances != 2 || !series[1].Result || series[1].Modality != "SR" {
		t.Errorf("Series = %+v, %v", series, err)
	}
	list, err := s.Instances(ctx, store.Care, second.Study, "")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]store.Instance{Instance(1, 1, 1), Instance(1, 1, 2), second}, list); d != "" {
		t.Error(d)
	}
	one, err := s.Instance(ctx, store.Care, second.SOP)
	if d := cmp.Diff(second, one); d != "" || err != nil {
		t.Error(err, d)
	}
	if list, err := s.Instances(ctx, store.Care, second.Study, second.Series); err != nil || len(list) != 1 {
		t.Errorf("one series has %d objects, %v", len(list), err)
	}
	_, err = s.Instance(ctx, store.Care, "1.2.3")
	wantCode(t, err, fault.NotFound)
	_, err = s.Study(ctx, store.Care, "1.2.3'; DROP TABLE studies; --")
	wantCode(t, err, fault.NotFound)
	_, err = s.Instances(ctx, store.Care, "1.2.3", "")
	wantCode(t, err, fault.NotFound)
}

func conflicts(t *testing.T, s *store.Store) {
	ctx := within(t)
	add(t, s, Instance(1, 1, 1))
	changed := Instance(1, 1, 1)
	changed.Blob = strings.Repeat("e", 64)
	_, err := s.AddInstance(ctx, changed)
	wantCode(t, err, fault.Conflict)
	moved := Instance(1, 1, 1)
	moved.Study, moved.Series = "1.2.3", "1.2.3.4"
	_, err = s.AddInstance(ctx, moved)
	wantCode(t, err, fault.Conflict)
	if _, err := s.Study(ctx, store.Care, "1.2.3"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the refused object left a study behind: %v", err)
	}
	stranger := Instance(1, 1, 2)
	stranger.Patient.ID = "SOMEBODY ELSE"
	_, err = s.AddInstance(ctx, stranger)
	wantCode(t, err, fault.Conflict)
	for _, uid := range []string{"", "1.2/../../x", "1..2", strings.Repeat("1", 65), "1.2\x00", "."} {
		bad := Instance(1, 1, 3)
		bad.SOP = uid
		_, err = s.AddInstance(ctx, bad)
		wantCode(t, err, fault.InputMalformed)
	}
}

func dirtyText(t *testing.T, s *store.Store) {
	i := Instance(1, 1, 1)
	i.Patient.Name = "O'Brien^<script>alert(1)</script>\x00\xff"
	i.StudyDescription = strings.Repeat("ä", 5000)
	i.Accession = `x'; DROP TABLE studies; --`
	add(t, s, i)
	got, err := s.Study(within(t), store.Care, i.Study)
	if err != nil || got.Patient.Name != "O'Brien^<script>alert(1)</script>\uFFFD" || len(got.Description) > 1024 || got.Accession != i.Accession {
		t.Errorf("%+v, %v", got, err)
	}
	for _, q := range []store.StudyQuery{{Accession: i.Accession}, {PatientName: "o'brien*"}, {Text: "<SCRIPT>"}, {Text: "drop table"}} {
		if found, total, err := s.Studies(within(t), store.Care, q); err != nil || len(found) != 1 || total != 1 {
			t.Errorf("%+v finds %d of %d, %v", q, len(found), total, err)
		}
	}
	for _, q := range []store.StudyQuery{{Text: "%"}, {Text: "_"}, {Text: "!"}, {Text: "*x*y"}, {PatientName: "%*"}, {Accession: "x_; DROP*"}} {
		if found, _, err := s.Studies(within(t), store.Care, q); err != nil || len(found) != 0 {
			t.Errorf("%+v finds %d, %v", q, len(found), err)
		}
	}
}

func states(t *testing.T, s *store.Store) {
	ctx := within(t)
	i := Instance(1, 1, 1)
	add(t, s, i)
	if err := s.SetState(ctx, i.Study, []store.State{store.StateReceiving, store.StateFailed}, store.StateQueued); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.SetState(ctx, i.Study, []store.State{store.StateReceiving}, store.StateQueued), fault.Conflict)
	wantCode(t, s.SetState(ctx, "1.2.3", nil, store.StateQueued), fault.NotFound)
	var wg sync.WaitGroup
	won := make(chan bool, 8)
	for range 8 {
		wg.Go(func() {
			won <- s.SetState(ctx, i.Study, []store.State{store.StateQueued}, store.StateDiagnosing) == nil
		})
	}
	wg.Wait()
	close(won)
	winners := 0
	for w := range won {
		if w {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d workers took one study", winners)
	}
	err := s.Tx(ctx, func(tx *store.Tx) error { return tx.SetOutcome(ctx, i.Study, store.UrgencyUrgent, "pneumonia", 2) })
	if got, _ := s.Study(ctx, store.Care, i.Study); err != nil || got.Urgency != store.UrgencyUrgent || got.Headline != "pneumonia" || got.Findings != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}
