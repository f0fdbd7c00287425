package local

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/privacy"
)

// tables is a small set for logistic regression.
func tables() *memory { return blobs(clinical.KindTable, []int{5}, 3, 40, 2) }

// byHand runs SGD as the papers write it, over the learner's own batches.
func byHand(t testing.TB, l *Learner, round int, w []float32, steps int, rate, momentum float64, extra func(i int, w []float32) float64) []float32 {
	t.Helper()
	which, err := l.own.permitted(context.Background(), dataset.Train)
	if err != nil {
		t.Fatal(err)
	}
	next := l.batches(round, which)
	w = slices.Clone(w)
	grad, speed := make([]float32, len(w)), make([]float64, len(w))
	for s := range steps {
		x, labels, err := l.own.read(context.Background(), dataset.Train, next(s))
		if err == nil {
			_, err = l.net.Gradient(w, x, labels, nil, grad)
		}
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(w)
		for i := range w {
			g := float64(grad[i])
			if extra != nil {
				g += extra(i, before)
			}
			speed[i] = momentum*speed[i] + g
			w[i] -= float32(rate * speed[i])
		}
	}
	return w
}

func same(t testing.TB, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Abs(float64(got[i])-float64(want[i])) > tolerance {
			t.Fatalf("%s: number %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

func minus(a, b []float32) []float32 {
	out := slices.Clone(a)
	for i, v := range b {
		out[i] -= v
	}
	return out
}

func TestMomentumAndProximalPull(t *testing.T) {
	set := tables()
	var lengths []float64
	for _, mu := range []float64{1e-9, 1, 10} {
		job := jobFor(set, ArchLogistic, federation.Plan{Algorithm: federation.FedProx, Mu: mu, Batch: 8, Momentum: 0.5, Epochs: 3})
		l := learner(t, job, set, Options{})
		start := initial(t, job)
		for i := range start {
			start[i] = 0.1 * float32(i%3)
		}
		u := must(t, l, Task{Round: 1, Global: start})
		want := byHand(t, l, 1, start, 15, job.Plan.Rate, 0.5, func(i int, w []float32) float64 { return mu * float64(w[i]-start[i]) })
		same(t, "fedprox", plus(start, u.Delta), want, 1e-5)
		lengths = append(lengths, norm(u.Delta))
	}
	if !(lengths[0] > lengths[1] && lengths[1] > lengths[2]) {
		t.Errorf("a stronger pull must leave a shorter way, got %v", lengths)
	}
}

func TestScaffold(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{Algorithm: federation.Scaffold, Batch: 8, Momentum: 0.9, Rate: 0.1})
	l := learner(t, job, set, Options{Dir: t.TempDir()})
	w, rate := initial(t, job), 0.1
	u := must(t, l, Task{Round: 1, Global: w})
	same(t, "the first round is plain SGD without momentum", plus(w, u.Delta), byHand(t, l, 1, w, 5, rate, 0, nil), 1e-5)
	control := make([]float32, len(w)) // c_i
	for i, d := range u.Delta {
		control[i] = -d / float32(5*rate)
	}
	same(t, "its control variate", u.Extra, control, 1e-4)

	c := slices.Clone(control) // what the hub would send in a federation with another site: something else
	for i := range c {
		c[i] = 0.5*c[i] + 0.01
	}
	w = plus(w, u.Delta)
	u = must(t, l, Task{Round: 2, Global: w, Extra: c})
	want := byHand(t, l, 2, w, 5, rate, 0, func(i int, _ []float32) float64 { return float64(c[i] - control[i]) })
	same(t, "the second round", plus(w, u.Delta), want, 1e-5)
	next := make([]float32, len(w)) // option II: c_i - c + (x - y) / (K rate)
	for i := range next {
		next[i] = control[i] - c[i] - u.Delta[i]/float32(5*rate)
	}
	same(t, "the change of the control variate", u.Extra, minus(next, control), 1e-4)

	again := learner(t, job, set, Options{Dir: l.o.Dir}) // after a restart
	same(t, "the control variate that was kept", again.state.after.control, next, 1e-4)
	same(t, "and the one before it", again.state.before.control, control, 1e-4)
}

// TestPersonalParametersStay: whatever weights come, nothing of a normalisation is in an update.
func TestPersonalParametersStay(t *testing.T) {
	set := blobs(clinical.KindImage, []int{1, 6, 6}, 2, 12, 3)
	shared := &Networks{}
	for _, plan := range []federation.Plan{
		{Algorithm: federation.FedBN, Batch: 4, Rate: 0.5, Steps: 2},
		{Algorithm: federation.Scaffold, Batch: 4, Rate: 0.5, Steps: 2, Personal: []string{"block?/n/*", "logits/b"}},
	} {
		t.Run(plan.Algorithm, func(t *testing.T) {
			job := jobFor(set, "cnn3", plan)
			first := initial(t, job)
			rapid.Check(t, func(r *rapid.T) {
				l := learner(t, job, set, Options{Backend: "go", Networks: shared, Seed: rapid.Uint64().Draw(r, "seed")})
				if len(l.personal) != 6 && plan.Algorithm == federation.FedBN {
					t.Fatalf("%d personal parameters, want gain and bias of three layers", len(l.personal))
				}
				shift := rapid.Float32Range(-1, 1).Draw(r, "shift")
				w := slices.Clone(first)
				for i := range w {
					w[i] += shift * float32(i%7) / 7
				}
				for round := 1; round <= 2; round++ {
					u := must(t, l, Task{Round: round, Global: w})
					for _, p := range l.net.Params() {
						stays := strings.Contains(p.Name, "/n/") || plan.Algorithm == federation.Scaffold && p.Name == "logits/b"
						moved := norm(u.Delta[p.Offset:p.Offset+p.Size()]) > 0
						if len(u.Extra) > 0 {
							moved = moved || norm(u.Extra[p.Offset:p.Offset+p.Size()]) > 0
						}
						if moved && stays {
							r.Fatalf("%s left the site", p.Name)
						}
						if !moved && p.Name == "logits/w" {
							r.Fatalf("%s did not move: nothing was trained", p.Name)
						}
					}
					if same := slices.Equal(l.state.after.kept, l.taken(w)); same {
						r.Fatal("the site's own values did not move")
					}
					w = plus(w, u.Delta)
				}
			})
		})
	}
}

func TestPersonalValuesAreUsedAndKept(t *testing.T) {
	set := blobs(clinical.KindImage, []int{1, 6, 6}, 2, 24, 3)
	job := jobFor(set, "cnn3", federation.Plan{Algorithm: federation.FedBN, Batch: 8, Rate: 0.3, Epochs: 4})
	l := learner(t, job, set, Options{Backend: "go", Dir: t.TempDir()})
	w := initial(t, job)
	u := must(t, l, Task{Round: 1, Global: w})
	w = plus(w, u.Delta)
	with := scored(t, l, w, dataset.Train)
	bare, err := l.score(context.Background(), w, dataset.Train)
	if err != nil {
		t.Fatal(err)
	}
	if with.Loss >= bare.Loss {
		t.Errorf("loss %.4f with the site's normalisation, %.4f without: it is not used", with.Loss, bare.Loss)
	}
	again := learner(t, job, set, Options{Backend: "go", Dir: l.o.Dir})
	if s := scored(t, again, w, dataset.Train); s.Loss != with.Loss {
		t.Errorf("loss %.4f after a restart, %.4f before", s.Loss, with.Loss)
	}
}

func TestDittoTrainsAPersonalModelBeside(t *testing.T) {
	set := tables()
	plan := federation.Plan{Batch: 8, Rate: 0.1}
	plain := learner(t, jobFor(set, ArchLogistic, plan), set, Options{})
	plan.Algorithm, plan.Mu = federation.Ditto, 0.5
	job := jobFor(set, ArchLogistic, plan)
	l := learner(t, job, set, Options{Dir: t.TempDir()})
	w := initial(t, job)
	var personal []float32
	for round := 1; round <= 2; round++ {
		u, v := must(t, l, Task{Round: round, Global: w}), must(t, plain, Task{Round: round, Global: w})
		same(t, "what leaves is FedAvg's", u.Delta, v.Delta, 0)
		if personal == nil {
			personal = w
		}
		at := slices.Clone(w)
		personal = byHand(t, l, round, personal, 5, 0.1, 0, func(i int, p []float32) float64 { return 0.5 * float64(p[i]-at[i]) })
		same(t, "the personal model", l.state.after.ditto, personal, 1e-5)
		w = plus(w, u.Delta)
		for i := range w {
			w[i] *= 0.5 // other sites pull too
		}
	}
	again := learner(t, job, set, Options{Dir: l.o.Dir})
	same(t, "the personal model after a restart", again.state.after.ditto, personal, 1e-5)
}

func TestFairTrainingTellsTheLossBefore(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{Algorithm: federation.QFedAvg})
	l := learner(t, job, set, Options{})
	u := must(t, l, Task{Round: 1, Global: initial(t, job)})
	if math.Abs(u.Loss-math.Log(3)) > 1e-6 { // weights of zero know nothing
		t.Errorf("loss %g before training, want log 3", u.Loss)
	}
	if !(u.Trained < u.Loss) {
		t.Errorf("loss %g while training, %g before", u.Trained, u.Loss)
	}
}

func TestUpdatesAreCut(t *testing.T) {
	set := tables()
	for _, c := range []struct {
		clip    float64
		central *federation.Noise
		want    float64
	}{
		{0.01, nil, 0.01},
		{0.02, &federation.Noise{Multiplier: 1, Clip: 0.02, Delta: 1e-5, Epsilon: 8}, 0.02},
		{0.015, &federation.Noise{Multiplier: 1, Clip: 0.02, Delta: 1e-5, Epsilon: 8}, 0.015},
	} {
		job := jobFor(set, ArchLogistic, federation.Plan{Clip: c.clip, Weighting: "sites"})
		job.Privacy.Central = c.central
		l := learner(t, job, set, Options{})
		u := must(t, l, Task{Round: 1, Global: initial(t, job)})
		if n := norm(u.Delta); n > c.want || n < 0.99*c.want {
			t.Errorf("norm %g, want %g", n, c.want)
		}
	}
	// A clip that is missing, or above what the noise covers, is refused: the site would cut too little.
	for _, clip := range []float64{0, 0.03} {
		job := jobFor(set, ArchLogistic, federation.Plan{Clip: clip, Weighting: "sites"})
		job.Privacy.Central = &federation.Noise{Multiplier: 1, Clip: 0.02, Delta: 1e-5, Epsilon: 8}
		if _, err := New(job, set, Options{}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("clip %g with noise for 0.02: %v", clip, err)
		}
	}
	v := []float32{3, 4}
	if privacy.Clip(v, 1); norm(v) > 1 {
		t.Errorf("norm %g after a cut to 1", norm(v))
	}
}

// TestBalanceWeighsClasses: with one class much rarer, balance lifts its recall.
func TestBalanceWeighsClasses(t *testing.T) {
	set := blobs(clinical.KindTable, []int{2}, 2, 200, 9)
	kept, marks := set.values[dataset.Train][:0], set.marks[dataset.Train][:0]
	rare := 0
	for i, s := range set.marks[dataset.Train] {
		if s.Label == 0 || rare < 6 {
			rare += s.Label
			kept, marks = append(kept, set.values[dataset.Train][i]), append(marks, s)
		}
	}
	set.values[dataset.Train], set.marks[dataset.Train] = kept, marks
	recall := func(balance float64) float64 {
		job := jobFor(set, ArchLogistic, federation.Plan{Balance: balance, Epochs: 20})
		l := learner(t, job, set, Options{})
		u := must(t, l, Task{Round: 1, Global: initial(t, job)})
		s := scored(t, l, u.Delta, dataset.Test)
		return float64(s.Confusion[1][1]) / float64(s.Confusion[1][0]+s.Confusion[1][1])
	}
	if plain, balanced := recall(0), recall(1); balanced < plain+0.1 {
		t.Errorf("recall of the rare class %.2f, balanced %.2f", plain, balanced)
	}
}
