package whole

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/hub"
	"consilium/store"
)

// backup copies a federation's folder as `consilium backup` does, whoever works in it.
func (h *house) backup(dir string) (file string) {
	h.t.Helper()
	file = filepath.Join(h.t.TempDir(), "backup")
	if _, err := store.BackupFiles(soon(h.t), dir, file, store.Copying{Leave: folder.NotInBackup}); err != nil {
		h.t.Fatal(err)
	}
	return file
}

// restore puts a folder that is lost back, as `consilium restore` does.
func (h *house) restore(dir, file string) {
	h.t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		h.t.Fatal(err)
	}
	_, err := store.Restore(soon(h.t), file, store.Options{DataDir: dir}, store.Copying{Leave: folder.NotInBackup, Finish: func(dir string, of store.BackupInfo) error {
		return folder.MarkRestored(dir, folder.Restored{At: time.Now().UTC(), Made: of.Made})
	}})
	if err != nil {
		h.t.Fatal(err)
	}
}

// loseHub stops the hub, wipes its folder, and lets a new one run from a backup. It gives the story as the lost one had it.
func (h *house) loseHub(file string) (lost federation.History) {
	h.t.Helper()
	for _, part := range []string{"hub", "link"} {
		if stop := h.stop[part]; stop != nil {
			stop()
		}
	}
	lost, err := folder.History(h.dir, "ward-1")
	if err != nil {
		h.t.Fatal(err)
	}
	h.restore(h.dir, file)
	h.openHub()
	h.startHub()
	return lost
}

// lastDone is the last round that is done in a story.
func lastDone(g federation.History) (n int) {
	for _, r := range g.Rounds {
		if r.Outcome == "done" {
			n = max(n, r.Round)
		}
	}
	return n
}

// A hub whose disk is lost and that is put back from a backup, which was made while it worked, goes on with its job:
// the sites come back without joining again, and no attempt gets a number that they know.
func TestHubIsPutBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 3)
	h.startAll(job(federation.SumPlain, endless, 3))
	h.until("rounds", func(g federation.History) bool { return lastDone(g) >= 3 })
	file := h.backup(h.dir)
	h.goOn(5)
	lost := h.loseHub(file)
	back, err := folder.History(h.dir, "ward-1")
	if err != nil || lastDone(back) >= lastDone(lost) {
		t.Fatalf("put back after round %d, lost after round %d, %v", lastDone(back), lastDone(lost), err)
	}
	h.until("more rounds than were lost", func(g federation.History) bool { return lastDone(g) > lastDone(lost)+2 })
	g := h.abort()
	known := map[string]bool{}
	for _, r := range lost.Rounds {
		known[fmt.Sprint(r.Round, "/", r.Attempt)] = true
	}
	anew := 0
	for _, r := range g.Rounds[len(back.Rounds):] {
		if known[fmt.Sprint(r.Round, "/", r.Attempt)] {
			t.Errorf("attempt %d of round %d was made before", r.Attempt, r.Round)
		}
		if r.Round <= lastDone(lost) && r.Outcome == "done" {
			anew++
		}
		for _, n := range h.names {
			if e := entry(r, n); r.Outcome == "done" && e.State != "in" {
				t.Errorf("round %d: %s is %q: %s", r.Round, n, e.State, e.Reason)
			}
		}
	}
	if anew == 0 {
		t.Error("no round was made anew")
	}
	for _, n := range h.names { // mail that has an ID of the old hub's would not be looked at
		h.wait("the end at "+n, func() bool {
			s, err := folder.History(h.dirs[n], "ward-1")
			return err == nil && s.State.Phase == federation.Finished
		})
	}
}

// A proposal that the sites had answered before the hub was lost is answered again.
func TestHubIsPutBackBeforeConsent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 3)
	for _, n := range h.names {
		h.startSite(n)
	}
	h.propose(job(federation.SumPlain, endless, 3))
	file := h.backup(h.dir)
	h.startHub()
	h.until("a round", func(g federation.History) bool { return lastDone(g) >= 1 })
	h.loseHub(file)
	h.until("rounds", func(g federation.History) bool { return lastDone(g) >= 3 })
	h.abort()
}

