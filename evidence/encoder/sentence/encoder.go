package sentence

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"consilium/engine"
	"consilium/fault"
)

// Config is encoder.json, every field of which may be left out.
type Config struct {
	Name      string `json:"name"`           // shown to the user; default: the folder's name
	Cased     bool   `json:"cased"`          // the vocabulary tells capitals: no lower-casing
	MaxPieces int    `json:"max_pieces"`     // of one text, [CLS] and [SEP] included; default 256
	Question  string `json:"query_prefix"`   // set before a question, for models that were trained so
	Passage   string `json:"passage_prefix"` // set before a passage
}

// Limits of a folder and of a call.
const (
	maxModelBytes    = engine.MaxModelBytes
	maxConfigBytes   = 1 << 20
	defaultMaxPieces = 256
	mostPieces       = 8192
	batchPieces      = 4096 // of one run, padding included: bounds memory
)

// Encoder runs the model of a folder. It is safe for concurrent use. Close it when done.
type Encoder struct {
	name       string
	cfg        Config
	tokens     *Tokenizer
	session    *engine.Session
	ids        string // names of the inputs
	mask       string
	types      string // "" when the model takes none
	output     string
	dimensions int
}

// Open reads a folder and runs its model once. Errors: MODEL_MISSING when a file is not there, MODEL_MALFORMED
// and MODEL_SHAPE for what is no such encoder, and those of engine.OpenSession.
func Open(ctx context.Context, folder string, o engine.Options) (*Encoder, error) {
	model, err := readFile(folder, "model.onnx", maxModelBytes)
	if err != nil {
		return nil, err
	}
	vocabulary, err := readFile(folder, "vocab.txt", maxVocabularyBytes)
	if err != nil {
		return nil, err
	}
	e := &Encoder{}
	if e.cfg, err = readConfig(folder); err != nil {
		return nil, err
	}
	if e.tokens, err = NewTokenizer(vocabulary, !e.cfg.Cased); err != nil {
		return nil, err
	}
	if e.session, err = engine.OpenSession(model, o); err != nil {
		return nil, err
	}
	if err = e.bind(); err == nil {
		err = e.measure(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, e.session.Close())
	}
	h := sha256.New()
	for _, part := range [][]byte{model, vocabulary, fmt.Appendf(nil, "%+v", e.cfg)} {
		_, _ = h.Write(part)
	}
	e.name = fmt.Sprintf("%s-%d-%x", cmp.Or(e.cfg.Name, filepath.Base(folder)), e.dimensions, h.Sum(nil)[:6])
	return e, nil
}

// bind finds the inputs by the names that exporters of BERT give, and the output with a vector for each piece.
func (e *Encoder) bind() error {
	for _, p := range e.session.Inputs() {
		switch p.Name {
		case "input_ids":
			e.ids = p.Name
		case "attention_mask":
			e.mask = p.Name
		case "token_type_ids":
			e.types = p.Name
		default:
			return notBERT(fmt.Sprintf("it has an input %q", p.Name))
		}
		if len(p.Shape) != 2 {
			return notBERT(fmt.Sprintf("input %q has %d dimensions, not 2", p.Name, len(p.Shape)))
		}
	}
	if e.ids == "" {
		return notBERT("it has no input input_ids")
	}
	for _, p := range e.session.Outputs() {
		if len(p.Shape) == 3 && (e.output == "" || p.Name == "last_hidden_state") {
			e.output = p.Name
		}
	}
	if e.output == "" {
		return notBERT("no output has a vector for each piece")
	}
	return nil
}

// measure runs one word, which tells the dimensions and whether the vocabulary fits.
func (e *Encoder) measure(ctx context.Context) error {
	v, err := e.run(ctx, [][]int{e.tokens.Encode("a", e.cfg.MaxPieces), {e.tokens.Size() - 1}})
	if err != nil {
		return fault.Wrap(err, fault.ModelShape, "the encoder does not run on its own vocabulary", "check that model.onnx and vocab.txt belong together")
	}
	e.dimensions = len(v[0])
	return nil
}

// Name tells the model and its vocabulary from every other.
func (e *Encoder) Name() string { return e.name }

// Dimensions is the length of every vector.
func (e *Encoder) Dimensions() int { return e.dimensions }

// Close releases the model.
func (e *Encoder) Close() error { return e.session.Close() }

