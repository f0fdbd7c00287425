package fhir

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofhir/models/r4"

	"consilium/clinical"
	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// A Consent is a consent record. Taking one in refuses whatever a record
// cannot say: a restriction must not get lost on the way.

// purposes in the words of v3 ActReason, with our own code where it has none.
var purposes = map[clinical.Purpose]r4.Coding{
	clinical.PurposeCare:       {System: ptr(actReason), Code: ptr("TREAT"), Display: ptr("treatment")},
	clinical.PurposeQuality:    {System: ptr(actReason), Code: ptr("HOPERAT"), Display: ptr("healthcare operations")},
	clinical.PurposeResearch:   {System: ptr(actReason), Code: ptr("HRESCH"), Display: ptr("healthcare research")},
	clinical.PurposeTraining:   {System: ptr(purposeSystem), Code: ptr("training"), Display: ptr("training of models at this site")},
	clinical.PurposeFederation: {System: ptr(purposeSystem), Code: ptr("federation"), Display: ptr("training of models together with other sites")},
}

// consentResource makes the Consent of a record.
func consentResource(c govern.ConsentRecord) *r4.Consent {
	status, kind := r4.ConsentState("active"), r4.ConsentProvisionType(c.Decision)
	if c.Decision == govern.Withdraw {
		status, kind = "inactive", "deny"
	}
	scope := coded(consentScope, "patient-privacy", "Privacy Consent")
	if c.Purpose != clinical.PurposeCare && c.Purpose != clinical.PurposeQuality {
		scope = coded(consentScope, "research", "Research")
	}
	period := &r4.Period{Start: ptr(instant(c.From))}
	if !c.Until.IsZero() {
		period.End = ptr(instant(c.Until))
	}
	v := &r4.Consent{
		Id: ptr(c.ID), Meta: &r4.Meta{VersionId: ptr("1"), LastUpdated: ptr(instant(c.At))}, Status: ptr(status), Scope: *scope,
		Category:   []r4.CodeableConcept{*coded("http://loinc.org", "59284-0", "Consent Document")},
		Patient:    &r4.Reference{Type: ptr("Patient"), Identifier: &r4.Identifier{Type: coded(identifierTypes, "MR", "Medical record number"), Value: ptr(c.Patient)}},
		DateTime:   ptr(instant(c.At)),
		PolicyRule: &r4.CodeableConcept{Coding: []r4.Coding{{System: ptr(textSystem), Code: ptr(c.Text)}}, Text: ptr("Consent text " + c.Text)},
		Verification: []r4.ConsentVerification{
			{Verified: ptr(true), VerificationDate: ptr(instant(c.At)), VerifiedWith: &r4.Reference{Display: ptr(c.By)}},
		},
		Provision: &r4.ConsentProvision{Type: ptr(kind), Period: period, Purpose: []r4.Coding{purposes[c.Purpose]}},
	}
	if id := mrnID(c.Patient); id != "" {
		v.Patient.Reference = ptr("Patient/" + id)
	}
	if c.Class != clinical.ClassAll {
		v.Provision.Class = []r4.Coding{{System: ptr(classSystem), Code: ptr(string(c.Class))}}
	}
	return v
}

func consentEntry(c govern.ConsentRecord) (entry, error) {
	return entry{kind: "Consent", id: c.ID, patient: c.Patient, version: 1, updated: c.At, body: consentResource(c)}, nil
}

func (s *service) consent(ctx context.Context, id string) (entry, error) {
	c, err := s.Store.Consent(ctx, id)
	if err != nil {
		return entry{}, err
	}
	return consentEntry(c)
}

// consents lists what a patient decided; the patient must be named.
func (s *service) consents(ctx context.Context, reader store.Reader, values url.Values) ([]entry, int, question, error) {
	q := question{FHIRQuery: store.FHIRQuery{Kind: "Consent", Limit: defaultCount, Latest: true}, values: url.Values{}}
	patient := ""
	for name, list := range values {
		control, err := q.control(name, list[0])
		if err != nil {
			return nil, 0, q, err
		}
		if control {
			continue
		}
		q.values[name] = list
		switch name {
		case "patient", "patient:Patient":
			t, _ := refer("patient", "Patient").test(list[0], "")
			if patient, err = s.patientID(ctx, reader, t.Value); err != nil {
				return nil, 0, q, err
			}
		case "patient.identifier", "patient:identifier":
			_, code, piped := strings.Cut(list[0], "|")
			if patient = code; !piped {
				patient = list[0]
			}
		default:
			return nil, 0, q, unknown(fmt.Sprintf("Consent has no search parameter %q here", name))
		}
	}
	if len(q.values) == 0 {
		return nil, 0, q, unknown("a search for Consents names the patient")
	}
	records, err := s.Consents.Records(ctx, patient)
	if err != nil {
		return nil, 0, q, err
	}
	slices.Reverse(records) // the latest first
	var found []entry
	for _, c := range records[min(q.Offset, len(records)):min(q.Offset+q.Limit, len(records))] {
		e, err := consentEntry(c)
		if err != nil {
			return nil, 0, q, err
		}
		found = append(found, e)
	}
	return found, len(records), q, nil
}