// In a secure sum the sites do not go back behind what they have opened: from a backup of the last round the job goes
// on, from an older one it ends.
func TestHubIsPutBackInSecureSums(t *testing.T) {
	for _, late := range []bool{true, false} {
		t.Run(fmt.Sprint("late=", late), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 3)
			j := job(federation.SumMasks, endless, 3)
			j.Plan.Deadlines.Retries, j.Plan.Deadlines.Round = -1, federation.Duration(3*time.Second)
			h.startAll(j)
			h.until("rounds", func(g federation.History) bool { return lastDone(g) >= 2 })
			file := h.backup(h.dir)
			if !late {
				h.goOn(4)
			} else {
				h.stop["hub"]()
				file = h.backup(h.dir) // the sites have opened its last round, or the one after
			}
			lost := h.loseHub(file)
			if late {
				h.until("more rounds", func(g federation.History) bool { return lastDone(g) > lastDone(lost)+1 })
				h.abort()
				return
			}
			g := h.until("the end", func(g federation.History) bool { return g.State.Phase == federation.Finished })
			last := g.Rounds[len(g.Rounds)-1]
			if g.State.Outcome != federation.Failed || g.Final == nil || !strings.Contains(entry(last, h.names[0]).Reason, string(fault.SumBroken)) {
				t.Errorf("ended %s: %s; weights %v; %+v", g.State.Outcome, g.State.Reason, g.Final, last)
			}
		})
	}
}

// A hub that does not know how often its noise was given out ends the job, and keeps the weights.
func TestHubWithNoiseIsPutBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 3)
	j := job(federation.SumPlain, endless, 3)
	j.Plan.Weighting, j.Plan.Clip = "sites", 1
	j.Privacy.Central = &federation.Noise{Multiplier: 1000, Clip: 1, Delta: 1e-5, Epsilon: 8}
	h.startAll(j)
	h.until("rounds", func(g federation.History) bool { return lastDone(g) >= 2 })
	h.loseHub(h.backup(h.dir))
	g := h.until("the end", func(g federation.History) bool { return g.State.Phase == federation.Finished })
	if g.State.Outcome != federation.Failed || !strings.Contains(g.State.Reason, "no longer knows") || g.Final == nil {
		t.Errorf("ended %s: %s; weights %v", g.State.Outcome, g.State.Reason, g.Final)
	}
}

// loseSite stops a site, wipes its folder, and lets it run from a backup.
func (h *house) loseSite(name, file string) {
	h.t.Helper()
	h.stop[name]()
	h.restore(h.dirs[name], file)
	h.runSite(name)
}

// A site that is put back links without joining again and takes part in a job with plain sums; in one with secure sums
// it gives nothing more, because it does not know which sums it has opened, until there is a new job.
func TestSiteIsPutBack(t *testing.T) {
	for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
		t.Run(sum, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 4)
			h.startAll(job(sum, endless, 3))
			h.until("rounds", func(g federation.History) bool { return lastDone(g) >= 2 })
			lost := h.names[1]
			file := h.backup(h.dirs[lost])
			h.goOn(3)
			h.loseSite(lost, file)
			from := lastDone(h.until("a story", func(federation.History) bool { return true }))
			asked := func(g federation.History) (last federation.Entry) {
				for _, r := range g.Rounds {
					if r.Round > from+1 && r.Outcome == "done" && entry(r, lost).State != "" {
						last = entry(r, lost)
					}
				}
				return last
			}
			g := h.until("its part", func(g federation.History) bool {
				e := asked(g)
				return e.State == "in" && sum == federation.SumPlain || e.State == "refused"
			})
			if e := asked(g); sum == federation.SumMasks && !strings.Contains(e.Reason, string(fault.PolicyRefused)) {
				t.Errorf("%s: %s", e.State, e.Reason)
			}
			h.abort()
			if sum == federation.SumPlain {
				return
			}
			j := job(sum, 2, 4)
			j.ID, j.Created = "ward-2", time.Now().UTC()
			if err := hub.Propose(h.dir, j, time.Now()); err != nil {
				t.Fatal(err)
			}
			h.wait("a new job", func() bool {
				g, err := folder.History(h.dir, "ward-2")
				return err == nil && g.State.Phase == federation.Finished && g.State.Outcome == federation.OK
			})
		})
	}
}
