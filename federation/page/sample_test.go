package page

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"consilium/clinical"
	"consilium/federation"
)

var begun = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func ptr(v float64) *float64 { return &v }

// sampleJob asks 23 hospitals for a model of the eye, with noise of both kinds.
func sampleJob() federation.Job {
	j := federation.Job{
		Format: federation.JobFormat, ID: "retina-23", Title: "Grading diabetic retinopathy with 23 eye clinics",
		Purpose: "Small clinics see too few severe cases to learn from alone. Together they may.", By: "i.albrecht", Created: begun.Add(-48 * time.Hour),
		Model: federation.Model{Arch: "light", Seed: 7},
		Data:  federation.Data{Kind: clinical.KindImage, Task: "severity of retinopathy", Shape: []int{3, 28, 28}, Cohort: 20},
		Plan:  federation.Plan{Algorithm: federation.FedAvg, Rounds: 20, Quorum: 12, Scores: "each"}.WithDefaults(),
		Privacy: federation.Privacy{
			Central: &federation.Noise{Multiplier: 1.1, Clip: 1, Delta: 1e-5, Epsilon: 8},
			Local:   &federation.Noise{Multiplier: 0.9, Clip: 1, Delta: 1e-5, Epsilon: 4},
		},
	}
	for _, name := range []string{"none", "mild", "moderate", "severe"} {
		j.Data.Labels = append(j.Data.Labels, clinical.Concept{Name: name})
	}
	return j
}

// scoreOf draws n answers, of which about a share is right; class 3 is rare.
func scoreOf(r *rand.Rand, split string, n int, right float64) *federation.Score {
	s := &federation.Score{Split: split, N: n, Loss: 0.2 - 1.4*math.Log(right), Confusion: make([][]int, 4)}
	for i := range s.Confusion {
		s.Confusion[i] = make([]int, 4)
	}
	for range n {
		truth := []int{0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3}[r.IntN(12)]
		said := truth
		if r.Float64() > right {
			said = r.IntN(4)
		}
		s.Confusion[truth][said]++
	}
	return s
}

// sample is a job of 23 sites and 20 rounds: five sites die, the hub is restarted once, one update is refused.
func sample() federation.History {
	r := rand.New(rand.NewPCG(5, 23))
	h := federation.History{Job: sampleJob(), Size: 250_116, Hub: "consilium 0.5.0", Epsilon: 0}
	h.Hash = h.Job.Hash()
	h.State = federation.State{Phase: federation.Finished, Outcome: federation.OK, Round: 20, Attempt: 1, Consents: map[string]federation.Answer{}, Started: begun}
	var n []int
	for i := range 24 {
		site := fmt.Sprintf("clinic-%d", i+1)
		a := federation.Answer{Job: h.Hash, Site: site, Agree: true, By: "data.board", At: begun.Add(time.Duration(i-40) * time.Hour)}
		if i == 23 {
			a.Agree, a.Reason = false, "POLICY_REFUSED: the hub would see this site's own update (change policy.json at the site, or the job)"
		} else {
			h.Sites = append(h.Sites, site)
			n = append(n, 30+r.IntN(220))
		}
		h.State.Consents[site] = a
	}
	dies := map[int]int{3: 6, 8: 9, 11: 9, 16: 14, 20: 17} // site and round
	clock := begun
	for round := 1; round <= 20; round++ {
		for attempt := 1; attempt <= 2; attempt++ {
			line := federation.Round{Round: round, Attempt: attempt, Started: clock, Outcome: "done", Epsilon: 7.4 * math.Sqrt(float64(round)/20)}
			cut := round == 12 && attempt == 1
			if cut {
				line.Outcome, line.Reason = "cut short", "the hub was restarted"
			}
			quality := 0.42 + 0.36*(1-math.Exp(-float64(round-1)/6))
			var scores []*federation.Score
			for i, site := range h.Sites {
				e := federation.Entry{Site: site, State: "in", Sent: 1_000_620, Received: 1_000_871, Samples: n[i], Steps: 12, Seconds: 3 + 5*r.Float64()}
				switch died, dead := dies[i]; {
				case dead && round > died+1:
					e = federation.Entry{Site: site, State: "not asked"}
				case dead && round >= died:
					e = federation.Entry{Site: site, State: "dropped", Reason: "no link for 10s", Sent: 1_000_620}
				case cut && i > 12:
					e = federation.Entry{Site: site, State: "dropped", Sent: 1_000_620}
				case round == 5 && i == 6:
					e.State, e.Reason = "refused", "UPDATE_REFUSED: the update of clinic-7 holds NaN or infinity (lower the plan's rate, or look at the site's data)"
				case (round+3*i)%29 == 0:
					e.State, e.Reason = "late", "after the cut"
				}
				if e.State == "in" {
					e.Arrived = clock.Add(time.Duration(e.Seconds * float64(time.Second)))
					e.Score = scoreOf(r, "validation", n[i]/4+8, quality+0.12*(r.Float64()-0.5))
					e.Loss = ptr(e.Score.Loss * 0.92)
					e.Epsilon = (2.2 + 0.06*float64(i)) * math.Sqrt(float64(round)/20)
					scores = append(scores, e.Score)
				}
				line.Sites = append(line.Sites, e)
			}
			clock = clock.Add(9 * time.Second)
			line.Ended = clock
			if !cut {
				line.Score, line.Loss = pool(scores), ptr(0.2-1.3*math.Log(quality))
			}
			h.Rounds = append(h.Rounds, line)
			if !cut {
				break
			}
		}
	}
	h.Epsilon = 7.4
	h.State.Ended, h.Written = clock, clock
	h.Final = &federation.Final{Weights: "weights.bin", Hash: "7d3f" + fmt.Sprintf("%060x", 9)}
	for i, site := range h.Sites {
		if _, dead := dies[i]; dead {
			continue
		}
		k := federation.Kept{Site: site, Federated: scoreOf(r, "test", n[i]/3+10, 0.78), Own: scoreOf(r, "test", n[i]/3+10, 0.45+float64(n[i])/900), Keeps: "federated"}
		if i%9 == 4 {
			k.Own, k.Keeps = scoreOf(r, "test", n[i]/3+10, 0.86), "own"
		}
		h.Final.Scores = append(h.Final.Scores, k)
	}
	return h
}

