package encoder

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"consilium/fault"
)

// invented makes pairs as a corpus of diseases has them: each disease has a made-up name and one passage for
// each kind of question, in words of that kind. Some passages do not name their disease.
func invented(subjects int, seed uint64) []Pair {
	kinds := map[string]string{
		"what are the symptoms of":    "signs include fever rash pain and fatigue in most people",
		"what are the treatments for": "doctors give surgery drugs and radiation as therapy",
		"what causes":                 "mutations of a gene or an infection lead to it",
	}
	var asked []string
	for q := range kinds {
		asked = append(asked, q)
	}
	slices.Sort(asked)
	rng := rand.New(rand.NewPCG(seed, 9))
	var pairs []Pair
	for range subjects {
		name := ""
		for range 4 {
			name += string(rune('a'+rng.IntN(26))) + string("aeiou"[rng.IntN(5)])
		}
		for _, q := range asked {
			pairs = append(pairs, Pair{Question: q + " " + name, Passage: name + " " + kinds[q], Group: name})
		}
	}
	return pairs
}

func smallConfig() Config {
	return Config{Dimensions: 24, Vocabulary: 60, Buckets: 400, MinCount: 3, Opening: 4, Batch: 30, PerGroup: 3, Epochs: 12,
		Rate: 0.1, Sharpness: 10, Spell: 0.1, Drop: 0.1, Seed: 1}
}

func firstRanks(t *testing.T, m *Model, pairs []Pair) float64 {
	t.Helper()
	q, p := encodeSides(t, m, pairs)
	right := 0.0
	for i := range q {
		best := 0
		for j := range p {
			if dot(q[i], p[j]) > dot(q[i], p[best]) {
				best = j
			}
		}
		if best == i {
			right++
		}
	}
	return right / float64(len(pairs))
}

func encodeSides(t *testing.T, m *Model, pairs []Pair) (q, p [][]float32) {
	t.Helper()
	var questions, passages []string
	for _, pair := range pairs {
		questions, passages = append(questions, pair.Question), append(passages, pair.Passage)
	}
	q, err := m.Encode(context.Background(), questions, true)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = m.Encode(context.Background(), passages, false); err != nil {
		t.Fatal(err)
	}
	return q, p
}

// Names that training never saw are found by their n-grams, the kind of passage by what was learnt.
func TestTrainFindsPassagesOfUnseenSubjects(t *testing.T) {
	m, err := Train(context.Background(), invented(120, 1), smallConfig(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	unseen := invented(20, 2)
	if got := firstRanks(t, m, unseen); got < 0.8 {
		t.Errorf("%.2f of %d questions on unseen subjects find their passage first", got, len(unseen))
	}
	once := smallConfig()
	once.Epochs, once.Rate = 1, 1e-9
	raw, err := Train(context.Background(), invented(120, 1), once, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := firstRanks(t, raw, unseen); got > 0.6 {
		t.Errorf("without training %.2f find it: the test proves nothing", got)
	}
}

// A run that is stopped and gone on with ends in the same bytes.
func TestResumeIsTheSameRun(t *testing.T) {
	pairs, cfg := invented(30, 1), smallConfig()
	cfg.Epochs = 4
	whole, err := Train(context.Background(), pairs, cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "checkpoint")
	ctx, cancel := context.WithCancel(context.Background())
	_, err = Train(ctx, pairs, cfg, Options{Checkpoint: file, Progress: func(s Step) {
		if s.Epoch == 2 {
			cancel()
		}
	}})
	if fault.CodeOf(err) != fault.Interrupted {
		t.Fatalf("stopped: %v", err)
	}
	first := -1
	again, err := Train(context.Background(), pairs, cfg, Options{Checkpoint: file, Progress: func(s Step) {
		if first < 0 {
			first = s.Epoch
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if first != 2 || !bytes.Equal(whole.Bytes(), again.Bytes()) {
		t.Errorf("went on at epoch %d; equal: %v", first, bytes.Equal(whole.Bytes(), again.Bytes()))
	}
	cfg.Seed++
	if _, err = Train(context.Background(), pairs, cfg, Options{Checkpoint: file}); fault.CodeOf(err) != fault.CheckpointBad {
		t.Errorf("checkpoint of another run: %v", err)
	}
	if err := os.WriteFile(file, []byte("CNSLENK1 cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = Train(context.Background(), pairs, cfg, Options{Checkpoint: file}); fault.CodeOf(err) != fault.CheckpointBad {
		t.Errorf("damaged checkpoint: %v", err)
	}
}

func TestWhatCannotBeTrained(t *testing.T) {
	if _, err := Train(context.Background(), invented(2, 1), smallConfig(), Options{}); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("six pairs: %v", err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Dimensions = 0 }, func(c *Config) { c.Batch = 1 }, func(c *Config) { c.Rate = math.NaN() },
		func(c *Config) { c.Vocabulary, c.Buckets = 0, 0 }, func(c *Config) { c.Drop = 1 }, func(c *Config) { c.Epochs = 0 },
	} {
		c := smallConfig()
		change(&c)
		if _, err := Train(context.Background(), invented(30, 1), c, Options{}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: %v", c, err)
		}
	}
	empty := make([]Pair, 40)
	if _, err := Train(context.Background(), empty, smallConfig(), Options{}); err != nil {
		t.Errorf("pairs without words: %v", err) // a table of buckets alone: useless, and no crash
	}
}

// Every pair is dealt once, batches have about one size, and a cluster of a group stays in one piece of the order.
func TestDealTakesEveryPairOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "pairs")
		pairs := make([]Pair, n)
		for i := range pairs {
			pairs[i].Group = fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "group"))
		}
		cfg := Config{Batch: rapid.IntRange(2, 50).Draw(t, "batch"), PerGroup: rapid.IntRange(1, 9).Draw(t, "perGroup")}
		seen := make([]bool, n)
		for _, b := range deal(groupsOf(pairs), cfg, rand.New(rand.NewPCG(1, 2))) {
			if len(b) > 2*cfg.Batch {
				t.Fatalf("a batch of %d, asked for %d", len(b), cfg.Batch)
			}
			for _, i := range b {
				if seen[i] {
					t.Fatalf("pair %d twice", i)
				}
				seen[i] = true
			}
		}
		if slices.Contains(seen, false) {
			t.Fatal("a pair is missing")
		}
	})
}
