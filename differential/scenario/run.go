package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"consilium/differential"
	"consilium/fault"
)

// deepest is the last place of a list that can be expected.
const deepest = 50

// Result is what became of a scenario.
type Result struct {
	File     string    `json:"file"`
	Name     string    `json:"scenario"`
	Line     int       `json:"line"`
	Passed   bool      `json:"passed"`
	Expected int       `json:"expected"` // lines that were looked at
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is an expectation that was not met.
type Failure struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	Got  string `json:"got"`
}

// Run asks the model about the patient of a scenario and compares.
func (r *Reader) Run(ctx context.Context, f File, s Scenario) (Result, error) {
	out := Result{File: f.Name, Name: s.Name, Line: s.Line, Expected: len(s.Expect)}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	c := s.Case()
	d, err := r.model.Rank(c, differential.RankOptions{Top: deepest, Without: s.Without})
	if err != nil {
		return out, err
	}
	a := answer{Differential: d}
	if n := s.questions(); n > 0 {
		a.questions, err = r.model.Ask(c, n)
		if err != nil && fault.CodeOf(err) != fault.InputEmpty {
			return out, err
		}
	}
	for _, e := range s.Expect {
		if err := a.meets(e); err != nil {
			out.Failures = append(out.Failures, Failure{e.Line, e.Text, err.Error()})
		}
	}
	for _, n := range a.unexpected(s) {
		out.Failures = append(out.Failures, Failure{s.Line, "no note but those that are expected", n})
	}
	out.Passed = len(out.Failures) == 0
	return out, nil
}

// questions is how many questions the expectations look at.
func (s Scenario) questions() int {
	n := 0
	for _, e := range s.Expect {
		switch e.kind {
		case asks, asksNot:
			n = max(n, e.n)
		case asksNothing:
			n = max(n, 1)
		}
	}
	return n
}

// answer is what the expectations are held against.
type answer struct {
	differential.Differential
	questions []differential.Question
}

// meets tells in words what was found instead; nil when the expectation is met.
func (a answer) meets(e Expectation) error {
	switch e.kind {
	case inFirst, notInFirst, aboveDisease:
		return a.place(e)
	case aboveShare, belowShare, unlistedAbove, unlistedBelow:
		return a.share(e)
	case inSet:
		return unless(slices.Contains(a.Set, e.disease.id), "the set is "+strings.Join(a.Set, ", "))
	case speaksFor, speaksAgainst, unexplained, missing:
		return a.reasons(e)
	case noted:
		return a.noted(e)
	case partial:
		return unless(a.Partial, "the answer is not marked as partial")
	case verdictIs:
		return unless(string(a.Verdict) == e.code, "the answer is “"+string(a.Verdict)+"”: "+a.leaders(3))
	case findingsCount:
		return unless(a.Observed == e.n, fmt.Sprintf("%d counted", a.Observed))
	case exclusionsCount:
		return unless(a.Excluded == e.n, fmt.Sprintf("%d counted", a.Excluded))
	default:
		return a.asked(e)
	}
}

func unless(met bool, got string) error {
	if met {
		return nil
	}
	return errors.New(got)
}

// candidate finds a disease on the list.
func (a answer) candidate(s subject) (differential.Candidate, bool) {
	for _, c := range a.Candidates {
		if c.ID == s.id {
			return c, true
		}
	}
	return differential.Candidate{}, false
}

// leaders names the first diseases of the list.
func (a answer) leaders(n int) string {
	var out []string
	for _, c := range a.Candidates[:min(n, len(a.Candidates))] {
		out = append(out, fmt.Sprintf("%d. %s %s (%.0f%%)", c.Rank, c.ID, c.Name, 100*c.Probability))
	}
	if len(out) == 0 {
		return "no disease is named"
	}
	return strings.Join(out, ", ")
}