// consentOf reads a record out of a Consent.
func (w *writer) consentOf(ctx context.Context, t *store.Tx, v Resource) (govern.ConsentRecord, error) {
	c := govern.ConsentRecord{}
	cannot := func(what string) error {
		return fault.New(fault.InputUnsupported, "this Consent says more than can be kept: "+what, "record it on the patient's page, or send one purpose and at most one class of data")
	}
	known := []string{"resourceType", "id", "meta", "language", "text", "identifier", "status", "scope", "category", "patient", "dateTime", "performer",
		"organization", "sourceAttachment", "sourceReference", "policy", "policyRule", "verification", "provision"}
	for name := range v {
		if !slices.Contains(known, name) {
			return c, cannot("element " + name)
		}
	}
	patient, _ := v["patient"].(map[string]any)
	if c.Patient = first(pick(patient, "identifier", "value")); c.Patient == "" {
		var err error
		if c.Patient, err = w.patientIn(ctx, t, text(patient["reference"])); err != nil {
			return c, err
		}
	}
	provision, ok := v["provision"].(map[string]any)
	if !ok {
		return c, cannot("there is no provision")
	}
	for _, name := range slices.Sorted(maps.Keys(provision)) {
		if !slices.Contains([]string{"type", "period", "purpose", "class"}, name) {
			return c, cannot("provision." + name)
		}
	}
	if c.Decision = text(provision["type"]); text(v["status"]) == "inactive" {
		c.Decision = govern.Withdraw
	} else if text(v["status"]) != "active" {
		return c, cannot("status " + text(v["status"]))
	}
	if err := provisionOf(provision, &c); err != nil {
		return c, cannot(err.Error())
	}
	if rule := first(pick(v, "policyRule", "coding", "code")); rule != "" {
		c.Text = rule
	}
	return c, nil
}

// provisionOf reads purpose, class and period.
func provisionOf(provision map[string]any, c *govern.ConsentRecord) error {
	codes := pick(provision, "purpose", "code")
	if len(codes) != 1 {
		return fmt.Errorf("%d purposes", len(codes))
	}
	for purpose, coding := range purposes {
		if codes[0] == *coding.Code {
			c.Purpose = purpose
		}
	}
	if c.Purpose == "" {
		return fmt.Errorf("purpose %v", codes[0])
	}
	classes := pick(provision, "class")
	if len(classes) > 1 {
		return fmt.Errorf("%d classes of data", len(classes))
	}
	if len(classes) == 1 {
		if first(pick(classes[0], "system")) != classSystem {
			return fmt.Errorf("a class of another system than %s", classSystem)
		}
		c.Class = clinical.DataClass(first(pick(classes[0], "code")))
	}
	period, _ := provision["period"].(map[string]any)
	if start := text(period["start"]); start != "" {
		low, _, ok := span(start)
		if !ok {
			return fmt.Errorf("period.start %q", start)
		}
		c.From = low
	}
	if end := text(period["end"]); end != "" {
		_, high, ok := span(end)
		if !ok {
			return fmt.Errorf("period.end %q", end)
		}
		if c.Until = high; len(end) > len(time.DateOnly) {
			c.Until, _, _ = span(end)
		}
	}
	return nil
}

// first of what pick found, as text.
func first(found []any) string {
	if len(found) == 0 {
		return ""
	}
	return text(found[0])
}

// patientIn is what a referred Patient's consent is kept under.
func (w *writer) patientIn(ctx context.Context, t *store.Tx, ref string) (string, error) {
	kind, id := split(ref)
	if kind != "Patient" {
		return "", fault.New(fault.InputMissing, "the Consent names no patient", "refer to a Patient, or give the identifier")
	}
	found, _, err := t.FindFHIR(ctx, store.FHIRQuery{Kind: kind, Limit: 1, Conditions: []store.FHIRCondition{{Param: "_id", Tests: []store.FHIRTest{{Value: id}}}}})
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return found[0].Patient, nil
	}
	if mrn := mrnOf(id); mrn != "" {
		return mrn, nil
	}
	return "", fault.New(fault.NotFound, fmt.Sprintf("there is no Patient %q", id), "send the Patient first, or give the identifier")
}
