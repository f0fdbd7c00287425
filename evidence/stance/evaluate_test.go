package stance_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/dataset/settest"
	"consilium/evidence/benchmark"
	"consilium/evidence/stance"
)

func pubmedqa(t *testing.T) []stance.Example {
	t.Helper()
	all, err := benchmark.ReadPubMedQA(filepath.Join(settest.Data(t, "pubmedqa"), "pqal_cv_500.json"))
	if err != nil {
		t.Fatal(err)
	}
	return benchmark.Examples(all)
}

// A small cross-validation on the real questions beats the majority, and one with shuffled answers does not:
// the protocol leaks nothing.
func TestEvaluateOnPubMedQA(t *testing.T) {
	if testing.Short() {
		t.Skip("cross-validation takes seconds")
	}
	examples := pubmedqa(t)
	e, err := stance.Evaluate(context.Background(), examples, 3, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.Majority < 0.551 || e.Majority > 0.553 || e.Accuracy.Value < 0.57 {
		t.Errorf("accuracy %.3f, majority %.3f", e.Accuracy.Value, e.Majority)
	}
	answers := make([]string, len(examples))
	for i, at := range rand.New(rand.NewPCG(1, 1)).Perm(len(examples)) {
		answers[i] = examples[at].Answer
	}
	for i := range examples {
		examples[i].Answer = answers[i]
	}
	e, err = stance.Evaluate(context.Background(), examples, 3, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.Gain.Low > 0 {
		t.Errorf("with shuffled answers the gain is %+v", e.Gain)
	}
}

func TestShipWritesWeightsAndCard(t *testing.T) {
	examples := []stance.Example{}
	for i := range 60 {
		answer := []string{stance.Yes, stance.No, stance.Maybe}[i%3]
		examples = append(examples, stance.Example{Question: "Is it so?", Sentences: []string{"It " + strings.Repeat("may ", i%3) + "not differ."}, Answer: answer})
	}
	folder := filepath.Join(t.TempDir(), "new")
	if err := stance.Ship(context.Background(), examples, stance.Evaluation{Examples: 60, Folds: 2, Seeds: 1}, "consilium x", folder); err != nil {
		t.Fatal(err)
	}
	weights, err := os.ReadFile(filepath.Join(folder, "stance.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stance.Parse(weights); err != nil {
		t.Error(err)
	}
	card, err := os.ReadFile(filepath.Join(folder, "card.md"))
	if err != nil || !strings.Contains(string(card), "PubMedQA") || !strings.Contains(string(card), "consilium x") {
		t.Errorf("card %s, %v", card, err)
	}
}
