package hub_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"consilium/dataset"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/wardtest"
)

// bent is a ward whose instrument reads other values.
type bent struct {
	wardtest.Set
	shift, scale float32
}

func (b bent) Read(s dataset.Split, i int, into []float32) (dataset.Sample, error) {
	out, err := b.Set.Read(s, i, into)
	for k := range into {
		into[k] = into[k]*b.scale + b.shift*float32(1-2*(k%2)) // across the line between the classes
	}
	return out, err
}

// Where each site's instrument is off in its own way, ComBat makes the sites' examples comparable; where all read in an
// awkward unit, standardising does. Each is judged against the same job without it.
func TestHarmonisationHelps(t *testing.T) {
	for kind, bend := range map[string]func(site int, w ward) bent{
		"combat":      func(site int, w ward) bent { return bent{w, 2 * float32(site-2), 1} },
		"standardise": func(_ int, w ward) bent { return bent{w, 6, 0.05} },
	} {
		for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
			t.Run(kind+"/"+sum, func(t *testing.T) {
				t.Parallel()
				accuracy := func(harmonise string) float64 {
					h := newHouse(t, 5)
					for i, n := range h.names {
						h.sets[n] = bend(i, ward{Seed: uint64(i + 1), N: 100, Tilt: 0.5})
					}
					j := job(federation.FedAvg, sum, 6, 3)
					j.Plan.Harmonise = harmonise
					h.propose(j)
					h.startAll()
					g := h.ok(j.ID)
					if harmonise != "" && (g.Rounds[0].Round != 0 || g.Rounds[0].Outcome != "done") {
						t.Errorf("the first line is of round %d, %s", g.Rounds[0].Round, g.Rounds[0].Outcome)
					}
					return g.Rounds[len(g.Rounds)-1].Score.Accuracy()
				}
				without, with := accuracy(""), accuracy(kind)
				t.Logf("accuracy %.3f without, %.3f with %s", without, with, kind)
				if with < without+0.05 || with < 0.85 {
					t.Errorf("accuracy %.3f without, %.3f with %s", without, with, kind)
				}
			})
		}
	}
}

// What the plan calls personal never reaches the hub's weights, and the sites have learnt their own.
func TestPersonalParametersStayAtTheSite(t *testing.T) {
	for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
		t.Run(sum, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 3)
			j := job(federation.FedBN, sum, 4, 3)
			j.Plan.Personal = []string{"logits/b"}
			h.propose(j)
			h.startAll()
			h.ok(j.ID)
			global := weights(t, h.hubDir(), j.ID) // 2 x 4 weights, then 2 biases that begin at zero
			if !slices.Equal(global[8:], []float32{0, 0}) || slices.Max(global[:8]) == 0 {
				t.Errorf("the hub's weights are %v", global)
			}
			own := map[float32]bool{}
			for _, n := range h.names {
				// Without an own model that is better the site keeps the personal one: the shared weights with its own bias.
				if w := weights(t, h.siteDir(n), j.ID); w[8] != 0 {
					own[w[8]] = true
				}
			}
			if len(own) != 3 {
				t.Errorf("the sites' biases are %v", own)
			}
		})
	}
}

func TestCyclicGoesFromSiteToSite(t *testing.T) {
	h := newHouse(t, 4)
	j := job(federation.Cyclic, federation.SumPlain, 2, 3)
	h.propose(j)
	h.startAll()
	g := h.ok(j.ID)
	for _, r := range g.Rounds {
		if len(r.Sites) != 4 {
			t.Fatalf("round %d visits %d sites", r.Round, len(r.Sites))
		}
		for i, e := range r.Sites {
			if e.Site != h.names[i] || e.State != "in" {
				t.Errorf("round %d: visit %d is of %s, %s", r.Round, i, e.Site, e.State)
			}
			if i > 0 && e.Asked.Before(r.Sites[i-1].Arrived) {
				t.Errorf("round %d: %s was asked before %s had answered", r.Round, e.Site, r.Sites[i-1].Site)
			}
		}
	}
}

