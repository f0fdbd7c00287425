package storetest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"consilium/fault"
	"consilium/store"
)

// search: every key of a query, against eight studies.
func search(t *testing.T, s *store.Store) {
	ctx := within(t)
	names := []string{"Müller^Anna", "Muller^Bert", "MULLERMANN^Carl", "Smith^Dora", "Smythe^Emil", "Li^Fan", "Smith^Gina", ""}
	for n, name := range names {
		i := Instance(n+1, 1, 1)
		i.Patient.Name = name
		i.StudyDate = fmt.Sprintf("2026030%d", n+1)
		i.Modality = []string{"CT", "MR", "CR", "DX"}[n%4]
		add(t, s, i)
		if n%2 == 1 {
			ready := func(tx *store.Tx) error { return tx.SetOutcome(ctx, i.Study, store.Urgency(n%4), "", 0) }
			if err := s.Tx(ctx, ready); err != nil {
				t.Fatal(err)
			}
			if err := s.SetState(ctx, i.Study, nil, store.StateReady); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		query store.StudyQuery
		want  string // numbers of the studies, in order
	}{
		{store.StudyQuery{}, "8 7 6 5 4 3 2 1"},
		{store.StudyQuery{Limit: 2, Offset: 1}, "7 6"},
		{store.StudyQuery{PatientName: "muller*"}, "3 2 1"},
		{store.StudyQuery{PatientName: "MÜLLER^*"}, "2 1"},
		{store.StudyQuery{PatientName: "sm?th*"}, "7 5 4"},
		{store.StudyQuery{PatientName: "*man*"}, "3"},
		{store.StudyQuery{PatientName: "*"}, "8 7 6 5 4 3 2 1"},
		{store.StudyQuery{PatientName: "smith^dora"}, "4"},
		{store.StudyQuery{PatientID: "SYN3"}, "3"},
		{store.StudyQuery{PatientID: "SYN?"}, "8 7 6 5 4 3 2 1"},
		{store.StudyQuery{Accession: "A5"}, "5"},
		{store.StudyQuery{DateFrom: "20260303", DateTo: "20260305"}, "5 4 3"},
		{store.StudyQuery{DateTo: "20260302"}, "2 1"},
		{store.StudyQuery{DateFrom: "20260307"}, "8 7"},
		{store.StudyQuery{TimeFrom: "0830", TimeTo: "08"}, "8 7 6 5 4 3 2 1"},
		{store.StudyQuery{TimeFrom: "0831"}, ""},
		{store.StudyQuery{Modalities: []string{"CT", "DX"}}, "8 5 4 1"},
		{store.StudyQuery{States: []store.State{store.StateReady}}, "8 6 4 2"},
		{store.StudyQuery{Urgencies: []store.Urgency{store.UrgencyCritical}}, "8 4"},
		{store.StudyQuery{Order: store.ByUrgency, Limit: 4}, "8 4 6 2"},
		{store.StudyQuery{Order: store.ByDate, Limit: 1}, "8"},
		{store.StudyQuery{Text: "smith"}, "7 4"},
		{store.StudyQuery{Text: "syn7"}, "7"},
		{store.StudyQuery{Text: "a6"}, "6"},
		{store.StudyQuery{UIDs: []string{Instance(2, 1, 1).Study, "1.2.3"}}, "2"},
		{store.StudyQuery{PatientName: "smith*", Modalities: []string{"DX"}}, "4"},
	} {
		found, _, err := s.Studies(ctx, store.Care, c.query)
		var got []string
		for _, f := range found {
			got = append(got, strings.TrimPrefix(f.Accession, "A"))
		}
		if strings.Join(got, " ") != c.want || err != nil {
			t.Errorf("%+v finds %q, want %q; %v", c.query, strings.Join(got, " "), c.want, err)
		}
	}
	if _, total, _ := s.Studies(ctx, store.Care, store.StudyQuery{Limit: 3}); total != 8 {
		t.Errorf("total = %d", total)
	}
	counts, err := s.CountStates(ctx, store.Care)
	if d := cmp.Diff(map[store.State]int{store.StateReady: 4, store.StateReceiving: 4, store.StateQueued: 0, store.StateDiagnosing: 0, store.StateFailed: 0, store.StateSigned: 0}, counts); d != "" || err != nil {
		t.Error(err, d)
	}
	_, _, err = s.Studies(ctx, store.Care, store.StudyQuery{Offset: store.MaxOffset + 1})
	wantCode(t, err, fault.InputRange)
}

// searchProperty: whatever the patterns, the index finds what a regular
// expression over the same names finds.
func searchProperty(t *testing.T, s *store.Store) {
	var names []string
	for n := range 30 {
		i := Instance(n+1, 1, 1)
		i.Patient.Name = []string{"ab", "a%b", "a_b", "a!b", "ba^c", "b", "abab", "Ab?", "c*a", ""}[n%10] + strings.Repeat("c", n/10)
		i.Received = Received.Add(-time.Duration(n) * time.Second)
		names = append(names, strings.ToLower(i.Patient.Name))
		add(t, s, i)
	}
	rapid.Check(t, func(rt *rapid.T) {
		pattern := rapid.StringOfN(rapid.SampledFrom([]rune("aAbBc*?%_!^")), 1, 5, -1).Draw(rt, "pattern")
		text := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(strings.ToLower(pattern)))
		match := regexp.MustCompile("^" + text + "$")
		var want, got []string
		for _, n := range names {
			if match.MatchString(n) {
				want = append(want, n)
			}
		}
		found, total, err := s.Studies(within(t), store.Care, store.StudyQuery{PatientName: pattern})
		for _, f := range found {
			got = append(got, strings.ToLower(f.Patient.Name))
		}
		if err != nil || total != len(want) || !slices.Equal(got, want) {
			rt.Fatalf("%q finds %q, want %q; total %d, %v", pattern, got, want, total, err)
		}
	})
}
