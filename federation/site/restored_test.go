package site

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/privacy"
)

// A site that was put back has no epsilon left in that quarter, and all of it in the next; a job from before spends
// nothing in either. A mark that cannot be read gives nothing.
func TestEpsilonAfterARestore(t *testing.T) {
	dir := t.TempDir()
	ledger, err := privacy.OpenLedger(filepath.Join(dir, LedgerFile))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	at := time.Date(2026, 3, 20, 8, 0, 0, 0, time.UTC)
	now := at
	s := &Site{ledger: ledger, o: Options{Dir: dir, Now: func() time.Time { return now }}}
	of := func(created time.Time, p federation.Privacy) *task {
		return &task{site: s, job: federation.Job{Created: created, Privacy: p, Plan: federation.Plan{Sum: federation.SumPlain}}}
	}
	noise := federation.Privacy{Local: &federation.Noise{Epsilon: 1}}
	judge := func(t *task) fault.Code {
		spent, err := t.spent()
		if err == nil {
			err = federation.Policy{Epsilon: 8}.Judge(t.job, 100, spent)
		}
		return fault.CodeOf(err)
	}
	if code := judge(of(at.Add(-time.Hour), noise)); code != fault.CodeOf(nil) {
		t.Errorf("before a restore: %s", code)
	}
	if err := folder.MarkRestored(dir, folder.Restored{At: at, Made: at.Add(-24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		what    string
		created time.Time
		p       federation.Privacy
		now     time.Time
		want    fault.Code
	}{
		{"a new job in the quarter", at.Add(time.Hour), noise, at.Add(2 * time.Hour), fault.BudgetSpent},
		{"a new job in the next quarter", at.AddDate(0, 1, 0), noise, at.AddDate(0, 1, 1), fault.CodeOf(nil)},
		{"a job from before, in the next quarter", at.Add(-time.Hour), noise, at.AddDate(0, 1, 1), fault.PolicyRefused},
		{"a job that says it is of the future", at.AddDate(1, 0, 0), noise, at.AddDate(0, 1, 1), fault.PolicyRefused},
		{"a job from before with the hub's noise", at.Add(-time.Hour), federation.Privacy{Central: &federation.Noise{}}, at.AddDate(0, 1, 1), fault.PolicyRefused},
		{"a job from before that spends nothing", at.Add(-time.Hour), federation.Privacy{}, at.Add(time.Hour), fault.CodeOf(nil)},
	} {
		now = x.now
		if code := judge(of(x.created, x.p)); code != x.want {
			t.Errorf("%s: %q, want %q", x.what, code, x.want)
		}
	}
	now = at.Add(time.Hour)
	if spent, err := of(now, noise).spent(); err != nil || !math.IsInf(spent, 1) {
		t.Errorf("%g is spent, %v", spent, err)
	}
	if err := os.WriteFile(filepath.Join(dir, folder.RestoredFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = at.AddDate(0, 1, 1)
	if code := judge(of(at.AddDate(0, 1, 0), noise)); code != fault.StoreCorrupt {
		t.Errorf("a mark that cannot be read: %q", code)
	}
}
