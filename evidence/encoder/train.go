package encoder

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"consilium/fault"
)

// minPairs is what a model is trained on at least.
const minPairs = 32

// Step tells how far training is.
type Step struct {
	Epoch, Epochs int // Epoch counts from 0
	Step, Steps   int // within the epoch, Step from 1
	Loss          float64
}

// Options are what is not part of the result: how training is watched and kept.
type Options struct {
	Checkpoint string     // file that is written after each epoch and gone on from; "" keeps none
	Progress   func(Step) // may be nil
}

// trainer holds the state of one training run.
type trainer struct {
	cfg     Config
	vocab   []string
	lexicon lexicon
	pairs   []prepared
	net     *network
	grad    *gradient
	table   adagrad
	side    [2]adagrad
	epoch   int // epochs that are done
}

// prepared is a pair split into words, with the identities that negatives are checked by.
type prepared struct {
	question, passage     []string
	questionID, passageID uint64
}

// Train fits a model to pairs. The same pairs, configuration and seed give the same model, whether or not
// the run was stopped and gone on with. When ctx ends, the checkpoint of the last whole epoch stays and
// the error is INTERRUPTED. Too few pairs are DATA_UNFIT, a checkpoint of another run CHECKPOINT_BAD.
func Train(ctx context.Context, pairs []Pair, cfg Config, o Options) (*Model, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if len(pairs) < minPairs {
		return nil, fault.New(fault.DataUnfit, fmt.Sprintf("%d pairs of question and passage", len(pairs)),
			fmt.Sprintf("train on at least %d; a useful encoder wants thousands", minPairs))
	}
	t := newTrainer(pairs, cfg)
	groups := groupsOf(pairs)
	run := fingerprint(pairs, cfg)
	if err := t.resume(o.Checkpoint, run); err != nil {
		return nil, err
	}
	for ; t.epoch < cfg.Epochs; t.epoch++ {
		if err := t.runEpoch(ctx, groups, o.Progress); err != nil {
			return nil, err
		}
		if err := t.save(o.Checkpoint, run, t.epoch+1); err != nil {
			return nil, err
		}
	}
	return quantise(t.net, t.vocab, cfg), nil
}

func newTrainer(pairs []Pair, cfg Config) *trainer {
	t := &trainer{cfg: cfg, pairs: make([]prepared, len(pairs))}
	for i, p := range pairs {
		t.pairs[i] = prepared{words(p.Question), words(p.Passage), identity(p.Question), identity(p.Passage)}
	}
	t.vocab = chooseVocabulary(t.pairs, cfg)
	t.lexicon = newLexicon(t.vocab, cfg.Buckets)
	t.net = newNetwork(t.lexicon.rows(), cfg.Dimensions, rand.New(rand.NewPCG(cfg.Seed, 0)))
	t.grad = newGradient(t.net)
	t.table = newAdagrad(len(t.net.table))
	for s := range t.side {
		t.side[s] = newAdagrad(len(t.net.side[s]))
	}
	return t
}

// chooseVocabulary takes the words that occur in most texts; ties in alphabetical order.
func chooseVocabulary(pairs []prepared, cfg Config) []string {
	count := map[string]int{}
	for _, p := range pairs {
		for _, text := range [][]string{p.question, p.passage} {
			seen := map[string]bool{}
			for _, w := range text {
				if !seen[w] {
					seen[w] = true
					count[w]++
				}
			}
		}
	}
	var list []string
	for w, n := range count {
		if n >= cfg.MinCount {
			list = append(list, w)
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	return list[:min(len(list), cfg.Vocabulary)]
}

// runEpoch takes every pair once. Its randomness depends on seed and epoch only, so that a resumed run is the same run.
func (t *trainer) runEpoch(ctx context.Context, groups [][]int, progress func(Step)) error {
	rng := rand.New(rand.NewPCG(t.cfg.Seed, uint64(t.epoch)+1))
	batches := deal(groups, t.cfg, rng)
	for i, batch := range batches {
		if ctx.Err() != nil {
			return fault.New(fault.Interrupted, "training was stopped", "run it again with the same checkpoint to go on")
		}
		done := (float64(t.epoch) + float64(i)/float64(len(batches))) / float64(t.cfg.Epochs)
		loss := t.step(batch, t.cfg.Rate*(1-done), rng)
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fault.New(fault.DataUnfit, "the loss is not finite", "train with a lower rate")
		}
		if progress != nil {
			progress(Step{t.epoch, t.cfg.Epochs, i + 1, len(batches), loss})
		}
	}
	return nil
}

// step is one update on one batch; it gives the loss before the update.
func (t *trainer) step(batch []int, rate float64, rng *rand.Rand) float64 {
	var sides [2][]example
	for _, i := range batch {
		sides[question] = append(sides[question], t.example(t.pairs[i].question, rng))
		sides[passage] = append(sides[passage], t.example(t.pairs[i].passage, rng))
	}
	q, p := t.net.forward(question, sides[question]), t.net.forward(passage, sides[passage])
	loss, dq, dp := contrast(q.unit, p.unit, t.net.d, t.cfg.Sharpness, func(i, j int) bool {
		a, b := &t.pairs[batch[i]], &t.pairs[batch[j]]
		return a.questionID == b.questionID || a.passageID == b.passageID
	})
	t.grad.reset(t.net.d)
	t.net.backward(question, q, dq, t.grad)
	t.net.backward(passage, p, dp, t.grad)
	d := t.net.d
	for _, row := range t.grad.touched {
		at := int(row) * d
		t.table.update(t.net.table[at:at+d], t.grad.table[at:at+d], at, rate)
	}
	for s := range t.side {
		t.side[s].update(t.net.side[s], t.grad.side[s], 0, rate/4)
	}
	return loss
}

// example makes the input of one text for one step: words are dropped and spelt by chance, so that no
// question depends on one word and n-grams learn what words mean.
func (t *trainer) example(text []string, rng *rand.Rand) example {
	kept := make([]string, 0, len(text))
	for _, w := range text {
		if t.cfg.Drop == 0 || rng.Float64() >= t.cfg.Drop {
			kept = append(kept, w)
		}
	}
	if len(kept) == 0 {
		kept = text
	}
	spelt := map[string]bool{}
	spell := func(w string) bool {
		s, drawn := spelt[w]
		if !drawn {
			s = t.cfg.Spell > 0 && rng.Float64() < t.cfg.Spell
			spelt[w] = s
		}
		return s
	}
	return makeExample(t.lexicon, kept, t.cfg.Opening, spell)
}

func makeExample(l lexicon, text []string, opening int, spell func(string) bool) example {
	return example{l.bag(text, spell), l.bag(text[:min(opening, len(text))], spell)}
}

// identity tells equal texts, whatever their spacing and case.
func identity(text string) uint64 {
	h := fnv.New64a()
	for _, w := range words(text) {
		_, _ = h.Write([]byte(w))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// adagrad is the sum of squared derivatives of each parameter (Duchi et al., JMLR 2011).
type adagrad []float32

func newAdagrad(n int) adagrad { return make(adagrad, n) }

// update moves parameters, whose sums start at from.
func (a adagrad) update(parameters, derivatives []float32, from int, rate float64) {
	sums := a[from : from+len(parameters)]
	for i, g := range derivatives {
		sums[i] += g * g
		if g != 0 {
			parameters[i] -= float32(rate) * g / (float32(math.Sqrt(float64(sums[i]))) + 1e-8)
		}
	}
}
