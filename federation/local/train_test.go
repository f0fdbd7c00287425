package local

import (
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/federation"
)

func TestTrainingLowersTheLoss(t *testing.T) {
	for _, c := range []struct {
		arch  string
		kind  clinical.Kind
		shape []int
		n     int
	}{
		{ArchLogistic, clinical.KindTable, []int{6}, 90},
		{ArchLogistic, clinical.KindImage, []int{1, 5, 5}, 60},
		{"cnn3", clinical.KindImage, []int{1, 8, 8}, 40},
	} {
		t.Run(c.arch+" on "+string(c.kind), func(t *testing.T) {
			set := blobs(c.kind, c.shape, 3, c.n, 1)
			job := jobFor(set, c.arch, federation.Plan{Batch: 8, Rate: 0.05, Momentum: 0.9})
			l := learner(t, job, set, Options{Backend: "go"})
			w := initial(t, job)
			before := scored(t, l, w, dataset.Validation)
			for r := 1; r <= job.Plan.Rounds; r++ {
				u := must(t, l, Task{Round: r, Attempt: 1, Global: w})
				if err := u.Check(job.Hash(), "alpha", l.Size()); err != nil {
					t.Fatal(err)
				}
				if want := (c.n + 7) / 8; u.Steps != want || u.Samples != c.n {
					t.Errorf("%d steps over %d examples, want %d over %d", u.Steps, u.Samples, want, c.n)
				}
				w = plus(w, u.Delta)
			}
			after := scored(t, l, w, dataset.Validation)
			t.Logf("loss %.3f -> %.3f, accuracy %.2f -> %.2f", before.Loss, after.Loss, before.Accuracy(), after.Accuracy())
			if after.Loss > 0.8*before.Loss || after.Accuracy() < 0.6 {
				t.Errorf("validation loss %.3f -> %.3f, accuracy %.2f", before.Loss, after.Loss, after.Accuracy())
			}
		})
	}
}
