package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"consilium/clinical"
	"consilium/fault"
	"consilium/store"
)

func fhirResources(t *testing.T, s *store.Store) {
	ctx := within(t)
	put := func(f *store.FHIRResource, expected int64, keys ...store.FHIRKey) error {
		f.Updated = Received
		return s.Tx(ctx, func(tx *store.Tx) error { return tx.PutFHIR(ctx, f, expected, keys) })
	}
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	loinc := "http://loinc.org"
	o := &store.FHIRResource{Kind: "Observation", ID: "o1", Subject: "p1", Class: clinical.ClassRecord, Body: []byte(`{"a":"\u0000 <b>"}`)}
	err := put(o, 0, store.FHIRKey{Param: "code", System: loinc, Value: "718-7"}, store.FHIRKey{Param: "date", Low: day(3), High: day(4)})
	if err != nil || o.Version != 1 || o.Patient != "p1" {
		t.Fatal(o, err)
	}
	p := &store.FHIRResource{Kind: "Patient", ID: "p1", Patient: "MRN7", Class: clinical.ClassRecord, Body: []byte("{}")}
	if err := put(p, 0, store.FHIRKey{Param: "name", Value: store.Fold("Müller")}); err != nil {
		t.Fatal(err)
	}
	got, err := s.FHIR(ctx, store.Care, "Observation", "o1")
	want := *o
	want.Patient = "MRN7" // the Patient came later, and told
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Fatal(err, d)
	}
	wantCode(t, put(o, 0), fault.Conflict)
	if err := put(o, 1, store.FHIRKey{Param: "code", System: loinc, Value: "718-7"}, store.FHIRKey{Param: "date", Low: day(3), High: day(4)}); err != nil || o.Version != 2 {
		t.Fatal(o.Version, err)
	}
	finds := func(want int, kind, param string, test store.FHIRTest) {
		t.Helper()
		found, total, err := s.FindFHIR(ctx, store.Care, store.FHIRQuery{Kind: kind, Limit: 10, Conditions: []store.FHIRCondition{{Param: param, Tests: []store.FHIRTest{{Value: "no such"}, test}}}})
		if err != nil || total != want || len(found) != want {
			t.Errorf("%s %+v: %d of %d, %v", param, test, len(found), total, err)
		}
	}
	finds(1, "Observation", "_id", store.FHIRTest{Value: "o1"})
	finds(1, "Observation", "code", store.FHIRTest{Value: "718-7"})
	finds(1, "Observation", "code", store.FHIRTest{Value: "718-7", System: &loinc})
	finds(1, "Observation", "code", store.FHIRTest{AnyValue: true, System: &loinc})
	finds(0, "Observation", "code", store.FHIRTest{Value: "718-7", System: new(string)})
	finds(1, "Patient", "name", store.FHIRTest{Value: "mull", Prefix: true})
	finds(0, "Patient", "name", store.FHIRTest{Value: "' OR 1=1 --", Prefix: true})
	for date, n := range map[string][3]int{"eq": {0, 1, 0}, "ne": {1, 0, 1}, "lt": {0, 0, 1}, "le": {0, 1, 1}, "gt": {1, 0, 0}, "ge": {1, 1, 0}} {
		for i := range 3 {
			finds(n[i], "Observation", "date", store.FHIRTest{Date: date, Low: day(2 + i), High: day(3 + i)})
		}
	}
	finds(1, "Observation", "_lastUpdated", store.FHIRTest{Date: "ge", Low: Received, High: Received.Add(time.Second)})
	research := store.Reader{Purpose: clinical.PurposeResearch}
	_, err = s.FHIR(ctx, research, "Observation", "o1")
	wantCode(t, err, fault.ConsentWithheld)
	_, err = s.FHIR(ctx, research, "Observation", "o2")
	wantCode(t, err, fault.NotFound)
	if _, total, err := s.FindFHIR(ctx, research, store.FHIRQuery{Kind: "Observation"}); err != nil || total != 0 {
		t.Fatal(total, err)
	}
	rule := []store.ConsentRule{{Purpose: clinical.PurposeResearch, Allow: true}}
	if err := s.Tx(ctx, func(tx *store.Tx) error { return tx.ReplaceConsent(ctx, "MRN7", rule) }); err != nil {
		t.Fatal(err)
	}
	if _, err = s.FHIR(ctx, research, "Observation", "o1"); err != nil {
		t.Fatal(err)
	}
}
