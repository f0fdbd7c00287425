package fhir

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/fault"
	"consilium/govern"
	"consilium/store"
	"consilium/store/storetest"
)

// site is a node's record for a test.
type site struct {
	*testing.T
	c       Config
	url     string
	store   *store.Store
	events  []govern.Event
	purpose clinical.Purpose
	denied  bool
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, purpose: clinical.PurposeCare}
	dir := t.TempDir()
	s.store = storetest.Open(t, store.Options{DataDir: dir})
	log, err := govern.OpenLog(t.Context(), govern.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s.c = Config{
		Store: s.store, Consents: &govern.Consents{Store: s.store}, Audit: log, Version: "test",
		Reader: func(*http.Request) (store.Reader, error) { return store.Reader{Purpose: s.purpose}, nil },
		Actor:  func(*http.Request) string { return "dr.test" },
		Allow: func(*http.Request, string, string) error {
			if s.denied {
				return fault.New(fault.AccessDenied, "you may not", "ask")
			}
			return nil
		},
		Observe: func(r *http.Request, e govern.Event) error {
			s.events = append(s.events, e)
			_, err := log.Append(r.Context(), e)
			return err
		},
	}
	mounted := http.StripPrefix("/fhir", Handler(s.c))
	server := httptest.NewServer(mounted)
	t.Cleanup(server.Close)
	s.url = server.URL + "/fhir"
	return s
}

// ask sends a request and gives status, resource and header.
func (s *site) ask(method, path, content string, header ...string) (int, Resource, http.Header) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(content))
	if err != nil {
		s.Fatal(err)
	}
	if content != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	v, err := decode(raw)
	if err != nil {
		s.Fatalf("%s %s: %d %q", method, path, resp.StatusCode, raw)
	}
	return resp.StatusCode, v, resp.Header
}

// want is ask with the status that must come.
func (s *site) want(status int, method, path, content string, header ...string) Resource {
	s.Helper()
	got, v, _ := s.ask(method, path, content, header...)
	if got != status {
		raw, _ := v.JSON()
		s.Fatalf("%s %s: %d instead of %d: %s", method, path, got, status, raw)
	}
	return v
}

func (s *site) total(path string) int {
	s.Helper()
	n, err := s.want(200, "GET", path, "")["total"].(json.Number).Int64()
	if err != nil {
		s.Fatal(err)
	}
	return int(n)
}

const patient = `{"resourceType":"Patient","id":"x","name":[{"family":"Müller","given":["Änne"]}],"birthDate":"1970-03-01","gender":"female",
	"identifier":[{"system":"urn:other","value":"other"},{"type":{"coding":[{"code":"MR"}]},"value":"SYN1"}],"weird":1.2300}`

