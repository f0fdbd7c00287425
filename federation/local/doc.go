// Package local is what a site does with its own examples, none of which ever leaves it: it trains from the
// hub's weights, measures weights, trains a model of its own to compare with, and decides which one it keeps.
//
// Everything works on one flat vector of weights and its gradient. Where the gradient comes from is hidden behind
// network: a network of zoo through train, logistic regression in plain Go, or a dense layer on the features of an
// ONNX graph that stays as it is. All three are the same to the algorithms.
package local

import (
	"time"

	"consilium/engine"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/privacy"
)

// Options are the site's own affairs: none of them is part of the job.
type Options struct {
	Site     string                  // its name: stands in the update, and sites of one seed differ by it
	Backend  string                  // of package engine
	Library  string                  // ONNX Runtime's shared library; "" = wherever it is found
	Dir      string                  // what has to survive a crash is kept here; "" = nothing is
	Permit   func(group string) bool // consent of the patient, asked anew every round; nil = all
	Seed     uint64                  // of the order of examples
	Ledger   *privacy.Ledger         // what patients have given so far; nil = only this job counts
	Networks *Networks               // shared by the learners of one process; nil = this learner's own
	Now      func() time.Time        // nil = time.Now
}

// Arch names of jobs beside those of zoo.
const (
	ArchLogistic = "logistic" // multinomial logistic regression on the flattened example; no native library
	ArchHead     = "head"     // the same, on the features that the job's body makes of an example
)

// Param is one named part of the weight vector.
type Param struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Offset int    `json:"offset"`
}

// Size is the number of weights in it.
func (p Param) Size() int { return engine.Size(p.Shape) }

// Initial gives the first weights of a job, and what they are called. Hub and sites agree on their number; no data
// are needed. The hub's values count.
func Initial(job federation.Job, o Options) (weights []float32, params []Param, err error) {
	if err := checkJob(job); err != nil {
		return nil, nil, err
	}
	n, done, err := o.network(job)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	return n.Initial(job.Model.Seed), n.Params(), nil
}

// checkJob refuses what cannot be trained here. Errors: USAGE.
func checkJob(job federation.Job) error {
	job.Plan = job.Plan.WithDefaults()
	if err := job.Validate(); err != nil {
		return err
	}
	if job.Privacy.Local == nil {
		return nil
	}
	// What the noise of DP-SGD does not cover must not leave beside it.
	no := func(what, do string) error { return fault.New(fault.Usage, "the job "+job.ID+": "+what, do) }
	switch {
	case job.Plan.Balance != 0:
		return no("balanced classes weigh each example by all the others, which no noise at the site covers",
			"leave balance out, or privacy.local")
	case job.Plan.Algorithm == federation.QFedAvg:
		return no("qfedavg tells the loss on the training examples, which no noise at the site covers",
			"choose another algorithm, or leave privacy.local out")
	case job.Plan.Harmonise != "":
		return no("harmonisation tells the moments of the training examples, which no noise at the site covers",
			"leave harmonise out, or privacy.local")
	}
	return nil
}
