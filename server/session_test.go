package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"consilium/access"
	"consilium/govern"
	"consilium/node"
)

func TestSession(t *testing.T) {
	s := newSite(t)
	var nobody Session
	s.browser().want("GET", "/api/v1/session", nil, 200, &nobody)
	if nobody.User != nil || !nobody.Setup || nobody.CSRF != "" || len(nobody.Actions) != 0 || !nobody.Login.Local || nobody.Login.OIDC || nobody.Disclaimer == "" {
		t.Errorf("nobody's session %+v", nobody)
	}
	s.staff()
	s.browser().want("GET", "/api/v1/session", nil, 200, &nobody)
	if nobody.Setup {
		t.Error("a node with an administrator asks for setup")
	}
	var reader Session
	s.people[access.Reader].want("GET", "/api/v1/session", nil, 200, &reader)
	if reader.User == nil || reader.User.Name != "the-reader" || reader.CSRF != s.people[access.Reader].csrf || len(reader.Actions) == 0 {
		t.Errorf("reader's session %+v", reader)
	}
	s.people[access.Reader].want("POST", "/api/v1/logout", nil, http.StatusNoContent, nil)
	s.people[access.Reader].want("GET", "/api/v1/session", nil, 200, &reader)
	if reader.User != nil {
		t.Error("still signed in after signing out")
	}
}

func TestHeaders(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/", "/api/v1/session", "/assets/app-1a2b.js", "/nothing.js", "/api/docs"} {
		h := s.browser().do("GET", path, nil).Header
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Content-Security-Policy": contentPolicy} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if h.Get("X-Request-Id") == "" || h.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
	if strings.Contains(contentPolicy, "unsafe-inline") || strings.Contains(contentPolicy, "'unsafe-eval'") {
		t.Error("the policy lets inline scripts run")
	}
	s.staff()
	report := s.people[access.Reader].do("GET", "/api/v1/studies/"+study+"/report.html", nil)
	if got := report.Header.Get("Content-Security-Policy"); got != reportPolicy || !strings.Contains(got, "sandbox") {
		t.Errorf("the report's policy is %q", got)
	}
}

func TestPage(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	for path, want := range map[string]string{"/": "<title>page", "/studies/1.2.3": "<title>page", "/setup": "<title>page", "/assets/app-1a2b.js": "let x"} {
		w := b.do("GET", path, nil)
		text, _ := io.ReadAll(w.Body)
		if w.StatusCode != 200 || !strings.Contains(string(text), want) {
			t.Errorf("%s: %d %.60s", path, w.StatusCode, text)
		}
	}
	asset := b.do("GET", "/assets/app-1a2b.js", nil)
	if c := asset.Header.Get("Cache-Control"); !strings.Contains(c, "immutable") {
		t.Errorf("a hashed asset: Cache-Control %q", c)
	}
	if c := b.do("GET", "/", nil).Header.Get("Cache-Control"); c != "no-cache" {
		t.Errorf("the page: Cache-Control %q", c)
	}
	again := b.do("GET", "/", nil, func(r *http.Request) { r.Header.Set("If-None-Match", b.do("GET", "/", nil).Header.Get("ETag")) })
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("the page again: %d", again.StatusCode)
	}
	packed := b.do("GET", "/assets/app-1a2b.js", nil, func(r *http.Request) { r.Header.Set("Accept-Encoding", "br, gzip;q=0.8") })
	text, _ := io.ReadAll(packed.Body)
	if packed.Header.Get("Content-Encoding") != "gzip" || len(text) > 500 {
		t.Errorf("packed: %q, %d bytes", packed.Header.Get("Content-Encoding"), len(text))
	}
	for _, path := range []string{"/assets/../../server.go", "/assets/%2e%2e/%2e%2e/etc/passwd", "/missing.js", "/assets/"} {
		w := b.do("GET", path, nil)
		text, _ := io.ReadAll(w.Body)
		if strings.Contains(string(text), "root:") || strings.Contains(string(text), "package server") {
			t.Errorf("%s: %.60s", path, text)
		}
	}
}

