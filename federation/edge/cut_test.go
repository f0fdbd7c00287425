package edge

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// check lets one more process of the site come to its end with the link whole, and looks at everything. strict: every
// unsure answer must have found room to be asked about.
func (w *world) check(n int, strict bool) {
	w.t.Helper()
	w.end()
	w.room.Restore("north")
	w.start()
	w.room.Restore("north")
	w.until("every answer", answeredAll(n))
	w.until("an empty desk", quiet)
	w.hears("every result at the hub", func() bool { return len(w.atHub) == n })
	w.mu.Lock()
	for _, err := range w.refused {
		w.t.Fatalf("the hub refused: %v", err)
	}
	w.mu.Unlock()
	for i := range n {
		r := w.onDisk(i)
		s := w.atHub[w.desk.pseudonym(r.Case)]
		answer := r.Local
		if answer == nil {
			answer = r.Second
		}
		if answer == nil || fmt.Sprint(s.Answer) != fmt.Sprint(*answer) {
			w.t.Fatalf("case %d: the site was told %+v, the hub %+v", i, r, s)
		}
		if r.Local != nil && r.Local.Findings[0].Top() != probability(testCase(i)) {
			w.t.Fatalf("case %d has the answer of another one: %+v", i, r)
		}
		if unsure := probability(testCase(i)) < 0.8; strict && unsure != (r.State == StateSeconded && r.Second != nil) {
			w.t.Fatalf("case %d: %+v", i, r)
		}
		if r.Local == nil && r.State != StateHub || r.State == StateAsked {
			w.t.Fatalf("case %d: %+v", i, r)
		}
	}
	for _, folder := range []string{casesDir, askedDir, outboxDir, heldDir} {
		if left := count(w.t, filepath.Join(w.o.Dir, folder)); left != 0 {
			w.t.Fatalf("%d files are left in %s", left, folder)
		}
	}
	if got := count(w.t, filepath.Join(w.o.Dir, resultsDir)); got != n {
		w.t.Fatalf("%d results at the site, want %d", got, n)
	}
	if got := count(w.t, w.counter.disk.path(resultsDir, "north")); got != n {
		w.t.Fatalf("%d results at the hub, want %d", got, n)
	}
}

// The mission's row: the link is cut in the middle of 200 cases and restored, and nothing is lost.
func TestLinkCutInTheMiddle(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{Policy: Policy{HandOver: true, Longest: 1000}}, nil)
	w.start()
	defer w.close()
	for i := range 200 {
		switch i {
		case 60:
			w.until("some answers", func(d *Desk) bool { return d.tally.done >= 30 })
			w.room.Cut("north")
		case 150:
			w.until("all answers without the hub", answeredAll(150))
			if w.desk.Report().Outbox == 0 {
				t.Fatal("the outbox is empty while the link is cut")
			}
			w.room.Restore("north")
		}
		w.must(i)
	}
	w.until("every answer", answeredAll(200))
	w.until("an empty desk", quiet)
	w.check(200, true)
	r := w.desk.Report()
	if r.Offload.Part != 50 || r.Offload.Of != 200 || len(r.Agreement) != 1 || r.Agreement[0].Part != 50 {
		t.Fatalf("%+v", r)
	}
}

// Cuts, restorations and deaths of the process at any disk operation: every case ends with one answer at the site and
// one result at the hub, and an answer that was told is never replaced.
func TestCutsAndDeathsLoseNothing(t *testing.T) {
	base := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		dir := filepath.Join(base, fmt.Sprint(run))
		defer os.RemoveAll(dir)
		n := rapid.IntRange(3, 24).Draw(t, "cases")
		w := newWorld(t, dir, Options{Workers: rapid.IntRange(1, 3).Draw(t, "workers"),
			Room:   int64(rapid.SampledFrom([]int{600, 3000, 1 << 20}).Draw(t, "room")),
			Policy: Policy{HandOver: true, Longest: rapid.IntRange(1, 8).Draw(t, "longest")}}, nil)
		w.start()
		defer w.close()
		for i := 0; i < n; {
			switch rapid.IntRange(0, 9).Draw(t, "event") {
			case 0:
				w.room.Cut("north")
			case 1:
				w.room.Restore("north")
			case 2:
				w.life.die(rapid.IntRange(1, 60).Draw(t, "operations to live"))
			case 3:
				w.clock.advance(w.desk.o.Policy.Deadline)
			}
			err := w.submit(i)
			if w.life.isDead() {
				w.end()
				w.start()
				continue // the watcher would hand it in again as well
			}
			if err != nil {
				t.Fatalf("submit %d: %v", i, err)
			}
			i++
		}
		w.check(n, false)
	})
}
