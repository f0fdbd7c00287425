package registry_test

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/fault"
	"consilium/registry"
)

// importCard describes the models below: 3x2x2 pictures, two labels.
const importCard = `{
  "name": "their-model", "version": "0.1", "task": "spots", "kind": "image",
  "labels": [{"name": "no"}, {"name": "yes"}],
  "input": {"shape": [3, 2, 2], "low": 0, "high": 1},
  "licence": "MIT", "intended_use": "tests", "limits": ["not measured here"],
  "origin": {"output": "logits"}
}`

// edited changes fields of importCard.
func edited(t *testing.T, edit func(card map[string]any)) []byte {
	t.Helper()
	var c map[string]any
	if err := json.Unmarshal([]byte(importCard), &c); err != nil {
		t.Fatal(err)
	}
	edit(c)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func origin(fields map[string]any) func(map[string]any) {
	return func(card map[string]any) { card["origin"] = fields }
}

// theirs is a classifier with other names, another layout and another output:
// flatten (in its own layout), a matrix, then softmax or sigmoid or nothing.
func theirs(last bool, width int, end string) (model []byte, weights []float32) {
	r := rand.New(rand.NewPCG(1, 2))
	weights = make([]float32, 12*width)
	for i := range weights {
		weights[i] = float32(r.NormFloat64())
	}
	shape := []int{-1, 3, 2, 2}
	if last {
		shape = []int{-1, 2, 2, 3}
	}
	g := onnxtest.New(13).Input("logits", shape...).Output("input", -1, width). // names that collide with a bundle's own
											Weights("one", []int{12, width}, weights).
											Node("Flatten", []string{"logits"}, []string{"clipped"}, nil)
	if end == "" {
		return g.Node("MatMul", []string{"clipped", "one"}, []string{"input"}, nil).Build(), weights
	}
	g.Node("MatMul", []string{"clipped", "one"}, []string{"zero"}, nil)
	return g.Node(end, []string{"zero"}, []string{"input"}, nil).Build(), weights
}

// expected computes the probabilities by hand.
func expected(x, weights []float32, last bool, width int) [2]float64 {
	z := make([]float64, width)
	for c := range 3 {
		for p := range 4 {
			row := c*4 + p
			if last {
				row = p*3 + c
			}
			for k := range width {
				z[k] += float64(x[c*4+p] * weights[row*width+k])
			}
		}
	}
	if width == 1 {
		z = []float64{0, z[0]}
	}
	yes := 1 / (1 + math.Exp(z[0]-z[1]))
	return [2]float64{1 - yes, yes}
}

func TestImportedModelsAnswerAsTheOriginalDoes(t *testing.T) {
	for name, c := range map[string]struct {
		last  bool
		width int
		end   string
	}{
		"logits":                   {false, 2, ""},
		"probabilities":            {false, 2, "Softmax"},
		"channels last":            {true, 2, ""},
		"one logit":                {false, 1, ""},
		"one probability":          {false, 1, "Sigmoid"},
		"channels last, one value": {true, 1, "Sigmoid"},
	} {
		t.Run(name, func(t *testing.T) {
			model, weights := theirs(c.last, c.width, c.end)
			from := map[string]any{"output": "logits", "layout": "channels_first"}
			if c.end != "" {
				from["output"] = "probabilities"
			}
			if c.last {
				from["layout"] = "channels_last"
			}
			b, err := registry.Adopt(model, edited(t, origin(from)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := registry.Seal(b, maker); err != nil {
				t.Fatal(err)
			}
			x := make([]float32, 24)
			r := rand.New(rand.NewPCG(3, 4))
			for i := range x {
				x[i] = r.Float32()
			}
			logits := run(t, b.Model, engine.Tensor{Shape: []int{2, 3, 2, 2}, Data: x})
			for i := range 2 {
				want := expected(x[i*12:(i+1)*12], weights, c.last, c.width)
				z := logits.Data[i*2 : i*2+2]
				got := 1 / (1 + math.Exp(float64(z[0]-z[1])))
				if math.Abs(got-want[1]) > 1e-4 {
					t.Errorf("case %d: probability %g, want %g", i, got, want[1])
				}
			}
		})
	}
}

// run gives the logits that ONNX Runtime computes.
func run(t *testing.T, model []byte, x engine.Tensor) engine.Tensor {
	t.Helper()
	s, err := engine.OpenSession(model, engine.Options{Threads: 1, Backend: engine.BackendONNX})
	if fault.CodeOf(err) == fault.EngineMissing {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	out, err := s.Run(context.Background(), map[string]engine.Tensor{registry.PortInput: x})
	if err != nil {
		t.Fatal(err)
	}
	return out[registry.PortLogits]
}

func TestImportKeepsWhatIsKnownOfTheOriginal(t *testing.T) {
	model, _ := theirs(false, 2, "")
	card := edited(t, func(c map[string]any) {
		c["calibration"] = map[string]any{"method": "temperature", "temperature": 2}
		c["conformal"] = map[string]any{"coverage": 0.9, "threshold": 0.5, "examples": 10}
		c["parameters"] = 5
	})
	b, err := registry.Adopt(model, card)
	if err != nil {
		t.Fatal(err)
	}
	c := b.Card
	if c.Calibrated() || c.Conforms() {
		t.Error("an imported model is not calibrated", c.Calibration, c.Conformal)
	}
	if c.Parameters != 24 || c.Arch != "imported" || c.Input.Port != "input" || len(c.Origin.SHA256) != 64 || c.Origin.InputPort != "logits" || c.Origin.OutputPort != "input" {
		t.Errorf("%+v %+v", c, c.Origin)
	}
	if !strings.Contains(c.Markdown(), "**Uncalibrated**") {
		t.Error("CARD.md does not say that the model is uncalibrated")
	}
	if gaps := c.Gaps(); len(gaps) == 0 {
		t.Error("the card of an import has gaps")
	}
}

func TestImportRefuses(t *testing.T) {
	plain, _ := theirs(false, 2, "")
	last, _ := theirs(true, 2, "")
	two := onnxtest.New(13).Input("x", -1, 3, 2, 2).Output("a", -1, 4).Output("b", -1, 4).Weights("w", []int{12, 4}, make([]float32, 48)).
		Node("Flatten", []string{"x"}, []string{"f"}, nil).Node("MatMul", []string{"f", "w"}, []string{"a"}, nil).Node("Relu", []string{"a"}, []string{"b"}, nil).Build()
	eight := onnxtest.New(13).Input("x", 8, 3, 2, 2).Output("a", 8, 12).Node("Flatten", []string{"x"}, []string{"a"}, nil).Build()
	maps := onnxtest.New(13).Input("x", -1, 3, 2, 2).Output("a", -1, 3, 2, 2).Node("Relu", []string{"x"}, []string{"a"}, nil).Build()
	asIs := func(map[string]any) {}
	for name, c := range map[string]struct {
		model []byte
		edit  func(map[string]any)
		code  fault.Code
		says  string
	}{
		"no origin":        {plain, func(c map[string]any) { delete(c, "origin") }, fault.ModelMalformed, "origin.output"},
		"another output":   {plain, origin(map[string]any{"output": "scores"}), fault.ModelMalformed, "origin.output"},
		"another layout":   {plain, origin(map[string]any{"output": "logits", "layout": "NHWC"}), fault.ModelMalformed, "origin.layout"},
		"the wrong layout": {last, asIs, fault.ModelShape, "channels_last"},
		"a wrong shape":    {plain, func(c map[string]any) { c["input"] = map[string]any{"shape": []int{3, 9, 9}, "low": 0, "high": 1} }, fault.ModelShape, "[3 9 9]"},
		"no range":         {plain, func(c map[string]any) { c["input"] = map[string]any{"shape": []int{3, 2, 2}} }, fault.ModelMalformed, "input.low"},
		"three labels": {plain, func(c map[string]any) {
			c["labels"] = []any{map[string]any{"name": "a"}, map[string]any{"name": "b"}, map[string]any{"name": "c"}}
		}, fault.ModelShape, "3 labels"},
		"no licence":           {plain, func(c map[string]any) { delete(c, "licence") }, fault.ModelMalformed, "licence"},
		"no limits":            {plain, func(c map[string]any) { delete(c, "limits") }, fault.ModelMalformed, "limits"},
		"another kind":         {plain, func(c map[string]any) { c["kind"] = "ecg" }, fault.ModelMalformed, "dimensions"},
		"an unknown kind":      {plain, func(c map[string]any) { c["kind"] = "smell" }, fault.ModelMalformed, "smell"},
		"two outputs":          {two, asIs, fault.ModelShape, "origin.output_port"},
		"a port that is not":   {two, origin(map[string]any{"output": "logits", "output_port": "c"}), fault.ModelShape, "[a b]"},
		"the wrong of two":     {two, origin(map[string]any{"output": "logits", "output_port": "b"}), fault.ModelShape, "4 values"},
		"a fixed batch":        {eight, asIs, fault.ModelShape, "8 examples"},
		"an output of maps":    {maps, asIs, fault.ModelShape, "no [batch, classes]"},
		"two inputs":           {gradient().Build(), asIs, fault.ModelShape, "2 inputs"},
		"a name with a path":   {plain, func(c map[string]any) { c["name"] = "../../etc" }, fault.ModelMalformed, "name"},
		"a card of the future": {plain, func(c map[string]any) { c["format"] = 2 }, fault.ModelUnsupported, "format 2"},
		"a terminal escape":    {plain, func(c map[string]any) { c["task"] = "\x1b[2Jall clear" }, fault.ModelMalformed, "control"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := registry.Adopt(c.model, edited(t, c.edit))
			wantCode(t, err, c.code)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

func TestImportReadsFiles(t *testing.T) {
	dir := t.TempDir()
	model, _ := theirs(false, 2, "")
	onnx, card := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "card.json")
	for path, content := range map[string][]byte{onnx: model, card: []byte(importCard)} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := registry.Import(onnx, card); err != nil {
		t.Fatal(err)
	}
	_, err := registry.Import(onnx+"x", card)
	wantCode(t, err, fault.ModelMissing)
	_, err = registry.Import(onnx, dir)
	wantCode(t, err, fault.ModelMalformed)
	_, err = registry.Import(card, card)
	wantCode(t, err, fault.ModelMalformed)
}

// FuzzParseCard: whatever the text is, it ends with a valid card or a coded error, and a valid card can be rendered.
func FuzzParseCard(f *testing.F) {
	f.Add([]byte(importCard))
	if text, err := json.Marshal(card()); err == nil {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := registry.ParseCard(text)
		if err != nil {
			if fault.CodeOf(err) == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		if c.Markdown() == "" || strings.ContainsAny(c.Name+c.Version, "/\\") {
			t.Fatalf("%+v", c)
		}
	})
}
