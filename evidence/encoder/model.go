package encoder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"

	"consilium/fault"
)

// Model is a trained encoder. It is immutable and safe for concurrent use.
type Model struct {
	lexicon    lexicon
	vocabulary []string
	cfg        Config
	table      quantised // rows x d
	side       [2]quantised
	digest     string // of the file's bytes
}

// quantised is a matrix with 8 bits a value and one scale a row: 127 stands for the row's largest magnitude.
type quantised struct {
	columns int
	values  []int8
	scales  []float32
}

// header is the JSON part of a model file. The payload holds the values, then the scales, of the table
// (vocabulary and buckets x dimensions), the question side and the passage side (dimensions x 2 dimensions).
type header struct {
	Config     Config   `json:"config"`
	Vocabulary []string `json:"vocabulary"`
}

func quantise(n *network, vocabulary []string, cfg Config) *Model {
	m := &Model{lexicon: newLexicon(vocabulary, cfg.Buckets), vocabulary: vocabulary, cfg: cfg, table: quantiseRows(n.table, n.d)}
	for s := range m.side {
		m.side[s] = quantiseRows(n.side[s], 2*n.d)
	}
	m.digest = digest(m.Bytes())
	return m
}

func quantiseRows(values []float32, columns int) quantised {
	q := quantised{columns, make([]int8, len(values)), make([]float32, len(values)/columns)}
	for r := range q.scales {
		row := values[r*columns : (r+1)*columns]
		top := float32(0)
		for _, v := range row {
			top = max(top, float32(math.Abs(float64(v))))
		}
		if top == 0 {
			continue
		}
		q.scales[r] = top / 127
		for i, v := range row {
			q.values[r*columns+i] = int8(math.Round(float64(v / q.scales[r])))
		}
	}
	return q
}

// addRow adds weight times a row to y.
func (q quantised) addRow(row int32, weight float32, y []float32) {
	weight *= q.scales[row]
	values := q.values[int(row)*q.columns:][:q.columns]
	y = y[:len(values)]
	for i, v := range values {
		y[i] += weight * float32(v)
	}
}

// dotRow is the product of a row with x.
func (q quantised) dotRow(row int, x []float32) float32 {
	values := q.values[row*q.columns:][:q.columns]
	x = x[:len(values)]
	sum := float32(0)
	for i, v := range values {
		sum += x[i] * float32(v)
	}
	return sum * q.scales[row]
}

// Name tells this model from every other: its kind, dimensions and the start of its digest. An index
// keeps it, and refuses vectors of another name.
func (m *Model) Name() string {
	return fmt.Sprintf("consilium-bag-%d-%s", m.cfg.Dimensions, m.digest[:12])
}

// Dimensions is the length of every vector.
func (m *Model) Dimensions() int { return m.cfg.Dimensions }

// Config is how the model was trained.
func (m *Model) Config() Config { return m.cfg }

// Encode gives a vector of length one for each text, of a question when query is true, else of a passage.
// Only the first MaxWords words count. A text without letters and digits gives the zero vector, which
// lies near nothing. INTERRUPTED when ctx ends.
func (m *Model) Encode(ctx context.Context, texts []string, query bool) ([][]float32, error) {
	out := make([][]float32, len(texts))
	side := passage
	if query {
		side = question
	}
	pooled := make([]float32, 2*m.cfg.Dimensions)
	for i, text := range texts {
		if ctx.Err() != nil {
			return nil, fault.New(fault.Interrupted, "encoding was stopped", "start it again")
		}
		out[i] = m.encode(text, side, pooled)
	}
	return out, nil
}

func (m *Model) encode(text string, side int, pooled []float32) []float32 {
	d := m.cfg.Dimensions
	e := makeExample(m.lexicon, words(text), m.cfg.Opening, nil)
	clear(pooled)
	for half, b := range []bag{e.whole, e.opening} {
		for k, row := range b.rows {
			m.table.addRow(row, b.weights[k], pooled[half*d:(half+1)*d])
		}
	}
	v := make([]float32, d)
	for i := range v {
		v[i] = m.side[side].dotRow(i, pooled)
	}
	normalise(v)
	return v
}

// Bytes is the model as a file.
func (m *Model) Bytes() []byte {
	var payload []byte
	for _, q := range m.parts() {
		for _, v := range q.values {
			payload = append(payload, byte(v))
		}
		payload = appendFloats(payload, q.scales)
	}
	data, err := seal(modelMagic, header{m.cfg, m.vocabulary}, payload)
	if err != nil {
		panic(err) // a Config of finite numbers always becomes JSON
	}
	return data
}

func (m *Model) parts() []*quantised {
	return []*quantised{&m.table, &m.side[question], &m.side[passage]}
}

// Save writes the model to a file.
func (m *Model) Save(path string) error { return writeWhole(path, m.Bytes()) }

// Load reads a model file. What is not one is MODEL_MALFORMED.
func Load(path string) (*Model, error) {
	data, err := readLimited(path)
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

// Parse reads the bytes of a model file.
func Parse(data []byte) (*Model, error) {
	var h header
	payload, err := unseal(modelMagic, data, &h, fault.ModelMalformed, "the encoder")
	if err != nil {
		return nil, err
	}
	malformed := func(what string) error {
		return fault.New(fault.ModelMalformed, "the encoder "+what, "check the file, or train it again")
	}
	if h.Config.check() != nil || len(h.Vocabulary) > maxRows {
		return nil, malformed("has an impossible configuration")
	}
	m := &Model{lexicon: newLexicon(h.Vocabulary, h.Config.Buckets), vocabulary: h.Vocabulary, cfg: h.Config, digest: digest(data)}
	if len(m.lexicon.index) != len(h.Vocabulary) {
		return nil, malformed("has a word twice in its vocabulary")
	}
	d, want := h.Config.Dimensions, 0
	shapes := [][2]int{{m.lexicon.rows(), d}, {d, 2 * d}, {d, 2 * d}}
	for _, s := range shapes {
		want += s[0] * (s[1] + 4)
	}
	if len(payload) != want { // before anything of that size is allocated
		return nil, malformed(fmt.Sprintf("holds %d bytes of weights, its header asks for %d", len(payload), want))
	}
	for i, q := range m.parts() {
		rows, columns := shapes[i][0], shapes[i][1]
		*q = quantised{columns, make([]int8, rows*columns), make([]float32, rows)}
		for k := range q.values {
			q.values[k] = int8(payload[k])
		}
		var ok bool
		if payload, ok = takeFloats(payload[rows*columns:], q.scales); !ok {
			return nil, malformed("holds weights that are not finite")
		}
	}
	return m, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
