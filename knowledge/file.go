package knowledge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"consilium/fault"
)

// A model's file: magic, length of the header, header (JSON), the float32 numbers of
// its tables in little endian, SHA-256 of all that. A checkpoint is the same with the
// optimiser's tables. Version 1 of both.
const (
	magic       = "CONSKG\x00\x01"
	maxHeader   = 64 << 20
	maxFile     = 1 << 30
	maxDeclared = 8 // tables
)

// header is the readable part of a file.
type header struct {
	Config     Config        `json:"config"`
	HoldOut    HoldOut       `json:"hold_out"`
	Sources    []string      `json:"sources,omitempty"`
	Graph      string        `json:"graph"`
	Synthetic  bool          `json:"synthetic,omitempty"`
	Epoch      int           `json:"epoch"`
	Checkpoint bool          `json:"checkpoint,omitempty"`
	Kinds      [kinds]int    `json:"kinds"` // number of entities of each
	IDs        []string      `json:"ids"`
	Tables     []tableHeader `json:"tables"`
}

type tableHeader struct {
	Name   string `json:"name"`
	Values int    `json:"values"`
}

// parts are the numbers of a file in their order.
func (m *Model) parts(checkpoint bool) (names []string, values [][]float32) {
	tables := append([]*table{m.entity}, m.model.tables()...)
	for _, t := range tables {
		names, values = append(names, t.name), append(values, t.value)
	}
	if !checkpoint {
		return append(names, "total", "average"), append(values, m.total, m.average)
	}
	for _, t := range tables {
		names, values = append(names, t.name+" squares"), append(values, t.square)
	}
	return names, values
}

// Write writes the model's file.
func (m *Model) Write(w io.Writer) error { return m.write(w, false) }

func (m *Model) write(w io.Writer, checkpoint bool) error {
	h := header{Config: m.Config, HoldOut: m.HoldOut, Sources: m.Sources, Graph: m.Graph, Synthetic: m.Synthetic, Epoch: m.Epoch, Checkpoint: checkpoint, IDs: m.ids}
	for k := range kinds {
		h.Kinds[k] = int(m.starts[k+1] - m.starts[k])
	}
	names, values := m.parts(checkpoint)
	for i, name := range names {
		h.Tables = append(h.Tables, tableHeader{name, len(values[i])})
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the header cannot be written", "please report it")
	}
	digest := sha256.New()
	out := io.MultiWriter(w, digest)
	head := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(text)))
	chunks := [][]byte{append(head, text...)}
	for _, v := range values {
		b := make([]byte, 4*len(v))
		for i, x := range v {
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
		}
		chunks = append(chunks, b)
	}
	for _, b := range chunks {
		if _, err := out.Write(b); err != nil {
			return fault.Wrap(err, fault.IO, "the model cannot be written", "check the disk")
		}
	}
	if _, err := w.Write(digest.Sum(nil)); err != nil {
		return fault.Wrap(err, fault.IO, "the model cannot be written", "check the disk")
	}
	return nil
}

// Save writes the model's file; a file of that name stays whole until the new one is.
func (m *Model) Save(path string) error { return m.save(path, false) }

