package local

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/federation"
	"consilium/federation/harmonise"
)

func TestScoreCountsAndMeasures(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{})
	l := learner(t, job, set, Options{})
	s := scored(t, l, initial(t, job), dataset.Test)
	if s.N != 20 || s.Split != "test" || math.Abs(s.Loss-math.Log(3)) > 1e-6 || s.AUC == nil || *s.AUC != 0.5 {
		t.Errorf("weights of zero: %+v", s)
	}
	column := 0
	for _, row := range s.Confusion {
		column += row[0]
	}
	if column != 20 {
		t.Errorf("equal outputs must all be the first class: %v", s.Confusion)
	}
	set.values[dataset.Test] = nil
	if s := scored(t, learner(t, job, set, Options{}), initial(t, job), dataset.Test); s.N != 0 || s.Loss != 0 || len(s.Confusion) != 3 {
		t.Errorf("no examples: %+v", s)
	}
}

func TestAloneIsTrainedOnceAndChosenOnValidation(t *testing.T) {
	set := tables()
	// So fast that it overfits: the last weights are not the best.
	job := jobFor(set, ArchLogistic, federation.Plan{Batch: 8, Rate: 2, Momentum: 0.9, Rounds: 30})
	o := Options{Dir: t.TempDir()}
	l := learner(t, job, set, o)
	calls, all := 0, 0
	w, err := l.Alone(context.Background(), func(_, a int) { calls++; all = a })
	if err != nil {
		t.Fatal(err)
	}
	if calls != 150 || all != 150 { // 30 rounds of 5 steps
		t.Errorf("%d steps of %d, want 150", calls, all)
	}
	last := byHand(t, l, 0, initial(t, job), 150, 2, 0.9, nil)
	if best, end := scored(t, l, w, dataset.Validation).Loss, scored(t, l, last, dataset.Validation).Loss; best >= end {
		t.Errorf("validation loss %.3f of what was kept, %.3f at the end", best, end)
	}
	again, err := learner(t, job, set, o).Alone(context.Background(), func(int, int) { t.Error("trained again") })
	if err != nil || !slices.Equal(again, w) {
		t.Errorf("another model after a restart (%v)", err)
	}
}

func TestASiteKeepsWhatIsBetterHere(t *testing.T) {
	set := blobs(clinical.KindTable, []int{5}, 3, 120, 2)
	job := jobFor(set, ArchLogistic, federation.Plan{Batch: 8, Rate: 0.05, Rounds: 5})
	l := learner(t, job, set, Options{})
	good, err := l.Alone(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(good)
	for i := range bad {
		bad[i] = -bad[i]
	}
	for _, c := range []struct {
		name       string
		global     []float32
		keepBetter bool
		want       string
	}{
		{"harmful", bad, true, KeepsOwn},
		{"harmful, but the policy keeps it", bad, false, KeepsFederated},
		{"as good as its own", good, true, KeepsFederated},
	} {
		kept, w, err := l.Settle(context.Background(), c.global, c.keepBetter)
		if err != nil {
			t.Fatal(err)
		}
		want := c.global
		if c.want == KeepsOwn {
			want = good
		}
		if kept.Keeps != c.want || !slices.Equal(w, want) {
			t.Errorf("%s: keeps %s, want %s", c.name, kept.Keeps, c.want)
		}
		if kept.Site != "alpha" || kept.Federated == nil || kept.Own == nil || kept.Personal != nil || kept.Own.Split != "test" || kept.Own.N != 60 {
			t.Errorf("%s: figures %+v", c.name, kept)
		}
	}
}

func TestPersonalModelsAreCandidates(t *testing.T) {
	set := blobs(clinical.KindTable, []int{5}, 3, 120, 2)
	job := jobFor(set, ArchLogistic, federation.Plan{Algorithm: federation.Ditto, Mu: 0.01, Batch: 8, Rate: 0.2, Epochs: 10, Rounds: 1})
	l := learner(t, job, set, Options{})
	must(t, l, Task{Round: 1, Global: initial(t, job)})
	kept, w, err := l.Settle(context.Background(), initial(t, job), true)
	if err != nil {
		t.Fatal(err)
	}
	if kept.Keeps == KeepsFederated || kept.Personal == nil || slices.Equal(w, initial(t, job)) {
		t.Errorf("weights of zero were kept: %+v", kept)
	}
}

// TestChoiceNeedsMoreThanChance: a difference within one standard error moves nothing.
func TestChoiceNeedsMoreThanChance(t *testing.T) {
	base := []float64{0.5, 0.7, 0.4, 0.6}
	for _, c := range []struct {
		own  []float64
		want string
	}{
		{[]float64{0.4, 0.6, 0.3, 0.5}, KeepsOwn},       // better by as much on each
		{[]float64{0.1, 0.9, 0.4, 0.7}, KeepsFederated}, // better on average, by one example
		{[]float64{0.6, 0.8, 0.5, 0.7}, KeepsFederated},
	} {
		got := choose([]candidate{{name: KeepsFederated, losses: base}, {name: KeepsOwn, losses: c.own}})
		if got.name != c.want {
			t.Errorf("%v against %v: %s", c.own, base, got.name)
		}
	}
	if got := choose([]candidate{{name: KeepsFederated, losses: []float64{9}}, {name: KeepsOwn, losses: []float64{0}}}); got.name != KeepsFederated {
		t.Error("one example decided")
	}
}

func TestHarmonisedReads(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{Batch: 8})
	moved := learner(t, job, set, Options{})
	a := harmonise.Adjustment{Shift: []float64{1, 0, -2, 0, 0}, Scale: []float64{2, 1, 0.5, 1, 1}}
	before, err := moved.Moments()
	if err != nil {
		t.Fatal(err)
	}
	w := initial(t, job)
	u := must(t, moved, Task{Round: 1, Global: w})
	moved.Adjust(a)
	after, err := moved.Moments()
	if err != nil || !slices.Equal(before.Sum, after.Sum) {
		t.Errorf("moments are to be those of the values as they were measured (%v)", err)
	}
	v := must(t, moved, Task{Round: 1, Global: w})
	if slices.Equal(u.Delta, v.Delta) {
		t.Error("the update of before the adjustment was given again")
	}
	for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
		for i := range set.values[split] {
			if err := a.Apply([]int{5}, set.values[split][i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	by := must(t, learner(t, job, set, Options{}), Task{Round: 1, Global: w})
	same(t, "trained on adjusted values", v.Delta, by.Delta, 0)
}

// TestNetworksAreShared: many learners of one process train at once on one compiled network.
func TestNetworksAreShared(t *testing.T) {
	set := blobs(clinical.KindImage, []int{1, 6, 6}, 2, 12, 3)
	job := jobFor(set, "cnn3", federation.Plan{Batch: 4, Steps: 2})
	shared := &Networks{}
	w := initial(t, job)
	got := make([]federation.Update, 6)
	var wait sync.WaitGroup
	for i := range got {
		l := learner(t, job, set, Options{Backend: "go", Networks: shared})
		wait.Go(func() {
			var err error
			if got[i], err = l.Train(context.Background(), Task{Round: 1, Global: w}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if len(shared.open) != 1 {
		t.Errorf("%d networks were opened", len(shared.open))
	}
	for _, u := range got[1:] {
		same(t, "updates of equal sites", u.Delta, got[0].Delta, 0)
	}
	if err := shared.Close(); err != nil {
		t.Error(err)
	}
}