// A site that is linked and does not answer is cut off at the deadline; what it sends afterwards is marked late and
// does not count.
func TestStragglerIsCutOff(t *testing.T) {
	h := newHouse(t, 4)
	j := job(federation.FedAvg, federation.SumPlain, 3, 3)
	j.Plan.Deadlines.Round = federation.Duration(700 * time.Millisecond)
	h.propose(j)
	h.startSites(h.names[:3]...)
	var held []byte
	h.hostile("site-03", j, func(q federation.Question, u federation.Update, send func(string, int, int, []byte)) {
		for i := range u.Delta {
			u.Delta[i] = 1000 // seen at once, were it to count
		}
		if q.Round == 1 {
			held = encoded(t, u)
		}
		if q.Round == 2 {
			send(federation.MailUpdate, 1, 1, held)
		}
	})
	h.startHub()
	g := h.ok(j.ID)
	if !slices.Equal(doneRounds(g), []int{1, 2, 3}) {
		t.Errorf("rounds %v", doneRounds(g))
	}
	for i, r := range g.Rounds {
		e := entry(r, "site-03")
		if e.State != "late" || e.Arrived.IsZero() != (i != 0) {
			t.Errorf("round %d: %s, arrived %v", r.Round, e.State, e.Arrived)
		}
		if i == 0 && (!e.Arrived.After(r.Ended) || e.Received == 0) {
			t.Errorf("the late update came at %v with %d bytes, the round ended at %v", e.Arrived, e.Received, r.Ended)
		}
		if took := r.Ended.Sub(r.Started); took < 700*time.Millisecond {
			t.Errorf("round %d took %v: it did not wait for the straggler", r.Round, took)
		}
	}
	if w := weights(t, h.hubDir(), j.ID); slices.Max(w) > 100 {
		t.Errorf("a late update has moved the weights: %v", w)
	}
}

// SCAFFOLD goes on learning when a site with control variates of its own is away for some rounds and comes back.
func TestScaffoldAfterADroppedRound(t *testing.T) {
	for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
		t.Run(sum, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 5)
			j := job(federation.Scaffold, sum, 14, 3)
			h.propose(j)
			h.startAll()
			from := h.until(j.ID, "a round", func(g federation.History) bool { return g.State.Round >= 3 }).State.Round
			h.room.Cut("site-02")
			h.until(j.ID, "rounds without it", func(g federation.History) bool { return g.State.Round >= min(from+3, 11) })
			h.room.Restore("site-02")
			g := h.ok(j.ID)
			away, back := false, false
			for _, r := range g.Rounds {
				state := entry(r, "site-02").State
				away = away || (r.Outcome == "done" && state != "in")
				back = back || (away && r.Outcome == "done" && state == "in")
			}
			first, last := g.Rounds[0].Score, g.Rounds[len(g.Rounds)-1].Score
			if !away || !back || len(doneRounds(g)) != 14 || last.Accuracy() < 0.85 || last.Loss > first.Loss {
				t.Errorf("away %v, back %v, rounds %v, accuracy %.3f, loss %.3f after %.3f", away, back, doneRounds(g), last.Accuracy(), last.Loss, first.Loss)
			}
		})
	}
}

// The body of a head is in the job's file, once, and in no report: those are written every round.
func TestReportsLeaveTheBodyOut(t *testing.T) {
	h := newHouse(t, 2)
	j := job(federation.FedAvg, federation.SumPlain, 2, 2)
	j.Model = federation.Model{Arch: "head", Body: make([]byte, 1<<20)} // no graph: the sites' policies will say so
	h.propose(j)
	h.startAll()
	g := h.until(j.ID, "the answers", func(g federation.History) bool { return len(g.State.Consents) == 2 })
	if g.Hash != j.Hash() || g.Job.ID != j.ID || g.Job.Model.Arch != "head" || len(g.Job.Model.Body) != 0 {
		t.Errorf("the report has job %s with a body of %d bytes, hash %s", g.Job.ID, len(g.Job.Model.Body), g.Hash)
	}
	for _, dir := range []string{h.hubDir(), h.siteDir("site-00"), h.siteDir("site-01")} {
		info, err := os.Stat(filepath.Join(folder.JobDir(dir, j.ID), folder.ReportFile))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 32<<10 {
			t.Errorf("the report in %s has %d bytes", dir, info.Size())
		}
		if same, err := folder.Job(dir, j.ID); err != nil || same.Hash() != j.Hash() {
			t.Errorf("the job in %s: %v", dir, err)
		}
	}
}
