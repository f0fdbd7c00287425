package train

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"consilium/engine"
	"consilium/fault"
	"consilium/nn"
)

// Gradient gives the mean cross-entropy of a batch at given weights, and its gradient. It takes no step: a
// federation's site steps by rules of its own. x holds len(labels) examples; weights are in Layout's order;
// dropout is off. A graph is compiled for every batch size that is asked for, so callers keep to one or two.
func (m *Model) Gradient(weights, x []float32, labels []int) (loss float64, grad []float32, err error) {
	if m.gradient == nil {
		if err := m.compileGradient(); err != nil {
			return 0, nil, err
		}
	}
	n := len(labels)
	if len(weights) != m.Layout.Size || n == 0 || len(x) != n*engine.Size(m.input) {
		return 0, nil, fault.New(fault.ModelShape, "weights or batch do not have the network's shape", "they belong to another network")
	}
	target := make([]float32, n*m.classes)
	for i, l := range labels {
		target[i*m.classes+l] = 1
	}
	in := []any{
		tensors.FromFlatDataAndDimensions(x, append([]int{n}, m.input...)...),
		tensors.FromFlatDataAndDimensions(target, n, m.classes),
		tensors.FromFlatDataAndDimensions(weights, len(weights)),
	}
	defer func() {
		for _, t := range in {
			t.(*tensors.Tensor).MustFinalizeAll() // native memory: the collector does not see how large it is
		}
	}()
	tryErr := engine.Try(func() {
		var out []*tensors.Tensor
		if out, err = m.gradient.Call(in...); err != nil {
			return
		}
		loss = float64(tensors.MustCopyFlatData[float32](out[0])[0])
		grad = tensors.MustCopyFlatData[float32](out[1])
		out[0].MustFinalizeAll()
		out[1].MustFinalizeAll()
	})
	if tryErr != nil {
		return 0, nil, tryErr
	}
	if err != nil {
		return 0, nil, fault.Wrap(err, fault.EngineFailed, "a gradient could not be computed", "run `consilium doctor`, or choose --backend go")
	}
	return loss, grad, nil
}

func (m *Model) compileGradient() (err error) {
	tryErr := engine.Try(func() {
		m.gradient, err = NewExec(m.backend, func(in []*Node) []*Node {
			x, target, flat := in[0], in[1], in[2]
			b := nn.WithFlat(m.Layout, flat, nil, false, m.native)
			logits, _ := m.net(b, x)
			value := ReduceAllMean(Neg(ReduceSum(Mul(target, LogSoftmax(logits, -1)), -1)))
			grad, _ := m.gradients(value, b)
			return []*Node{Reshape(value, 1), grad}
		})
	})
	if tryErr != nil {
		return tryErr
	}
	return err
}
