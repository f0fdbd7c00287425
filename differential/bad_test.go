package differential

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"consilium/clinical"
	"consilium/fault"
	"consilium/ontology"
)

func TestBadCases(t *testing.T) {
	m := tiny(t)
	f := func(f clinical.PhenotypicFeature) clinical.Phenotype {
		return clinical.Phenotype{Features: []clinical.PhenotypicFeature{f}}
	}
	for name, c := range map[string]struct {
		p                  clinical.Phenotype
		observed, excluded int
		notes              []string // codes
		says               string
	}{
		"nothing":                    {clinical.Phenotype{}, 0, 0, nil, ""},
		"a feature without a term":   {f(clinical.PhenotypicFeature{}), 0, 0, []string{CodeUnknown}, "not a term"},
		"unknown":                    {patient("404"), 0, 0, []string{CodeUnknown}, "HP:0000404"},
		"junk":                       {patient(":\x00\xff<script>"), 0, 0, []string{CodeUnknown}, ""},
		"unknown and excluded":       {patient("!404", "1250"), 1, 0, []string{CodeUnknown}, ""},
		"alternative":                {patient("901"), 1, 0, nil, ""},
		"replaced":                   {patient("902"), 1, 0, nil, ""},
		"obsolete":                   {patient("903"), 0, 0, []string{CodeObsolete}, "consider [HP:0001250]"},
		"the root":                   {patient("1"), 0, 0, []string{CodeNoFinding}, "not a phenotypic abnormality"},
		"any abnormality":            {patient("118"), 0, 0, []string{CodeNoFinding}, "says nothing"},
		"an onset":                   {patient("3577"), 0, 0, []string{CodeNoFinding}, "belongs into the onset"},
		"inheritance":                {patient("6"), 0, 0, []string{CodeNoFinding}, ""},
		"a modifier":                 {patient("12825"), 0, 0, []string{CodeNoFinding}, ""},
		"of a relative":              {f(clinical.PhenotypicFeature{Term: hp("1250"), Family: true}), 0, 0, []string{CodeFamily}, "relative"},
		"uncertain":                  {f(clinical.PhenotypicFeature{Term: hp("1250"), Label: "Seizure", Uncertain: true}), 0, 0, []string{CodeUncertain}, "(Seizure)"},
		"uncertain and excluded":     {f(clinical.PhenotypicFeature{Term: hp("1250"), Excluded: true, Uncertain: true}), 0, 0, []string{CodeUncertain}, ""},
		"exclusions only":            {patient("!1250", "!1631"), 0, 2, nil, ""},
		"twice":                      {patient("1250", "1250", "901"), 1, 0, nil, ""},
		"contradiction":              {patient("1250", "!1250"), 1, 0, []string{CodeContradiction}, "Seizure"},
		"a form of what is excluded": {patient("7359", "!707"), 1, 0, []string{CodeContradiction}, "Nervous system"},
		"a form is excluded":         {patient("1250", "!7359"), 1, 1, nil, ""},
		"nested exclusions":          {patient("1083", "!1250", "!7359"), 1, 2, nil, ""},
		"of all":                     {patient("1250", "1083", "!1631", "404", "3577"), 2, 1, []string{CodeUnknown, CodeNoFinding}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := m.Rank(c.p, RankOptions{})
			if err != nil || d.Observed != c.observed || d.Excluded != c.excluded || d.Partial {
				t.Errorf("%d observed, %d excluded, partial %v, %v", d.Observed, d.Excluded, d.Partial, err)
			}
			var codes []string
			said := ""
			for _, n := range d.Notes {
				codes = append(codes, n.Code)
				said += n.What + "; " + n.Do + "\n"
			}
			if !slices.Equal(codes, c.notes) || !strings.Contains(said, c.says) {
				t.Errorf("notes %v: %s", codes, said)
			}
			nothing := c.observed == 0
			if (len(d.Candidates) == 0) != nothing || nothing && (d.Verdict != VerdictUnknown || d.Elsewhere != 1 || d.Unlisted != 0) {
				t.Errorf("%d candidates, %q, elsewhere %g", len(d.Candidates), d.Verdict, d.Elsewhere)
			}
			if _, err := m.Ask(c.p, 0); (fault.CodeOf(err) == fault.InputEmpty) != nothing || !nothing && err != nil {
				t.Errorf("ask: %v", err)
			}
		})
	}
}

