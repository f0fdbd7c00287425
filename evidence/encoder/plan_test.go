package encoder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/dataset/settest"
	"consilium/evidence"
	"consilium/evidence/benchmark"
	"consilium/fault"
)

func sequence(documents []evidence.Document, failures int) iter.Seq2[evidence.Document, error] {
	return func(yield func(evidence.Document, error) bool) {
		for range failures {
			if !yield(evidence.Document{}, fault.New(fault.InputMalformed, "broken", "")) {
				return
			}
		}
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func TestPairsOfTitlesAndOfSentences(t *testing.T) {
	long := strings.Repeat("This sentence is one of very many. ", 100)
	documents := []evidence.Document{
		{ID: "titled", Title: "Gout", Text: "Gout is an arthritis. It hurts."},
		{ID: "long", Title: "Many", Text: long},
		{ID: "bare", Text: "First things come. Second things follow. Third things end."},
		{ID: "short", Text: "Too short. For this."},
	}
	pairs, made, err := Pairs(sequence(documents, 3), 1)
	if err != nil {
		t.Fatal(err)
	}
	if made.Documents != 4 || made.Refused != 3 || made.Titles != 4 || made.Cloze != 1 || len(pairs) != 5 {
		t.Errorf("made %+v, %d pairs", made, len(pairs))
	}
	if p := pairs[0]; p != (Pair{"Gout", "Gout is an arthritis. It hurts.", "titled"}) {
		t.Errorf("pair of a title: %+v", p)
	}
	for _, p := range pairs {
		if len(p.Passage) > passageSize+40 {
			t.Errorf("a passage of %d bytes", len(p.Passage))
		}
	}
	cloze := pairs[4]
	if !strings.Contains(documents[2].Text, cloze.Question) || cloze.Group != "bare" {
		t.Errorf("cloze: %+v", cloze)
	}
}

// In most passages the sentence that asks is taken out, in some it stays.
func TestClozeMostlyTakesItsSentenceOut(t *testing.T) {
	var documents []evidence.Document
	for i := range 500 {
		documents = append(documents, evidence.Document{ID: fmt.Sprint(i), Text: "First things come. Second things follow. Third things end."})
	}
	pairs, _, err := Pairs(sequence(documents, 0), 7)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, p := range pairs {
		if strings.Contains(p.Passage, p.Question) {
			kept++
		}
	}
	if kept < 25 || kept > 80 { // 50 expected, deviation 7
		t.Errorf("%d of %d passages keep their sentence", kept, len(pairs))
	}
}

func TestCorporaThatGiveNothing(t *testing.T) {
	if _, _, err := Pairs(sequence([]evidence.Document{{ID: "a", Text: "One. Two."}}, 0), 1); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("no pair: %v", err)
	}
	if _, _, err := Pairs(sequence(nil, maxRefusals+1), 1); fault.CodeOf(err) != fault.InputMalformed {
		t.Errorf("unreadable corpus: %v", err)
	}
}

// The whole way: documents in, a folder out that Load reads; an interruption goes on.
func TestPlanWritesModelAndCard(t *testing.T) {
	var documents []evidence.Document
	for i, p := range invented(60, 1) {
		documents = append(documents, evidence.Document{ID: fmt.Sprint(i), Title: p.Question, Text: p.Passage})
	}
	cfg := smallConfig()
	cfg.Epochs = 3
	plan := Plan{Folder: filepath.Join(t.TempDir(), "new"), Config: cfg, Card: Card{Data: "invented words", Licence: "none", Command: "consilium x"}}
	if err := plan.AddDocuments(sequence(documents, 0)); err != nil {
		t.Fatal(err)
	}
	if h := len(plan.HeldOut); h < 5 || h > 40 || h+len(plan.Train) != len(documents) {
		t.Fatalf("%d held out of %d", h, len(documents))
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err := plan.Run(ctx, func(s Step) {
		if s.Epoch == 1 {
			cancel()
		}
	})
	if fault.CodeOf(err) != fault.Interrupted {
		t.Fatalf("stopped: %v", err)
	}
	r, err := plan.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(filepath.Join(plan.Folder, ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name() != r.Card.Name || len(r.Card.Figures) == 0 || len(r.AgainstShipped) != len(r.Card.Figures) {
		t.Errorf("%s, result %+v", m.Name(), r)
	}
	data, err := os.ReadFile(filepath.Join(plan.Folder, cardFile))
	var card Card
	if err = errors.Join(err, json.Unmarshal(data, &card)); err != nil || card.Pairs != len(plan.Train) || card.Name != m.Name() {
		t.Errorf("card %+v, %v", card, err)
	}
	if _, err := os.Stat(filepath.Join(plan.Folder, checkpointFile)); !errors.Is(err, os.ErrNotExist) {
		t.Error("the checkpoint stays after the end")
	}
}

func TestRanks(t *testing.T) {
	pairs := []Pair{{Question: "a", Passage: "x"}, {Question: "b", Passage: "y"}, {Question: "a", Passage: "x"}, {Question: "c", Passage: "z"}}
	vectors := map[string][]float32{"a": {1, 0}, "b": {1, 0}, "c": {0, 1}, "x": {1, 0}, "y": {0.9, 0.1}, "z": {0, 1}}
	got, err := Ranks(context.Background(), known(vectors), pairs)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 2, 1, 1} { // b's own passage y comes after x
		if got[i] != want {
			t.Errorf("pair %d has rank %d, want %d", i, got[i], want)
		}
	}
}

// known is an encoder of given vectors.
type known map[string][]float32

func (k known) Name() string    { return "known" }
func (k known) Dimensions() int { return 2 }
func (k known) Encode(_ context.Context, texts []string, _ bool) ([][]float32, error) {
	var out [][]float32
	for _, t := range texts {
		out = append(out, k[t])
	}
	return out, nil
}

// The shipped weights are those that their card speaks of, and small enough to ship.
func TestShippedModelFitsItsCard(t *testing.T) {
	m, err := New()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join("shipped", cardFile))
	if err != nil {
		t.Fatal(err)
	}
	var card Card
	if err := json.Unmarshal(data, &card); err != nil {
		t.Fatal(err)
	}
	if card.Name != m.Name() || card.Config != m.Config() || !strings.Contains(card.Licence, "CC BY 4.0") {
		t.Errorf("the card is of %s, the model is %s", card.Name, m.Name())
	}
	if len(shipped) > 2_000_000 {
		t.Errorf("%d bytes of weights", len(shipped))
	}
}

// On a hundred real questions whose subjects training never saw, the shipped model finds what its card promises, about.
func TestShippedModelOnUnseenSubjects(t *testing.T) {
	all, err := benchmark.ReadMedQuAD(filepath.Join(settest.Data(t, "medquad"), "medquad.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	_, test := benchmark.Partition(all)
	var pairs []Pair
	for i := 0; i < len(test); i += len(test) / 300 {
		pairs = append(pairs, asPairs(test[i:i+1])...)
	}
	m, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if got := firstRanks(t, m, pairs); got < 0.7 {
		t.Errorf("%.2f of %d questions find their answer first", got, len(pairs))
	}
}

var _ evidence.Encoder = (*Model)(nil)
