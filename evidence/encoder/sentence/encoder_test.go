package sentence

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/fault"
)

var vocabulary = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "fever", "cough", "rash", "query", ":"}

// bert builds the smallest network of BERT's form: the row of each piece plus the row of its type, and
// 100 added wherever the attention mask is 0, so that pooling over padding would show.
func bert() []byte {
	const d = 3
	rows := make([]float32, len(vocabulary)*d)
	for i := range vocabulary {
		rows[i*d], rows[i*d+1], rows[i*d+2] = float32(i), float32(i*i), 1
	}
	return onnxtest.New(17).
		InputOfIntegers("input_ids", -1, -1).InputOfIntegers("attention_mask", -1, -1).InputOfIntegers("token_type_ids", -1, -1).
		Output("last_hidden_state", -1, -1, d).
		Weights("rows", []int{len(vocabulary), d}, rows).Weights("types", []int{2, d}, make([]float32, 2*d)).
		Weights("one", []int{1}, []float32{1}).Weights("hundred", []int{1}, []float32{100}).Integers("last", 2).
		Node("Gather", []string{"rows", "input_ids"}, []string{"words"}, map[string]any{"axis": 0}).
		Node("Gather", []string{"types", "token_type_ids"}, []string{"kinds"}, map[string]any{"axis": 0}).
		Node("Add", []string{"words", "kinds"}, []string{"sum"}, nil).
		Node("Cast", []string{"attention_mask"}, []string{"mask"}, map[string]any{"to": 1}).
		Node("Sub", []string{"one", "mask"}, []string{"outside"}, nil).
		Node("Mul", []string{"outside", "hundred"}, []string{"noise"}, nil).
		Node("Unsqueeze", []string{"noise", "last"}, []string{"noise3"}, nil).
		Node("Add", []string{"sum", "noise3"}, []string{"last_hidden_state"}, nil).Build()
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func backends(t *testing.T) []string {
	if _, err := engine.FindLibrary(""); err != nil {
		t.Log("ONNX Runtime is not here: the Go backend only")
		return []string{engine.BackendGo}
	}
	return []string{engine.BackendGo, engine.BackendONNX}
}

func TestEncodePoolsOverTheMask(t *testing.T) {
	ctx := context.Background()
	dir := folder(t, map[string]string{"model.onnx": string(bert()), "vocab.txt": strings.Join(vocabulary, "\n"), "encoder.json": `{"query_prefix": "query: "}`})
	for _, backend := range backends(t) {
		e, err := Open(ctx, dir, engine.Options{Backend: backend})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if e.Dimensions() != 3 {
			t.Fatalf("%d dimensions", e.Dimensions())
		}
		texts := []string{"fever", "Fever, cough and RASH fever fever", "", "cough"}
		got, err := e.Encode(ctx, texts, false)
		if err != nil {
			t.Fatal(err)
		}
		// [CLS] fever [SEP] = 2, 4, 3: means 3, 29/3, 1.
		near(t, got[0], []float64{3, 29.0 / 3, 1})
		for _, v := range got[2] {
			if v != 0 {
				t.Errorf("an empty text has the vector %v", got[2])
			}
		}
		for i, text := range texts { // alone or in a batch, with padding or without
			alone, err := e.Encode(ctx, []string{text}, false)
			if err != nil {
				t.Fatal(err)
			}
			for k := range alone[0] {
				if math.Abs(float64(alone[0][k]-got[i][k])) > 1e-6 {
					t.Errorf("%s: %q alone %v, in a batch %v", backend, text, alone[0], got[i])
				}
			}
		}
		asked, err := e.Encode(ctx, []string{"fever"}, true) // [CLS] query : fever [SEP] = 2 7 8 4 3
		if err != nil {
			t.Fatal(err)
		}
		near(t, asked[0], []float64{24.0 / 5, 142.0 / 5, 1})
	}
}

func near(t *testing.T, got []float32, direction []float64) {
	t.Helper()
	norm := 0.0
	for _, v := range direction {
		norm += v * v
	}
	for k, v := range direction {
		if math.Abs(float64(got[k])-v/math.Sqrt(norm)) > 1e-5 {
			t.Errorf("vector %v, want the direction %v", got, direction)
			return
		}
	}
}

func TestBadFoldersAreCoded(t *testing.T) {
	model, words := string(bert()), strings.Join(vocabulary, "\n")
	picture := string(onnxtest.New(17).Input("pixels", -1, 4).Output("y", -1, 4).Node("Relu", []string{"pixels"}, []string{"y"}, nil).Build())
	for name, c := range map[string]struct {
		files map[string]string
		want  fault.Code
	}{
		"nothing":             {nil, fault.ModelMissing},
		"no vocabulary":       {map[string]string{"model.onnx": model}, fault.ModelMissing},
		"broken model":        {map[string]string{"model.onnx": "onnx", "vocab.txt": words}, fault.ModelMalformed},
		"not BERT":            {map[string]string{"model.onnx": picture, "vocab.txt": words}, fault.ModelShape},
		"larger vocabulary":   {map[string]string{"model.onnx": model, "vocab.txt": words + "\nmore"}, fault.ModelShape},
		"config that is none": {map[string]string{"model.onnx": model, "vocab.txt": words, "encoder.json": "["}, fault.ModelMalformed},
		"config beyond limit": {map[string]string{"model.onnx": model, "vocab.txt": words, "encoder.json": `{"max_pieces": 1}`}, fault.ModelMalformed},
	} {
		_, err := Open(context.Background(), folder(t, c.files), engine.Options{Backend: engine.BackendGo})
		if fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestEncodeStopsWithItsContext(t *testing.T) {
	dir := folder(t, map[string]string{"model.onnx": string(bert()), "vocab.txt": strings.Join(vocabulary, "\n")})
	e, err := Open(context.Background(), dir, engine.Options{Backend: engine.BackendGo})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Encode(ctx, []string{"fever"}, false); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("after cancel: %v", err)
	}
}
