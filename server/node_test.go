package server

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"consilium/access"
	"consilium/dataset/synthetic"
	"consilium/dicom"
	"consilium/govern"
	"consilium/node"
	"consilium/node/nodetest"
	"consilium/store"
)

// newRealSite is a site whose node, queue and audit log are the real ones.
func newRealSite(t *testing.T) (*site, nodetest.Parts) {
	t.Helper()
	p := nodetest.Start(t, "", nil)
	s := &site{t: t, store: p.Store, log: &safeBuffer{}, now: time.Now(), people: map[access.Role]*client{}}
	var err error
	if s.access, err = access.New(access.Config{Store: p.Store, Flush: p.Flush}); err != nil {
		t.Fatal(err)
	}
	s.server, err = New(Config{Node: p.Node, Store: p.Store, Access: s.access, Audit: p.Log, Models: p.Models, Spool: filepath.Join(p.Dir, node.SpoolDir),
		Log: slog.New(slog.NewJSONHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(s.server.Handler())
	t.Cleanup(s.Close)
	return s, p
}

// TestFromUploadToSignature goes the whole way through the API with a real node
// behind it, and reads the audit log at its end.
func TestFromUploadToSignature(t *testing.T) {
	s, p := newRealSite(t)
	s.staff()
	reader, researcher := s.people[access.Reader], s.people[access.Researcher]

	patient, _ := synthetic.Patient(4)
	var form bytes.Buffer
	files := multipart.NewWriter(&form)
	part, _ := files.CreateFormFile("files", "film.dcm")
	if err := dicom.WriteFilm(part, dicom.FilmOptions{Image: patient.Images[0]}); err != nil {
		t.Fatal(err)
	}
	files.Close()
	var made Uploaded
	w := reader.do("POST", "/api/v1/studies", &form, func(r *http.Request) { r.Header.Set("Content-Type", files.FormDataContentType()) })
	text, _ := io.ReadAll(w.Body)
	if w.StatusCode != http.StatusCreated {
		t.Fatalf("upload: %d %s", w.StatusCode, text)
	}
	if err := json.Unmarshal(text, &made); err != nil {
		t.Fatal(err)
	}
	p.Await(t, made.StudyUID, store.StateReady)

	address := "/api/v1/studies/" + made.StudyUID
	var c node.Case
	reader.want("GET", address, nil, 200, &c)
	if c.Assessment == nil || len(c.Assessment.Findings) == 0 {
		t.Fatalf("case %+v", c)
	}
	if status, code := reader.code("POST", address+"/sign", Attestation{Attestation: true}); status != 409 {
		t.Errorf("signing before deciding: %d %s", status, code)
	}
	for _, f := range c.Assessment.Findings {
		reader.want("PUT", address+"/findings/"+f.ID+"/review", Judgement{Decision: "accept", Comment: patientName}, http.StatusNoContent, nil)
		for _, picture := range f.Pictures {
			if png := reader.want("GET", picture.URL, nil, 200, nil); !strings.HasPrefix(png, "\x89PNG") {
				t.Errorf("%s is no PNG", picture.URL)
			}
		}
	}
	var signature node.Signature
	reader.want("POST", address+"/sign", Attestation{Attestation: true, Password: goodPassword}, 200, &signature)
	if signature.Attestation == "" {
		t.Errorf("signature %+v", signature)
	}
	reader.want("GET", address+"/letter", nil, 200, nil)
	report := reader.want("GET", address+"/report.html", nil, 200, nil)
	if strings.Contains(report, "<script>alert") {
		t.Error("the comment of a review is markup in the report")
	}

	// The patient has opened nothing to research: for the researcher there is no such study.
	var page node.Page
	researcher.want("GET", "/api/v1/studies", nil, 200, &page)
	if page.Total != 0 {
		t.Errorf("a researcher sees %d studies", page.Total)
	}
	if status, _ := researcher.code("GET", address, nil); status != 403 && status != 404 {
		t.Errorf("a researcher opens the study: %d", status)
	}
	reader.want("POST", "/api/v1/patients/"+c.Study.PatientID+"/consents", Decision{Purpose: "research", Decision: "permit"}, http.StatusCreated, nil)
	researcher.want("GET", address, nil, 200, nil)

	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, err := p.Log.Entries(t.Context(), govern.Query{Study: made.StudyUID, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, e := range log.Items {
		actions = append(actions, e.Actor+" "+e.Action)
	}
	for _, want := range []string{"the-reader study.viewed", "the-reader finding.reviewed", "the-reader report.signed", "the-reader letter.viewed", "the-researcher study.viewed"} {
		if !slices.Contains(actions, want) {
			t.Errorf("the audit log lacks %q; it has %q", want, actions)
		}
	}
}
