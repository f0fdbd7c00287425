package train

import (
	"context"
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas

	"consilium/engine"
	"consilium/fault"
	"consilium/nn"
	"consilium/registry"
)

// Export gives model.onnx (input -> logits) and gradient.onnx, which explanations use: the gradient of
// sum(class*logits) with respect to the input and to the last feature map. Both are run against the network
// that was trained, on batches of 1 and 3, before they are handed out.
func (m *Model) Export(ctx context.Context, library string) (model, gradient []byte, err error) {
	if model, err = m.exportModel(library); err != nil {
		return nil, nil, err
	}
	in := engine.Port{Name: registry.PortInput, Shape: m.input}
	class := engine.Port{Name: registry.PortClass, Shape: []int{m.classes}}
	outputs := []string{registry.PortLogits, registry.PortInputGradient, registry.PortFeatures, registry.PortFeaturesGradient}
	gradient, err = engine.Export(library, []engine.Port{in, class}, outputs, func(in []*Node) []*Node {
		b := nn.WithConstants(in[0].Graph(), m.Layout, m.Weights, true)
		logits, features := m.net(b, in[0])
		g := Gradient(ReduceAllSum(Mul(logits, in[1])), in[0], features)
		return []*Node{logits, g[0], features, g[1]}
	})
	if err != nil {
		return nil, nil, err
	}
	return model, gradient, m.verify(ctx, library, model, gradient)
}

func (m *Model) exportModel(library string) ([]byte, error) {
	in := engine.Port{Name: registry.PortInput, Shape: m.input}
	return engine.Export(library, []engine.Port{in}, []string{registry.PortLogits}, func(in []*Node) []*Node {
		b := nn.WithConstants(in[0].Graph(), m.Layout, m.Weights, true)
		b.Fused = true
		logits, _ := m.net(b, in[0])
		return []*Node{logits}
	})
}

// verify compares the exported graphs with the training graph on random input.
func (m *Model) verify(ctx context.Context, library string, graphs ...[]byte) error {
	if err := m.compilePredict(); err != nil {
		return err
	}
	size := engine.Size(m.input)
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, predictBatch*size)
	for i := range x {
		x[i] = r.Float32()
	}
	want, err := m.predictOnce(x, m.uploaded())
	if err != nil {
		return err
	}
	for _, onnx := range graphs {
		s, err := engine.OpenSession(onnx, engine.Options{Backend: engine.BackendONNX, Library: library})
		if err != nil {
			return err
		}
		for _, n := range []int{1, 3} {
			in := map[string]engine.Tensor{registry.PortInput: {Shape: append([]int{n}, m.input...), Data: x[:n*size]}}
			if len(s.Inputs()) > 1 {
				in[registry.PortClass] = engine.Tensor{Shape: []int{n, m.classes}, Data: make([]float32, n*m.classes)}
			}
			out, err := s.Run(ctx, in)
			if err != nil {
				return err
			}
			for i, v := range out[registry.PortLogits].Data {
				if d := math.Abs(float64(v - want[i])); d > 1e-3*(1+math.Abs(float64(want[i]))) {
					return fault.New(fault.Internal, "the exported model gives other results than the trained network", "please report it")
				}
			}
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}
