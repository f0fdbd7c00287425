package page

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/differential"
	"consilium/fault"
	"consilium/internal/golden"
)

func named(id, label string) differential.Named { return differential.Named{ID: id, Label: label} }

// sample has every relation, hostile names, notes and questions.
func sample() Data {
	lens, tall, fit := named("HP:1", "Lens out of place"), named("HP:2", "Tall"), named("HP:3", "Seizure")
	wide := named("HP:4", "Wide aorta")
	first := differential.Candidate{
		Rank: 1, ID: "OMIM:1", Name: "First disease", Genes: []string{"A1", "B2"}, Probability: 0.62, Score: 7.25,
		Parts: []differential.Part{{Name: "what the findings say", Value: 6.5}, {Name: "how much of the disease is seen", Value: 1}, {Name: "sex", Value: -0.25}},
		Findings: []differential.Reason{
			{Finding: lens, Relation: differential.RelationExact, By: &lens, Frequency: 0.6, Common: 0.006, LogRatio: 4.6},
			{Finding: tall, Relation: differential.RelationGeneral, By: &tall, Frequency: 0.9, Common: 0.05, LogRatio: 2.1},
			{Finding: fit, Excluded: true, Relation: differential.RelationAbsent, By: &fit, Frequency: 0.1, Common: 0.3, LogRatio: -0.1},
			{Finding: named("HP:5", "Rash"), Relation: differential.RelationNone, Common: 0.1, LogRatio: -3},
		},
		Unexplained: []differential.Named{named("HP:5", "Rash")},
		Missing:     []differential.Expectation{{Named: wide, Frequency: 0.8}, {Named: named("HP:6", "Flat feet"), Frequency: 0.6, Assumed: true}},
	}
	second := differential.Candidate{
		Rank: 2, ID: "OMIM:2", Name: `<script>alert("x")</script>` + "\x1b[2J", Probability: 0.2, Score: 5,
		Findings: []differential.Reason{
			{Finding: lens, Relation: differential.RelationSpecific, By: &wide, Frequency: 0.5, Assumed: true, Common: 0.02, LogRatio: 1.2},
			{Finding: tall, Relation: differential.RelationRelated, By: &wide, Frequency: 0.004, Common: 0.02, LogRatio: -0.9},
			{Finding: named("HP:5", "Rash"), Relation: differential.RelationNot, LogRatio: -4},
		},
	}
	return Data{
		Differential: differential.Differential{
			Disclaimer: clinical.Disclaimer, Notice: "This product uses an ontology.", Case: "case-1 <b>", Candidates: []differential.Candidate{first, second},
			Unlisted: 0.13, Elsewhere: 0.02, Verdict: differential.VerdictLikely, Set: []string{"OMIM:1", "OMIM:2", "unlisted"}, Observed: 3, Excluded: 1, Partial: true,
			Notes:    []clinical.Refusal{{Input: "HP:9", Code: differential.CodeObsolete, What: "HP:9 (Old) is obsolete and has no successor", Do: "consider [HP:1] instead"}},
			Diseases: 8344, Reranked: true, Truth: &differential.Truth{ID: "OMIM:1", Name: "First disease", Listed: true, Rank: 1},
		},
		Questions: []differential.Question{{
			Named: wide, Gain: 0.42, Chance: 0.55, Synonyms: []string{"Wide main artery", "wide aorta"},
			IfYes: []differential.Outlook{{ID: "OMIM:1", Name: "First disease", Probability: 0.9}}, IfNo: []differential.Outlook{{ID: "OMIM:2", Name: "Second", Probability: 0.4}},
		}},
		Synthetic: true, Version: "0.1.0", Made: "1 January 2026, 12:00", Command: "consilium rank case.json --html page.html",
	}
}

func TestHTML(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, sample()); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/page.golden.html", b.Bytes())
	html := b.String()
	for _, want := range []string{
		clinical.Disclaimer, clinical.SyntheticNotice, "This product uses an ontology.", "FINDING_OBSOLETE", "Not among the known diseases",
		"First disease stands out", "Not explained by it:</strong> Rash", "Wide main artery", "came on place 1", "Partial",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", "http://", "https://", "src=", "ZgotmplZ", "%!", "NaN", "case-1 <b>"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
}

// A case that says nothing still gets a page, with the disclaimer.
func TestNothingToShow(t *testing.T) {
	d := Data{Differential: differential.Differential{Disclaimer: clinical.Disclaimer, Verdict: differential.VerdictUnknown, Unlisted: 0.3}}
	var b, text bytes.Buffer
	if err := HTML(&b, d); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); !strings.Contains(s, "No disease can be named") || !strings.Contains(s, clinical.Disclaimer) || strings.Contains(s, "SYNTHETIC") {
		t.Error(s)
	}
	if err := NewText(&text, false).Differential(d.Differential); err != nil || !strings.HasPrefix(text.String(), "CANNOT TELL") {
		t.Error(text.String(), err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrorsAreNoticed(t *testing.T) {
	if err := HTML(full{}, sample()); fault.CodeOf(err) != fault.IO {
		t.Errorf("got %v", err)
	}
	if err := NewText(full{}, false).Differential(sample().Differential); fault.CodeOf(err) != fault.IO {
		t.Errorf("got %v", err)
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	text, d := NewText(&b, false), sample()
	err := errors.Join(text.Differential(d.Differential), text.Questions(d.Questions), text.Line(d.Differential), text.Refusal(d.Differential.Notes[0]))
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/text.golden", b.Bytes())
	if strings.Contains(b.String(), "\x1b") {
		t.Error("an escape sequence of a name reaches the terminal")
	}
	b.Reset()
	if err := NewText(&b, true).Differential(d.Differential); err != nil || !strings.Contains(b.String(), "\x1b[32;1mLIKELY") {
		t.Error("no colours", err)
	}
}

func TestFactor(t *testing.T) {
	for v, want := range map[float64]string{0: "± 0", math.Log(2): "× 2.0", -math.Log(20): "÷ 20", 100: "× 10 000 +", math.Inf(-1): "÷ 10 000 +"} {
		if got := factor(v); got != want {
			t.Errorf("factor(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestStrength(t *testing.T) {
	for v, want := range map[float64]string{0: "", math.Log(1.6): "for-1", -math.Log(5): "against-2", math.Log(20): "for-3", -9: "against-4"} {
		if got := strength(v); got != want {
			t.Errorf("strength(%v) = %q, want %q", v, got, want)
		}
	}
}

// Words and pictures hold for every verdict and any number.
func TestWordsOfVerdicts(t *testing.T) {
	d := sample().Differential
	for v, want := range map[differential.Verdict]string{
		differential.VerdictLikely: "stands out", differential.VerdictSeveral: "leads with", differential.VerdictUnlisted: "comes closest", differential.VerdictUnknown: "say too little",
	} {
		d.Verdict = v
		if got := sentence(d); !strings.Contains(got, want) {
			t.Errorf("%s: %q", v, got)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 2} {
		if s := string(diverging(v, 1)) + string(bar(v, "fill")); strings.Contains(s, "Inf") || strings.Contains(s, "NaN") {
			t.Errorf("%v: %s", v, s)
		}
	}
}