func (m *Model) save(path string, checkpoint bool) (err error) {
	failed := func(err error) error {
		return fault.Wrap(err, fault.IO, "the model cannot be written to "+filepath.Base(path), "check folder, rights and disk")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return failed(err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".knowledge-*")
	if err != nil {
		return failed(err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = m.write(f, checkpoint)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return failed(err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return failed(err)
	}
	return nil
}

func (m *Model) checkpoint(path string) error {
	if path == "" {
		return nil
	}
	return m.save(path, true)
}

// resume takes the tables of a checkpoint of the same run, when there is one.
func (m *Model) resume(path string) error {
	if path == "" {
		return nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	bad := func(err error) error {
		return fault.Wrap(err, fault.CheckpointBad, filepath.Base(path)+" cannot be resumed", "remove it to begin again, or give the flags and data of the run that it belongs to")
	}
	if err != nil {
		return bad(err)
	}
	h, rest, err := unpack(b)
	if err != nil {
		return bad(err)
	}
	if !h.Checkpoint || h.Config != m.Config || h.HoldOut != m.HoldOut || h.Graph != m.Graph || h.Epoch < 0 {
		return bad(errors.New("it belongs to another run"))
	}
	if err := m.fill(h, rest, true); err != nil {
		return bad(err)
	}
	m.Epoch = h.Epoch
	return nil
}

// Load reads a model's file.
func Load(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.ModelMissing, "there is no knowledge model at "+filepath.Base(path), "make one with `consilium knowledge train`")
	}
	defer f.Close()
	return Decode(f)
}

// Decode reads a model of at most 1 GiB. Everything is checked before it is used.
func Decode(r io.Reader) (*Model, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the model cannot be read", "check the disk")
	}
	m, err := decode(b)
	if err != nil {
		return nil, fault.Wrap(err, fault.ModelMalformed, "the knowledge model cannot be read", "make it again with `consilium knowledge train`")
	}
	return m, nil
}

func decode(b []byte) (*Model, error) {
	h, rest, err := unpack(b)
	if err != nil {
		return nil, err
	}
	if h.Checkpoint {
		return nil, errors.New("it is a checkpoint of an unfinished training")
	}
	m := &Model{Config: h.Config, HoldOut: h.HoldOut, Sources: h.Sources, Graph: h.Graph, Synthetic: h.Synthetic, Epoch: h.Epoch, ids: h.IDs}
	for k, n := range h.Kinds {
		m.starts[k+1] = m.starts[k] + Entity(n)
	}
	entities, dim := len(h.IDs), h.Config.Dim
	m.entity = &table{name: "entities", rows: entities, width: dim, value: make([]float32, entities*dim)}
	m.model = emptyFactorisation(h.Config)
	m.total, m.average = make([]float32, h.Kinds[Disease]), make([]float32, h.Kinds[Phenotype])
	return m, m.fill(h, rest, false)
}

// unpack checks a file's sum and header, and that its tables are as long as the configuration needs.
func unpack(b []byte) (header, []byte, error) {
	var h header
	const fixed = len(magic) + 4
	switch {
	case len(b) > maxFile:
		return h, nil, fmt.Errorf("it is larger than %d bytes", maxFile)
	case len(b) < fixed+sha256.Size || string(b[:len(magic)]) != magic:
		return h, nil, errors.New("it does not begin as a knowledge model of version 1")
	}
	body := b[:len(b)-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], b[len(body):]) {
		return h, nil, errors.New("its checksum differs: it is cut or changed")
	}
	length := int(binary.LittleEndian.Uint32(b[len(magic):]))
	if length > maxHeader || length > len(body)-fixed {
		return h, nil, errors.New("its header is longer than it is")
	}
	if err := json.Unmarshal(body[fixed:fixed+length], &h); err != nil {
		return h, nil, err
	}
	rest := body[fixed+length:]
	if err := h.Config.check(); err != nil {
		return h, nil, err
	}
	return h, rest, h.check(len(rest))
}

// check compares what the header says with itself and with the bytes there are.
func (h header) check(rest int) error {
	entities := 0
	for _, n := range h.Kinds {
		if n < 0 || n > maxEntities {
			return errors.New("its number of entities is out of bounds")
		}
		entities += n
	}
	if entities != len(h.IDs) || entities > maxEntities {
		return errors.New("its entities are not as many as it says")
	}
	want := (entities + slots) * h.Config.Dim
	if h.Config.Model == TuckER {
		want = entities*h.Config.Dim + slots*h.Config.Core + h.Config.Core*h.Config.Dim*h.Config.Dim
	}
	if h.Checkpoint {
		want *= 2
	} else {
		want += h.Kinds[Disease] + h.Kinds[Phenotype]
	}
	if rest != 4*want || len(h.Tables) > maxDeclared {
		return fmt.Errorf("it holds %d bytes of numbers where %d are needed", rest, 4*want)
	}
	return nil
}

// fill reads the tables; lengths and order must be those of this version.
func (m *Model) fill(h header, rest []byte, checkpoint bool) error {
	names, values := m.parts(checkpoint)
	for i, v := range values {
		if i >= len(h.Tables) || h.Tables[i] != (tableHeader{names[i], len(v)}) {
			return errors.New("its tables are not those of a knowledge model")
		}
		for j := range v {
			v[j] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*j:]))
			if v[j]-v[j] != 0 {
				return errors.New("it holds numbers that are not finite")
			}
		}
		rest = rest[4*len(v):]
	}
	if at := slices.Index(m.ids, ""); at >= 0 {
		return errors.New("an entity has no identifier")
	}
	return nil
}

// emptyFactorisation has its tables' lengths and no numbers.
func emptyFactorisation(c Config) factorisation {
	zeros := func(name string, rows, width int) *table {
		return &table{name: name, rows: rows, width: width, value: make([]float32, rows*width)}
	}
	if c.Model == TuckER {
		return &tucker{relation: zeros("relations", slots, c.Core), core: zeros("core", c.Core, c.Dim*c.Dim), dim: c.Dim}
	}
	return &complexProduct{relation: zeros("relations", slots, c.Dim)}
}
