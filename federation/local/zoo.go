package local

import (
	"fmt"
	"math"
	"sync"

	"consilium/engine"
	"consilium/fault"
	"consilium/federation"
	"consilium/train"
	"consilium/zoo"
)

// zooNetwork is a network of zoo. Its graphs are compiled for the plan's batch and for single examples, and for
// nothing else: smaller batches are filled up with examples that weigh nothing.
type zooNetwork struct {
	mu      sync.Mutex // a train.Model does one thing at a time
	model   *train.Model
	example int // values of one example
	batch   int
	params  []Param
}

func openZoo(job federation.Job, o Options) (network, error) {
	arch, err := zoo.Get(job.Model.Arch)
	if err != nil {
		return nil, err
	}
	if len(job.Data.Shape) != arch.Rank {
		return nil, fault.New(fault.Usage, fmt.Sprintf("the network %s takes examples of %d dimensions, the job's have %d", arch.Name, arch.Rank, len(job.Data.Shape)),
			"choose another model.arch, for example "+zoo.Default(job.Data.Kind))
	}
	backend, err := engine.Training(o.Backend, o.Library)
	if err != nil {
		return nil, err
	}
	classes := len(job.Data.Labels)
	model, err := train.NewModel(backend, arch.Build(classes), job.Data.Shape, classes, job.Model.Seed)
	if err != nil {
		return nil, err
	}
	z := &zooNetwork{model: model, example: engine.Size(job.Data.Shape), batch: job.Plan.WithDefaults().Batch}
	for _, p := range model.Layout.Params {
		z.params = append(z.params, Param{Name: p.Name, Shape: p.Shape, Offset: p.Offset})
	}
	return z, nil
}

func (z *zooNetwork) Size() int                     { return z.model.Layout.Size }
func (z *zooNetwork) Params() []Param               { return z.params }
func (z *zooNetwork) Initial(seed uint64) []float32 { return z.model.Layout.Initial(seed) }
func (z *zooNetwork) Close() error                  { return nil }

func (z *zooNetwork) Gradient(w, x []float32, labels []int, importance []float32, grad []float32) (loss float64, err error) {
	n := len(labels)
	if n > z.batch || n == 0 {
		return 0, fault.New(fault.Internal, fmt.Sprintf("a batch of %d examples, compiled for %d", n, z.batch), "please report it")
	}
	if n < z.batch {
		full, rows, weight := make([]float32, z.batch*z.example), make([]int, z.batch), make([]float32, z.batch)
		copy(full, x)
		copy(rows, labels)
		for i := range n {
			weight[i] = float32(z.batch) / float32(n)
			if importance != nil {
				weight[i] *= importance[i]
			}
		}
		x, labels, importance = full, rows, weight
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	loss, g, err := z.model.Gradient(w, x, labels, importance)
	copy(grad, g)
	return loss, err
}

func (z *zooNetwork) Clipped(w, x []float32, labels []int, clip float64, sum []float64) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	for i, label := range labels {
		_, g, err := z.model.Gradient(w, x[i*z.example:(i+1)*z.example], []int{label}, nil)
		if err != nil {
			return err
		}
		scale := min(1, clip/max(norm(g), 1e-300))
		if math.IsNaN(scale) {
			return diverged()
		}
		for k, v := range g {
			sum[k] += scale * float64(v)
		}
	}
	return nil
}

func (z *zooNetwork) Logits(w, x []float32, n int) ([]float32, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.model.LogitsAt(w, x, n)
}

func norm(v []float32) float64 { return math.Sqrt(dot(v, v)) }

// diverged is a training whose numbers ran away.
func diverged() error {
	return fault.New(fault.EngineFailed, "the loss is no longer a number", "lower the plan's rate")
}
