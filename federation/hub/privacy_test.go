package hub_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/privacy"
	"consilium/federation/site"
)

// weights reads a job's final weights.
func weights(t *testing.T, dir, id string) []float32 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder.JobDir(dir, id), folder.FinalFile))
	if err != nil {
		t.Fatal(err)
	}
	v, rest, err := federation.CutFloats(b)
	if err != nil || len(rest) != 0 {
		t.Fatalf("the final weights cannot be read: %v, %d bytes more", err, len(rest))
	}
	return v
}

// central is a job whose updates are cut, and blurred when the noise is not nil.
func central(sum string, rounds int, noise *federation.Noise) federation.Job {
	j := job(federation.FedAvg, sum, rounds, 3)
	j.Plan.Weighting, j.Plan.Clip, j.Privacy.Central = "sites", 0.5, noise
	return j
}

// Noise of the hub is there, and as large as the job says: multiplier * clip / sites.
func TestCentralNoiseIsThere(t *testing.T) {
	for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
		t.Run(sum, func(t *testing.T) {
			t.Parallel()
			final := func(noise *federation.Noise) ([]float32, federation.History) {
				h := newHouse(t, 3)
				j := central(sum, 1, noise)
				h.propose(j)
				h.startAll()
				g := h.ok(j.ID)
				return weights(t, h.hubDir(), j.ID), g
			}
			bare, _ := final(nil)
			noise := &federation.Noise{Multiplier: 2, Clip: 0.5, Delta: 1e-5, Epsilon: 100}
			want := noise.Multiplier * noise.Clip / 3
			var all float64
			var runs [][]float32
			for range 3 {
				w, g := final(noise)
				for i, v := range w {
					d := float64(v - bare[i])
					all += d * d
				}
				runs = append(runs, w)
				spent, err := privacy.Epsilon(1, 2, 1, 1e-5, privacy.Tight)
				if err != nil || g.Epsilon != spent || g.Rounds[0].Epsilon != spent {
					t.Errorf("epsilon %g and %g, want %g (%v)", g.Epsilon, g.Rounds[0].Epsilon, spent, err)
				}
			}
			if slices.Equal(runs[0], runs[1]) || slices.Equal(runs[1], runs[2]) {
				t.Error("two runs have the same noise")
			}
			// 30 numbers: a Gaussian of the right size is outside of these bounds once in a million.
			rms := math.Sqrt(all / float64(3*len(bare)))
			t.Logf("the noise is %.3f, the job says %.3f", rms, want)
			if rms < 0.45*want || rms > 1.7*want {
				t.Errorf("the noise is %g, want about %g", rms, want)
			}
		})
	}
}

// kept is what a checkpoint holds, as far as this test asks.
type kept struct {
	Round   int       `json:"round"`
	Noised  int       `json:"noised"`
	Numbers int       `json:"numbers"`
	Global  []float32 `json:"-"`
}

// A budget that is spent ends the job, and the weights of the rounds before are kept.
func TestCentralBudgetEndsTheJob(t *testing.T) {
	three, err := privacy.Epsilon(1, 2, 3, 1e-5, privacy.Tight)
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, 3)
	j := central(federation.SumPlain, 10, &federation.Noise{Multiplier: 2, Clip: 0.5, Delta: 1e-5, Epsilon: three * 1.0001})
	h.propose(j)
	h.startAll()
	g := h.finished(j.ID)
	if g.State.Outcome != federation.Failed || !strings.Contains(g.State.Reason, "BUDGET_SPENT") {
		t.Errorf("ended %s: %s", g.State.Outcome, g.State.Reason)
	}
	if !slices.Equal(doneRounds(g), []int{1, 2, 3}) || g.Epsilon != three {
		t.Errorf("rounds %v, epsilon %g, want %g", doneRounds(g), g.Epsilon, three)
	}
	for _, n := range h.names { // each site has booked the hub's noise too, one line a round that it took part in
		text, err := os.ReadFile(filepath.Join(h.siteDir(n), site.LedgerFile))
		if lines := strings.Count(string(text), "central-"); err != nil || lines != 4 {
			t.Errorf("%s has booked %d rounds: %v", n, lines, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder.JobDir(h.hubDir(), j.ID), "round.checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := bytes.Cut(text, []byte("\n"))
	var c kept
	if err := json.Unmarshal(head, &c); err != nil {
		t.Fatal(err)
	}
	c.Global = make([]float32, c.Numbers)
	if err := federation.ReadFloats(bytes.NewReader(text[len(text)-4*c.Numbers:]), c.Global); err != nil {
		t.Fatal(err)
	}
	if c.Round != 3 || c.Noised != 3 || len(c.Global) != 10 || slices.Max(c.Global) == 0 {
		t.Errorf("kept %+v", c)
	}
	if w := weights(t, h.hubDir(), j.ID); !slices.Equal(w, c.Global) || g.Final == nil || g.Final.Hash != federation.HashFloats(w) {
		t.Errorf("the weights of the rounds before are not where they are looked for: %v, %+v", w, g.Final)
	}
}

// Noise at the sites: each tells what it has spent, its ledger has it, and its policy refuses what would be too much
// in one quarter.
func TestLocalPrivacyIsChargedAndRefused(t *testing.T) {
	h := newHouse(t, 3)
	for _, n := range h.names {
		h.policy(n, `{"agree": true, "min_cohort": 1, "epsilon": 6}`)
	}
	j := job(federation.FedAvg, federation.SumPlain, 2, 3)
	j.Privacy.Local = &federation.Noise{Multiplier: 2, Clip: 1, Delta: 1e-5, Epsilon: 6}
	h.propose(j)
	h.startAll()
	g := h.ok(j.ID)
	spent := map[string]float64{}
	for _, n := range h.names {
		first, last := entry(g.Rounds[0], n).Epsilon, entry(g.Rounds[1], n).Epsilon
		if !(first > 0) || !(last > first) || last > 6 {
			t.Errorf("%s tells epsilon %g, then %g", n, first, last)
		}
		spent[n] = last
	}
	again := j
	again.ID = "ward-2"
	again.Plan.Deadlines.Consent = again.Plan.Deadlines.Consent / 10
	h.propose(again)
	second := h.finished(again.ID)
	for _, n := range h.names {
		if a := second.State.Consents[n]; a.Agree || !strings.Contains(a.Reason, "BUDGET_SPENT") || a.By != "policy" {
			t.Errorf("%s answers the second job: %+v", n, a)
		}
		h.stop[n]()
		l, err := privacy.OpenLedger(filepath.Join(h.siteDir(n), site.LedgerFile))
		if err != nil {
			t.Fatal(err)
		}
		has, err := l.Job(j.ID)
		if err != nil || math.Abs(has-spent[n]) > 1e-9 || len(l.Entries()) != 2 {
			t.Errorf("the ledger of %s has %g in %d entries, the hub was told %g (%v)", n, has, len(l.Entries()), spent[n], err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if second.State.Outcome != federation.Failed || !strings.Contains(second.State.Reason, "QUORUM_MISSED") {
		t.Errorf("the second job ended %s: %s", second.State.Outcome, second.State.Reason)
	}
}
