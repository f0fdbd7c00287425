package fhir

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gofhir/models/r4"

	"consilium/store"
)

// search answers with a bundle of type searchset.
func (s *service) search(r *http.Request) (reply, error) {
	kind := r.PathValue("kind")
	if err := s.allowed(r, RightRead, kind); err != nil {
		return reply{}, err
	}
	reader, err := s.Reader(r)
	if err != nil {
		return reply{}, err
	}
	values, err := form(r)
	if err != nil {
		return reply{}, err
	}
	found, total, q, err := s.list(r.Context(), reader, kind, values)
	if err != nil {
		return reply{}, err
	}
	patient := ""
	for _, e := range found { // one patient's record was looked at, or a list of several
		if patient == "" {
			patient = e.patient
		}
		if e.patient != patient {
			patient = ""
			break
		}
	}
	if err := s.observe(r, "record.searched", kind, "", patient, map[string]string{"found": fmt.Sprint(total), "shown": fmt.Sprint(len(found))}); err != nil {
		return reply{}, err
	}
	body, err := page(s.base(r), q, found, total)
	return reply{body: body}, err
}

// list finds what meets a search, wherever it comes from.
func (s *service) list(ctx context.Context, reader store.Reader, kind string, values url.Values) ([]entry, int, question, error) {
	switch kind {
	case "AuditEvent":
		return s.auditEvents(ctx, values)
	case "Consent":
		return s.consents(ctx, reader, values)
	}
	q, err := ask(kind, values)
	if err != nil {
		return nil, 0, q, err
	}
	resources, total, err := s.Store.FindFHIR(ctx, reader, q.FHIRQuery)
	if err != nil {
		return nil, 0, q, err
	}
	var found []entry
	for _, f := range resources {
		found = append(found, kept(f))
	}
	// What is made from DICOM comes after what was sent as FHIR.
	made := func(context.Context, store.Reader, question, int, int) ([]entry, int, error) { return nil, 0, nil }
	switch kind {
	case "ImagingStudy":
		made = s.imagingStudies
	case "Patient":
		made = s.dicomPatients
	}
	more, count, err := made(ctx, reader, q, max(0, q.Offset-total), q.Limit-len(found))
	return append(found, more...), total + count, q, err
}

// page makes the bundle of a search.
func page(base string, q question, found []entry, total int) (json.RawMessage, error) {
	link := func(offset int) string {
		v := url.Values{}
		for name, list := range q.values {
			v[name] = list
		}
		v.Set("_count", fmt.Sprint(q.Limit))
		if offset > 0 {
			v.Set("_offset", fmt.Sprint(offset))
		}
		if !q.Latest {
			v.Set("_sort", "_id")
		}
		return base + "/" + q.Kind + "?" + v.Encode()
	}
	links := []r4.BundleLink{{Relation: ptr("self"), Url: ptr(link(q.Offset))}}
	if next := q.Offset + len(found); len(found) > 0 && next < total {
		links = append(links, r4.BundleLink{Relation: ptr("next"), Url: ptr(link(next))})
	}
	if q.Offset > 0 {
		links = append(links, r4.BundleLink{Relation: ptr("previous"), Url: ptr(link(max(0, q.Offset-q.Limit)))})
	}
	entries := make([]map[string]any, 0, len(found))
	for _, e := range found {
		entries = append(entries, map[string]any{"fullUrl": base + "/" + e.kind + "/" + e.id, "resource": e.body, "search": map[string]string{"mode": "match"}})
	}
	bundle := map[string]any{"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
	if len(entries) > 0 {
		bundle["entry"] = entries
	}
	return plainJSON(bundle)
}
