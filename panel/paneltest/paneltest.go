// Package paneltest builds small signed models for tests of everything that
// runs models: linear classifiers with known answers, one a kind of input.
package paneltest

import (
	"crypto/ed25519"
	"fmt"

	"consilium/calibration"
	"consilium/clinical"
	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/registry"
	"consilium/signal"
)

// Key signs the test models. It is no secret.
var Key = ed25519.NewKeyFromSeed([]byte("consilium: the tests' signing..."))

// Film calls a grey picture "bright" when its mean is above one half.
func Film() *registry.Bundle {
	c := card("film", "brightness of a test film", clinical.KindImage, []int{1, 28, 28})
	c.Input.Modalities, c.Input.BodyParts = []string{"CR", "DX"}, []string{"CHEST"}
	return seal(c, 20, 10)
}

// Photo calls a colour picture "bright" when its mean is above one half. It
// brings a gradient.
func Photo() *registry.Bundle {
	c := card("photo", "brightness of a test photograph", clinical.KindImage, []int{3, 28, 28})
	c.Input.Modalities = []string{"OP"}
	return sealWithGradient(c, 20, 10)
}

// ECG looks at the sum of two leads.
func ECG() *registry.Bundle {
	c := card("ecg", "height of a test ECG", clinical.KindECG, []int{2, 1000})
	c.Input.Leads, c.Input.Rate, c.Input.MinRate, c.Input.Seconds = []string{"I", "II"}, 100, 50, 10
	c.Input.Low, c.Input.High = -20, 20
	return seal(c, 1, 0)
}

// Sound looks at the mean of the log-mel cells.
func Sound() *registry.Bundle {
	in := registry.Input{Rate: 8000, MinRate: 4000, Seconds: 1, Mels: 16}
	spec := signal.SoundSpec{Rate: in.Rate, MinRate: in.MinRate, Seconds: in.Seconds, Mels: in.Mels}
	c := card("sound", "loudness of a test sound", clinical.KindSound, []int{spec.Frames(), in.Mels})
	in.Shape, in.Low, in.High = c.Input.Shape, -100, 100
	c.Input = in
	return seal(c, 1, 0)
}

// All gives one model a kind.
func All() []*registry.Bundle {
	return []*registry.Bundle{Film(), Photo(), ECG(), Sound()}
}

func card(name, task string, kind clinical.Kind, shape []int) registry.Card {
	return registry.Card{
		Format: 1, Name: name, Version: "0.1.0", Task: task + " (SYNTHETIC)", Kind: kind, Arch: "linear", Parameters: 2*engine.Size(shape) + 2,
		Labels:      []clinical.Concept{{Name: "normal"}, {Name: "bright", Code: "R93.8", System: "ICD-10"}},
		IntendedUse: "Tests of Consilium. It knows nothing about patients.", Limits: []string{"It only measures brightness."},
		Licence: "Apache-2.0", Synthetic: true,
		Data:        registry.Data{Name: "synthetic brightness", Licence: "CC0-1.0", Citation: "none", Splits: map[string]int{"test": 1}, SplitBy: "none"},
		Figures:     []registry.Figure{{Metric: "auc", Split: "test", Value: 1, Low: 1, High: 1, Note: "by construction"}},
		Input:       registry.Input{Shape: shape, Low: 0, High: 1},
		Calibration: calibration.Map{Method: "temperature", Temperature: 1, Scores: []float64{-8, -4, -2, -1, 0, 1, 2, 4, 8}, Truth: []int{0, 0, 0, 1, 0, 1, 0, 1, 1}},
		Conformal:   calibration.Conformal{Coverage: 0.9, Threshold: 0.8, Examples: 100},
		MadeBy:      "package paneltest", Trained: "2025-01-01",
	}
}

// linear gives the logits 0 and gain x mean - offset.
func linear(shape []int, gain, offset float32) *onnxtest.Graph {
	n := engine.Size(shape)
	w := make([]float32, 2*n)
	for i := range n {
		w[2*i+1] = gain / float32(n)
	}
	return onnxtest.New(17).
		Input("input", batched(shape)...).
		Weights("w", []int{n, 2}, w).
		Weights("b", []int{2}, []float32{0, -offset}).
		Integers("flat", -1, int64(n)).
		Node("Reshape", []string{"input", "flat"}, []string{"row"}, nil).
		Node("MatMul", []string{"row", "w"}, []string{"product"}, nil).
		Node("Add", []string{"product", "b"}, []string{"logits"}, nil).
		Output("logits", -1, 2)
}

// sloped adds the gradient of a linear model; its features are the input itself.
func sloped(shape []int, gain, offset float32) *onnxtest.Graph {
	back := []int64{-1}
	for _, d := range shape {
		back = append(back, int64(d))
	}
	all := batched(shape)
	return linear(shape, gain, offset).
		Input("class", -1, 2).
		Integers("back", back...).
		Node("Transpose", []string{"w"}, []string{"wt"}, map[string]any{"perm": []int{1, 0}}).
		Node("MatMul", []string{"class", "wt"}, []string{"slope"}, nil).
		Node("Reshape", []string{"slope", "back"}, []string{"input_gradient"}, nil).
		Node("Identity", []string{"input"}, []string{"features"}, nil).
		Node("Identity", []string{"input_gradient"}, []string{"features_gradient"}, nil).
		Output("input_gradient", all...).
		Output("features", all...).
		Output("features_gradient", all...)
}

func batched(shape []int) []int { return append([]int{-1}, shape...) }

func seal(c registry.Card, gain, offset float32) *registry.Bundle {
	return sealed(registry.Bundle{Card: c, Model: linear(c.Input.Shape, gain, offset).Build()})
}

func sealWithGradient(c registry.Card, gain, offset float32) *registry.Bundle {
	return sealed(registry.Bundle{Card: c, Model: linear(c.Input.Shape, gain, offset).Build(), Gradient: sloped(c.Input.Shape, gain, offset).Build()})
}

// sealed signs a bundle. A model that cannot be signed is a defect of the test: it panics.
func sealed(b registry.Bundle) *registry.Bundle {
	s, err := registry.Seal(b, Key)
	if err != nil {
		panic(fmt.Sprintf("test model %s: %v", b.Card.Name, err))
	}
	return s
}
