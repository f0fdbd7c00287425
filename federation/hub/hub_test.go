package hub_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/hub"
	"consilium/federation/site"
)

// Every algorithm goes through the real rounds of hub and sites, in every way of summing that it knows.
func TestEveryAlgorithmLearns(t *testing.T) {
	for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
		for _, algorithm := range federation.Algorithms() {
			if sum != federation.SumPlain && federation.NeedsEach(algorithm) {
				continue
			}
			t.Run(sum+"/"+algorithm, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t, 5)
				j := job(algorithm, sum, 8, 3)
				if algorithm == federation.FedAdam || algorithm == federation.FedYogi || algorithm == federation.FedAdagrad {
					j.Plan.ServerRate = 0.1
				}
				h.propose(j)
				h.startAll()
				g := h.ok(j.ID)
				if want := []int{1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(doneRounds(g), want) {
					t.Errorf("rounds %v", doneRounds(g))
				}
				first, last := g.Rounds[0].Score, g.Rounds[len(g.Rounds)-1].Score
				if first == nil || last == nil {
					t.Fatal("no score over all sites")
				}
				if first.N < 3*60 || last.N < 3*60 {
					t.Errorf("scores of %d and %d examples", first.N, last.N)
				}
				if last.Accuracy() < 0.85 || last.Accuracy() <= first.Accuracy() {
					t.Errorf("accuracy %.3f after %.3f", last.Accuracy(), first.Accuracy())
				}
				if sum != federation.SumPlain {
					for _, r := range g.Rounds {
						for _, e := range r.Sites {
							if e.Score != nil || e.Loss != nil || e.Samples != 0 {
								t.Errorf("the hub knows of %s alone: %+v", e.Site, e)
							}
						}
					}
				}
			})
		}
	}
}

func TestSitesKeepTheSameModelAndTellWhatTheyKeep(t *testing.T) {
	h := newHouse(t, 3)
	j := job(federation.FedAvg, federation.SumPlain, 4, 3)
	h.propose(j)
	h.startAll()
	g := h.ok(j.ID)
	if g.Final == nil || len(g.Final.Scores) != 3 {
		t.Fatalf("final %+v", g.Final)
	}
	hubs, err := os.ReadFile(filepath.Join(folder.JobDir(h.hubDir(), j.ID), folder.FinalFile))
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, k := range g.Final.Scores {
		if k.Federated == nil || k.Own == nil || k.Federated.N != 60 {
			t.Errorf("%s tells %+v", k.Site, k)
		}
		own, err := os.ReadFile(filepath.Join(folder.JobDir(h.siteDir(k.Site), j.ID), folder.FinalFile))
		if err != nil {
			t.Fatal(err)
		}
		if (k.Keeps == "federated") == slices.Equal(own, hubs) {
			same++
		}
	}
	if same != 3 {
		t.Error("a site keeps other weights than it tells")
	}
	for action, want := range map[string]int{"federation.job-proposed": 1 + 3, "federation.site-agreed": 3 + 3, "federation.job-running": 1, "federation.round": 4,
		"federation.update-sent": 12, "federation.model": 1, "federation.model-kept": 3} {
		if got := h.events(action); got != want {
			t.Errorf("%d audit entries %s, want %d", got, action, want)
		}
	}
}

func TestPersonDecidesAndPolicyRefuses(t *testing.T) {
	h := newHouse(t, 4)
	h.policy("site-00", `{"min_cohort": 1}`)                   // asks a person
	h.policy("site-01", `{"min_cohort": 1000, "agree": true}`) // has too few
	h.policy("site-02", agreeable)
	h.policy("site-03", `{"min_cohort": 1}`) // a person says no
	j := job(federation.FedAvg, federation.SumPlain, 2, 2)
	h.propose(j)
	h.startAll()
	g := h.until(j.ID, "the policies' answers", func(g federation.History) bool {
		return g.State.Phase == federation.Proposed && g.State.Wait != nil && slices.Equal(g.State.Wait.Sites, []string{"site-00", "site-03"})
	})
	if a := g.State.Consents["site-01"]; a.Agree || !strings.Contains(a.Reason, "POLICY_REFUSED") {
		t.Errorf("site-01 answers %+v", a)
	}
	for name, d := range map[string]site.Decision{"site-00": {Agree: true, By: "Dr. A", At: time.Now()}, "site-03": {By: "Dr. B", Reason: "no vote yet", At: time.Now()}} {
		if err := site.Decide(h.siteDir(name), j.ID, d); err != nil {
			t.Fatal(err)
		}
	}
	g = h.ok(j.ID)
	if !slices.Equal(g.Sites, []string{"site-00", "site-02"}) {
		t.Errorf("sites %v took part", g.Sites)
	}
	if a := g.State.Consents["site-03"]; a.Agree || a.Reason != "no vote yet" || a.By != "Dr. B" {
		t.Errorf("site-03 answers %+v", a)
	}
	for _, r := range g.Rounds {
		if e := entry(r, "site-03"); e.Site != "" {
			t.Error("a site that refused was asked")
		}
	}
}

