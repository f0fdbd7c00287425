package benchmark

import (
	"context"
	"os"
	"slices"
	"time"

	"consilium/evidence"
	"consilium/fault"
)

// Options of Compare.
type Options struct {
	Encoder evidence.Encoder // nil: BM25 alone
	Passage int              // as in evidence.Options
	Sample  int              // questions of the test part; 0 for all
	Seed    uint64
	Fusion  evidence.Fusion // DefaultFusion when its method is empty
	Instead []Pair          // ask these, among the answers of the others, instead of the test questions
	All     bool            // also 500 questions of all parts, the protocol of the published baseline; an encoder has seen most of them
	folder  string
}

// protocol says which questions are asked.
func (o Options) protocol() string {
	switch {
	case len(o.Instead) > 0:
		return "questions of another set, asked for its texts among the answers of this one"
	case o.All:
		return "questions of all parts: an encoder that was trained on this set has seen most of them"
	}
	return "questions of the test part: 30% of the diseases, by hash, on which the shipped encoder was not trained"
}

// Run is one way of searching with its figures.
type Run struct {
	Name    string   `json:"name"`
	Figures []Figure `json:"figures"`
	Less    []Figure `json:"lessBM25,omitempty"` // the paired difference to BM25
	P50     float64  `json:"p50ms"`              // of a query, in milliseconds
	P99     float64  `json:"p99ms"`
	ranks   []int
}

// Comparison is what Compare found.
type Comparison struct {
	Protocol  string          `json:"protocol"` // which questions were asked, and what that means
	Questions int             `json:"questions"`
	Of        int             `json:"of"` // questions of the test part
	Documents int             `json:"documents"`
	Passages  int             `json:"passages"`
	Seconds   float64         `json:"indexSeconds"`
	Encoder   string          `json:"encoder,omitempty"`
	Fusion    evidence.Fusion `json:"fusion"`
	Runs      []Run           `json:"runs"`
	Seed      uint64          `json:"seed"`
}

// Compare indexes the answers of all pairs and asks the test questions by BM25,
// by vectors and by both. All answers are in the index, also those of training
// pairs: they are what a test answer has to stand out from.
func Compare(ctx context.Context, pairs []Pair, o Options, progress func(what string, done, of int)) (Comparison, error) {
	c := Comparison{Protocol: o.protocol(), Seed: o.Seed, Fusion: o.Fusion}
	if o.Fusion.Method == "" {
		c.Fusion = evidence.DefaultFusion
	}
	own := len(pairs)
	pairs = slices.Concat(pairs, o.Instead)
	c.Documents = len(pairs)
	asked := func(n int) []int {
		if len(o.Instead) > 0 {
			places := Sample(o.Instead, func(Pair) bool { return true }, n, o.Seed)
			for i := range places {
				places[i] += own
			}
			return places
		}
		return Sample(pairs, func(p Pair) bool { return o.All || Split(p.Focus) == Test }, n, o.Seed)
	}
	c.Of = len(asked(0))
	places := asked(o.Sample)
	c.Questions = len(places)
	var err error
	if o.folder, err = os.MkdirTemp("", "consilium-eval-"); err != nil {
		return c, fault.Wrap(err, fault.IO, "there is no room for a temporary index", "free some space")
	}
	defer os.RemoveAll(o.folder)
	ix, err := indexAnswers(ctx, pairs, o, &c, progress)
	if err != nil {
		return c, err
	}
	defer ix.Close()
	modes := []string{evidence.Words}
	if o.Encoder != nil {
		c.Encoder = o.Encoder.Name()
		modes = append(modes, evidence.Dense, evidence.Fused)
	}
	for _, mode := range modes {
		run, err := ask(ctx, ix, pairs, places, evidence.Query{Mode: mode, Fusion: c.Fusion}, o.Seed, progress)
		if err != nil {
			return c, err
		}
		if len(c.Runs) > 0 {
			if run.Less, err = Differences(run.ranks, c.Runs[0].ranks, o.Seed); err != nil {
				return c, err
			}
		}
		c.Runs = append(c.Runs, run)
	}
	return c, nil
}

func indexAnswers(ctx context.Context, pairs []Pair, o Options, c *Comparison, progress func(string, int, int)) (*evidence.Index, error) {
	start := time.Now()
	ix, err := evidence.Open(ctx, o.folder, evidence.Options{Encoder: o.Encoder, Passage: o.Passage})
	if err != nil {
		return nil, err
	}
	_, err = ix.Add(ctx, Documents(pairs), func(r evidence.Report) { progress("indexed", r.Seen(), len(pairs)) })
	if err != nil {
		ix.Close()
		return nil, err
	}
	c.Seconds = time.Since(start).Seconds()
	status, err := ix.Status()
	c.Passages = status.Passages
	return ix, err
}

// ask measures one way of searching, time included.
func ask(ctx context.Context, ix *evidence.Index, pairs []Pair, places []int, q evidence.Query, seed uint64, progress func(string, int, int)) (Run, error) {
	times := make([]float64, 0, len(places))
	last := time.Now()
	ranks, err := KnownItem(ctx, ix, pairs, places, q, func(done int) {
		now := time.Now()
		times = append(times, now.Sub(last).Seconds()*1000)
		last = now
		if done%500 == 0 {
			progress("asked by "+q.Mode, done, len(places))
		}
	})
	if err != nil {
		return Run{}, err
	}
	figures, err := Figures(ranks, seed)
	if err != nil {
		return Run{}, err
	}
	slices.Sort(times)
	return Run{Name: q.Mode, Figures: figures, P50: times[len(times)/2], P99: times[len(times)*99/100], ranks: ranks}, nil
}
