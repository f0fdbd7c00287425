package ontology

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestInformationContentIsThatOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, err := anyDraft(t).build()
		if err != nil {
			t.Fatal(err)
		}
		b := &Base{Ontology: o, Diseases: anyDiseases(t, o)}
		got := b.InformationContent()
		for i := range Index(o.Len()) {
			n := 0
			for _, d := range b.Diseases {
				if slices.ContainsFunc(d.Annotations, func(a Annotation) bool { return !a.Excluded && o.IsAncestor(i, a.Term) }) {
					n++
				}
			}
			if want := math.Log(float64(len(b.Diseases)+1) / float64(n+1)); math.Abs(got[i]-want) > 1e-12 {
				t.Fatalf("content of %d is %g, want %g", i, got[i], want)
			}
			for _, p := range o.Parents(i) {
				if got[p] > got[i] {
					t.Fatalf("parent %d tells more than %d", p, i)
				}
			}
			if carriers := b.Carriers(i); len(carriers) != n {
				t.Fatalf("%d carriers of %d, want %d", len(carriers), i, n)
			}
		}
	})
}

func anyDiseases(t *rapid.T, o *Ontology) []Disease {
	diseases := make([]Disease, rapid.IntRange(1, 12).Draw(t, "diseases"))
	for i := range diseases {
		d := &diseases[i]
		d.ID, d.Name = string(rune('a'+i)), "disease"
		for range rapid.IntRange(1, 6).Draw(t, "annotations") {
			a := Annotation{
				Term: Index(rapid.IntRange(0, o.Len()-1).Draw(t, "term")), Excluded: rapid.Bool().Draw(t, "excluded"), Onset: None,
				Aspect: 'P', Evidence: rapid.SampledFrom([]string{"", "PCS"}).Draw(t, "evidence"), Sex: rapid.SampledFrom([]byte{0, 'M', 'F'}).Draw(t, "sex"),
				References: rapid.SampledFrom([][]string{nil, {"R:1"}, {"R:1", "R:2"}}).Draw(t, "references"),
			}
			if rapid.Bool().Draw(t, "counted") {
				den := rapid.IntRange(1, 50).Draw(t, "den")
				num := rapid.IntRange(0, den).Draw(t, "num")
				a.Frequency = Frequency{Num: num, Den: den, Share: float64(num) / float64(den), Known: true}
			} else if rapid.Bool().Draw(t, "a band") {
				a.Frequency = Band(rapid.IntRange(1, int(Absent)).Draw(t, "band")).frequency()
			} else if rapid.Bool().Draw(t, "share") {
				a.Frequency = Frequency{Share: rapid.Float64Range(0, 1).Draw(t, "of"), Known: true}
			}
			if rapid.Bool().Draw(t, "onset") {
				a.Onset = Index(rapid.IntRange(0, o.Len()-1).Draw(t, "at"))
				a.Modifiers = []Index{a.Onset}
			}
			d.Annotations = append(d.Annotations, a)
		}
	}
	return diseases
}

func TestSearchPutsTheClosestFirst(t *testing.T) {
	b, err := Sample()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"seizure": "Seizure", "SEIZ": "Seizure", "fit": "Seizure", "cough blood": "Cough with blood", "blood cough": "Cough with blood",
		"poor sight": "Night blindness", "swollen nodes": "Swollen glands",
	} {
		hits := b.Search(text, 3)
		if len(hits) == 0 || b.Label(hits[0]) != want {
			t.Errorf("%q found %v, want %s", text, labels(b.Ontology, hits), want)
		}
	}
	for _, text := range []string{"", " ,", "nothing of that kind"} {
		if hits := b.Search(text, 3); len(hits) != 0 {
			t.Errorf("%q found %v", text, labels(b.Ontology, hits))
		}
	}
	if hits := b.SearchDiseases("willow", 5); len(hits) != 1 || b.Diseases[hits[0]].ID != "EXAMPLEDISEASE:048" {
		t.Errorf("willow: %v", hits)
	}
	if _, found := b.Disease("EXAMPLEDISEASE:007"); !found {
		t.Error("no disease 7")
	}
	if _, found := b.Disease("EXAMPLEDISEASE:"); found {
		t.Error("a disease without a number")
	}
}

func labels(o *Ontology, terms []Index) (names []string) {
	for _, i := range terms {
		names = append(names, o.Label(i))
	}
	return names
}