func TestDroppedSitesAndQuorum(t *testing.T) {
	for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
		t.Run(sum, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 7)
			j := job(federation.FedAvg, sum, 12, 4)
			h.propose(j)
			h.startAll()
			h.until(j.ID, "the second round", func(g federation.History) bool { return g.State.Round >= 2 })
			for _, n := range h.names[:2] {
				h.room.Cut(n)
				h.stop[n]()
			}
			round := h.until(j.ID, "rounds without them", func(g federation.History) bool { return g.State.Round >= 6 }).State.Round
			h.room.Restore("site-00")
			h.startSite("site-00")
			g := h.ok(j.ID)
			if len(doneRounds(g)) != 12 {
				t.Fatalf("rounds %v", doneRounds(g))
			}
			back, dropped := false, false
			for _, r := range g.Rounds {
				dropped = dropped || entry(r, "site-01").State == "dropped" || entry(r, "site-01").Site == ""
				back = back || (r.Round > round && entry(r, "site-00").State == "in")
			}
			if !dropped || !back {
				t.Errorf("dropped %v, back %v", dropped, back)
			}
		})
	}
}

func TestTooFewSitesFailWithReason(t *testing.T) {
	h := newHouse(t, 3)
	j := job(federation.FedAvg, federation.SumPlain, 50, 3)
	j.Plan.Deadlines.Round, j.Plan.Deadlines.Retries = federation.Duration(200*time.Millisecond), 1
	h.propose(j)
	h.startAll()
	h.until(j.ID, "a round", func(g federation.History) bool { return g.State.Round >= 2 })
	h.room.Cut("site-01")
	g := h.finished(j.ID)
	if g.State.Outcome != federation.Failed || !strings.Contains(g.State.Reason, "QUORUM_MISSED") {
		t.Errorf("ended %s: %s", g.State.Outcome, g.State.Reason)
	}
}

func TestHubIsKilledAndGoesOn(t *testing.T) {
	for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
		t.Run(sum, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 4)
			j := job(federation.Scaffold, sum, 10, 3)
			h.propose(j)
			h.startAll()
			for _, round := range []int{2, 5, 8} {
				h.until(j.ID, "a round", func(g federation.History) bool { return g.State.Round >= round })
				h.stop["hub"]()
				h.room.RestartHub()
				h.startHub()
			}
			g := h.ok(j.ID)
			if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; !slices.Equal(doneRounds(g), want) {
				t.Errorf("rounds %v", doneRounds(g))
			}
			seen := map[[2]int]bool{}
			for _, r := range g.Rounds {
				if seen[[2]int{r.Round, r.Attempt}] {
					t.Errorf("attempt %d of round %d came twice", r.Attempt, r.Round)
				}
				seen[[2]int{r.Round, r.Attempt}] = true
			}
		})
	}
}

func TestAbort(t *testing.T) {
	h := newHouse(t, 3)
	j := job(federation.FedAvg, federation.SumPlain, 5000, 2)
	h.propose(j)
	h.startAll()
	h.until(j.ID, "a round", func(g federation.History) bool { return g.State.Round >= 2 })
	if err := folder.Mark(h.hubDir(), j.ID, folder.AbortFile, ""); err != nil {
		t.Fatal(err)
	}
	if g := h.finished(j.ID); g.State.Outcome != federation.Aborted {
		t.Errorf("ended %s", g.State.Outcome)
	}
}

func TestWithdrawalHoldsFromTheNextRound(t *testing.T) {
	h := newHouse(t, 3)
	j := job(federation.FedAvg, federation.SumPlain, 40, 2)
	h.propose(j)
	h.startAll()
	h.until(j.ID, "a round", func(g federation.History) bool { return g.State.Round >= 2 })
	if err := site.Decide(h.siteDir("site-02"), j.ID, site.Decision{By: "Dr. C", Reason: "the board withdrew", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	g := h.until(j.ID, "the withdrawal", func(g federation.History) bool { return !g.State.Consents["site-02"].Agree })
	from := g.State.Round
	g = h.ok(j.ID)
	for _, r := range g.Rounds {
		if r.Round > from+1 && entry(r, "site-02").Site != "" {
			t.Fatalf("round %d still asks a site that withdrew in round %d", r.Round, from)
		}
	}
}

func TestProposeTwice(t *testing.T) {
	dir := t.TempDir()
	j := job(federation.FedAvg, federation.SumPlain, 2, 2)
	for range 2 {
		if err := hub.Propose(dir, j, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	j.Title = "Another"
	if err := hub.Propose(dir, j, time.Now()); err == nil || !strings.Contains(err.Error(), "CONFLICT") {
		t.Errorf("another job under the same id: %v", err)
	}
}
