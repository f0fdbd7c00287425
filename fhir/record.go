package fhir

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"consilium/fault"
	"consilium/store"
)

// read gives one resource.
func (s *service) read(r *http.Request) (reply, error) {
	kind, id := r.PathValue("kind"), r.PathValue("id")
	if err := s.allowed(r, RightRead, kind); err != nil {
		return reply{}, err
	}
	reader, err := s.Reader(r)
	if err != nil {
		return reply{}, err
	}
	f, err := s.find(r.Context(), reader, kind, id)
	if err != nil {
		return reply{}, err
	}
	if err := s.observe(r, "record.viewed", kind, id, f.patient, nil); err != nil {
		return reply{}, err
	}
	return reply{body: f.body, version: f.version, modified: f.updated}, nil
}

// entry is a resource with what belongs to it.
type entry struct {
	kind, id, patient string
	version           int64
	updated           time.Time
	body              any // json.RawMessage, Resource or r4.Resource
}

// find gives a resource wherever it comes from.
func (s *service) find(ctx context.Context, reader store.Reader, kind, id string) (entry, error) {
	if !idPattern.MatchString(id) {
		return entry{}, fault.New(fault.NotFound, fmt.Sprintf("there is no %s %q", kind, id), "an id has letters, digits, - and . only")
	}
	switch kind {
	case "AuditEvent":
		return s.auditEvent(ctx, id)
	case "Consent":
		return s.consent(ctx, id)
	}
	f, err := s.Store.FHIR(ctx, reader, kind, id)
	if fault.CodeOf(err) == fault.NotFound {
		switch kind {
		case "ImagingStudy":
			return s.imagingStudy(ctx, reader, id)
		case "Patient":
			return s.dicomPatient(ctx, reader, id)
		}
	}
	return kept(f), err
}

func kept(f store.FHIRResource) entry {
	return entry{kind: f.Kind, id: f.ID, patient: f.Patient, version: f.Version, updated: f.Updated, body: json.RawMessage(f.Body)}
}

// create keeps a new resource; with If-None-Exist only when the search in it
// finds nothing.
func (s *service) create(r *http.Request) (reply, error) {
	return s.write(r, func(ctx context.Context, t *store.Tx, w *writer, v Resource) (saved, error) {
		return w.create(ctx, t, v, r.Header.Get("If-None-Exist"))
	})
}

// update replaces a resource, or creates it under the id that the client wants.
func (s *service) update(r *http.Request) (reply, error) {
	return s.write(r, func(ctx context.Context, t *store.Tx, w *writer, v Resource) (saved, error) {
		if v.ID() != r.PathValue("id") {
			return saved{}, malformed("the id of the resource is not that of the address")
		}
		expected, err := ifMatch(r.Header.Get("If-Match"))
		if err != nil {
			return saved{}, err
		}
		return w.put(ctx, t, v, expected)
	})
}

// updateWhere replaces the one resource that the search in the address finds,
// or creates one.
func (s *service) updateWhere(r *http.Request) (reply, error) {
	return s.write(r, func(ctx context.Context, t *store.Tx, w *writer, v Resource) (saved, error) {
		values, err := parameters(r)
		if err != nil {
			return saved{}, err
		}
		return w.putWhere(ctx, t, v, values)
	})
}

// ifMatch reads the version that a client knows.
func ifMatch(header string) (int64, error) {
	if header == "" {
		return store.AnyVersion, nil
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(header, "W/"), `"`), 10, 64)
	if err != nil || n < 1 {
		return 0, malformed(fmt.Sprintf("If-Match: %s is no version", header))
	}
	return n, nil
}

