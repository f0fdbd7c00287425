package local

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/privacy"
)

func openLedger(t testing.TB) *privacy.Ledger {
	t.Helper()
	l, err := privacy.OpenLedger(filepath.Join(t.TempDir(), "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func private(set *memory, arch string, plan federation.Plan, n federation.Noise) federation.Job {
	job := jobFor(set, arch, plan)
	job.Privacy.Local = &n
	return job
}

// TestWithoutNoiseItIsSGDOnClippedGradients: noise next to nothing and a known draw give what clipping each example's
// gradient and averaging gives, for every kind of network.
func TestWithoutNoiseItIsSGDOnClippedGradients(t *testing.T) {
	set := blobs(clinical.KindImage, []int{1, 6, 6}, 3, 30, 1)
	for _, arch := range []string{ArchLogistic, "linear", "cnn3"} {
		t.Run(arch, func(t *testing.T) {
			job := private(set, arch, federation.Plan{Batch: 6, Rate: 0.1, Momentum: 0.5}, federation.Noise{Multiplier: 1e-9, Clip: 0.8, Delta: 1e-5, Epsilon: 1})
			l := learner(t, job, set, Options{Backend: "go"})
			which, err := l.own.permitted(context.Background(), dataset.Train)
			if err != nil {
				t.Fatal(err)
			}
			draws := [][]int{{0, 3, 4}, {}, {7, 1, 2, 9, 11, 20, 21, 22, 23}, {5}}
			turn := 0
			start := initial(t, job)
			d := descent{w: slices.Clone(start), steps: len(draws), rate: 0.1, momentum: 0.5, which: which,
				noise: &mechanism{Noise: *job.Privacy.Local, expected: 6, draw: func() []int { turn++; return draws[turn-1] }, cover: privacy.Noise}}
			loss, err := l.descend(context.Background(), d)
			if err != nil {
				t.Fatal(err)
			}
			if loss != 0 {
				t.Errorf("it tells a loss of %g, which no noise covers", loss)
			}
			want, speed, cuts := slices.Clone(start), make([]float64, len(start)), 0
			for _, draw := range draws {
				mean := make([]float64, len(start))
				for _, i := range draw {
					x, labels, err := l.own.read(context.Background(), dataset.Train, []int{which[i]})
					if err != nil {
						t.Fatal(err)
					}
					g := make([]float32, len(start))
					if _, err := l.net.Gradient(want, x, labels, nil, g); err != nil {
						t.Fatal(err)
					}
					if privacy.Clip(g, 0.8) > 0.8 {
						cuts++
					}
					for k, v := range g {
						mean[k] += float64(v) / 6
					}
				}
				for k := range want {
					speed[k] = 0.5*speed[k] + mean[k]
					want[k] -= float32(0.1 * speed[k])
				}
			}
			if cuts == 0 {
				t.Error("nothing was cut: the clip was not tested")
			}
			same(t, "weights", d.w, want, 1e-5)
		})
	}
}

// TestNoiseHasThePromisedSize: with hardly any signal, an update is noise of deviation
// rate x multiplier x clip / expected x sqrt(steps).
func TestNoiseHasThePromisedSize(t *testing.T) {
	set := blobs(clinical.KindTable, []int{999}, 2, 40, 1)
	job := private(set, ArchLogistic, federation.Plan{Batch: 10, Rate: 0.2, Epochs: 4}, federation.Noise{Multiplier: 20, Clip: 0.5, Delta: 1e-5, Epsilon: 8})
	l := learner(t, job, set, Options{})
	u := must(t, l, Task{Round: 1, Global: initial(t, job)})
	want := 0.2 * 20 * 0.5 / 10 * math.Sqrt(16)
	got := norm(u.Delta) / math.Sqrt(float64(len(u.Delta)))
	if math.Abs(got-want) > 0.1*want { // 2000 draws: 1.6 % is one standard error
		t.Errorf("deviation %.4f, want %.4f", got, want)
	}
	if u.Loss != 0 || u.Trained != 0 {
		t.Errorf("losses %g and %g left beside the noise", u.Loss, u.Trained)
	}
	v := must(t, learner(t, job, set, Options{}), Task{Round: 1, Global: initial(t, job)})
	if slices.Equal(u.Delta, v.Delta) {
		t.Error("the same noise twice: it can be taken off")
	}
}

func TestTheLedgerIsChargedAndStops(t *testing.T) {
	set := tables()
	ledger, dir := openLedger(t), t.TempDir()
	noise := federation.Noise{Multiplier: 1.2, Clip: 1, Delta: 1e-5, Epsilon: 6}
	job := private(set, ArchLogistic, federation.Plan{Batch: 8, Rounds: 100}, noise)
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	o := Options{Ledger: ledger, Dir: dir, Now: func() time.Time { return now }}
	l := learner(t, job, set, o)
	w := initial(t, job)
	rounds := 0
	for {
		u, err := l.Train(context.Background(), Task{Round: rounds + 1, Attempt: 1, Global: w}, nil)
		if err != nil {
			if fault.CodeOf(err) != fault.BudgetSpent {
				t.Fatal(err)
			}
			break
		}
		rounds++
		want, err := privacy.Epsilon(0.2, 1.2, 5*rounds, 1e-5, privacy.Accounting)
		if err != nil {
			t.Fatal(err)
		}
		spent, err := ledger.Job(job.ID)
		if err != nil || spent != want || u.Epsilon != want {
			t.Fatalf("round %d: ledger %g, update %g, want %g (%v)", rounds, spent, u.Epsilon, want, err)
		}
		if again := must(t, learner(t, job, set, o), Task{Round: rounds, Attempt: 2, Global: w}); !slices.Equal(again.Delta, u.Delta) || again.Attempt != 2 {
			t.Fatal("asked again after a restart, the site made other noise")
		}
		if n := len(ledger.Entries()); n != rounds {
			t.Fatalf("%d entries after %d rounds", n, rounds)
		}
		if want > 6 {
			t.Fatalf("epsilon %g was spent of 6", want)
		}
	}
	if rounds < 3 {
		t.Errorf("stopped after %d rounds", rounds)
	}
	next, err := privacy.Epsilon(0.2, 1.2, 5*(rounds+1), 1e-5, privacy.Accounting)
	if err != nil || next <= 6 {
		t.Errorf("it stopped at %d rounds although %g is within 6 (%v)", rounds, next, err)
	}
	if err := removeState(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := learner(t, job, set, o).Train(context.Background(), Task{Round: 1, Global: w}, nil); fault.CodeOf(err) != fault.BudgetSpent {
		t.Errorf("without its state the site forgot what it spent: %v", err)
	}
}

func TestNothingLeavesThatCannotBeCharged(t *testing.T) {
	set := tables()
	ledger := openLedger(t)
	job := private(set, ArchLogistic, federation.Plan{Batch: 8}, federation.Noise{Multiplier: 2, Clip: 1, Delta: 1e-5, Epsilon: 8})
	l := learner(t, job, set, Options{Ledger: ledger})
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	u, err := l.Train(context.Background(), Task{Round: 1, Global: initial(t, job)}, nil)
	if fault.CodeOf(err) != fault.StoreFailed || u.Delta != nil {
		t.Errorf("update of %d numbers, error %v", len(u.Delta), err)
	}
}

func TestWithoutALedgerTheJobsOwnBudgetHolds(t *testing.T) {
	set := tables()
	job := private(set, ArchLogistic, federation.Plan{Batch: 8}, federation.Noise{Multiplier: 1.2, Clip: 1, Delta: 1e-5, Epsilon: 5})
	l := learner(t, job, set, Options{})
	w := initial(t, job)
	var err error
	rounds := 0
	for ; err == nil && rounds < 100; rounds++ {
		_, err = l.Train(context.Background(), Task{Round: rounds + 1, Global: w}, nil)
	}
	if fault.CodeOf(err) != fault.BudgetSpent || rounds < 2 {
		t.Errorf("%d rounds, %v", rounds, err)
	}
	if len(l.state.Spends) != 1 || l.state.Spends[0].Steps != 5*(rounds-1) {
		t.Errorf("spends %v after %d rounds", l.state.Spends, rounds-1)
	}
}

func TestWhatNoiseDoesNotCoverIsRefused(t *testing.T) {
	set := tables()
	noise := federation.Noise{Multiplier: 1, Clip: 1, Delta: 1e-5, Epsilon: 8}
	for _, plan := range []federation.Plan{{Balance: 1}, {Algorithm: federation.QFedAvg}, {Harmonise: "combat"}} {
		if _, err := New(private(set, ArchLogistic, plan, noise), set, Options{}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: %v", plan, err)
		}
	}
}
