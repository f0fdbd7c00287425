package encoder

import (
	"context"
	"crypto/sha256"
	"iter"
	"os"
	"path/filepath"

	"consilium/evidence"
	"consilium/evidence/benchmark"
	"consilium/fault"
)

const (
	heldOutOf  = 10 // one document in so many is held out
	figureSeed = 1  // of the bootstrap
)

// Plan is one training run with its measurement.
type Plan struct {
	Folder  string // gets model, card and, while it trains, the checkpoint
	Config  Config
	Train   []Pair
	HeldOut []Pair
	Card    Card // Data, Licence and Command are the caller's; the rest is filled in
}

// Result is what a run gives.
type Result struct {
	Card           Card               `json:"card"`
	AgainstShipped []benchmark.Figure `json:"against_shipped"` // the same figures less those of the shipped encoder, paired
}

// AddDocuments makes pairs of a corpus (Pairs); one document in ten, by hash of its identifier, is held out.
func (p *Plan) AddDocuments(documents iter.Seq2[evidence.Document, error]) error {
	pairs, _, err := Pairs(documents, p.Config.Seed)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		if sha256.Sum256([]byte(pair.Group))[0]%heldOutOf == 0 {
			p.HeldOut = append(p.HeldOut, pair)
		} else {
			p.Train = append(p.Train, pair)
		}
	}
	p.Card.Split = "by document: a hash of its identifier holds out about one in ten"
	return nil
}

// AddQuestions reads questions with answers and their focus; the part held out is that which
// `consilium evidence eval` measures on (benchmark.Partition).
func (p *Plan) AddQuestions(files ...string) error {
	for _, file := range files {
		pairs, err := benchmark.ReadMedQuAD(file)
		if err != nil {
			return err
		}
		train, test := benchmark.Partition(pairs)
		p.Train = append(p.Train, asPairs(train)...)
		p.HeldOut = append(p.HeldOut, asPairs(test)...)
	}
	p.Card.Split = "by focus (disease, topic): a hash of its name holds out about 30%; no training pair has an answer of a pair held out"
	return nil
}

func asPairs(list []benchmark.Pair) []Pair {
	out := make([]Pair, len(list))
	for i, p := range list {
		out[i] = Pair{Question: p.Question, Passage: p.Answer, Group: p.Focus}
	}
	return out
}

// Run trains, measures on the pairs held out and writes the folder. Errors are those of Train; after an
// interruption the same plan goes on from the checkpoint.
func (p *Plan) Run(ctx context.Context, progress func(Step)) (Result, error) {
	if err := os.MkdirAll(p.Folder, 0o755); err != nil {
		return Result{}, fault.Wrap(err, fault.IO, "the folder "+p.Folder+" cannot be made", "name a folder that may be written")
	}
	checkpoint := filepath.Join(p.Folder, checkpointFile)
	m, err := Train(ctx, p.Train, p.Config, Options{Checkpoint: checkpoint, Progress: progress})
	if err != nil {
		return Result{}, err
	}
	r := Result{Card: p.Card}
	r.Card.Name, r.Card.Config, r.Card.Pairs, r.Card.HeldOut = m.Name(), p.Config, len(p.Train), len(p.HeldOut)
	if len(p.HeldOut) > 0 {
		if r.Card.Figures, r.AgainstShipped, err = measure(ctx, m, p.HeldOut); err != nil {
			return r, err
		}
	}
	if err := r.Card.write(p.Folder, m); err != nil {
		return r, err
	}
	if err := os.Remove(checkpoint); err != nil {
		return r, fault.Wrap(err, fault.IO, "the checkpoint cannot be removed", "remove it by hand")
	}
	return r, nil
}

// measure gives a model's figures, and their difference to the shipped encoder's.
func measure(ctx context.Context, m *Model, pairs []Pair) (figures, differences []benchmark.Figure, err error) {
	ranks, err := Ranks(ctx, m, pairs)
	if err != nil {
		return nil, nil, err
	}
	if figures, err = benchmark.Figures(ranks, figureSeed); err != nil {
		return nil, nil, err
	}
	known, err := New()
	if err != nil {
		return figures, nil, err
	}
	others, err := Ranks(ctx, known, pairs)
	if err != nil {
		return figures, nil, err
	}
	differences, err = benchmark.Differences(ranks, others, figureSeed)
	return figures, differences, err
}
