package phenotype

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"consilium/dataset/settest"
	"consilium/fault"
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
		{"test", 0.87, 0.86, 0.4, 0.45},
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

// TestMarksAreTerms: every mark is an active term of HPO, by its label.
func TestMarksAreTerms(t *testing.T) {
	x := hpoExtractor(t)
	sentences, marks := map[string]string{}, 0
	for _, part := range []string{"dev", "test"} {
		for _, m := range marked(t, part) {
			if other, twice := sentences[m.Text]; twice {
				t.Errorf("%q stands in %s and %s", m.Text, other, part)
			}
			sentences[m.Text] = part
			for _, f := range m.Marks {
				marks++
				if r := x.ontology.Resolve(f.Term); r.Status != ontology.Active || x.ontology.Label(r.Term) != f.Label {
					t.Errorf("%s %q is %s", f.Term, f.Label, r.Status)
				}
			}
		}
	}
	if len(sentences) < 250 {
		t.Errorf("%d sentences", len(sentences))
	}
	t.Logf("%d sentences, %d marks", len(sentences), marks)
}

func TestReadMarked(t *testing.T) {
	set, err := ReadMarked(strings.NewReader("# c\n> one\n> two\nfamily absent HP:1 A b [left]\nuncertain HP:2 C\n\n> three\n"))
	if err != nil || len(set) != 2 || set[0].Text != "one\ntwo" || len(set[0].Marks) != 2 || len(set[1].Marks) != 0 {
		t.Fatalf("%+v, %v", set, err)
	}
	if f := set[0].Marks[0]; !f.Family || !f.Excluded || f.Uncertain || f.Laterality != "left" || f.Label != "A b" {
		t.Errorf("%+v", f)
	}
	for text, code := range map[string]fault.Code{
		"": fault.InputEmpty, "present HP:1 A": fault.InputMalformed, "> a\nHP:1 A": fault.InputMalformed, "> a\nmaybe HP:1 A": fault.InputMalformed, "> a\npresent HP:1 A [up]": fault.InputMalformed,
	} {
		if _, err := ReadMarked(strings.NewReader(text)); fault.CodeOf(err) != code {
			t.Errorf("%q: %v, want %s", text, err, code)
		}
	}
}

// TestScores: counts, means and intervals of a set that can be checked by hand.
func TestScores(t *testing.T) {
	x := sampleExtractor(t)
	set, err := ReadMarked(strings.NewReader("> No fever but tremor.\nabsent EXAMPLE:0000004 Fever\npresent EXAMPLE:0000016 Tremor\n\n> Seizures.\nabsent EXAMPLE:0000011 Seizure\n\n> Nothing said.\npresent EXAMPLE:0000014 Headache\n"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := x.Evaluate(t.Context(), set, 1)
	if err != nil {
		t.Fatal(err)
	}
	terms, triples := e.Scores[0], e.Scores[1]
	if terms.Marked != 4 || terms.Found != 3 || terms.Precision != 1 || terms.Recall != 0.75 || triples.Precision != 2.0/3 || triples.Recall != 0.5 || e.Assertion != 2.0/3 {
		t.Errorf("%+v\n%+v\n%v", terms, triples, e.Assertion)
	}
	if triples.Low > triples.F1 || triples.High < triples.F1 || triples.Low < 0 || triples.High > 1 || len(e.Differences) != 2 {
		t.Errorf("%+v %v", triples, e.Differences)
	}
	if b := e.Baseline[1]; b.Found != 2 || b.Precision != 0.5 { // "Seizures" is no label, "fever" is taken for present
		t.Errorf("baseline %+v", b)
	}
	again, _ := x.Evaluate(t.Context(), set, 1)
	if !slices.Equal(e.Scores, again.Scores) || e.Gain != again.Gain {
		t.Error("the same seed gives other figures")
	}
}