// masked is the same job with a secure sum: nobody's own figures, bytes of the sum's steps.
func masked() federation.History {
	h := sample()
	h.Job.Plan.Sum, h.Job.Plan.Scores, h.Job.Privacy.Local = federation.SumMasks, "sum", nil
	h.Hash = h.Job.Hash()
	for i := range h.Rounds {
		h.Rounds[i].SumBytes = 46_200_000
		for k := range h.Rounds[i].Sites {
			h.Rounds[i].Sites[k].Score, h.Rounds[i].Sites[k].Loss, h.Rounds[i].Sites[k].Epsilon = nil, nil, 0
		}
	}
	return h
}

func proposed() federation.History {
	j := sampleJob()
	h := federation.History{Job: j, Hash: j.Hash(), Hub: "consilium 0.5.0", Written: begun}
	h.State = federation.State{Phase: federation.Proposed, Consents: map[string]federation.Answer{
		"clinic-1": {Site: "clinic-1", Agree: true, By: "m.weber", At: begun},
		"clinic-2": {Site: "clinic-2", Reason: "too few patients", By: "policy", At: begun},
	}, Wait: &federation.Wait{For: "consent", Sites: []string{"clinic-3", "clinic-4"}, Until: begun.Add(26 * time.Hour)}}
	return h
}

// running is in the middle of a round.
func running() federation.History {
	h := masked()
	h.Rounds, h.Final = h.Rounds[:7], nil
	h.State.Phase, h.State.Outcome, h.State.Round, h.State.Attempt, h.State.Step, h.State.Ended = federation.Running, "", 8, 2, "masked", time.Time{}
	h.State.Wait = &federation.Wait{For: "the masked updates", Sites: []string{"clinic-2", "clinic-9"}, Until: begun.Add(63*time.Second + 130*time.Second)}
	h.Epsilon = 4.38
	return h
}

func failed() federation.History {
	h := masked()
	h.Rounds, h.Final = h.Rounds[:3], nil
	for i := range h.Rounds {
		h.Rounds[i].Outcome, h.Rounds[i].Reason, h.Rounds[i].Score, h.Rounds[i].Round, h.Rounds[i].Attempt = "no quorum", "QUORUM_MISSED: 2 of 12", nil, 1, i+1
	}
	h.State.Outcome, h.State.Reason = federation.Failed, "QUORUM_MISSED: round 1 had 2 updates, 12 are needed, and was tried 3 times (wait for the sites, or lower the quorum)"
	return h
}

// hostile is what a broken or evil hub could write.
func hostile() federation.History {
	h := sample()
	h.Job.Title, h.Job.Purpose = `<script>alert("x")</script>`+"\x1b[2J", "a\u202eb\nWARNING: c"
	h.Hash = "00ff"
	h.Sites = append(h.Sites, "<img onerror=alert(1)>", "")
	h.State.Reason = string([]byte{0xff, 0xfe, 'x'})
	for i := range h.Rounds {
		r := &h.Rounds[i]
		r.Loss, r.Epsilon, r.SumBytes, r.Score = ptr(math.NaN()), math.Inf(1), math.MinInt64, &federation.Score{Loss: math.Inf(1), Confusion: [][]int{{1, 2}, {3}}}
		r.Sites[0].Score = &federation.Score{Confusion: [][]int{{-4, 1}, {0, math.MaxInt}}}
		r.Sites[1].Score = &federation.Score{Loss: math.NaN(), Confusion: [][]int{{4, 1}, {0, 1 << 31}}}
		r.Sites[2].Sent, r.Sites[2].Seconds, r.Sites[2].State = math.MaxInt64, math.NaN(), "</svg>"
		r.Sites[3].Sent = math.MaxInt64
		r.Round = math.MinInt + i
	}
	h.Rounds[4].Round, h.Rounds[5].Round, h.Rounds[5].Attempt = math.MaxInt, 3, math.MaxInt
	h.Final.Scores[0].Federated = &federation.Score{Confusion: [][]int{{1 << 31, 5}, {7, 1 << 31}}}
	h.Job.Privacy.Central.Epsilon = math.NaN()
	return h
}
