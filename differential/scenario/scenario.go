// Package scenario holds examples of how a differential diagnosis should come
// out, in a language that physicians read and write, and runs them:
//
//	scenario Marfan syndrome with a dislocated lens
//	given a male of 12 years, onset in childhood
//	  has Ectopia lentis
//	  has Arachnodactyly
//	  has not Seizure
//	expect OMIM:154700 Marfan syndrome in the first 3
//	expect "Ectopia lentis" speaks for it
//	then ask one of "Aortic root aneurysm", "Dural ectasia"
//
// docs/scenarios.md describes the language. Parse knows its grammar only; Read
// also finds the terms and diseases in an ontology.
package scenario

import "consilium/ontology"

// Limits of a file of scenarios.
const (
	MaxFile      = 1 << 20
	maxLine      = 1000
	maxScenarios = 1000
	maxProblems  = 10 // told at once
)

// File is what a text of scenarios says.
type File struct {
	Name      string
	Needs     Needs
	Scenarios []Scenario
}

// Needs says which ontology the scenarios are about.
type Needs string

// Ontologies that a file may need.
const (
	NeedsAny    Needs = ""
	NeedsSample Needs = "sample" // the built-in one
	NeedsHPO    Needs = "HPO"
)

// Scenario is one example: a patient, and what is expected of the answer.
type Scenario struct {
	Name     string
	Line     int
	Sex      string // M, F or ""
	Age      string // ISO 8601 duration
	Onset    string // ISO 8601 duration, or the words of an onset term
	onsetAt  int    // line
	Without  []string
	Findings []Finding
	Expect   []Expectation
}

// Finding is a line of the patient. Words are as they were written; Read finds the term.
type Finding struct {
	Line     int
	Words    string
	Excluded bool
	Possible bool
	Relative bool

	id, label string
}

// Subject is what an expectation is about: a disease or a term.
type subject struct {
	words string // as written
	id    string // found by Read
	label string
	term  ontology.Index
}

// Expectation is a line that the answer must meet.
type Expectation struct {
	Line int
	Text string // the line itself

	kind    kind
	disease subject
	either  []subject // diseases that are as good as disease
	other   subject   // second disease of "above"
	terms   []subject // findings
	code    string    // of a note
	n       int
	share   float64
}

type kind int

const (
	inFirst kind = iota
	notInFirst
	aboveDisease
	aboveShare
	belowShare
	inSet
	unlistedAbove
	unlistedBelow
	speaksFor
	speaksAgainst
	unexplained
	missing
	noted
	partial
	verdictIs
	findingsCount
	exclusionsCount
	asks
	asksNot
	asksNothing
)