func TestCreateReadUpdateSearch(t *testing.T) {
	s := newSite(t)
	status, v, h := s.ask("POST", "/Patient", patient)
	id := v.ID()
	if status != 201 || id == "x" || h.Get("Location") != s.url+"/Patient/"+id+"/_history/1" || h.Get("ETag") != `W/"1"` {
		t.Fatal(status, v, h)
	}
	if v = s.want(200, "GET", "/Patient/"+id, ""); v["weird"] != json.Number("1.2300") {
		t.Fatal("a field was changed: ", v)
	}
	if again := s.want(200, "POST", "/Patient", patient, "If-None-Exist", "identifier=SYN1"); again.ID() != id {
		t.Fatal("the conditional create made another one")
	}
	v["gender"] = "other"
	raw, err := v.JSON()
	if err != nil {
		t.Fatal(err)
	}
	s.want(409, "PUT", "/Patient/"+id, string(raw), "If-Match", `W/"7"`)
	s.want(200, "PUT", "/Patient/"+id, string(raw), "If-Match", `W/"1"`)
	s.want(201, "PUT", "/Observation/o-1", `{"resourceType":"Observation","id":"o-1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"718-7"}]},"subject":{"reference":"Patient/`+id+`"},"effectiveDateTime":"2026-03-04"}`)
	for path, want := range map[string]int{
		"/Patient": 1, "/Patient?name=mull": 1, "/Patient?family=MULL&given=anne": 1, "/Patient?name:exact=mull": 0, "/Patient?gender=female": 0,
		"/Patient?birthdate=1970": 1, "/Patient?birthdate=lt1970": 0, "/Patient?birthdate=ge1970-03-01&birthdate=le1970-03-01": 1,
		"/Patient?identifier=urn:other%7Cother": 1, "/Patient?identifier=%7CSYN1": 1, "/Patient?identifier=urn:x%7CSYN1": 0, "/Patient?identifier=a,SYN1,b": 1,
		"/Observation?patient=" + id: 1, "/Observation?subject=Patient/" + id: 1, "/Observation?subject:Patient=" + id: 1, "/Observation?patient=nobody": 0,
		"/Observation?code=http://loinc.org%7C718-7&date=2026-03": 1, "/Observation?date=sa2026-03-04": 0, "/Observation?_id=o-1,o-2": 1,
		"/Observation?status=final&_lastUpdated=gt2020": 1, "/Patient?_summary=count": 1, "/Patient?name=%27%3B%20DROP%20TABLE%20fhir_resources--": 0,
	} {
		if got := s.total(path); got != want {
			t.Errorf("%s finds %d, not %d", path, got, want)
		}
	}
	if got := s.want(200, "POST", "/Patient/_search", "name=mull", "Content-Type", "application/x-www-form-urlencoded"); len(pick(got, "entry")) != 1 {
		t.Error(got)
	}
	for i, e := range s.events {
		if e.Actor != "dr.test" || e.Action == "" || i == 0 && (e.Patient != "SYN1" || e.Object != "Patient/"+id) {
			t.Errorf("audit: %+v", e)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := newSite(t)
	deep := `{"resourceType":"Patient","x":` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `}`
	for _, c := range []struct {
		status                int
		method, path, content string
	}{
		{400, "POST", "/Patient", `{"resourceType":"Patient","birthDate":7}`},
		{400, "POST", "/Patient", `{"resourceType":"Patient"`},
		{400, "POST", "/Patient", `{"resourceType":"Patient"} {}`},
		{400, "POST", "/Patient", "{\"resourceType\":\"Patient\",\"id\":\"\xff\"}"},
		{400, "POST", "/Patient", `[]`},
		{400, "POST", "/Patient", `{"resourceType":"Observation","status":"final","code":{}}`},
		{400, "POST", "/Patient", `{"resourceType":"Patient","id":"../../x"}`},
		{400, "PUT", "/Patient/a", `{"resourceType":"Patient","id":"b"}`},
		{413, "POST", "/Patient", deep},
		{404, "GET", "/Patient/none", ""},
		{404, "GET", "/Patient/..%2f..%2fetc", ""},
		{404, "GET", "/Shoe", ""},
		{404, "DELETE", "/Patient/x", ""},
		{404, "GET", "/Bundle/x", ""},
		{422, "GET", "/Patient?shoe=42", ""},
		{400, "GET", "/Patient?name=a;b", ""},
		{422, "GET", "/Patient?name:contains=x", ""},
		{422, "GET", "/Patient?_include=Patient:link", ""},
		{400, "GET", "/Patient?birthdate=yesterday", ""},
		{400, "GET", "/Patient?_count=-1", ""},
		{422, "POST", "/AuditEvent", `{"resourceType":"AuditEvent"}`},
		{422, "GET", "/Patient?_format=xml", ""},
		{400, "POST", "/", `{"resourceType":"Bundle","type":"searchset"}`},
		{422, "POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/x"}}]}`},
		{400, "POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient"}}]}`},
	} {
		v := s.want(c.status, c.method, c.path, c.content)
		if v.Kind() != "OperationOutcome" || first(pick(v, "issue", "details", "coding", "code")) == "" {
			t.Errorf("%s %s: %v", c.method, c.path, v)
		}
	}
	s.want(400, "POST", "/Patient", strings.Repeat(" ", 10))
	s.want(413, "POST", "/Patient", `{"resourceType":"Patient","x":"`+strings.Repeat("x", MaxResource)+`"}`)
	s.want(422, "POST", "/Patient", "<Patient/>", "Content-Type", "application/fhir+xml")
	s.denied = true
	s.want(403, "GET", "/Patient", "")
	s.want(403, "POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]}`)
}

