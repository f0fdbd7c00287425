package fhir

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofhir/models/r4"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// AuditEvents are the entries of the audit log; their id is the entry's index.

func (s *service) auditEvent(ctx context.Context, id string) (entry, error) {
	missing := fault.New(fault.NotFound, fmt.Sprintf("there is no AuditEvent %q", id), "the id is the number of an entry in the audit log")
	index, err := strconv.ParseUint(id, 10, 64)
	if err != nil || strconv.FormatUint(index, 10) != id {
		return entry{}, missing
	}
	found, err := s.Audit.Read(ctx, index, 1)
	if err != nil {
		return entry{}, err
	}
	if len(found) == 0 {
		return entry{}, missing
	}
	return auditEntry(found[0]), nil
}

func auditEntry(e govern.Entry) entry {
	return entry{kind: "AuditEvent", id: strconv.FormatUint(e.Index, 10), patient: e.Patient, version: 1, updated: e.Logged, body: auditEvent(e)}
}

// auditTypes maps the beginning of an action to DICOM's audit event types
// (PS3.15, table A.5.3) and to R4's action codes.
var auditTypes = []struct {
	action, code, display string
	do                    r4.AuditEventAction
}{
	{"login", "110114", "User Authentication", "E"},
	{"logout", "110114", "User Authentication", "E"},
	{"study.received", "110104", "DICOM Instances Transferred", "C"},
	{"study.viewed", "110103", "DICOM Instances Accessed", "R"},
	{"object.", "110103", "DICOM Instances Accessed", "R"},
	{"record.viewed", "110110", "Patient Record", "R"},
	{"record.searched", "110112", "Query", "E"},
	{"record.changed", "110110", "Patient Record", "U"},
	{"result.", "110106", "Export", "R"},
	{"assessment.", "110110", "Patient Record", "C"},
	{"finding.", "110110", "Patient Record", "U"},
	{"report.", "110110", "Patient Record", "U"},
	{"consent.", "110110", "Patient Record", "U"},
	{"", "110100", "Application Activity", "E"},
}

func auditEvent(e govern.Entry) *r4.AuditEvent {
	at := slices.IndexFunc(auditTypes, func(t struct {
		action, code, display string
		do                    r4.AuditEventAction
	}) bool {
		return strings.HasPrefix(e.Action, t.action)
	})
	kind := auditTypes[at]
	outcome, told := r4.AuditEventOutcome("0"), ""
	if e.Outcome != "ok" {
		outcome, told = "4", e.Outcome
	}
	v := &r4.AuditEvent{
		Id: ptr(strconv.FormatUint(e.Index, 10)), Meta: &r4.Meta{VersionId: ptr("1"), LastUpdated: ptr(instant(e.Logged))},
		Type:    r4.Coding{System: ptr(dcm), Code: ptr(kind.code), Display: ptr(kind.display)},
		Subtype: []r4.Coding{{System: ptr(actionSystem), Code: ptr(e.Action)}},
		Action:  ptr(kind.do), Recorded: ptr(instant(e.Time)), Outcome: ptr(outcome), OutcomeDesc: optional(told),
		Agent:  []r4.AuditEventAgent{{Requestor: ptr(true), AltId: optional(e.Actor), Name: optional(orElse(e.Actor, "unknown")), Role: roles(e.Role)}},
		Source: &r4.AuditEventSource{Observer: r4.Reference{Display: ptr("Consilium")}},
	}
	add := func(code, display string, what *r4.Reference, details []r4.AuditEventEntityDetail) {
		v.Entity = append(v.Entity, r4.AuditEventEntity{What: what, Type: &r4.Coding{System: ptr(entityTypes), Code: ptr(code), Display: ptr(display)}, Detail: details})
	}
	if e.Patient != "" {
		add("1", "Person", &r4.Reference{Type: ptr("Patient"), Identifier: &r4.Identifier{Type: coded(identifierTypes, "MR", "Medical record number"), Value: ptr(e.Patient)}}, nil)
	}
	if e.Study != "" {
		add("2", "System Object", &r4.Reference{Type: ptr("ImagingStudy"), Identifier: &r4.Identifier{System: ptr(dicomUID), Value: ptr("urn:oid:" + e.Study)}}, nil)
	}
	if e.Object != "" || e.Model != "" || len(e.Detail) > 0 {
		add("2", "System Object", nil, auditDetails(e))
	}
	return v
}

func roles(role string) []r4.CodeableConcept {
	if role == "" {
		return nil
	}
	return []r4.CodeableConcept{{Text: ptr(role)}}
}

func auditDetails(e govern.Entry) []r4.AuditEventEntityDetail {
	var out []r4.AuditEventEntityDetail
	add := func(name, value string) {
		if value != "" {
			out = append(out, r4.AuditEventEntityDetail{Type: ptr(name), ValueString: ptr(value)})
		}
	}
	add("object", e.Object)
	add("model", e.Model)
	for _, name := range sortedKeys(e.Detail) {
		add(name, e.Detail[name])
	}
	return out
}

// auditEvents searches the log by patient, agent, date and subtype.
func (s *service) auditEvents(ctx context.Context, values url.Values) ([]entry, int, question, error) {
	q := question{FHIRQuery: store.FHIRQuery{Kind: "AuditEvent", Limit: defaultCount, Latest: true}, values: url.Values{}}
	var ask govern.Query
	for name, list := range values {
		value := list[0]
		if control, err := q.control(name, value); control || err != nil {
			if err != nil {
				return nil, 0, q, err
			}
			continue
		}
		if len(list) > 1 && name != "date" {
			return nil, 0, q, unknown("only date may be repeated for AuditEvent")
		}
		q.values[name] = list
		if err := auditCondition(&ask, name, list); err != nil {
			return nil, 0, q, err
		}
	}
	if q.Offset > 0 {
		return nil, 0, q, unknown("AuditEvents are paged by _before")
	}
	ask.Limit = max(q.Limit, 1)
	p, err := s.Audit.Entries(ctx, ask)
	if err != nil {
		return nil, 0, q, err
	}
	var found []entry
	for _, e := range p.Items {
		found = append(found, auditEntry(e))
	}
	total := len(found)
	if p.Next > 0 { // more than this; the log does not count
		q.values.Set("_before", strconv.FormatUint(p.Next, 10))
		total++
	}
	return found, total, q, nil
}

func auditCondition(ask *govern.Query, name string, list []string) error {
	value := list[0]
	_, code, piped := strings.Cut(value, "|")
	if !piped {
		code = value
	}
	switch name {
	case "patient.identifier", "entity.identifier":
		ask.Patient = code
	case "altid", "agent-name":
		ask.Actor = code
	case "subtype":
		ask.Action = code
	case "_before":
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return malformed("_before is no number")
		}
		ask.Before = n
	case "date":
		for _, v := range list {
			t, err := param{name: "date", kind: dateParam}.test(v, "")
			if err != nil {
				return err
			}
			switch t.Date {
			case "eq":
				ask.Since, ask.Until = t.Low, t.High
			case "ge":
				ask.Since = t.Low
			case "gt":
				ask.Since = t.High
			case "le":
				ask.Until = t.High
			case "lt":
				ask.Until = t.Low
			default:
				return unknown("this comparison of date is not offered")
			}
		}
	default:
		return unknown(fmt.Sprintf("AuditEvent has no search parameter %q here", name))
	}
	return nil
}