// A finding that does not count changes nothing but the notes.
func TestWhatDoesNotCountChangesNothing(t *testing.T) {
	m := tiny(t)
	p := patient("1250", "1083")
	want, _ := m.Rank(p, RankOptions{})
	p.Features = append(p.Features, clinical.PhenotypicFeature{Term: hp("1631"), Family: true}, clinical.PhenotypicFeature{Term: hp("1635"), Uncertain: true}, clinical.PhenotypicFeature{Term: hp("404")})
	got, _ := m.Rank(p, RankOptions{})
	if len(got.Notes) != 3 {
		t.Errorf("notes %v", got.Notes)
	}
	got.Notes = want.Notes
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPartsThatCouldNotBeReadMakeItPartial(t *testing.T) {
	p := patient("1250")
	p.Refusals = []clinical.Refusal{{Code: "X"}}
	d, _ := tiny(t).Rank(p, RankOptions{})
	if !d.Partial || len(d.Notes) != 1 || d.Notes[0].Code != "X" || len(d.Candidates) == 0 {
		t.Errorf("%+v", d)
	}
}

func TestTruth(t *testing.T) {
	m := tiny(t)
	for id, want := range map[string]Truth{"OMIM:4": {ID: "OMIM:4", Listed: true, Rank: 1}, "OMIM:404": {ID: "OMIM:404"}, "": {}} {
		p := patient("1166", "1083")
		p.Diagnoses = []clinical.Coded{{ID: id}}
		d, _ := m.Rank(p, RankOptions{Top: 1})
		if d.Truth == nil || *d.Truth != want || len(d.Candidates) != 1 {
			t.Errorf("%+v, %d candidates", d.Truth, len(d.Candidates))
		}
	}
	if d, _ := m.Rank(patient("1166"), RankOptions{}); d.Truth != nil {
		t.Error("a truth that nobody recorded")
	}
}

// wide is an ontology of many terms below one another.
func wide(t *testing.T, n int) *Model {
	t.Helper()
	var text, lines strings.Builder
	text.WriteString("1 All\n  118 Phenotypic abnormality\n    2 System\n      3 Part")
	for i := range n {
		fmt.Fprintf(&text, "\n%s%d Term", strings.Repeat("  ", 4+i%3), 100000+i)
		fmt.Fprintf(&lines, "OMIM:%d %d 1/2 PMID:%d\n", i/8, 100000+i, i/8)
	}
	return newModel(t, world(t, text.String(), lines.String()))
}

// A case of thousands of findings is cut, says so, and is quick.
func TestAHugeCase(t *testing.T) {
	m := wide(t, 3000)
	var many, junk []string
	for i := range 10_000 {
		many = append(many, fmt.Sprint(100000+i%3000))
		junk = append(junk, fmt.Sprint(200000+i))
	}
	var not []string
	for _, x := range many {
		not = append(not, "!"+x)
	}
	for name, c := range map[string]struct {
		terms   []string
		partial bool
		notes   int
		last    string
	}{
		"observed": {many, true, 1, CodeTooMany}, "excluded": {append([]string{many[0]}, not...), true, 2, CodeContradiction}, "junk": {junk, false, mostNotes + 1, CodeTooMany}, "junk before them": {append(junk, many...), true, mostNotes + 2, CodeTooMany},
	} {
		start := time.Now()
		d, err := m.Rank(patient(c.terms...), RankOptions{})
		if err != nil || d.Partial != c.partial || len(d.Notes) > c.notes || len(d.Notes) == 0 || d.Observed > maxFindings || d.Excluded > maxFindings {
			t.Errorf("%s: partial %v, %d notes, %d and %d findings, %v", name, d.Partial, len(d.Notes), d.Observed, d.Excluded, err)
		}
		if !slices.ContainsFunc(d.Notes, func(n clinical.Refusal) bool { return n.Code == CodeTooMany }) {
			t.Errorf("%s: nothing says that it was cut", name)
		}
		if took := time.Since(start); took > 3*time.Second { // it takes 50 ms; a quadratic search over all would take minutes
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestModelsThatCannotBe(t *testing.T) {
	w := fixedWeights(t)
	base := world(t, tree, small)
	none := *base
	none.Diseases = nil
	onlyNot := world(t, tree, "OMIM:1 !1250 - PMID:1")
	for name, c := range map[string]struct {
		base       *ontology.Base
		catalogues []string
	}{
		"no base": {nil, nil}, "an empty base": {&ontology.Base{}, nil}, "no diseases": {&none, nil}, "a catalogue that matches nothing": {base, []string{"MONDO"}},
		"lower case": {base, []string{"omim"}}, "an empty name": {base, []string{""}}, "diseases without findings": {onlyNot, nil},
	} {
		if _, err := New(c.base, Options{Catalogues: c.catalogues, Weights: w}); fault.CodeOf(err) != fault.DataUnfit {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]int{"": 5, "ORPHA": 2, "ORPHA,OMIM": 7} {
		o := Options{Weights: w}
		if name != "" {
			o.Catalogues = strings.Split(name, ",")
		}
		m, err := New(base, o)
		if err != nil || m.Len() != want {
			t.Errorf("%q: %d diseases, %v", name, m.Len(), err)
		}
	}
	if m := newModel(t, base); !m.Knows("OMIM:1") || m.Knows("ORPHA:4") || m.Knows("") || m.Base() != base {
		t.Error("what the model knows")
	}
	// Weights that were never learned rank all alike, and do not fail.
	m, err := New(base, Options{Weights: &Weights{}})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := m.Rank(patient("1250"), RankOptions{}); err != nil || len(d.Candidates) != 5 || d.Candidates[0].Score != 0 {
		t.Error(d, err)
	}
	if _, err := m.Ask(patient("1250"), 3); err != nil {
		t.Error(err)
	}
}