// A transaction is all or nothing; a batch is not.
func TestTransactionAndBatch(t *testing.T) {
	s := newSite(t)
	bundle := func(kind, last string) string {
		return `{"resourceType":"Bundle","type":"` + kind + `","entry":[
		{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:2"}},"request":{"method":"POST","url":"Observation"}},
		{"fullUrl":"urn:uuid:2","resource":{"resourceType":"Patient","identifier":[{"value":"T1"}]},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=T1"}},` + last + `]}`
	}
	s.want(400, "POST", "/", bundle("transaction", `{"resource":{"resourceType":"Task","id":"t","status":"draft","intent":"order","for":{"reference":"urn:uuid:nowhere"}},"request":{"method":"PUT","url":"Task/t"}}`))
	if s.total("/Patient") != 0 {
		t.Fatal("half a transaction was kept")
	}
	task := `{"resource":{"resourceType":"Task","id":"t","status":"draft","intent":"order","for":{"reference":"Patient?identifier=T1"}},"request":{"method":"PUT","url":"Task/t"}}`
	s.want(404, "POST", "/", bundle("transaction", task)) // the search of a reference sees what was there before
	s.want(201, "POST", "/Patient", `{"resourceType":"Patient","identifier":[{"value":"T1"}]}`)
	v := s.want(200, "POST", "/", bundle("transaction", task))
	statuses := pick(v, "entry", "response", "status")
	if len(statuses) != 3 || statuses[0] != "201" || statuses[1] != "200" || statuses[2] != "201" {
		t.Fatal(statuses)
	}
	if s.total("/Patient") != 1 || s.total("/Observation") != 1 {
		t.Error("the conditional create made another patient")
	}
	v = s.want(200, "POST", "/", bundle("batch", `{"resource":{"resourceType":"Task","id":"u","status":"draft","intent":"order","for":{"reference":"urn:uuid:nowhere"}},"request":{"method":"PUT","url":"Task/u"}}`))
	statuses = pick(v, "entry", "response", "status")
	if len(statuses) != 3 || statuses[1] != "200" || statuses[2] != "400" {
		t.Error(statuses)
	}
}

