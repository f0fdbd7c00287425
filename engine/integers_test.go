package engine

import (
	"context"
	"slices"
	"testing"

	"consilium/engine/onnxtest"
)

// A text encoder takes token numbers: they come as float32 and reach the model as integers, on both backends.
func TestIntegerInputs(t *testing.T) {
	model := onnxtest.New(17).InputOfIntegers("input_ids", -1, -1).Output("rows", -1, -1, 2).
		Weights("table", []int{3, 2}, []float32{0, 1, 10, 11, 20, 21}).
		Node("Gather", []string{"table", "input_ids"}, []string{"rows"}, map[string]any{"axis": 0}).Build()
	for _, backend := range []string{BackendGo, BackendONNX} {
		if _, err := FindLibrary(""); err != nil && backend == BackendONNX {
			t.Log("ONNX Runtime is not here: the Go backend only")
			continue
		}
		s, err := OpenSession(model, Options{Backend: backend})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		out, err := s.Run(context.Background(), map[string]Tensor{"input_ids": {Shape: []int{1, 3}, Data: []float32{2, 0, 1}}})
		if err != nil {
			t.Fatalf("%s: %v", backend, err)
		}
		if got := out["rows"]; !slices.Equal(got.Data, []float32{20, 21, 0, 1, 10, 11}) || !slices.Equal(got.Shape, []int{1, 3, 2}) {
			t.Errorf("%s: rows %v of shape %v", backend, got.Data, got.Shape)
		}
	}
}
