package local

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"consilium/engine"
	"consilium/federation"
)

// network computes with weights that it is given: it holds none. Implementations are safe for concurrent use.
type network interface {
	Size() int       // weights
	Params() []Param // in the order of the vector
	Initial(seed uint64) []float32
	// Gradient writes the gradient of the mean loss over the batch to grad, each example weighed by its importance
	// (nil = 1). A batch is at most the plan's.
	Gradient(w, x []float32, labels []int, importance []float32, grad []float32) (loss float64, err error)
	// Clipped adds to sum the gradient of each example alone, over all weights cut to an L2 norm of clip.
	Clipped(w, x []float32, labels []int, clip float64, sum []float64) error
	// Logits gives n rows, one column a class.
	Logits(w, x []float32, n int) ([]float32, error)
	Close() error
}

// Networks holds compiled networks, so that the learners of one process share them. The zero value is ready.
type Networks struct {
	mu   sync.Mutex
	open map[string]network
}

// get opens a network, or gives the one that is open already.
func (n *Networks) get(job federation.Job, o Options) (network, error) {
	body := sha256.Sum256(job.Model.Body)
	key := fmt.Sprint(job.Model.Arch, job.Data.Shape, len(job.Data.Labels), job.Plan.WithDefaults().Batch, o.Backend, o.Library, hex.EncodeToString(body[:]))
	n.mu.Lock()
	defer n.mu.Unlock()
	if found, ok := n.open[key]; ok {
		return found, nil
	}
	made, err := openNetwork(job, o)
	if err != nil {
		return nil, err
	}
	if n.open == nil {
		n.open = map[string]network{}
	}
	n.open[key] = made
	return made, nil
}

// Close releases them all; no learner that shares them may be used afterwards.
func (n *Networks) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var first error
	for _, x := range n.open {
		if err := x.Close(); err != nil && first == nil {
			first = err
		}
	}
	n.open = nil
	return first
}

// network gives the job's network, and what to call when it is no longer needed.
func (o Options) network(job federation.Job) (n network, done func() error, err error) {
	if o.Networks != nil {
		n, err = o.Networks.get(job, o)
		return n, func() error { return nil }, err
	}
	if n, err = openNetwork(job, o); err != nil {
		return nil, nil, err
	}
	return n, n.Close, nil
}

func openNetwork(job federation.Job, o Options) (network, error) {
	classes := len(job.Data.Labels)
	switch job.Model.Arch {
	case ArchLogistic:
		return &logistic{features: engine.Size(job.Data.Shape), classes: classes}, nil
	case ArchHead:
		return openHead(job, o)
	}
	return openZoo(job, o)
}

// dense is the layout of one dense layer, which is that of zoo.Linear as well.
func dense(features, classes int) []Param {
	return []Param{{Name: "logits/w", Shape: []int{classes, features}}, {Name: "logits/b", Shape: []int{classes}, Offset: classes * features}}
}
