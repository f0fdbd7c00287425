package page

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
)

func keep(t *testing.T, dir, id string, v any) string {
	t.Helper()
	text, ok := v.([]byte)
	if !ok {
		var err error
		if text, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "jobs", id, "report.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	f := &Folder{Dir: dir}
	if jobs, err := f.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("an empty folder: %v %v", jobs, err)
	}
	keep(t, dir, "retina-23", sample())
	other := proposed()
	other.Job.ID, other.Hash = "later", ""
	other.Written = begun.Add(24 * time.Hour)
	path := keep(t, dir, "later", other)
	keep(t, dir, "broken", []byte(`{"job":`))
	keep(t, dir, "foreign", sample()) // about another job
	keep(t, dir, "Not A Word", sample())
	if err := os.MkdirAll(filepath.Join(dir, "jobs", "fresh"), 0o755); err != nil { // no report yet
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(outside, []byte(`{"job":{"id":"link"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "jobs", "link"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "jobs", "link", "report.json")); err != nil {
		t.Fatal(err)
	}
	huge := keep(t, dir, "huge", []byte("{}"))
	if err := os.Truncate(huge, MaxReport+1); err != nil {
		t.Fatal(err)
	}

	jobs, err := f.Jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Summary{}
	for _, j := range jobs {
		got[j.ID] = j
	}
	if len(jobs) != 6 || jobs[0].ID != "later" || jobs[1].ID != "retina-23" {
		t.Errorf("%d jobs, first %s, %s", len(jobs), jobs[0].ID, jobs[1].ID)
	}
	r := got["retina-23"]
	if r.Phase != "finished" || r.Outcome != "ok" || r.Agreed != 23 || r.Refused != 1 || r.In != 18 || r.Asked != 18 || r.Epsilon != 7.4 || r.Budget != 8 || r.Trouble != "" || r.Bytes < 8e8 {
		t.Errorf("%+v", r)
	}
	for _, id := range []string{"broken", "foreign", "link", "huge"} {
		if got[id].Trouble == "" || got[id].Phase != "" {
			t.Errorf("%s: %+v", id, got[id])
		}
	}
	for id, code := range map[string]fault.Code{"retina-23": "", "broken": fault.InputMalformed, "foreign": fault.InputMalformed, "link": fault.InputMalformed, "huge": fault.InputTooLarge,
		"fresh": fault.NotFound, "nothing": fault.NotFound, "../retina-23": fault.NotFound, "": fault.NotFound} {
		if _, err := f.Job(t.Context(), id); fault.CodeOf(err) != code {
			t.Errorf("%q: %v, want %q", id, err, code)
		}
	}

	other.State.Phase = federation.Running // a list that was asked for before must not be shown again
	other.State.Round = 3
	keep(t, dir, "later", other)
	if err := os.Chtimes(path, time.Now(), begun.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if jobs, err = f.Jobs(t.Context()); err != nil || jobs[0].Round != 3 {
		t.Errorf("a changed report: %v %v", jobs[0], err)
	}
	none := &Folder{Dir: filepath.Join(dir, "nowhere")}
	if jobs, err := none.Jobs(t.Context()); err != nil || jobs == nil || len(jobs) > 0 {
		t.Errorf("no folder: %v %v", jobs, err)
	}
}
