package ontology

import (
	"strings"
	"testing"

	"consilium/fault"
)

func TestFind(t *testing.T) {
	b, err := Sample()
	if err != nil {
		t.Fatal(err)
	}
	for question, want := range map[string]struct{ term, asked, disease, lists string }{
		"":                   {term: "Anything"},
		"EXAMPLE:0000011":    {term: "Seizure"},
		" example:0000011 ":  {term: "Seizure"},
		"EXAMPLE:0000901":    {term: "Seizure", asked: "EXAMPLE:0000901"},
		"example:0000902":    {term: "Cough", asked: "EXAMPLE:0000902"},
		"Seizure":            {term: "Seizure", lists: "Seizure on one side"},
		"CONVULSION":         {term: "Seizure"},
		"side":               {lists: "Seizure on one side"},
		"EXAMPLEDISEASE:001": {disease: "Alder sample disease (invented)"},
		"alder":              {lists: "Alder sample disease (invented)"},
	} {
		a, err := b.Find(question, 10)
		if err != nil {
			t.Errorf("%q: %v", question, err)
			continue
		}
		var term, asked, disease string
		if a.Term != nil {
			term, asked = a.Term.Name, a.Term.Asked
		}
		if a.Disease != nil {
			disease = a.Disease.Name
		}
		listed := want.lists == ""
		for _, n := range append(a.Terms, a.Diseases...) {
			listed = listed || n.Name == want.lists
		}
		if term != want.term || asked != want.asked || disease != want.disease || !listed {
			t.Errorf("%q: term %q asked %q disease %q, terms %v, diseases %v", question, term, asked, disease, a.Terms, a.Diseases)
		}
	}
	for question, says := range map[string]string{
		"EXAMPLE:0000903": "consider EXAMPLE:", "EXAMPLE:9999999": "neither a term nor a disease", "\xff\xfe": "neither",
	} {
		if _, err := b.Find(question, 10); fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", question, err)
		}
	}
	if _, err := b.Find(strings.Repeat("x ", 1e5), 10); fault.CodeOf(err) != fault.InputTooLarge {
		t.Error(err)
	}
}

func TestADiseaseIsShownByFrequency(t *testing.T) {
	b, err := Read(small...)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := b.Disease("OMIM:2")
	s := b.DiseaseSheet(d)
	if len(s.Findings) != 2 || s.Findings[0].Frequency != "3/4 (75%)" || s.Findings[0].Sex != "female" || s.Findings[0].Onset.Name != "Onset" || len(s.Excluded) != 1 || len(s.Genes) != 2 {
		t.Errorf("%+v", s)
	}
	d, _ = b.Disease("ORPHA:1")
	if s := b.DiseaseSheet(d); len(s.Findings) != 1 || s.Findings[0].Frequency != "very frequent (80-99%)" || len(s.Excluded) != 2 {
		t.Errorf("%+v", s)
	}
}
