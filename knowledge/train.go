package knowledge

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"consilium/fault"
)

// Progress is what a training run tells of itself after each epoch.
type Progress struct {
	Epoch, Epochs int
	Loss          float64 // mean over the links of the epoch, in nats
	Took          time.Duration
}

// Plan is one training run.
type Plan struct {
	Config     Config
	HoldOut    HoldOut        // Share 0 trains on every link
	Sources    []string       // what FromBase was restricted to; kept with the model
	Checkpoint string         // file to resume from and to keep; "" for none
	Report     func(Progress) // may be nil
}

// checkpointEvery is how much work a crash may cost.
const checkpointEvery = time.Minute

// Train learns a graph's links. The same plan gives the same model, also when it
// was stopped in between and goes on from its checkpoint. A cancelled context ends it after
// the step in hand: the checkpoint is written and the context's error is returned.
func Train(ctx context.Context, g *Graph, p Plan) (*Model, error) {
	if err := p.Config.check(); err != nil {
		return nil, err
	}
	split, err := g.Split(p.HoldOut)
	if err != nil {
		return nil, err
	}
	t := newTrainer(g, split.Train, p.Config)
	m := &Model{Config: p.Config, HoldOut: p.HoldOut, Sources: p.Sources, Synthetic: g.Synthetic, Graph: g.digest(), entity: t.entity, model: t.model, ids: g.ids, starts: g.starts}
	if err := m.resume(p.Checkpoint); err != nil {
		return nil, err
	}
	saved := time.Now()
	for m.Epoch < p.Config.Epochs {
		began := time.Now()
		loss, err := t.epoch(ctx, m.Epoch)
		if err != nil {
			return nil, errors.Join(err, m.checkpoint(p.Checkpoint)) // the last full epoch
		}
		m.Epoch++
		if p.Report != nil {
			p.Report(Progress{m.Epoch, p.Config.Epochs, loss, time.Since(began)})
		}
		if time.Since(saved) > checkpointEvery && m.Epoch < p.Config.Epochs {
			if err := m.checkpoint(p.Checkpoint); err != nil {
				return nil, err
			}
			saved = time.Now()
		}
	}
	m.normalise()
	if p.Checkpoint != "" {
		if err := os.Remove(p.Checkpoint); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Wrap(err, fault.IO, "the checkpoint cannot be removed", "remove it: the model is complete")
		}
	}
	return m, nil
}

// epoch passes once over all questions. A run that is stopped inside an epoch leaves
// the tables as they were at its beginning.
func (t *trainer) epoch(ctx context.Context, number int) (float64, error) {
	rng := rand.New(rand.NewPCG(t.config.Seed, uint64(number)))
	before := t.snapshot()
	loss, links := 0.0, 0
	for _, b := range t.curriculum.epoch(t.config.Batch, rng) {
		if err := ctx.Err(); err != nil {
			t.restore(before)
			return 0, err
		}
		loss += t.step(&b, rng) * float64(b.answers)
		links += b.answers
	}
	if mean := loss / float64(links); mean-mean == 0 {
		return mean, nil
	}
	return 0, fault.New(fault.DataUnfit, "training diverged: the loss is not finite", "choose a lower --rate or a higher --n3")
}

func (t *trainer) all() []*table { return append([]*table{t.entity}, t.model.tables()...) }

func (t *trainer) snapshot() (out [][]float32) {
	for _, p := range t.all() {
		out = append(out, append([]float32(nil), p.value...), append([]float32(nil), p.square...))
	}
	return out
}

func (t *trainer) restore(from [][]float32) {
	for i, p := range t.all() {
		copy(p.value, from[2*i])
		copy(p.square, from[2*i+1])
	}
}

// digest names a graph by its content.
func (g *Graph) digest() string {
	h := sha256.New()
	for _, id := range g.ids {
		h.Write(append([]byte(id), 0))
	}
	b := make([]byte, 0, 12*len(g.Triples))
	for _, t := range g.Triples {
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Head))
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Relation))
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Tail))
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
