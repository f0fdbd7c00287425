package puregoonnx_test

import (
	"context"
	"testing"
	"time"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/engine/puregoonnx"
	"consilium/fault"
)

// FuzzModel feeds foreign bytes: whatever they say, there is an answer or a coded error.
func FuzzModel(f *testing.F) {
	for _, name := range []string{"Conv 2-D", "GRU", "LSTM", "Slice", "Pad", "Gather", "Einsum", "MaxPool 3-D", "Expand", "GroupNormalization", "Range", "Split", "Reshape"} {
		f.Add(example(name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		model := new(protos.ModelProto)
		if len(data) > 1<<16 || proto.Unmarshal(data, model) != nil {
			return
		}
		var in, out []string
		var tensors []puregoonnx.Tensor
		for _, v := range model.GetGraph().GetInput() {
			shape, size := []int{}, 1
			for _, d := range v.GetType().GetTensorType().GetShape().GetDim() {
				n := int(max(0, min(d.GetDimValue(), 9)))
				shape, size = append(shape, n), size*n
			}
			if len(shape) > 8 || size > 1<<16 {
				return
			}
			in = append(in, v.GetName())
			tensors = append(tensors, puregoonnx.Tensor{Shape: shape, Data: make([]float32, size)})
		}
		for _, v := range model.GetGraph().GetOutput() {
			out = append(out, v.GetName())
		}
		p, err := puregoonnx.Compile(model, in, out, 1)
		if err != nil {
			coded(t, err)
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := p.Run(ctx, tensors); err != nil && ctx.Err() == nil {
			coded(t, err)
		}
	})
}

func coded(t *testing.T, err error) {
	if c := fault.CodeOf(err); c == "" || c == fault.Internal {
		t.Errorf("error without a code: %v", err)
	}
}

// example builds one model of a trial.
func example(name string) []byte {
	return rapid.Custom(func(t *rapid.T) []byte {
		tr := &trial{T: t, graph: onnxtest.New(21), inputs: map[string]engine.Tensor{}}
		trials[name](tr)
		return tr.graph.Build()
	}).Example(1)
}
