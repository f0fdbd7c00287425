package ontology

import (
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestTheSampleHasOneOfEachKind(t *testing.T) {
	b, err := Sample()
	if err != nil {
		t.Fatal(err)
	}
	if !b.Synthetic || b.Len() < 80 || len(b.Diseases) < 40 {
		t.Fatalf("synthetic %v, %d terms, %d diseases", b.Synthetic, b.Len(), len(b.Diseases))
	}
	for id, want := range map[string]Resolution{
		"EXAMPLE:0000901": {Status: Alternative, Term: b.Search("seizure", 1)[0]},
		"EXAMPLE:0000902": {Status: Replaced, Term: b.Search("cough", 1)[0]},
		"EXAMPLE:0000903": {Status: Obsolete, Term: None},
		"HP:0001250":      {Status: Unknown, Term: None},
	} {
		if r := b.Resolve(id); r.Status != want.Status || r.Term != want.Term || (r.Status == Obsolete) != (len(r.Consider) == 2) {
			t.Errorf("%s: %+v, want %+v", id, r, want)
		}
	}
	has := map[string]bool{"genes of all": true, "abnormality": b.Label(b.Abnormality()) == "Finding"}
	for _, d := range b.Diseases {
		has["genes of all"] = has["genes of all"] && len(d.Genes) > 0
		for _, a := range d.Annotations {
			has["excluded"] = has["excluded"] || a.Excluded
			has["onset"] = has["onset"] || a.Onset != None
			has["sex"] = has["sex"] || a.Sex != 0
			has["modifier"] = has["modifier"] || a.Modifiers != nil
			has["counts"] = has["counts"] || a.Frequency.Den > 0
			has["percentage"] = has["percentage"] || a.Frequency.Known && a.Frequency.Den == 0 && a.Frequency.Band == NoBand
			has["band"] = has["band"] || a.Frequency.Band != NoBand
			has["no frequency"] = has["no frequency"] || !a.Frequency.Known
		}
	}
	for what, there := range has {
		if !there {
			t.Error("missing:", what)
		}
	}
}

// Every term of a case is one of the sample.
func TestTheCasesOfTheSampleUseItsTerms(t *testing.T) {
	b, err := Sample()
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(SampleCases(), "case-*.json")
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(SampleCases(), name)
		if err != nil {
			t.Fatal(err)
		}
		var packet struct {
			PhenotypicFeatures []struct{ Type struct{ ID, Label string } }
			Interpretations    []struct {
				Diagnosis struct{ Disease struct{ ID string } }
			}
		}
		if err := json.Unmarshal(text, &packet); err != nil || len(packet.PhenotypicFeatures) < 5 {
			t.Fatal(name, err)
		}
		for _, f := range packet.PhenotypicFeatures {
			if i, ok := b.Lookup(f.Type.ID); !ok || b.Label(i) != f.Type.Label {
				t.Errorf("%s: %v is not of the sample", name, f.Type)
			}
		}
		if _, ok := b.Disease(packet.Interpretations[0].Diagnosis.Disease.ID); !ok {
			t.Errorf("%s: its disease is not of the sample", name)
		}
	}
}

func TestEveryFileOfTheSampleSaysThatItIsInvented(t *testing.T) {
	for _, path := range []string{"sample/example.json", "sample/example.hpoa", "sample/genes_to_example.txt", "sample/cases/case-1.json", "sample/cases/case-2.json", "sample/cases/case-3.json"} {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "SYNTHETIC") {
			t.Errorf("%s does not say so: %v", path, err)
		}
	}
}
