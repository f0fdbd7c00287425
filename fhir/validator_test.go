package fhir

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// validate holds resources against the R4 definitions with Medplum's
// validator, an independent implementation.
func validate(t *testing.T, resources ...any) {
	t.Helper()
	node, err := exec.LookPath("node")
	modules := filepath.Join("..", ".tools", "npm", "node_modules")
	if _, missing := os.Stat(filepath.Join(modules, "@medplum", "core")); err != nil || missing != nil {
		t.Skip("node or the FHIR validator is not here: `make setup` fetches it into .tools/npm")
	}
	if modules, err = filepath.Abs(modules); err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	for _, r := range resources {
		raw, err := plainJSON(r)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(raw, '\n'))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, node, filepath.Join("testdata", "validate.mjs"), modules)
	c.Stdin = &in
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-2000):])
	}
	if got, want := strings.TrimSpace(string(out)), fmt.Sprint("checked ", len(resources)); got != want {
		t.Errorf("the validator says:\n%s", got)
	}
}

func half(v float64) *float64 { return &v }

// report is a synthetic one with every kind of finding.
func report(signed bool) Report {
	made := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	m := Model{"pneumonia", "1.0.0", "sha256:abc"}
	r := Report{
		ID: "assessment-1", Study: "1.2.826.0.1.3680043.10.999.1", Accession: "A 1", StudyDate: "20260304", MadeAt: made, Site: "Synthetic Hospital", Synthetic: true,
		Patient: Subject{ID: "SYN|1&x", Name: "Synthetic^Patient^One", BirthDate: "19700101", Sex: "O"},
		Billing: map[string][]Code{"image": {{"urn:site:billing", "X1", "Film read by two"}}},
		Findings: []Finding{
			{ID: "f1", Kind: "image", Task: "pneumonia on a frontal chest film of a child", Verdict: "finding", Answer: "pneumonia", Coverage: 0.9, Model: m, Reasons: []string{"Because <of> that."},
				Outcomes: []Outcome{{Name: "normal", Probability: 0.0312345}, {Name: "pneumonia", Code: "J18.9", System: "ICD-10", Probability: 0.96876, Low: half(0.91), High: half(0.99), InSet: true}}},
			{ID: "f2", Kind: "ecg", Verdict: "cannot tell", Model: Model{"ecg", "1.1.0", "sha256:def"}, Outcomes: []Outcome{{Name: "atrial fibrillation", Code: "I48", System: "ICD-10", Probability: 0.4}}},
			{ID: "f3", Kind: "sound", Task: "cough", Answer: "COVID-19 positive", Model: m, Review: &Review{Decision: "reject", Comment: "noise", By: "dr"}, Outcomes: []Outcome{{Name: "COVID-19 positive", Code: "U07.1", System: "ICD-10", Probability: 1}}},
			{ID: "f4", Kind: "image", Task: "again", Answer: "normal", Model: m, Review: &Review{Decision: "correct", Answer: "pneumonia", By: "dr"}, Outcomes: []Outcome{{Name: "normal", Probability: 0.6}, {Name: "pneumonia", Code: "J18.9", System: "ICD-10", Probability: 0.4}}},
		},
	}
	if signed {
		r.Signature = &Signature{By: "Dr Ann Signer", Account: "ann", At: made.Add(time.Hour), Attestation: "I have read it."}
	}
	return r
}

// entriesOf opens a bundle.
func entriesOf(t *testing.T, raw []byte) map[string][]Resource {
	t.Helper()
	b, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]Resource{}
	for _, v := range pick(b, "entry", "resource") {
		r := Resource(v.(map[string]any))
		found[r.Kind()] = append(found[r.Kind()], r)
	}
	return found
}

func TestReportsAreValid(t *testing.T) {
	var all []any
	for _, signed := range []bool{false, true} {
		raw, err := report(signed).Bundle()
		if err != nil {
			t.Fatal(err)
		}
		b, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
		for _, list := range entriesOf(t, raw) {
			for _, r := range list {
				all = append(all, r)
			}
		}
	}
	validate(t, all...)
}

// What the server makes is valid, too.
func TestAnswersAreValid(t *testing.T) {
	s := newSite(t)
	raw, err := report(true).Bundle()
	if err != nil {
		t.Fatal(err)
	}
	if _, written, err := Import(t.Context(), s.c, "test", raw); err != nil || written["Observation"] != 4 {
		t.Fatal(written, err)
	}
	s.want(201, "POST", "/Consent", `{"resourceType":"Consent","status":"active","scope":{"text":"x"},"category":[{"text":"x"}],"patient":{"identifier":{"value":"SYN1"}},
		"policyRule":{"text":"x"},"provision":{"type":"permit","period":{"end":"2030-01"},"purpose":[{"code":"training"}],"class":[{"system":"urn:consilium:data-class","code":"image"}]}}`)
	var all []any
	for _, path := range []string{"/metadata", "/ImagingStudy", "/AuditEvent", "/Consent?patient.identifier=SYN1", "/Patient", "/DiagnosticReport?_sort=_id", "/Provenance"} {
		v := s.want(200, "GET", path, "")
		all = append(all, v)
		all = append(all, pick(v, "entry", "resource")...)
	}
	_, outcome, _ := s.ask("GET", "/Patient/none", "")
	validate(t, append(all, outcome)...)
}

func TestReport(t *testing.T) {
	s := newSite(t)
	for _, signed := range []bool{false, true, true} { // sent again: nothing is doubled
		raw, err := report(signed).Bundle()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&Client{Base: s.url}).Transaction(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
	}
	for kind, want := range map[string]int{"Patient": 1, "ImagingStudy": 1, "DiagnosticReport": 1, "Observation": 4, "RiskAssessment": 4, "Device": 2, "Provenance": 2} {
		if got := s.total("/" + kind); got != want {
			t.Errorf("%d %s instead of %d", got, kind, want)
		}
	}
	v := s.want(200, "GET", "/DiagnosticReport?status=final&conclusion=J18.9", "")
	report := pick(v, "entry", "resource")[0]
	if first(pick(report, "resultsInterpreter", "display")) != "Dr Ann Signer" || first(pick(report, "code", "coding", "code")) != "30745-4" || len(pick(report, "result")) != 4 {
		t.Error(report)
	}
	if first(pick(report, "extension", "valueCodeableConcept", "coding", "code")) != "X1" {
		t.Error("the billing code is missing")
	}
	risk := pick(s.want(200, "GET", "/RiskAssessment?identifier=assessment-1/f1", ""), "entry", "resource")[0]
	probabilities := pick(risk, "prediction", "probabilityDecimal")
	if len(probabilities) != 2 || probabilities[0] != json.Number("3.1235") || probabilities[1] != json.Number("96.876") {
		t.Error(probabilities)
	}
	rejected := pick(s.want(200, "GET", "/Observation?status=cancelled", ""), "entry")
	corrected := pick(s.want(200, "GET", "/Observation?identifier=assessment-1/f4", ""), "entry", "resource", "valueCodeableConcept", "text")
	if len(rejected) != 1 || first(corrected) != "pneumonia" {
		t.Error(rejected, corrected)
	}
	if got := pick(s.want(200, "GET", "/Provenance?agent-type=attester", ""), "entry", "resource", "agent", "who", "display"); len(got) != 1 || got[0] != "Dr Ann Signer" {
		t.Error(got)
	}
	if _, err := (Report{}).Bundle(); err == nil {
		t.Error("an empty report was made")
	}
}