// Encode gives a vector of length one for each text; zeros where the text has no piece. Texts beyond the
// limit of pieces are cut at their end. Errors are those of engine's Session.Run.
func (e *Encoder) Encode(ctx context.Context, texts []string, query bool) ([][]float32, error) {
	prefix := e.cfg.Passage
	if query {
		prefix = e.cfg.Question
	}
	pieces := make([][]int, len(texts))
	order := make([]int, len(texts)) // by length, so that little is padded
	for i, text := range texts {
		pieces[i] = e.tokens.Encode(prefix+text, e.cfg.MaxPieces)
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(pieces[a]) - len(pieces[b]) })
	out := make([][]float32, len(texts))
	for start := 0; start < len(order); {
		end := start + 1
		for end < len(order) && (end+1-start)*len(pieces[order[end]]) <= batchPieces {
			end++
		}
		batch := make([][]int, 0, end-start)
		for _, i := range order[start:end] {
			batch = append(batch, pieces[i])
		}
		vectors, err := e.run(ctx, batch)
		if err != nil {
			return nil, err
		}
		for k, i := range order[start:end] {
			out[i] = vectors[k]
			if len(pieces[i]) <= 2 { // nothing between [CLS] and [SEP]
				clear(out[i])
			}
		}
		start = end
	}
	return out, nil
}

// run gives the vectors of a batch, padded to its longest text.
func (e *Encoder) run(ctx context.Context, batch [][]int) ([][]float32, error) {
	longest := 0
	for _, p := range batch {
		longest = max(longest, len(p))
	}
	shape := []int{len(batch), longest}
	ids, mask := make([]float32, len(batch)*longest), make([]float32, len(batch)*longest)
	for i, p := range batch {
		for j := range longest {
			ids[i*longest+j] = float32(e.tokens.pad)
			if j < len(p) {
				ids[i*longest+j], mask[i*longest+j] = float32(p[j]), 1
			}
		}
	}
	inputs := map[string]engine.Tensor{e.ids: {Shape: shape, Data: ids}}
	if e.mask != "" {
		inputs[e.mask] = engine.Tensor{Shape: shape, Data: mask}
	}
	if e.types != "" {
		inputs[e.types] = engine.Tensor{Shape: shape, Data: make([]float32, len(ids))}
	}
	outputs, err := e.session.Run(ctx, inputs)
	if err != nil {
		return nil, err
	}
	hidden := outputs[e.output]
	if len(hidden.Shape) != 3 || hidden.Shape[0] != len(batch) || hidden.Shape[1] != longest || hidden.Shape[2] < 1 {
		return nil, notBERT(fmt.Sprintf("output %q has shape %v for %v pieces", e.output, hidden.Shape, shape))
	}
	return pool(hidden, mask)
}

// pool is the mean over the attention mask, brought to length one.
func pool(hidden engine.Tensor, mask []float32) ([][]float32, error) {
	n, length, d := hidden.Shape[0], hidden.Shape[1], hidden.Shape[2]
	out := make([][]float32, n)
	for i := range n {
		out[i] = make([]float32, d)
		for j := range length {
			if mask[i*length+j] == 0 {
				continue
			}
			for k, v := range hidden.Data[(i*length+j)*d:][:d] {
				out[i][k] += v
			}
		}
		squares := 0.0
		for _, v := range out[i] {
			squares += float64(v) * float64(v)
		}
		if math.IsNaN(squares) || math.IsInf(squares, 0) {
			return nil, fault.New(fault.EngineFailed, "the encoder gave values that are not finite", "check the model")
		}
		if squares > 0 {
			for k := range out[i] {
				out[i][k] /= float32(math.Sqrt(squares))
			}
		}
	}
	return out, nil
}

func readConfig(folder string) (Config, error) {
	c := Config{MaxPieces: defaultMaxPieces}
	data, err := readFile(folder, "encoder.json", maxConfigBytes)
	if fault.CodeOf(err) == fault.ModelMissing {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fault.Wrap(err, fault.ModelMalformed, "encoder.json cannot be read", "see docs/evidence.md for its fields")
	}
	if c.MaxPieces < 3 || c.MaxPieces > mostPieces {
		return c, fault.New(fault.ModelMalformed, fmt.Sprintf("encoder.json allows %d pieces", c.MaxPieces), fmt.Sprintf("give 3 to %d", mostPieces))
	}
	return c, nil
}

func readFile(folder, name string, limit int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.ModelMissing, "the encoder's folder has no "+name, "it must hold model.onnx and vocab.txt")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, name+" cannot be opened", "check its rights")
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, name+" cannot be read", "check the disk")
	}
	if int64(len(data)) > limit {
		return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("%s has more than %d bytes", name, limit), "use a smaller model")
	}
	return data, nil
}

func notBERT(why string) error {
	return fault.New(fault.ModelShape, "the model is no BERT sentence encoder: "+why, "export it with inputs input_ids, attention_mask and last_hidden_state as output")
}
