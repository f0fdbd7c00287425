package storetest

import (
	"testing"
	"time"

	"consilium/clinical"
	"consilium/fault"
	"consilium/store"
)

// consent: the table of who sees what under which rules.
func consent(t *testing.T, s *store.Store) {
	ctx := within(t)
	image, report := Instance(1, 1, 1), Instance(1, 2, 1)
	report.Class, report.Modality = "1.2.840.10008.5.1.4.1.1.88.34", "SR"
	add(t, s, image, report, Instance(2, 1, 1))
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	research := store.Reader{Purpose: clinical.PurposeResearch}
	rule := func(p clinical.Purpose, c clinical.DataClass, from, until time.Time, allow bool) store.ConsentRule {
		return store.ConsentRule{Purpose: p, Class: c, From: from, Until: until, Allow: allow}
	}
	var none time.Time
	for _, c := range []struct {
		name          string
		rules         []store.ConsentRule
		reader        store.Reader
		image, report bool // seen
	}{
		{"care without rules", nil, store.Care, true, true},
		{"research without rules", nil, research, false, false},
		{"care denied", []store.ConsentRule{rule("care", "", past, none, false)}, store.Care, false, false},
		{"care denied for images", []store.ConsentRule{rule("care", "image", past, none, false)}, store.Care, false, true},
		{"care denied in the past", []store.ConsentRule{rule("care", "", past.Add(-time.Hour), past, false)}, store.Care, true, true},
		{"care denied in the future", []store.ConsentRule{rule("care", "", future, none, false)}, store.Care, true, true},
		{"research permitted", []store.ConsentRule{rule("research", "", past, none, true)}, research, true, true},
		{"research permitted for reports", []store.ConsentRule{rule("research", "report", past, future, true)}, research, false, true},
		{"research permitted but images denied", []store.ConsentRule{rule("research", "", past, none, true), rule("research", "image", past, none, false)}, research, false, true},
		{"research permission expired", []store.ConsentRule{rule("research", "", past.Add(-time.Hour), past, true)}, research, false, false},
		{"another purpose permitted", []store.ConsentRule{rule("training", "", past, none, true)}, research, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := s.Tx(ctx, func(tx *store.Tx) error { return tx.ReplaceConsent(ctx, image.Patient.ID, c.rules) }); err != nil {
				t.Fatal(err)
			}
			sees(t, s, c.reader, image, c.image)
			sees(t, s, c.reader, report, c.report)
			for class, want := range map[clinical.DataClass]bool{"image": c.image, "report": c.report} {
				if got, err := s.Permitted(ctx, c.reader, image.Patient.ID, class); err != nil || got != want {
					t.Errorf("%s is permitted: %v, %v", class, got, err)
				}
			}
			seesStudy(t, s, c.reader, image.Study, map[bool]int{true: 1}[c.image]+map[bool]int{true: 1}[c.report])
		})
	}
	for _, r := range []store.Reader{{}, {Purpose: "curiosity"}} {
		_, _, err := s.Studies(ctx, r, store.StudyQuery{})
		wantCode(t, err, fault.AccessDenied)
		_, err = s.Permitted(ctx, r, image.Patient.ID, "image")
		wantCode(t, err, fault.AccessDenied)
		_, err = s.Study(ctx, r, image.Study)
		wantCode(t, err, fault.AccessDenied)
		_, err = s.Instance(ctx, r, image.SOP)
		wantCode(t, err, fault.AccessDenied)
	}
}

func sees(t *testing.T, s *store.Store, r store.Reader, i store.Instance, want bool) {
	t.Helper()
	_, err := s.Instance(within(t), r, i.SOP)
	if want && err != nil {
		t.Errorf("%s: %v", i.Modality, err)
	}
	if !want && fault.CodeOf(err) != fault.ConsentWithheld {
		t.Errorf("%s is shown: %v", i.Modality, err)
	}
}

// seesStudy checks that every way to a study shows the same number of objects of it.
func seesStudy(t *testing.T, s *store.Store, r store.Reader, study string, want int) {
	t.Helper()
	ctx := within(t)
	found, _, err := s.Studies(ctx, r, store.StudyQuery{UIDs: []string{study}})
	if err != nil || len(found) != min(want, 1) {
		t.Errorf("Studies finds %d, %v", len(found), err)
	}
	_, err = s.Study(ctx, r, study)
	list, _ := s.Instances(ctx, r, study, "")
	series, _ := s.Series(ctx, r, study)
	if len(list) != want || len(series) != want {
		t.Errorf("%d objects and %d series are listed, want %d", len(list), len(series), want)
	}
	if want == 0 {
		wantCode(t, err, fault.ConsentWithheld)
	} else if err != nil {
		t.Error(err)
	}
}
