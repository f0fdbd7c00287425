package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/federation"
)

// memory is a data set in memory: examples of class k lie around a point of their own.
type memory struct {
	info   dataset.Info
	values map[dataset.Split][][]float32
	marks  map[dataset.Split][]dataset.Sample
}

func (m *memory) Info() dataset.Info      { return m.info }
func (m *memory) Len(s dataset.Split) int { return len(m.values[s]) }
func (m *memory) Close() error            { return nil }

func (m *memory) Read(s dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(m, s, i, into); err != nil {
		return dataset.Sample{}, err
	}
	copy(into, m.values[s][i])
	return m.marks[s][i], nil
}

// blobs draws a set with n training examples and half as many in each of the other splits. A patient has two examples.
func blobs(kind clinical.Kind, shape []int, classes, n int, seed uint64) *memory {
	m := &memory{info: dataset.Info{Name: "blobs", Kind: kind, Shape: shape, Licence: "none", Citation: "none", Synthetic: true, SplitBy: "group"},
		values: map[dataset.Split][][]float32{}, marks: map[dataset.Split][]dataset.Sample{}}
	size := m.info.Size()
	where := rand.New(rand.NewPCG(7, 7))
	centres := make([][]float32, classes)
	for k := range centres {
		m.info.Labels = append(m.info.Labels, clinical.Concept{Name: fmt.Sprintf("class %d", k)})
		centres[k] = make([]float32, size)
		for i := range centres[k] {
			centres[k][i] = float32(where.NormFloat64()) * 0.8
		}
	}
	r := rand.New(rand.NewPCG(seed, 1))
	for _, s := range []dataset.Split{dataset.Train, dataset.Validation, dataset.Test} {
		count := n
		if s != dataset.Train {
			count = n / 2
		}
		for i := range count {
			label := r.IntN(classes)
			x := make([]float32, size)
			for k := range x {
				x[k] = centres[label][k] + float32(r.NormFloat64())
			}
			m.values[s] = append(m.values[s], x)
			m.marks[s] = append(m.marks[s], dataset.Sample{ID: fmt.Sprintf("%s-%d", s, i), Group: fmt.Sprintf("%s-patient-%d", s, i/2), Label: label})
		}
	}
	return m
}

// job is a plan over the set, with defaults that suit small tests.
func jobFor(m *memory, arch string, plan federation.Plan) federation.Job {
	if plan.Algorithm == "" {
		plan.Algorithm = federation.FedAvg
	}
	if plan.Rounds == 0 {
		plan.Rounds = 3
	}
	plan = plan.WithDefaults()
	return federation.Job{Format: federation.JobFormat, ID: "job", Title: "test", Purpose: "test", By: "test",
		Created: time.Unix(0, 0).UTC(), Model: federation.Model{Arch: arch, Seed: 1},
		Data: federation.Data{Kind: m.info.Kind, Task: "test", Shape: m.info.Shape, Labels: m.info.Labels, Cohort: 4}, Plan: plan}
}

func learner(t testing.TB, job federation.Job, set dataset.Set, o Options) *Learner {
	t.Helper()
	if o.Site == "" {
		o.Site = "alpha"
	}
	l, err := New(job, set, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func initial(t testing.TB, job federation.Job) []float32 {
	t.Helper()
	w, _, err := Initial(job, Options{Backend: "go"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func must(t testing.TB, l *Learner, task Task) federation.Update {
	t.Helper()
	u, err := l.Train(context.Background(), task, nil)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// plus is the global model of a federation of one.
func plus(w, delta []float32) []float32 {
	out := append([]float32{}, w...)
	for i, d := range delta {
		out[i] += d
	}
	return out
}

// scored measures weights on a split.
func scored(t testing.TB, l *Learner, w []float32, split dataset.Split) federation.Score {
	t.Helper()
	s, err := l.Score(context.Background(), w, split)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
