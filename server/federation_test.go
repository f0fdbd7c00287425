package server

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/access"
	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
	report "consilium/federation/page"
	"consilium/govern"
)

// joint is a site with two federation jobs, one of them broken, and a title that would harm a careless page.
func joint(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	h := federation.History{Job: federation.Job{ID: "retina", Title: `<script>alert(1)</script>`, Plan: federation.Plan{Rounds: 3}.WithDefaults()}, Sites: []string{"a", "b"}, Written: time.Unix(1e9, 0).UTC()}
	h.State = federation.State{Phase: federation.Running, Round: 2, Consents: map[string]federation.Answer{"a": {Agree: true}, "c": {Reason: "no"}}}
	score := &federation.Score{N: 10, Confusion: [][]int{{4, 1}, {0, 5}}}
	h.Rounds = []federation.Round{{Round: 1, Attempt: 1, Outcome: "done", Score: score, Sites: []federation.Entry{{Site: "a", State: "in", Sent: 5, Received: 6}, {Site: "b", State: "dropped", Sent: 5}}}}
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for id, content := range map[string][]byte{"retina": text, "broken": []byte("{")} {
		path := filepath.Join(dir, "jobs", id, "report.json")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t, func(c *Config) { c.Federation = &report.Folder{Dir: dir} })
	s.staff()
	return s
}

func TestFederation(t *testing.T) {
	s := joint(t)
	who := s.people[access.Researcher]
	var jobs list[report.Summary]
	who.want("GET", "/api/v1/federation", nil, http.StatusOK, &jobs)
	if len(jobs.Items) != 2 || jobs.Items[0].ID != "retina" || jobs.Items[0].In != 1 || jobs.Items[0].Asked != 2 || jobs.Items[0].Agreed != 2 || jobs.Items[1].Trouble == "" {
		t.Errorf("jobs %+v", jobs.Items)
	}
	var job report.Detail
	who.want("GET", "/api/v1/federation/retina", nil, http.StatusOK, &job)
	if len(job.Lines) != 1 || job.Lines[0].Bytes != 16 || job.Lines[0].Dropped != 1 || len(job.Sites) != 3 || job.Sites[2].Decision != "refused" {
		t.Errorf("job %+v", job)
	}
	page := who.want("GET", "/api/v1/federation/retina/report.html", nil, http.StatusOK, nil)
	if strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script&gt;") || !strings.Contains(page, clinical.Disclaimer) {
		t.Error("the report is not what it should be")
	}
	for _, role := range []access.Role{access.Viewer, access.Reader, ""} {
		for _, path := range []string{"", "/retina", "/retina/report.html"} {
			if status, _ := s.people[role].code("GET", "/api/v1/federation"+path, nil); status != http.StatusForbidden && status != http.StatusUnauthorized {
				t.Errorf("%q gets %s: %d", role, path, status)
			}
		}
	}
	for path, want := range map[string]fault.Code{"/broken": fault.InputMalformed, "/broken/report.html": fault.InputMalformed, "/nothing": fault.NotFound, "/..%2Fretina": ""} {
		status, code := who.code("GET", "/api/v1/federation"+path, nil)
		if status < 400 || want != "" && code != want {
			t.Errorf("%s: %d %s", path, status, code)
		}
	}
}

// The report may style itself and do nothing else; who saw it is written down.
func TestFederationReportIsConfinedAndAudited(t *testing.T) {
	s := joint(t)
	r := s.people[access.Admin].do("GET", "/api/v1/federation/retina/report.html", nil)
	if got := r.Header.Get("Content-Security-Policy"); got != reportPolicy || !strings.Contains(got, "sandbox") || !strings.Contains(got, "default-src 'none'") {
		t.Errorf("policy %q", got)
	}
	if got := r.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("type %q", got)
	}
	pending, err := s.store.PendingEvents(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, p := range pending {
		var e govern.Event
		if err := json.Unmarshal(p.Body, &e); err != nil {
			t.Fatal(err)
		}
		found = found || e.Action == "federation.viewed" && e.Object == "retina" && e.Actor == "root" && e.Detail["as"] == "report"
	}
	if !found {
		t.Error("nobody wrote down that the report was seen")
	}
}

// A node without a federation folder has no jobs, and says so without an error.
func TestNoFederation(t *testing.T) {
	s := newSite(t)
	s.staff()
	if got := s.people[access.Admin].want("GET", "/api/v1/federation", nil, http.StatusOK, nil); strings.TrimSpace(got) != `{"items":[]}` {
		t.Errorf("jobs %s", got)
	}
	if status, code := s.people[access.Admin].code("GET", "/api/v1/federation/x/report.html", nil); status != http.StatusNotFound || code != fault.NotFound {
		t.Errorf("%d %s", status, code)
	}
}
