package aggregate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"consilium/fault"
	"consilium/federation"

	"pgregory.net/rapid"
)

// fixed is what a sum in fixed point makes of a share: multiples of 2^-20, cut at one.
func fixed(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = min(max(math.Round(float64(x)*(1<<20)), -1<<20), 1<<20) / (1 << 20)
	}
	return out
}

func scored(plan federation.Plan, r *rand.Rand, classes int, most int) federation.Update {
	u := update(plan, "a", 1+r.IntN(2*plan.MostSamples), normals(r, 6, 0.1))
	s := &federation.Score{Split: "validation", Loss: r.ExpFloat64(), Confusion: make([][]int, classes)}
	for i := range s.Confusion {
		s.Confusion[i] = make([]int, classes)
		for j := range s.Confusion[i] {
			s.Confusion[i][j] = r.IntN(most + 1)
			s.N += s.Confusion[i][j]
		}
	}
	u.Score, u.Trained = s, r.ExpFloat64()
	return u
}

// Counts come out of a sum in fixed point exactly, losses nearly.
func TestScoreSurvivesFixedPoint(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		algorithm := rapid.SampledFrom([]string{federation.FedAvg, federation.Scaffold, federation.QFedAvg}).Draw(rt, "algorithm")
		plan := planFor(algorithm, 3)
		plan.Scores = "sum"
		plan.MostSamples = 1 << rapid.IntRange(0, 20).Draw(rt, "most")
		sites, classes := rapid.IntRange(1, 40).Draw(rt, "sites"), rapid.IntRange(2, 5).Draw(rt, "classes")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		sum := make([]float64, ShareLen(plan, 6, classes))
		want := federation.Score{Confusion: make([][]int, classes)}
		for i := range want.Confusion {
			want.Confusion[i] = make([]int, classes)
		}
		var weights, trained float64
		for range sites {
			u := scored(plan, r, classes, plan.MostSamples)
			v, err := Share(plan, u)
			if err != nil {
				rt.Fatal(err)
			}
			if len(v) != len(sum) {
				rt.Fatal(len(v), len(sum))
			}
			for _, x := range v[layoutOf(plan, 6).weight:] {
				if x < 0 || x > 1 {
					rt.Fatal("a figure outside 0..1 would be cut", x)
				}
			}
			for i, x := range fixed(v) {
				sum[i] += x
			}
			for i, row := range u.Score.Confusion {
				for j, n := range row {
					want.Confusion[i][j] += n
				}
			}
			want.Loss += float64(u.Score.N) * u.Score.Loss
			want.N += u.Score.N
			weights += weight(plan, u)
			trained += weight(plan, u) * u.Trained
		}
		got, err := ScoreOf(plan, sum, 6, classes)
		if err != nil {
			rt.Fatal(err)
		}
		if want.N == 0 {
			if got != nil {
				rt.Fatal(got)
			}
			return
		}
		for i, row := range want.Confusion {
			if !slices.Equal(row, got.Confusion[i]) {
				rt.Fatal(want.Confusion, got.Confusion)
			}
		}
		want.Loss /= float64(want.N)
		if got.N != want.N || math.Abs(got.Loss-want.Loss) > 1e-3*(1+want.Loss) {
			rt.Fatalf("%d %g, want %d %g", got.N, got.Loss, want.N, want.Loss)
		}
		loss, err := TrainedOf(plan, sum, 6, classes)
		if err != nil || math.Abs(*loss-trained/weights) > 1e-2 {
			rt.Fatal(err, *loss, trained/weights)
		}
		// The tail is in no rule's way.
		rl := rule(t, plan, 6, 50)
		if err := rl.Begin(make([]float32, 6)); err != nil {
			rt.Fatal(err)
		}
		if err := rl.AddSum(sum, names(sites)); err != nil {
			rt.Fatal(err)
		}
	})
}

// A site with more of a cell than most_samples counts as one with so many.
func TestCountsAreCut(t *testing.T) {
	plan := planFor(federation.FedAvg, 1)
	plan.Scores = "sum"
	u := update(plan, "a", 1, []float32{1})
	u.Score = &federation.Score{N: 1_000_003, Loss: 2, Confusion: [][]int{{1_000_000, 3}, {0, 0}}}
	v, err := Share(plan, u)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ScoreOf(plan, fixed(v), 1, 2)
	if err != nil || got.Confusion[0][0] != 64 || got.Confusion[0][1] != 3 || got.N != 67 || math.Abs(got.Loss-2) > 1e-6 {
		t.Fatal(got, err)
	}
}

// Without scores in the sum there is no tail, and nothing to read.
func TestNoScores(t *testing.T) {
	plan := planFor(federation.FedAvg, 1)
	v, err := Share(plan, update(plan, "a", 32, []float32{1, 2}))
	if err != nil || len(v) != 3 || ShareLen(plan, 2, 7) != 3 || v[0] != 0.5 || v[1] != 1 || v[2] != 0.5 {
		t.Fatal(v, err)
	}
	s, err := ScoreOf(plan, make([]float64, 3), 2, 7)
	if s != nil || err != nil {
		t.Fatal(s, err)
	}
}

func TestBadScores(t *testing.T) {
	plan := planFor(federation.FedAvg, 1)
	plan.Scores = "sum"
	for name, s := range map[string]*federation.Score{
		"none": nil, "empty": {}, "not square": {Confusion: [][]int{{1, 2}}}, "below zero": {Confusion: [][]int{{1, -1}, {0, 0}}},
		"nan": {Loss: math.NaN(), Confusion: [][]int{{1, 1}, {0, 0}}},
	} {
		u := update(plan, "a", 1, []float32{1})
		u.Score = s
		if _, err := Share(plan, u); fault.CodeOf(err) != fault.UpdateRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	size := ShareLen(plan, 1, 2)
	for name, sum := range map[string][]float64{
		"short": make([]float64, size-1),
		"nan":   append(make([]float64, size-1), math.NaN()),
		"below": append([]float64{0, 1, -3}, make([]float64, size-3)...),
		"above": append([]float64{0, 1, 1e9}, make([]float64, size-3)...),
	} {
		if _, err := ScoreOf(plan, sum, 1, 2); fault.CodeOf(err) != fault.SumBroken {
			t.Errorf("%s: %v", name, err)
		}
	}
}