// TestShownIsRecorded: who saw what, for what purpose, and what stood there.
func TestShownIsRecorded(t *testing.T) {
	s := newSite(t)
	s.staff()
	reader := s.people[access.Reader]
	reader.want("GET", "/api/v1/studies/"+study, nil, 200, &node.Case{})
	reader.want("GET", "/api/v1/studies/"+study+"/letter", nil, 200, nil)
	reader.want("GET", "/api/v1/studies/"+study+"/report.html", nil, 200, nil)
	reader.want("GET", "/api/v1/instances/"+sop+"/sound.wav", nil, 200, nil)
	pending, err := s.store.PendingEvents(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]govern.Event{}
	for _, p := range pending {
		var e govern.Event
		if err := json.Unmarshal(p.Body, &e); err != nil {
			t.Fatal(err)
		}
		got[e.Action] = e
	}
	for _, action := range []string{"study.viewed", "letter.viewed", "report.viewed", "object.viewed"} {
		e := got[action]
		if e.Actor != "the-reader" || e.Role != "reader" || e.Patient != "P1" || e.Study != study || e.Detail["purpose"] != "care" {
			t.Errorf("%s: %+v", action, e)
		}
	}
	if e := got["study.viewed"]; e.Model != "chest@1.0.0#abc" || e.Object != "a1" || e.Detail["answers"] != "f1 pneumonia" {
		t.Errorf("study.viewed does not say what was shown: %+v", e)
	}
}

func TestPurpose(t *testing.T) {
	s := newSite(t)
	s.staff()
	s.people[access.Researcher].code("GET", "/api/v1/studies", nil)
	if r := s.node.readers[len(s.node.readers)-1]; r.Purpose != "research" {
		t.Errorf("a researcher reads for %s", r.Purpose)
	}
	if status, code := s.people[access.Researcher].code("GET", "/api/v1/studies/"+study, nil); status != 403 || code != "CONSENT_WITHHELD" {
		t.Errorf("without consent: %d %s", status, code)
	}
}

// TestNothingSecretInTheLog lives through a day of signing in and looks for
// every secret and every patient's name in all that was logged.
func TestNothingSecretInTheLog(t *testing.T) {
	s := newSite(t)
	s.staff()
	reader := s.people[access.Reader]
	secrets := []string{goodPassword, "wrong-password-typed", "O'Hara", "P1-patient", "/api/v1/patients/P1"}
	for _, c := range s.people {
		if c.csrf != "" {
			secrets = append(secrets, c.csrf, c.cookie())
		}
	}
	var made NewSecret
	reader.want("POST", "/api/v1/tokens", NewToken{Name: "x", Role: access.Reader}, http.StatusCreated, &made)
	var user Linked
	s.people[access.Admin].want("POST", "/api/v1/users", NewAccount{Name: "late", Role: access.Viewer}, http.StatusCreated, &user)
	secrets = append(secrets, made.Secret, strings.TrimPrefix(user.Link, "/setup#"))
	s.browser().code("POST", "/api/v1/login", Credentials{Name: "root", Password: "wrong-password-typed"})
	s.browser().code("POST", "/api/v1/login", `{"name":"root","password":["wrong-password-typed"]}`)
	s.browser().code("POST", "/api/v1/setup", Redemption{Token: made.Secret, Name: "x", Password: goodPassword})
	reader.code("GET", "/api/v1/studies?q=O'Hara", nil)
	reader.code("GET", "/api/v1/studies/"+study, nil)
	reader.code("GET", "/api/v1/patients/P1-patient/consents", nil)
	reader.code("GET", "/dicomweb/studies?PatientName=O'Hara", nil)
	s.browser().code("GET", "/auth/oidc/callback?code=wrong-password-typed&state=x", nil)
	program := s.browser()
	program.bearer = made.Secret
	program.code("GET", "/api/v1/studies", nil)
	program.bearer += "x"
	program.code("GET", "/api/v1/studies", nil)
	s.node.fail = context.DeadlineExceeded
	reader.code("GET", "/api/v1/studies/"+study, nil)
	reader.want("POST", "/api/v1/logout", nil, http.StatusNoContent, nil)
	log := s.log.String()
	if !strings.Contains(log, "/api/v1/login") || !strings.Contains(log, "the-reader") {
		t.Fatalf("the log says nothing:\n%s", log)
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestEvents(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Heartbeat = 20 * time.Millisecond })
	s.staff()
	if status, _ := s.browser().code("GET", "/api/v1/events", nil); status != 401 {
		t.Errorf("nobody listens: %d", status)
	}
	reader, researcher := s.people[access.Reader], s.people[access.Researcher]
	stream := reader.do("GET", "/api/v1/events", nil)
	closed := researcher.do("GET", "/api/v1/events", nil)
	if media := stream.Header.Get("Content-Type"); media != "text/event-stream" {
		t.Fatalf("content type %q", media)
	}
	lines := bufio.NewScanner(stream.Body)
	await(t, lines, "retry:")
	await(t, bufio.NewScanner(closed.Body), "retry:")
	s.node.changes <- study
	await(t, lines, "event: study")
	lines.Scan()
	var row node.Row
	if err := json.Unmarshal([]byte(strings.TrimPrefix(lines.Text(), "data: ")), &row); err != nil || row.StudyUID != study {
		t.Errorf("%s: %v", lines.Text(), err)
	}
	await(t, lines, ": beat")
	// Signing out ends the stream at the next beat.
	reader.want("POST", "/api/v1/logout", nil, http.StatusNoContent, nil)
	for lines.Scan() {
	}
	// A researcher without the patient's consent heard beats and nothing else.
	s.people[access.Researcher].want("POST", "/api/v1/logout", nil, http.StatusNoContent, nil)
	heard, _ := io.ReadAll(closed.Body)
	if strings.Contains(string(heard), "event: study") {
		t.Errorf("a researcher without consent heard %s", heard)
	}
}

