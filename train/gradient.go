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
// dropout is off. importance weighs each example in the mean; nil counts them alike, and an example of importance
// 0 is as if it were not there, but for the divisor. A graph is compiled for every batch size that is asked for,
// so callers keep to one or two. A Model does one thing at a time.
func (m *Model) Gradient(weights, x []float32, labels []int, importance []float32) (loss float64, grad []float32, err error) {
	if m.gradient == nil {
		if err := m.compileGradient(); err != nil {
			return 0, nil, err
		}
	}
	n := len(labels)
	if importance == nil {
		importance = make([]float32, n)
		for i := range importance {
			importance[i] = 1
		}
	}
	if len(weights) != m.Layout.Size || n == 0 || len(x) != n*engine.Size(m.input) || len(importance) != n {
		return 0, nil, fault.New(fault.ModelShape, "weights or batch do not have the network's shape", "they belong to another network")
	}
	target := make([]float32, n*m.classes)
	for i, l := range labels {
		if l < 0 || l >= m.classes {
			return 0, nil, fault.New(fault.ModelShape, "a label that the network has no output for", "they belong to another network")
		}
		target[i*m.classes+l] = 1
	}
	in := []any{
		tensors.FromFlatDataAndDimensions(x, append([]int{n}, m.input...)...),
		tensors.FromFlatDataAndDimensions(target, n, m.classes), tensors.FromFlatDataAndDimensions(importance, n),
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
			x, target, importance, flat := in[0], in[1], in[2], in[3]
			b := nn.WithFlat(m.Layout, flat, nil, false, m.native)
			logits, _ := m.net(b, x)
			value := Loss{}.graph(logits, target, importance)
			grad, _ := m.gradients(value, b)
			return []*Node{Reshape(value, 1), grad}
		})
	})
	if tryErr != nil {
		return tryErr
	}
	return err
}
