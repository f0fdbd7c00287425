package local

import (
	"context"
	"math"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
)

func TestBadDataAndJobsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*memory, *federation.Job)
		want fault.Code
	}{
		{"nothing wrong", func(*memory, *federation.Job) {}, ""},
		{"NaN", func(m *memory, _ *federation.Job) { m.values[dataset.Train][3][1] = float32(math.NaN()) }, fault.InputNotFinite},
		{"infinity", func(m *memory, _ *federation.Job) { m.values[dataset.Train][39][4] = float32(math.Inf(-1)) }, fault.InputNotFinite},
		{"an unknown label", func(m *memory, _ *federation.Job) { m.marks[dataset.Train][3].Label = 3 }, fault.DataUnfit},
		{"another shape", func(_ *memory, j *federation.Job) { j.Data.Shape = []int{6} }, fault.DataUnfit},
		{"another label", func(_ *memory, j *federation.Job) {
			j.Data.Labels = []clinical.Concept{{Name: "class 0"}, {Name: "class 2"}, {Name: "class 1"}}
		}, fault.DataUnfit},
		{"fewer labels", func(_ *memory, j *federation.Job) { j.Data.Labels = j.Data.Labels[:2] }, fault.DataUnfit},
		{"an unknown network", func(_ *memory, j *federation.Job) { j.Model.Arch = "nonesuch" }, fault.Usage},
		{"a network for pictures", func(_ *memory, j *federation.Job) { j.Model.Arch = "cnn3" }, fault.Usage},
		{"a body that is none", func(_ *memory, j *federation.Job) { j.Model.Arch, j.Model.Body = "head", []byte("no graph") }, fault.ModelMalformed},
		{"a job that is none", func(_ *memory, j *federation.Job) { j.Plan.Algorithm = "nonesuch" }, fault.Usage},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := tables()
			job := jobFor(set, ArchLogistic, federation.Plan{})
			c.edit(set, &job)
			l, err := New(job, set, Options{Backend: "go"})
			if fault.CodeOf(err) != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if err == nil {
				l.Close()
			}
		})
	}
}

func TestBadTasksAreRefused(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{})
	job.Data.Cohort = 30
	l := learner(t, job, set, Options{})
	w := initial(t, job)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	late, stop := context.WithTimeout(context.Background(), 0)
	defer stop()
	broken := append([]float32{}, w...)
	broken[2] = float32(math.NaN())
	for _, c := range []struct {
		name string
		ctx  context.Context
		task Task
		want fault.Code
	}{
		{"too few weights", context.Background(), Task{Round: 1, Global: w[1:]}, fault.ModelShape},
		{"too few extra numbers", context.Background(), Task{Round: 1, Global: w, Extra: w[1:]}, fault.ModelShape},
		{"NaN", context.Background(), Task{Round: 1, Global: broken}, fault.InputNotFinite},
		{"stopped", ended, Task{Round: 1, Global: w}, fault.Interrupted},
		{"too late", late, Task{Round: 1, Global: w}, fault.Timeout},
	} {
		if _, err := l.Train(c.ctx, c.task, nil); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	job.Data.Cohort = 41
	if _, err := learner(t, job, set, Options{}).Train(context.Background(), Task{Round: 1, Global: w}, nil); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("40 of 41 examples: %v", err)
	}
}

// TestDivergenceIsSaid: a rate beyond all reason ends in a coded error, never in NaN that leaves.
func TestDivergenceIsSaid(t *testing.T) {
	set := blobs(clinical.KindImage, []int{1, 6, 6}, 3, 30, 1)
	for _, arch := range []string{ArchLogistic, "linear"} {
		job := jobFor(set, arch, federation.Plan{Rate: 1e39, Batch: 8, Momentum: 0.9})
		u, err := learner(t, job, set, Options{Backend: "go"}).Train(context.Background(), Task{Round: 1, Global: initial(t, job)}, nil)
		if fault.CodeOf(err) != fault.EngineFailed || u.Delta != nil {
			t.Errorf("%s: %v", arch, err)
		}
	}
}