func TestConsentAndWithdrawal(t *testing.T) {
	s := newSite(t)
	p := s.want(201, "POST", "/Patient", patient)
	s.want(201, "POST", "/Observation", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/`+p.ID()+`"}}`)
	s.purpose = clinical.PurposeResearch
	if s.total("/Observation") != 0 {
		t.Fatal("research sees what was never permitted")
	}
	s.want(403, "GET", "/Patient/"+p.ID(), "")
	consent := func(kind, more string) string {
		return `{"resourceType":"Consent","status":"active","scope":{"coding":[{"code":"research"}]},"category":[{"coding":[{"code":"59284-0"}]}],"patient":{"reference":"Patient/` + p.ID() +
			`"},"policyRule":{"coding":[{"code":"research-1"}]},"provision":{"type":"` + kind + `","purpose":[{"code":"HRESCH"}]` + more + `}}`
	}
	s.purpose = clinical.PurposeCare
	s.want(422, "POST", "/Consent", consent("permit", `,"actor":[{"role":{"text":"x"}}]`))
	s.want(422, "POST", "/Consent", consent("permit", `,"provision":[{"type":"deny"}]`))
	c := s.want(201, "POST", "/Consent", consent("permit", ""))
	s.purpose = clinical.PurposeResearch
	if s.total("/Observation") != 1 {
		t.Fatal("research does not see what was permitted")
	}
	s.purpose = clinical.PurposeCare
	s.want(201, "POST", "/Consent", strings.Replace(consent("permit", ""), `"active"`, `"inactive"`, 1))
	s.purpose = clinical.PurposeResearch
	if s.total("/Observation") != 0 {
		t.Fatal("research sees what was withdrawn")
	}
	s.purpose = clinical.PurposeCare
	if s.total("/Consent?patient="+p.ID()) != 2 || first(pick(s.want(200, "GET", "/Consent/"+c.ID(), ""), "provision", "type")) != "permit" {
		t.Error("the records cannot be read back")
	}
	s.want(422, "GET", "/Consent", "")
}

func TestMadeFromDICOM(t *testing.T) {
	s := newSite(t)
	for study := 1; study <= 3; study++ {
		if _, err := s.store.AddInstance(t.Context(), storetest.Instance(study, 1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	i := storetest.Instance(1, 1, 1)
	v := s.want(200, "GET", "/ImagingStudy/"+i.Study, "")
	if first(pick(v, "series", "instance", "uid")) != i.SOP || first(pick(v, "subject", "identifier", "value")) != "SYN1" || first(pick(v, "meta", "tag", "code")) != "HTEST" {
		t.Fatal(v)
	}
	ref := first(pick(v, "subject", "reference"))
	if p := s.want(200, "GET", "/"+ref, ""); first(pick(p, "name", "family")) != "Synthetic" || first(pick(p, "birthDate")) != "1970-01-01" {
		t.Fatal(p)
	}
	for path, want := range map[string]int{
		"/ImagingStudy": 3, "/ImagingStudy?patient=" + strings.TrimPrefix(ref, "Patient/"): 1, "/ImagingStudy?modality=CT": 3, "/ImagingStudy?modality=US": 0,
		"/ImagingStudy?identifier=urn:dicom:uid%7Curn:oid:" + i.Study: 1, "/ImagingStudy?identifier=A2": 1, "/ImagingStudy?started=2026-03": 3, "/ImagingStudy?started=lt2026": 0,
		"/Patient?identifier=SYN2": 1, "/Patient?identifier=SYN9": 0, "/Patient?identifier=*": 0,
	} {
		if got := s.total(path); got != want {
			t.Errorf("%s finds %d, not %d", path, got, want)
		}
	}
	page := s.want(200, "GET", "/ImagingStudy?_count=2", "")
	if len(pick(page, "entry")) != 2 || !strings.Contains(next(page), "_offset=2") {
		t.Fatal(page)
	}
	c := &Client{Base: s.url}
	all, err := c.Search(t.Context(), "ImagingStudy", map[string][]string{"_count": {"2"}}, 10)
	if err != nil || len(all) != 3 {
		t.Fatal(len(all), err)
	}
	events := s.want(200, "GET", "/AuditEvent?date=ge2020-01-01&altid=dr.test&subtype=record.viewed", "")
	if len(pick(events, "entry")) != 2 {
		t.Fatal(events)
	}
	if e := s.want(200, "GET", "/AuditEvent/0", ""); first(pick(e, "agent", "name")) != "dr.test" {
		t.Fatal(e)
	}
	s.want(404, "GET", "/AuditEvent/99999", "")
}

func TestMetadata(t *testing.T) {
	s := newSite(t)
	v := s.want(200, "GET", "/metadata", "")
	kinds := map[any]bool{}
	for _, kind := range pick(v, "rest", "resource", "type") {
		kinds[kind] = true
	}
	for _, kind := range []string{"Patient", "ImagingStudy", "DiagnosticReport", "Observation", "RiskAssessment", "Provenance", "Device", "Task", "Consent", "AuditEvent"} {
		if !kinds[kind] {
			t.Error(kind, " is not offered")
		}
	}
	if first(pick(v, "implementation", "url")) != s.url {
		t.Error(first(pick(v, "implementation", "url")))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(patient))
	f.Add([]byte(`{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p"}],"status":"final","code":{},"valueQuantity":{"value":1.50}}`))
	f.Add([]byte(`{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _, _ = parseBundle(raw)
		v, err := Parse(raw)
		if err != nil {
			return
		}
		v.keys()
		v.stamp("a", 1, time.Unix(0, 0))
		once, err := v.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(once)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := again.JSON()
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not canonical: %s, %s, %v", once, twice, err)
		}
	})
}
