package local

import (
	"context"
	"fmt"

	"consilium/engine"
	"consilium/fault"
	"consilium/federation"
	"consilium/registry"
)

// head is logistic regression on what a frozen ONNX graph makes of an example. The graph runs once for each example.
type head struct {
	logistic
	session *engine.Session
	input   string
	output  string
	shape   []int // of one example, as the graph wants it
}

// maxFeatures bounds the width of a body: each example's features are kept.
const maxFeatures = 1 << 16

func openHead(job federation.Job, o Options) (network, error) {
	if _, err := registry.Inspect(job.Model.Body); err != nil { // it came from elsewhere: believe nothing
		return nil, err
	}
	s, err := engine.OpenSession(job.Model.Body, engine.Options{Backend: o.Backend, Library: o.Library})
	if err != nil {
		return nil, err
	}
	h := &head{session: s}
	if err := h.measure(job); err != nil {
		s.Close()
		return nil, err
	}
	return h, nil
}

// measure finds the ports, and by one run on zeros how many features there are.
func (h *head) measure(job federation.Job) error {
	in, out := h.session.Inputs(), h.session.Outputs()
	if len(in) != 1 || len(out) != 1 {
		return fault.New(fault.ModelShape, fmt.Sprintf("the body has %d inputs and %d outputs", len(in), len(out)),
			"export a graph that takes one input and gives one output, the features")
	}
	h.input, h.output = in[0].Name, out[0].Name
	h.shape = append([]int{}, job.Data.Shape...)
	if len(in[0].Shape) > 1 && !open(in[0].Shape[1:]) {
		h.shape = append([]int{}, in[0].Shape[1:]...)
	}
	if engine.Size(h.shape) != engine.Size(job.Data.Shape) {
		return fault.New(fault.ModelShape, fmt.Sprintf("the body takes examples of shape %v, the job's have %v", h.shape, job.Data.Shape),
			"make data.shape that of the body")
	}
	h.classes = len(job.Data.Labels)
	features, err := h.features(context.Background(), make([]float32, engine.Size(h.shape)))
	if err != nil {
		return err
	}
	if len(features) == 0 || len(features) > maxFeatures {
		return fault.New(fault.ModelShape, fmt.Sprintf("the body gives %d features", len(features)), fmt.Sprintf("1 to %d are possible; pool them", maxFeatures))
	}
	h.logistic.features = len(features)
	return nil
}

func open(shape []int) bool {
	for _, d := range shape {
		if d < 1 {
			return true
		}
	}
	return false
}

// features runs the body on one example: a body may have a fixed batch of one.
func (h *head) features(ctx context.Context, x []float32) ([]float32, error) {
	out, err := h.session.Run(ctx, map[string]engine.Tensor{h.input: {Shape: append([]int{1}, h.shape...), Data: x}})
	if err != nil {
		return nil, err
	}
	return out[h.output].Data, nil
}

func (h *head) Close() error { return h.session.Close() }