// write takes one resource in, in a transaction.
func (s *service) write(r *http.Request, f func(context.Context, *store.Tx, *writer, Resource) (saved, error)) (reply, error) {
	kind := r.PathValue("kind")
	if err := s.allowed(r, RightWrite, kind); err != nil {
		return reply{}, err
	}
	raw, err := body(r, MaxResource)
	if err != nil {
		return reply{}, err
	}
	v, err := Parse(raw)
	if err != nil {
		return reply{}, err
	}
	if v.Kind() != kind {
		return reply{}, malformed(fmt.Sprintf("a %s was sent to the address of %s", v.Kind(), kind))
	}
	var out saved
	err = s.Store.Tx(r.Context(), func(t *store.Tx) (err error) {
		out, err = f(r.Context(), t, s.writer(r), v)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	if err := s.observe(r, "record.changed", kind, out.id, out.patient, map[string]string{"version": fmt.Sprint(out.version)}); err != nil {
		return reply{}, err
	}
	return reply{status: out.status, body: out.body, version: out.version, modified: out.updated,
		location: fmt.Sprintf("%s/%s/%s/_history/%d", s.base(r), kind, out.id, out.version)}, nil
}

// writer puts resources into a transaction.
type writer struct {
	*service
	actor string
	now   time.Time
}

func (s *service) writer(r *http.Request) *writer {
	return &writer{s, s.Actor(r), s.Now().UTC().Truncate(time.Millisecond)}
}

// saved is what came of a write.
type saved struct {
	entry
	status int // 200 it was there, 201 it was made
}

// create makes a resource under an id of its own.
func (w *writer) create(ctx context.Context, t *store.Tx, v Resource, ifNoneExist string) (saved, error) {
	if ifNoneExist != "" {
		values, err := url.ParseQuery(strings.TrimPrefix(ifNoneExist, "?"))
		if err != nil {
			return saved{}, malformed("If-None-Exist is no search")
		}
		there, err := w.one(ctx, t, v.Kind(), values)
		if err != nil || there != nil {
			return saved{entry: deref(there), status: http.StatusOK}, err
		}
	}
	if w.Consents != nil && v.Kind() == "Consent" {
		return w.recordConsent(ctx, t, v)
	}
	v["id"] = uuid.NewString()
	return w.put(ctx, t, v, 0)
}

func deref(e *entry) entry {
	if e == nil {
		return entry{}
	}
	return *e
}

// one finds the resource that a conditional change means: none, or exactly one.
func (w *writer) one(ctx context.Context, t *store.Tx, kind string, values url.Values) (*entry, error) {
	q, err := ask(kind, values)
	if err != nil {
		return nil, err
	}
	if len(q.Conditions) == 0 {
		return nil, malformed("a conditional change without a condition")
	}
	q.Limit, q.Offset = 2, 0
	found, _, err := t.FindFHIR(ctx, q.FHIRQuery)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return w.madeOne(ctx, q)
	case len(found) > 1:
		return nil, fault.New(fault.Conflict, fmt.Sprintf("several %ss meet the condition", kind), "ask by an identifier that only one has")
	}
	e := kept(found[0])
	return &e, nil
}

// madeOne finds what is not kept but made from DICOM.
func (w *writer) madeOne(ctx context.Context, q question) (*entry, error) {
	search := w.imagingStudies
	switch q.Kind {
	case "ImagingStudy":
	case "Patient":
		search = w.dicomPatients
	default:
		return nil, nil
	}
	found, _, err := search(ctx, store.Care, q, 0, 1)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (w *writer) putWhere(ctx context.Context, t *store.Tx, v Resource, values url.Values) (saved, error) {
	there, err := w.one(ctx, t, v.Kind(), values)
	if err != nil {
		return saved{}, err
	}
	if there == nil {
		if v.ID() == "" {
			v["id"] = uuid.NewString()
		}
		return w.put(ctx, t, v, 0)
	}
	if id := v.ID(); id != "" && id != there.id {
		return saved{}, malformed("the id of the resource is not that of the one that the search finds")
	}
	v["id"] = there.id
	return w.put(ctx, t, v, there.version)
}

// put keeps a resource under its id.
func (w *writer) put(ctx context.Context, t *store.Tx, v Resource, expected int64) (saved, error) {
	kind := v.Kind()
	if !w.offers(kind) || !writable(kind) || kind == "Consent" {
		return saved{}, fault.New(fault.InputUnsupported, kind+" cannot be written in this way", "see /metadata")
	}
	f := store.FHIRResource{Kind: kind, ID: v.ID(), Class: classOf(kind), Updated: w.now}
	if err := w.about(ctx, t, v, &f); err != nil {
		return saved{}, err
	}
	// The version stands in the body, and only the store knows it: ask first.
	there, _, err := t.FindFHIR(ctx, store.FHIRQuery{Kind: kind, Limit: 1, Conditions: []store.FHIRCondition{{Param: "_id", Tests: []store.FHIRTest{{Value: f.ID}}}}})
	if err != nil {
		return saved{}, err
	}
	present := int64(0)
	if len(there) > 0 {
		present = there[0].Version
	}
	v.stamp(f.ID, present+1, w.now)
	if f.Body, err = v.JSON(); err != nil {
		return saved{}, err
	}
	if err := t.PutFHIR(ctx, &f, expected, v.keys()); err != nil {
		return saved{}, err
	}
	out := saved{entry: kept(f), status: http.StatusOK}
	if present == 0 {
		out.status = http.StatusCreated
	}
	return out, nil
}

// about says whose a resource is. What names its patient by an identifier only
// is kept under that.
func (w *writer) about(ctx context.Context, t *store.Tx, v Resource, f *store.FHIRResource) error {
	if f.Kind == "Patient" {
		f.Subject, f.Patient = f.ID, patientKey(v)
		return nil
	}
	for _, name := range []string{"subject", "patient", "for", "beneficiary", "individual"} {
		ref, ok := v[name].(map[string]any)
		if !ok {
			continue
		}
		if kind, id := split(text(ref["reference"])); kind == "Patient" {
			f.Subject = id
			return nil
		}
		if identifier, ok := ref["identifier"].(map[string]any); ok && text(identifier["value"]) != "" {
			f.Patient = text(identifier["value"])
			return nil
		}
	}
	var target string // otherwise any patient that is named, or the patient of what this is about
	err := references(v, func(ref string) (string, error) {
		switch kind, id := split(ref); {
		case kind == "Patient" && f.Subject == "":
			f.Subject = id
		case kind != "" && target == "":
			target = ref
		}
		return ref, nil
	})
	if err != nil || f.Subject != "" || f.Kind != "Provenance" {
		return err
	}
	kind, id := split(target)
	found, _, err := t.FindFHIR(ctx, store.FHIRQuery{Kind: kind, Limit: 1, Conditions: []store.FHIRCondition{{Param: "_id", Tests: []store.FHIRTest{{Value: id}}}}})
	if err == nil && len(found) > 0 {
		f.Subject, f.Patient = found[0].Subject, found[0].Patient
	}
	return err
}

// patientKey is what a Patient's consent is kept under: the medical record
// number, which is DICOM's Patient ID; else the first identifier; else the id.
func patientKey(v Resource) string {
	first := ""
	for _, i := range pick(v, "identifier") {
		m, _ := i.(map[string]any)
		value := text(m["value"])
		if value == "" {
			continue
		}
		for _, code := range pick(m, "type", "coding", "code") {
			if code == "MR" {
				return value
			}
		}
		if first == "" {
			first = value
		}
	}
	if first == "" {
		return v.ID()
	}
	return first
}

// recordConsent takes a Consent in as a consent record.
func (w *writer) recordConsent(ctx context.Context, t *store.Tx, v Resource) (saved, error) {
	c, err := w.consentOf(ctx, t, v)
	if err != nil {
		return saved{}, err
	}
	c.By = w.actor
	record, err := w.Consents.RecordIn(ctx, t, c)
	if err != nil {
		return saved{}, err
	}
	e, err := consentEntry(record)
	return saved{entry: e, status: http.StatusCreated}, err
}
