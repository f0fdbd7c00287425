package engine

import (
	"context"

	"github.com/gomlx/compute-onnx/support/protos"

	"consilium/engine/puregoonnx"
)

// goRunner runs a model on the evaluator in Go.
type goRunner struct{ program *puregoonnx.Program }

func openGo(model *protos.ModelProto, sig signature, threads int) (runner, error) {
	program, err := puregoonnx.Compile(model, portNames(sig.inputs), portNames(sig.outputs), threads)
	if err != nil {
		return nil, err
	}
	return &goRunner{program}, nil
}

func (r *goRunner) run(ctx context.Context, inputs []Tensor) ([]Tensor, error) {
	in := make([]puregoonnx.Tensor, len(inputs))
	for i, t := range inputs {
		in[i] = puregoonnx.Tensor(t)
	}
	results, err := r.program.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	out := make([]Tensor, len(results))
	for i, t := range results {
		out[i] = Tensor(t)
	}
	return out, nil
}

func (r *goRunner) close() error { return nil }
