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

func TestDev(t *testing.T) {
	x := hpoExtractor(t)
	e, err := x.Evaluate(t.Context(), marked(t, "dev"), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range e.Scores {
		t.Logf("%-34s marked %3d found %3d  P %.3f R %.3f F1 %.3f (%.3f to %.3f)  baseline %.3f", s.Name, s.Marked, s.Found, s.Precision, s.Recall, s.F1, s.Low, s.High, e.Baseline[i].F1)
	}
	t.Logf("assertions right %.3f, gain %.3v", e.Assertion, e.Gain)
	for _, d := range e.Differences {
		t.Logf("%s\n   missed %q\n   wrong  %q", d.Text, d.Missed, d.Wrong)
	}
}