func (a answer) place(e Expectation) error {
	c, found := a.candidate(e.disease)
	got := fmt.Sprintf("it is not among the first %d; the list is %s", len(a.Candidates), a.leaders(3))
	if found {
		got = fmt.Sprintf("it is on place %d; the list is %s", c.Rank, a.leaders(3))
	}
	switch e.kind {
	case inFirst:
		for _, s := range e.either {
			if o, ok := a.candidate(s); ok && o.Rank <= e.n {
				return nil
			}
		}
		return unless(found && c.Rank <= e.n, got)
	case notInFirst:
		return unless(!found || c.Rank > e.n, got)
	}
	o, other := a.candidate(e.other)
	if other {
		got += fmt.Sprintf("; %s is on place %d", o.Name, o.Rank)
	}
	return unless(found && (!other || c.Rank < o.Rank), got)
}

func (a answer) share(e Expectation) error {
	p := a.Unlisted
	if e.kind == aboveShare || e.kind == belowShare {
		c, _ := a.candidate(e.disease)
		p = c.Probability
	}
	got := fmt.Sprintf("it has %.1f%%", 100*p)
	if e.kind == aboveShare || e.kind == unlistedAbove {
		return unless(p > e.share, got)
	}
	return unless(p < e.share, got)
}

func (a answer) reasons(e Expectation) error {
	c, found := a.candidate(e.disease)
	if !found {
		return fmt.Errorf("%s is not among the first %d", e.disease.label, len(a.Candidates))
	}
	for _, t := range e.terms {
		if err := reason(c, e.kind, t); err != nil {
			return err
		}
	}
	return nil
}

func reason(c differential.Candidate, k kind, t subject) error {
	same := func(n differential.Named) bool { return n.ID == t.id }
	switch k {
	case unexplained:
		return unless(slices.ContainsFunc(c.Unexplained, same), fmt.Sprintf("“%s” is not among what %s leaves unexplained", t.words, c.Name))
	case missing:
		return unless(slices.ContainsFunc(c.Missing, func(x differential.Expectation) bool { return same(x.Named) }), fmt.Sprintf("“%s” is not among what is missing for %s", t.words, c.Name))
	}
	for _, r := range c.Findings {
		if r.Finding.ID != t.id {
			continue
		}
		got := fmt.Sprintf("“%s” has the log likelihood ratio %+.2f for %s (%s)", t.words, r.LogRatio, c.Name, r.Relation)
		if k == speaksFor {
			return unless(r.LogRatio > 0, got)
		}
		return unless(r.LogRatio < 0, got)
	}
	return fmt.Errorf("“%s” is not among the findings that say something about %s: it did not count, or lies above another finding", t.words, c.Name)
}

func (a answer) noted(e Expectation) error {
	for _, n := range a.Notes {
		if n.Code == e.code && (len(e.terms) == 0 || n.Input == e.terms[0].id) {
			return nil
		}
	}
	if len(a.Notes) == 0 {
		return errors.New("nothing is noted")
	}
	var out []string
	for _, n := range a.Notes {
		out = append(out, n.Code+" for "+n.Input)
	}
	return errors.New("the notes are " + strings.Join(out, ", "))
}

// unexpected lists notes that no line speaks of. What was said of relatives or as
// possible is noted as such, which goes without saying.
func (a answer) unexpected(s Scenario) []string {
	known := map[string]bool{}
	for _, e := range s.Expect {
		if e.kind == noted {
			known[e.code] = true
		}
	}
	for _, f := range s.Findings {
		known[differential.CodeFamily] = known[differential.CodeFamily] || f.Relative
		known[differential.CodeUncertain] = known[differential.CodeUncertain] || f.Possible
	}
	var out []string
	for _, n := range a.Notes {
		if !known[n.Code] {
			out = append(out, n.Code+": "+n.What)
		}
	}
	return out
}

func (a answer) asked(e Expectation) error {
	list := a.questions[:min(e.n, len(a.questions))]
	var labels []string
	for _, q := range list {
		labels = append(labels, q.Label)
	}
	got := "what is asked is: " + strings.Join(labels, ", ")
	if len(labels) == 0 {
		got = "nothing is asked"
	}
	hit := slices.ContainsFunc(list, func(q differential.Question) bool {
		return slices.ContainsFunc(e.terms, func(t subject) bool { return t.id == q.ID })
	})
	switch e.kind {
	case asks:
		return unless(hit, got)
	case asksNot:
		return unless(!hit, got)
	}
	return unless(len(a.questions) == 0, "something is asked")
}
