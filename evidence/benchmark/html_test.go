package benchmark

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/evidence"
	"consilium/fault"
	"consilium/figure/pagetest"
)

var keep = flag.String("keep", "", "file to keep the example page in, to look at it")

// example is a comparison of invented ranks.
func example(t *testing.T) *Comparison {
	t.Helper()
	words, both := []int{0, 1, 2, 3, 0, 10, 1, 4}, []int{1, 1, 2, 1, 0, 3, 1, 2}
	c := &Comparison{Protocol: Options{All: true}.protocol(), Questions: 8, Of: 20, Documents: 100, Passages: 120, Seconds: 1.5, Encoder: "encoder <1>", Fusion: evidence.DefaultFusion, Seed: 2}
	for i, name := range []string{evidence.Words, evidence.Dense, evidence.Fused} {
		r := Run{Name: name, P50: 1.5, P99: 7.25, ranks: both}
		if i == 0 {
			r.ranks = words
		}
		var err error
		if r.Figures, err = Figures(r.ranks, 1); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			if r.Less, err = Differences(r.ranks, words, 1); err != nil {
				t.Fatal(err)
			}
		}
		c.Runs = append(c.Runs, r)
	}
	return c
}

func TestPageIsWellFormedAndComplete(t *testing.T) {
	var b bytes.Buffer
	if err := WriteHTML(&b, example(t)); err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		if err := os.WriteFile(*keep, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if seen := pagetest.Check(t, b.String()); !seen["measures"] || !seen["differences"] {
		t.Errorf("figures %v", seen)
	}
	for _, text := range []string{clinical.Disclaimer, "encoder &lt;1&gt;", "has seen most of them", "vectors less BM25", "0.250", "+0.250", "7.25", "nDCG@10"} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}

func TestPageOfWordsAlone(t *testing.T) {
	c := example(t)
	c.Runs, c.Encoder = c.Runs[:1], ""
	for _, c := range []*Comparison{c, {}} {
		var b bytes.Buffer
		if err := WriteHTML(&b, c); err != nil {
			t.Fatal(err)
		}
		if seen := pagetest.Check(t, b.String()); seen["differences"] || !strings.Contains(b.String(), "BM25 alone") {
			t.Errorf("figures %v", seen)
		}
	}
	if err := WriteHTML(broken{}, c); fault.CodeOf(err) != fault.IO {
		t.Errorf("to a broken writer: %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// Figures by hand: two of eight at rank 1, and the interval around them; as JSON, flat.
func TestFigures(t *testing.T) {
	got, err := Figures([]int{0, 1, 2, 3, 0, 10, 1, 4}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if r1 := got[0]; r1.Name != "R@1" || r1.Value != 0.25 || r1.Low != 0 || r1.High < 0.5 || r1.High > 0.75 {
		t.Errorf("%+v", got[0])
	}
	text, err := json.Marshal(got[1])
	if err != nil || !strings.HasPrefix(string(text), `{"name":"R@10","value":0.75,"low":`) {
		t.Errorf("%s %v", text, err)
	}
	same, err := Differences([]int{1, 2, 0}, []int{1, 2, 0}, 1)
	if err != nil || same[2].Value != 0 || same[2].Low != 0 || same[2].High != 0 {
		t.Errorf("no difference: %+v %v", same, err)
	}
	if _, err := Figures(nil, 1); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := Differences([]int{1}, nil, 1); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("unpaired: %v", err)
	}
}
