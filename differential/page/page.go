// Package page shows a differential to people: as compact text for a terminal,
// or as one self-contained HTML page with its pictures inside.
package page

import (
	_ "embed"
	"html/template"
	"io"

	"consilium/clinical"
	"consilium/differential"
	"consilium/fault"
)

// How much of a list is shown before the rest is folded away, or left to --json.
const (
	openCandidates = 3  // unfolded on the page
	columns        = 6  // candidates beside each other in the overview
	mostReasons    = 40 // rows of one chart; a case may have hundreds of findings
	mostExpected   = 8
)

// Data is what a page shows.
type Data struct {
	Differential differential.Differential
	Questions    []differential.Question // what to look for next
	Synthetic    bool                    // the case or the ontology was generated
	Version      string                  // of the program
	Made         string                  // date and time, as it should be printed
	Command      string                  // that repeats the answer, "" to leave it out
}

//go:embed page.html
var source string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent":   Percent,
	"share":     share,
	"factor":    factor,
	"meaning":   func(r differential.Reason) string { return unbroken.Replace(meaning(r)) },
	"listed":    listed,
	"genes":     genes,
	"bar":       bar,
	"diverging": diverging,
	"verdict":   verdict,
	"sentence":  func(d differential.Differential) string { return unbroken.Replace(sentence(d)) },
	"tone":      tone,
	"others":    others,
	"set":       set,
	"scale":     scale,
	"widest":    widest,
	"overview":  overview,
	"first":     first,
	"rest":      rest,
	"expected":  expected,
	"counts":    counts,
	"leader":    func(o []differential.Outlook) string { return unbroken.Replace(leader(o)) },
	"synonyms":  synonyms,
	"truth":     truth,
	"decimal":   decimal,
	"notice":    func() string { return clinical.SyntheticNotice },
	"unfolded":  func(i int) bool { return i < openCandidates },
}).Parse(source))

// HTML writes the page. It refers to nothing outside itself.
func HTML(w io.Writer, d Data) error {
	if err := page.Execute(w, d); err != nil {
		return fault.Wrap(err, fault.IO, "the page cannot be written", "check the disk")
	}
	return nil
}

// first and rest part a long list of reasons in two.
func first(r []differential.Reason) []differential.Reason { return r[:min(len(r), mostReasons)] }
func rest(r []differential.Reason) int                    { return max(len(r)-mostReasons, 0) }

func expected(e []differential.Expectation) []differential.Expectation {
	return e[:min(len(e), mostExpected)]
}
