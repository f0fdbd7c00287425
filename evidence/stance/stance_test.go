package stance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"consilium/fault"
)

// invented makes abstracts whose result says it plainly.
func invented(n int) []Example {
	told := map[string]string{
		Yes:   "The treatment was significantly associated with survival (p < 0.001).",
		No:    "There was no significant difference between the groups (p = 0.6).",
		Maybe: "The effect may be limited; further studies could possibly show a trend.",
	}
	var out []Example
	for i := range n {
		answer := []string{Yes, No, Maybe}[i%3]
		out = append(out, Example{fmt.Sprintf("Does treatment %d change survival?", i),
			[]string{"We asked patients.", fmt.Sprintf("There were %d of them.", i), told[answer]}, answer})
	}
	return out
}

func TestTrainLearnsPlainResults(t *testing.T) {
	examples := invented(90)
	c, err := Train(context.Background(), examples, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range examples[:6] {
		s := c.Judge(e.Question, e.Sentences)
		if s.Label != e.Answer || len(s.Because) == 0 || s.Because[0] != 2 {
			t.Errorf("%s: %+v", e.Answer, s)
		}
	}
	again, err := Train(context.Background(), examples, 1)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := c.JSON()
	b, _ := again.JSON()
	if !bytes.Equal(a, b) {
		t.Error("the same examples and seed give other weights")
	}
	read, err := Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	if p, q := c.Judge(examples[0].Question, examples[0].Sentences), read.Judge(examples[0].Question, examples[0].Sentences); math.Abs(p.Probabilities[Yes]-q.Probabilities[Yes]) > 1e-3 {
		t.Errorf("%v became %v by writing and reading", p, q)
	}
}

func TestShippedClassifier(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	question := "Does treatment affect survival?"
	positive := c.Judge(question, []string{"We treated 90 patients.", "Treatment was significantly associated with longer survival (p < 0.001)."})
	negative := c.Judge(question, []string{"We treated 90 patients.", "Treatment had no significant effect on survival, and survival did not differ (p = 0.7)."})
	if positive.Probabilities[Yes] <= negative.Probabilities[Yes] || negative.Label == Yes {
		t.Errorf("positive %+v, negative %+v", positive, negative)
	}
	for _, s := range []Stance{c.Judge(question, nil), c.Judge("What is gout?", []string{"Gout is an arthritis."})} {
		if s.Label != CannotTell || s.Probabilities != nil || s.Because != nil {
			t.Errorf("nothing to judge, and yet %+v", s)
		}
	}
}

// The vector is the question's part and the sum of the sentences' parts: so Because tells what decided.
func TestVectorIsTheSumOfItsSentences(t *testing.T) {
	words := []string{"no", "significant", "difference", "treatment", "survival", "may", "p", "<", "0.01", "similar", "."}
	rapid.Check(t, func(t *rapid.T) {
		var sentences []string
		for range rapid.IntRange(1, 6).Draw(t, "sentences") {
			s := ""
			for _, w := range rapid.SliceOfN(rapid.SampledFrom(words), 0, 8).Draw(t, "words") {
				s += w + " "
			}
			sentences = append(sentences, s)
		}
		r := read("is treatment as safe for survival?", sentences)
		for _, weights := range r.weights {
			sum := 0.0
			for _, w := range weights {
				sum += w
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Fatalf("weights sum to %g", sum)
			}
		}
		sum := make([]float64, featureCount)
		copy(sum, r.question)
		for i := range sentences {
			for j, v := range r.sentence(i) {
				sum[j] += v
			}
		}
		for j, v := range r.vector() {
			if math.Abs(v-sum[j]) > 1e-9 {
				t.Fatalf("feature %s", featureNames()[j])
			}
		}
	})
}

func TestEveryFeatureHasOneName(t *testing.T) {
	all := featureNames()
	if len(all) != featureCount || len(crossedQuestion) != len(crossed) || len(crossedSentence) != len(crossedWith) {
		t.Fatalf("%d names for %d features", len(all), featureCount)
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != featureCount {
		t.Error("two features have one name")
	}
}

func TestBadModelsAreCoded(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	good, _ := c.JSON()
	for name, change := range map[string]func(*Model){
		"other features": func(m *Model) { m.Features[0] = "x" },
		"fewer classes":  func(m *Model) { m.Logistic.Bias = m.Logistic.Bias[:2] },
		"short row":      func(m *Model) { m.Logistic.Weights[1] = m.Logistic.Weights[1][:3] },
		"huge weight":    func(m *Model) { m.Logistic.Weights[1][0] = 1e300 },
		"temperature":    func(m *Model) { m.Calibration.Temperature = -1 },
		"threshold":      func(m *Model) { m.Conformal.Threshold = 2 },
	} {
		var m Model
		if err := json.Unmarshal(good, &m); err != nil {
			t.Fatal(err)
		}
		change(&m)
		bad, _ := json.Marshal(m)
		if _, err := Parse(bad); fault.CodeOf(err) != fault.ModelMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse([]byte("{")); fault.CodeOf(err) != fault.ModelMalformed {
		t.Errorf("no JSON: %v", err)
	}
}

func TestWhatCannotBeTrained(t *testing.T) {
	if _, err := Train(context.Background(), invented(9), 1); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("nine examples: %v", err)
	}
	bad := invented(90)
	bad[3].Answer = "perhaps"
	if _, err := Train(context.Background(), bad, 1); fault.CodeOf(err) != fault.InputMalformed {
		t.Errorf("an unknown answer: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Train(ctx, invented(90), 1); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("after cancel: %v", err)
	}
}

// Folds hold about equal shares of each answer.
func TestDealIsStratified(t *testing.T) {
	truth := make([]int, 100)
	for i := range truth {
		truth[i] = min(i/45, 2)
	}
	count := [10][3]int{}
	for i, f := range deal(truth, 10, 3) {
		count[f][truth[i]]++
	}
	for f, c := range count {
		if c[0] < 4 || c[0] > 5 || c[1] < 4 || c[1] > 5 || c[2] != 1 {
			t.Errorf("fold %d has %v", f, c)
		}
	}
}
