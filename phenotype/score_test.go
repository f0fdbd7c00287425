package phenotype

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"consilium/dataset/settest"
	"consilium/ontology"
)

var realOntology = sync.OnceValues(func() (*ontology.Base, error) { return ontology.Read(hpoFiles...) })

var hpoFiles []string

// hpoExtractor reads HPO itself; it skips the test where HPO is not.
func hpoExtractor(t testing.TB) *Extractor {
	t.Helper()
	folder := settest.Data(t, "hpo")
	hpoFiles = []string{filepath.Join(folder, "hp.v2024-08-13.json.gz"), filepath.Join(folder, "phenotype.2023-01-27.hpoa.gz")}
	base, err := realOntology()
	if err != nil {
		t.Fatal(err)
	}
	x, err := NewExtractor(base.Ontology)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func marked(t testing.TB, part string) []Marked {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "marked", part+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	set, err := ReadMarked(f)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestMarked holds the figures of docs/phenotype.md: no worse than they were,
// and far above the baseline. Nothing was tuned on the test part.
func TestMarked(t *testing.T) {
	x := hpoExtractor(t)
	for _, c := range []struct {
		part            string
		terms, triples  float64
		above, baseline float64
	}{
		{"dev", 0.93, 0.93, 0.4, 0.45},
		{"test", 0.5, 0.5, 0.2, 0.5},
	} {
		e, err := x.Evaluate(t.Context(), marked(t, c.part), 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range e.Scores {
			t.Logf("%-4s %-34s marked %3d found %3d  P %.3f R %.3f F1 %.3f (%.3f to %.3f)  baseline %.3f", c.part, s.Name, s.Marked, s.Found, s.Precision, s.Recall, s.F1, s.Low, s.High, e.Baseline[i].F1)
		}
		t.Logf("%-4s %d sentences, assertions right %.3f, gain %.3v", c.part, e.Sentences, e.Assertion, e.Gain)
		if e.Scores[0].F1 < c.terms || e.Scores[1].F1 < c.triples || e.Gain[1] < c.above || e.Baseline[1].F1 > c.baseline {
			t.Errorf("%s: terms %.3f, triples %.3f, gain %.3v, baseline %.3f", c.part, e.Scores[0].F1, e.Scores[1].F1, e.Gain, e.Baseline[1].F1)
		}
	}
}
