package fhir

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofhir/models/r4"

	"consilium/clinical"
	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// Rights that Config.Allow is asked for.
const (
	RightRead  = "read"
	RightWrite = "write"
)

// AuditLog is where AuditEvents come from; *govern.Log is one.
type AuditLog interface {
	Entries(ctx context.Context, q govern.Query) (govern.Page, error)
	Read(ctx context.Context, index uint64, n int) ([]govern.Entry, error)
}

// Config is what a Handler is made of.
type Config struct {
	Store    *store.Store
	Consents *govern.Consents // nil: Consent is not offered
	Audit    AuditLog         // nil: AuditEvent is not offered
	Base     string           // the absolute URL that the handler is reached by; "" = from each request
	Version  string           // of the program

	// Reader says for which purpose a request reads.
	Reader func(*http.Request) (store.Reader, error)
	// Allow refuses what the one who asks may not do; nil = everybody may do everything.
	Allow func(r *http.Request, right, kind string) error
	// Actor names who asks; nil = "fhir".
	Actor func(*http.Request) string
	// Observe records what was done, before the answer goes out; nil = nothing is recorded.
	Observe func(r *http.Request, e govern.Event) error
	Now     func() time.Time
	Log     *slog.Logger
}

// service answers requests.
type service struct {
	Config
}

// Handler serves FHIR R4 in JSON. It does not see the path that it is mounted
// at. Its errors are OperationOutcomes.
func Handler(c Config) http.Handler {
	s := newService(c)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metadata", s.answer(s.metadata))
	mux.HandleFunc("POST /{$}", s.answer(s.takeBundle))
	mux.HandleFunc("GET /{kind}", s.answer(s.search))
	mux.HandleFunc("POST /{kind}/_search", s.answer(s.search))
	mux.HandleFunc("GET /{kind}/{id}", s.answer(s.read))
	mux.HandleFunc("POST /{kind}", s.answer(s.create))
	mux.HandleFunc("PUT /{kind}/{id}", s.answer(s.update))
	mux.HandleFunc("PUT /{kind}", s.answer(s.updateWhere))
	mux.HandleFunc("/", s.answer(func(r *http.Request) (reply, error) {
		return reply{}, fault.New(fault.NotFound, fmt.Sprintf("%s %s is not offered", r.Method, r.URL.Path), "see /metadata")
	}))
	return mux
}

func newService(c Config) *service {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Reader == nil {
		c.Reader = func(*http.Request) (store.Reader, error) { return store.Care, nil }
	}
	if c.Actor == nil {
		c.Actor = func(*http.Request) string { return "fhir" }
	}
	return &service{c}
}

// reply is a resource on its way out.
type reply struct {
	status   int
	body     any // Resource or r4.Resource
	version  int64
	location string
	modified time.Time
}

// answer turns a method of ours into one of HTTP.
func (s *service) answer(f func(*http.Request) (reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := f(r)
		var raw []byte
		if err == nil {
			raw, err = out.json()
		}
		if err != nil {
			status, outcome := OperationOutcome(err)
			if status >= 500 {
				s.Log.Error("a FHIR request failed", "method", r.Method, "error", err)
			}
			out = reply{status: status}
			if raw, err = plainJSON(outcome); err != nil {
				raw = nil
			}
		}
		h := w.Header()
		h.Set("Content-Type", "application/fhir+json; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if out.version > 0 {
			h.Set("ETag", fmt.Sprintf(`W/"%d"`, out.version))
		}
		if out.location != "" {
			h.Set("Location", out.location)
		}
		if !out.modified.IsZero() {
			h.Set("Last-Modified", out.modified.UTC().Format(http.TimeFormat))
		}
		w.WriteHeader(max(out.status, http.StatusOK))
		_, _ = w.Write(raw) // who has gone cannot be told
	}
}

func (r reply) json() ([]byte, error) {
	switch body := r.body.(type) {
	case Resource:
		return body.JSON()
	case json.RawMessage:
		return body, nil
	}
	return plainJSON(r.body)
}

// allowed asks whether this may be done, and whether the type is offered.
func (s *service) allowed(r *http.Request, right, kind string) error {
	if !s.offers(kind) {
		return fault.New(fault.NotFound, fmt.Sprintf("the resource type %q is not offered", kind), "see /metadata")
	}
	if right == RightWrite && !writable(kind) {
		return fault.New(fault.InputUnsupported, kind+" is made by the node and cannot be written", "")
	}
	if s.Allow == nil {
		return nil
	}
	return s.Allow(r, right, kind)
}

// notKept are types that are no records, or that only the node itself makes.
var notKept = map[string]bool{"Bundle": true, "Parameters": true, "OperationOutcome": true, "CapabilityStatement": true, "AuditEvent": true}

func (s *service) offers(kind string) bool {
	switch kind {
	case "AuditEvent":
		return s.Audit != nil
	case "Consent":
		return s.Consents != nil
	}
	return !notKept[kind] && r4.IsKnownResourceType(kind)
}

func writable(kind string) bool { return !notKept[kind] }

// observe records an access, or refuses to answer when it cannot be recorded.
func (s *service) observe(r *http.Request, action, kind, id, patient string, detail map[string]string) error {
	if s.Observe == nil {
		return nil
	}
	object := kind
	if id != "" {
		object += "/" + id
	}
	return s.Observe(r, govern.Event{Actor: s.Actor(r), Action: action, Patient: patient, Object: object, Detail: detail})
}

// base is the absolute URL of the handler.
func (s *service) base(r *http.Request) string {
	if s.Base != "" {
		return strings.TrimSuffix(s.Base, "/")
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	return scheme + "://" + r.Host + strings.TrimSuffix(strings.TrimSuffix(path, r.URL.Path), "/")
}

// body reads a request's JSON within a limit.
func body(r *http.Request, limit int) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind != "application/fhir+json" && kind != "application/json" {
		return nil, fault.New(fault.InputUnsupported, fmt.Sprintf("content of type %q is not read", kind), "send application/fhir+json")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.InputTruncated, "the request ended too early", "send it again")
	}
	if len(raw) > limit {
		return nil, tooLarge("a request", len(raw), limit)
	}
	if len(raw) == 0 {
		return nil, fault.New(fault.InputEmpty, "the request has no content", "send a FHIR resource as JSON")
	}
	return raw, nil
}

// form gives the parameters of a search, from the URL and, with POST, the body.
func form(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return parameters(r)
	}
	r.Body = http.MaxBytesReader(nil, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return nil, malformed("the form cannot be read")
	}
	return r.Form, nil
}

// parameters reads the parameters of an address. One that cannot be read is an
// error: url.Values would leave it out, and with it a condition.
func parameters(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, malformed("the parameters of the address cannot be read")
	}
	return values, nil
}

// classOf is the class of data that consent is asked for.
func classOf(kind string) clinical.DataClass {
	switch kind {
	case "DiagnosticReport":
		return clinical.ClassReport
	case "ImagingStudy":
		return clinical.ClassImage
	}
	return clinical.ClassRecord
}
