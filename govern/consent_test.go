package govern

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/fault"
	"consilium/store"
	"consilium/store/storetest"
)

func TestConsentOnSQLite(t *testing.T) { consentReachesReaders(t, storetest.SQLite(t)) }

func TestConsentOnPostgreSQL(t *testing.T) {
	consentReachesReaders(t, storetest.StartPostgres(t).Open(t))
}

// After a withdrawal no way to read shows the patient for that purpose; before
// it, all do. A consent with an end stops by itself.
func consentReachesReaders(t *testing.T, s *store.Store) {
	ctx := t.Context()
	i := storetest.Instance(1, 1, 1)
	if _, err := s.AddInstance(ctx, i); err != nil {
		t.Fatal(err)
	}
	var events []Event
	c := &Consents{Store: s, Note: func(_ context.Context, _ *store.Tx, e Event) error {
		events = append(events, e)
		return nil
	}}
	sees := func(purpose clinical.Purpose, want bool) {
		t.Helper()
		r := store.Reader{Purpose: purpose}
		studies, total, err := s.Studies(ctx, r, store.StudyQuery{})
		if err != nil || len(studies) != total || (total == 1) != want {
			t.Errorf("Studies for %s: %d of %d, %v", purpose, len(studies), total, err)
		}
		_, study := s.Study(ctx, r, i.Study)
		series, _ := s.Series(ctx, r, i.Study)
		list, _ := s.Instances(ctx, r, i.Study, "")
		_, one := s.Instance(ctx, r, i.SOP)
		if (study == nil) != want || (len(series) == 1) != want || (len(list) == 1) != want || (one == nil) != want {
			t.Errorf("for %s: %v, %d series, %d objects, %v; want seen = %v", purpose, study, len(series), len(list), one, want)
		}
		e, err := c.Explain(ctx, i.Patient.ID, purpose, clinical.ClassImage, time.Now())
		if err != nil || e.Allowed != want || e.Why == "" {
			t.Errorf("Explain: %+v %v", e, err)
		}
	}
	record := func(r ConsentRecord) {
		t.Helper()
		r.Patient, r.By = i.Patient.ID, "clerk"
		if _, err := c.Record(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	withdraw := func(purpose clinical.Purpose, class clinical.DataClass) {
		t.Helper()
		if _, err := c.Withdraw(ctx, i.Patient.ID, purpose, class, "clerk"); err != nil {
			t.Fatal(err)
		}
	}
	for _, purpose := range clinical.Purposes()[1:] {
		sees(purpose, false)
		record(ConsentRecord{Purpose: purpose, Decision: Permit})
		sees(purpose, true)
		record(ConsentRecord{Purpose: purpose, Class: clinical.ClassReport, Decision: Deny})
		sees(purpose, true)
		withdraw(purpose, clinical.ClassAll)
		sees(purpose, false)
	}
	sees(clinical.PurposeCare, true)
	record(ConsentRecord{Purpose: clinical.PurposeCare, Decision: Deny})
	sees(clinical.PurposeCare, false)
	withdraw(clinical.PurposeCare, clinical.ClassImage)
	sees(clinical.PurposeCare, true)

	research := clinical.PurposeResearch
	record(ConsentRecord{Purpose: research, Class: clinical.ClassImage, Decision: Permit, Until: time.Now().Add(150 * time.Millisecond)})
	sees(research, true)
	for deadline := time.Now().Add(5 * time.Second); ; {
		if _, err := s.Study(ctx, store.Reader{Purpose: research}, i.Study); fault.CodeOf(err) == fault.ConsentWithheld {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the consent did not end by itself")
		}
	}
	sees(research, false)
	records, err := c.Records(ctx, i.Patient.ID)
	if err != nil || len(records) != len(events) || events[0].Action != "consent.changed" || records[0].Text != "quality-1" {
		t.Fatal(len(records), len(events), err)
	}
	crowd(t, c, i.Patient.ID)
}

// crowd records from many sides at once: none is lost, and the rules are those
// of all records.
func crowd(t *testing.T, c *Consents, patient string) {
	before, err := c.Records(t.Context(), patient)
	if err != nil {
		t.Fatal(err)
	}
	c.Note = nil
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := c.Record(t.Context(), ConsentRecord{Patient: patient, Purpose: "training", Decision: Permit, By: "x"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	after, err := c.Records(t.Context(), patient)
	if err != nil || len(after) != len(before)+4 {
		t.Fatal(len(before), len(after), err)
	}
}

func TestConsentRefusesNonsense(t *testing.T) {
	c := &Consents{Store: storetest.SQLite(t)}
	good := ConsentRecord{Patient: "P", Purpose: "research", Decision: Permit, By: "x"}
	for name, spoil := range map[string]func(*ConsentRecord){
		"patient": func(r *ConsentRecord) { r.Patient = "" }, "by": func(r *ConsentRecord) { r.By = "" },
		"purpose": func(r *ConsentRecord) { r.Purpose = "fun" }, "class": func(r *ConsentRecord) { r.Class = "shoes" },
		"decision": func(r *ConsentRecord) { r.Decision = "perhaps" }, "end": func(r *ConsentRecord) { r.Until = time.Unix(1, 0) },
		"year": func(r *ConsentRecord) { r.From = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		r := good
		spoil(&r)
		if _, err := c.Record(t.Context(), r); fault.CodeOf(err) != fault.InputMalformed && fault.CodeOf(err) != fault.InputMissing {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// obeys is what the store's SQL makes of rules.
func obeys(rules []store.ConsentRule, purpose clinical.Purpose, class clinical.DataClass, at time.Time) bool {
	has := func(allow bool) bool {
		for _, r := range rules {
			if r.Purpose == purpose && r.Allow == allow && (r.Class == "" || r.Class == class) && !r.From.After(at) && (r.Until.IsZero() || r.Until.After(at)) {
				return true
			}
		}
		return false
	}
	return !has(false) && (purpose == clinical.PurposeCare || has(true))
}

// The rules say, for every moment from now on, what the records say when they are read backwards.
func TestRulesFollowTheRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := func(n int) time.Time { return time.UnixMicro(int64(n) * 10) }
		var records []ConsentRecord
		for range rapid.IntRange(0, 8).Draw(t, "records") {
			from := rapid.IntRange(1, 20).Draw(t, "from")
			r := ConsentRecord{
				Purpose:  rapid.SampledFrom(clinical.Purposes()[:2]).Draw(t, "purpose"),
				Class:    rapid.SampledFrom(append(classes[:2:2], clinical.ClassAll)).Draw(t, "class"),
				Decision: rapid.SampledFrom([]string{Permit, Deny, Withdraw}).Draw(t, "decision"), From: moment(from),
			}
			if until := rapid.IntRange(from, 22).Draw(t, "until"); until > from {
				r.Until = moment(until)
			}
			records = append(records, r)
		}
		now := rapid.IntRange(0, 20).Draw(t, "now")
		rules := Rules(records, moment(now))
		for at := now; at <= 24; at++ {
			for _, purpose := range clinical.Purposes() {
				for _, class := range classes {
					want := explain(records, purpose, class, moment(at))
					if got := obeys(rules, purpose, class, moment(at)); got != want.Allowed {
						t.Fatalf("%s %s at %d: rules say %v, records say %v (%s)\n%+v", purpose, class, at, got, want.Allowed, want.Why, rules)
					}
				}
			}
		}
		for i, a := range rules { // the store's primary key, and no overlap
			for _, b := range rules[:i] {
				if a.Purpose == b.Purpose && a.Class == b.Class && (b.Until.IsZero() || b.Until.After(a.From)) {
					t.Fatalf("%+v and %+v overlap", b, a)
				}
			}
		}
	})
}

// The texts stay at the reading level of the eighth grade (Flesch-Kincaid,
// Kincaid and others 1975).
func TestTextsArePlain(t *testing.T) {
	for _, purpose := range clinical.Purposes() {
		text, err := TextFor(purpose)
		if err != nil || text.Title == "" || len(text.Paragraphs) < 3 {
			t.Fatal(text, err)
		}
		again, err := TextOf(text.Version)
		if err != nil || again.Purpose != purpose {
			t.Fatal(again, err)
		}
		words, sentences, syllables := 0, 0, 0
		for _, p := range text.Paragraphs {
			sentences += strings.Count(p, ".")
			for word := range strings.FieldsSeq(p) {
				words++
				syllables += countSyllables(word)
			}
		}
		grade := 0.39*float64(words)/float64(sentences) + 11.8*float64(syllables)/float64(words) - 15.59
		t.Logf("%s: grade %.1f", text.Version, grade)
		if grade > 8.5 {
			t.Errorf("%s reads like grade %.1f", text.Version, grade)
		}
	}
	if _, err := TextFor("fun"); fault.CodeOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	if _, err := TextOf("../text/care-1"); fault.CodeOf(err) != fault.NotFound {
		t.Fatal(err)
	}
}

func countSyllables(word string) int {
	n, vowel := 0, false
	word = strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }))
	for _, r := range word {
		is := strings.ContainsRune("aeiouy", r)
		if is && !vowel {
			n++
		}
		vowel = is
	}
	if strings.HasSuffix(word, "e") && !strings.HasSuffix(word, "le") && n > 1 {
		n--
	}
	return max(n, 1)
}
