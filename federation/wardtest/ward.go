// Package wardtest is a small ward for tests of the federation: patients whose disease shows in two of four numbers,
// and a job that learns it. Generated; nothing in it is of a patient.
package wardtest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/federation"
)

// Set is a site's data: two overlapping clouds in four dimensions.
type Set struct {
	Seed uint64
	N    int     // training examples
	Held int     // validation and test examples; 0 = 60
	Tilt float64 // share of the ill in training and validation; 0: every second patient
}

// Info describes it.
func (w Set) Info() dataset.Info {
	return dataset.Info{Name: "ward", Kind: clinical.KindTable, Shape: []int{4}, Labels: []clinical.Concept{{Name: "well"}, {Name: "ill"}}, Synthetic: true}
}

// Len counts the examples of a split.
func (w Set) Len(s dataset.Split) int {
	switch {
	case s == dataset.Train:
		return w.N
	case w.Held > 0:
		return w.Held
	}
	return 60
}

// Read draws an example: the same each time.
func (w Set) Read(s dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(w, s, i, into); err != nil {
		return dataset.Sample{}, err
	}
	r := rand.New(rand.NewPCG(w.Seed*1000+uint64(len(s)), uint64(i)))
	label := i % 2
	if w.Tilt > 0 && s != dataset.Test {
		label = 0
		if r.Float64() < w.Tilt {
			label = 1
		}
	}
	for k := range into {
		into[k] = float32(r.NormFloat64())
	}
	into[0] += float32(2*label - 1)
	into[1] -= float32(2*label - 1)
	return dataset.Sample{ID: fmt.Sprint(s, i), Group: fmt.Sprint("P-", w.Seed, "-", s, i), Label: label}, nil
}

// Close has nothing to close.
func (w Set) Close() error { return nil }

// Job is one that wards can take part in. Its deadlines are those of a test.
func Job(algorithm, sum string, rounds, quorum int, grace time.Duration) federation.Job {
	p := federation.Plan{Algorithm: algorithm, Sum: sum, Rounds: rounds, Quorum: quorum, Epochs: 1, Batch: 16, Rate: 0.1,
		Deadlines: federation.Deadlines{Consent: federation.Duration(30 * time.Second), Round: federation.Duration(30 * time.Second), Grace: federation.Duration(grace)}}
	return federation.Job{Format: federation.JobFormat, ID: "ward-1", Title: "Ill or well", Purpose: "A test", By: "test", Created: time.Unix(1_700_000_000, 0).UTC(),
		Model: federation.Model{Arch: "logistic", Seed: 1},
		Data:  federation.Data{Kind: clinical.KindTable, Task: "ward", Shape: []int{4}, Labels: Set{}.Info().Labels, Cohort: 10},
		Plan:  p.WithDefaults()}
}
