package registry_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"consilium/calibration"
	"consilium/engine"
	"consilium/registry"
)

const foreignCard = `{
  "name": "foreign", "version": "1", "task": "three kinds of noise", "kind": "image",
  "labels": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
  "input": {"shape": [3, 16, 16], "low": 0, "high": 1},
  "licence": "Apache-2.0", "intended_use": "tests", "limits": ["untrained"],
  "origin": {"output": "probabilities"}
}`

// TestAModelExportedByPyTorch imports what torch.onnx wrote (bench/peer/foreign_model.py)
// and wants the probabilities that PyTorch computed.
func TestAModelExportedByPyTorch(t *testing.T) {
	model, err := os.ReadFile("testdata/foreign.onnx")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/foreign.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Input         []float32
		Probabilities []float64
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	b, err := registry.Adopt(model, []byte(foreignCard))
	if err != nil {
		t.Fatal(err)
	}
	if b.Card.Origin.InputPort != "pixels" || b.Card.Origin.Producer != "pytorch" {
		t.Errorf("%+v", b.Card.Origin)
	}
	logits := run(t, b.Model, engine.Tensor{Shape: []int{2, 3, 16, 16}, Data: want.Input})
	for i := range 2 {
		z := make([]float64, 3)
		for k := range z {
			z[k] = float64(logits.Data[3*i+k])
		}
		got, err := calibration.Softmax(z)
		if err != nil {
			t.Fatal(err)
		}
		for k, p := range got {
			if math.Abs(p-want.Probabilities[3*i+k]) > 1e-5 {
				t.Errorf("case %d, label %d: %g, PyTorch says %g", i, k, p, want.Probabilities[3*i+k])
			}
		}
	}
}