// await reads lines until one begins so. The test's own deadline ends it.
func await(t *testing.T, lines *bufio.Scanner, prefix string) {
	t.Helper()
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), prefix) {
			return
		}
	}
	t.Fatalf("the stream ended before %q", prefix)
}

// TestSlowListener: a page that does not read is cut off, and nobody waits for it.
func TestSlowListener(t *testing.T) {
	s := newSite(t)
	slow, err := s.server.hub.join("care")
	if err != nil {
		t.Fatal(err)
	}
	for range streamBuffer + 1 {
		s.server.hub.tell(t.Context(), "care", study)
	}
	for range streamBuffer {
		<-slow.events
	}
	if _, open := <-slow.events; open {
		t.Error("a slow listener was not cut off")
	}
	s.server.hub.leave(slow) // leaving afterwards does no harm
	for range maxStreams {
		if _, err := s.server.hub.join("care"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.server.hub.join("care"); err == nil {
		t.Error("listeners are not bounded")
	}
}

func TestSettings(t *testing.T) {
	running := DefaultSettings()
	s := newSite(t, func(c *Config) {
		c.Running = &running
		c.Readonly = map[string]string{"dataDir": "x", "index": "postgres://u:geheim@db/x"}
	})
	s.staff()
	root := s.people[access.Admin]
	var page SettingsPage
	root.want("GET", "/api/v1/settings", nil, 200, &page)
	if page.Changed || page.Node.AETitle != "CONSILIUM" || page.Readonly["dataDir"] != "x" || strings.Contains(page.Readonly["index"], "geheim") {
		t.Errorf("settings %+v", page)
	}
	set := DefaultSettings()
	set.Node.Callers = []string{"CT1"}
	set.Peers = []Peer{{Name: "PACS", Kind: "dicom", Address: "pacs.example:104", AETitle: "PACS"}, {Name: "EHR", Kind: "fhir", Address: "https://ehr.example/fhir"}}
	root.want("PUT", "/api/v1/settings", set, 200, &page)
	if !page.Changed {
		t.Error("changed settings do not say so")
	}
	kept, err := LoadSettings(t.Context(), s.store)
	if err != nil || len(kept.Peers) != 2 || kept.Node.Callers[0] != "CT1" {
		t.Errorf("kept %+v, %v", kept, err)
	}
	for what, change := range map[string]func(*Settings){
		"AE title too long":     func(s *Settings) { s.Node.AETitle = "SEVENTEENLETTERSX" },
		"AE title with \\":      func(s *Settings) { s.Node.AETitle = `A\B` },
		"no AE title":           func(s *Settings) { s.Node.AETitle = "" },
		"bad caller":            func(s *Settings) { s.Node.Callers = []string{" CT"} },
		"peer without port":     func(s *Settings) { s.Peers[0].Address = "pacs.example" },
		"peer with a bad port":  func(s *Settings) { s.Peers[0].Address = "pacs.example:99999" },
		"FHIR with a password":  func(s *Settings) { s.Peers[1].Address = "https://u:p@ehr.example/" },
		"FHIR by another way":   func(s *Settings) { s.Peers[1].Address = "file:///etc/passwd" },
		"two of one name":       func(s *Settings) { s.Peers[1].Name = "PACS" },
		"an unknown kind":       func(s *Settings) { s.Peers[1].Kind = "email" },
		"a study resting years": func(s *Settings) { s.Node.Quiet = 1e9 },
	} {
		bad := set
		bad.Peers = append([]Peer{}, set.Peers...)
		change(&bad)
		if status, code := root.code("PUT", "/api/v1/settings", bad); status != 400 && status != 422 || code == "" {
			t.Errorf("%s: %d %s", what, status, code)
		}
	}
}

func TestMetrics(t *testing.T) {
	s := newSite(t)
	s.staff()
	s.people[access.Reader].code("GET", "/api/v1/studies/"+study, nil)
	text := s.people[access.Admin].want("GET", "/metrics", nil, 200, nil)
	for _, want := range []string{`consilium_http_request_duration_seconds_count{method="GET",route="/api/v1/studies/{uid}",status="200"} 1`, "go_goroutines", "process_resident_memory_bytes"} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(text, study) {
		t.Error("metrics hold identifiers")
	}
}

func TestConsents(t *testing.T) {
	s := newSite(t)
	s.staff()
	reader, researcher := s.people[access.Reader], s.people[access.Researcher]
	var made ConsentEntry
	reader.want("POST", "/api/v1/patients/P1/consents", Decision{Purpose: "research", Decision: "permit"}, http.StatusCreated, &made)
	if !made.InForce || made.By != "the-reader" || made.Text == "" {
		t.Errorf("made %+v", made)
	}
	s.move(time.Minute)
	reader.want("POST", "/api/v1/patients/P1/consents", Decision{Purpose: "research", Decision: "withdraw"}, http.StatusCreated, nil)
	var all struct{ Items []ConsentEntry }
	reader.want("GET", "/api/v1/patients/P1/consents", nil, 200, &all)
	if len(all.Items) != 2 || all.Items[0].Decision.Decision != "withdraw" || all.Items[1].InForce {
		t.Errorf("decisions %+v", all.Items)
	}
	for what, d := range map[string]Decision{"an unknown purpose": {Purpose: "fun", Decision: "permit"}, "an unknown decision": {Purpose: "care", Decision: "maybe"}, "a text that never was": {Purpose: "care", Decision: "deny", Text: "care-99"}} {
		if status, code := reader.code("POST", "/api/v1/patients/P1/consents", d); status < 400 || status >= 500 || code == "" {
			t.Errorf("%s: %d %s", what, status, code)
		}
	}
	if status, _ := researcher.code("POST", "/api/v1/patients/P1/consents", Decision{Purpose: "research", Decision: "permit"}); status != 403 {
		t.Errorf("a researcher permits research: %d", status)
	}
	var text govern.Text
	reader.want("GET", "/api/v1/consent-text?purpose=research", nil, 200, &text)
	if text.Title == "" || len(text.Paragraphs) == 0 {
		t.Errorf("text %+v", text)
	}
	pending, _ := s.store.PendingEvents(t.Context(), 1000)
	found := false
	for _, p := range pending {
		var e govern.Event
		_ = json.Unmarshal(p.Body, &e)
		found = found || e.Action == "consent.changed" && e.Actor == "the-reader" && e.Role == "reader" && e.Patient == "P1"
	}
	if !found {
		t.Error("a decision was not written down")
	}
}
