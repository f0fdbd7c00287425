package folder

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
)

func TestNotInBackup(t *testing.T) {
	for name, out := range map[string]bool{
		"authority.json": false, "sites/ward-east.json": false, "done/ward-east": false, "done": false, "jobs/j/report.json": false, "jobs/store/job.json": false,
		"jobs/j/learner/learner.state": false, "audit/checkpoint": false, "keys/audit.key": false, "privacy.ledger": false, "peers.json": false,
		"edge/results/a.json": false, "edge/secret": false, "edge/outbox/1-a.json": false, RestoredFile: false,
		"store": true, "store/jetstream/x": true, "invites/ward-east.json": true, "members.json": true, "lock": true, "edge/lock": true, "sites/.lock": true,
		"privacy.ledger.lock": true, "edge/tmp": true, "edge/tmp/case-1/film.dcm": true, "jobs/j/report.json.new": true, "sites/.new-12": true, "edge/cases/.part-3": true,
	} {
		if NotInBackup(name) != out {
			t.Errorf("%s: left out is %v", name, !out)
		}
	}
}

func TestRestored(t *testing.T) {
	dir := t.TempDir()
	none, err := WasRestored(dir)
	if err != nil || !none.At.IsZero() || !none.Knows(federation.Job{}, time.Now()) {
		t.Errorf("%+v, %v", none, err)
	}
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	if err := MarkRestored(dir, Restored{At: at, Made: at.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	r, err := WasRestored(dir)
	if err != nil || !r.At.Equal(at) {
		t.Fatalf("%+v, %v", r, err)
	}
	now := at.Add(24 * time.Hour)
	for created, knows := range map[time.Time]bool{at.Add(-time.Minute): false, at: false, at.Add(time.Second): true, now: true, now.Add(time.Hour): false} {
		if r.Knows(federation.Job{Created: created}, now) != knows {
			t.Errorf("a job of %v: %v", created, !knows)
		}
	}
	for _, bad := range []string{"{}", "", "{", `{"at": 3}`} {
		if err := os.WriteFile(filepath.Join(dir, RestoredFile), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := WasRestored(dir); fault.CodeOf(err) != fault.StoreCorrupt {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
