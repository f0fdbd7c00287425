package train

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas

	"consilium/dataset"
	"consilium/engine"
	"consilium/nn"
)

// TestRunningStatisticsFollowTheBatches: the step moves batch norm's mean and variance towards those of the
// batch, a tenth a step, and the optimiser leaves them alone.
func TestRunningStatisticsFollowTheBatches(t *testing.T) {
	backend, err := engine.Training(engine.BackendGo, "")
	if err != nil {
		t.Fatal(err)
	}
	net := func(b *nn.Build, x *Node) (*Node, *Node) {
		y := b.BatchNorm("bn", x)
		return b.Dense("out", nn.GlobalPool(y), 2), y
	}
	m, err := NewModel(backend, net, []int{1, 4}, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.compileStep(Loss{}); err != nil {
		t.Fatal(err)
	}
	const n, steps = 8, 40
	b := fixedBatch([]int{1, 4}, 2, n)
	var mean, square float64
	for i := range b.x {
		b.x[i] = b.x[i]*3 + 5
		mean += float64(b.x[i]) / float64(len(b.x))
		square += float64(b.x[i]) * float64(b.x[i]) / float64(len(b.x))
	}
	r := &run{cfg: Config{Rate: 0.01, Decay: 0.1, Average: 0.5}, model: m, feed: &feeder{info: dataset.Info{}}}
	if err := r.restore(); err != nil {
		t.Fatal(err)
	}
	for range steps {
		if _, err := r.one(b, steps); err != nil {
			t.Fatal(err)
		}
		r.state.Total++
	}
	r.cfg.Resume = t.TempDir() + "/x.ckpt" // save reads the weights back
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	left := math.Pow(0.9, steps) // of where they began
	for name, want := range map[string]float64{"bn/mean": mean * (1 - left), "bn/variance": (square-mean*mean)*(1-left) + left} {
		found := false
		for _, p := range m.Layout.Params {
			if p.Name == name {
				found = true
				if got := float64(r.state.Weights[p.Offset]); math.Abs(got-want) > 1e-3*(1+want) {
					t.Errorf("%s is %.4f, want %.4f", name, got, want)
				}
			}
		}
		if !found {
			t.Errorf("no %s", name)
		}
	}
}
