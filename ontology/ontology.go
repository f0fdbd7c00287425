// Package ontology holds what is known: the terms of a phenotype ontology (HPO)
// with their order, and which diseases have been described with which of them.
//
// An Ontology is numbered so that every parent comes before its children. The
// ancestors of each term are computed once, when it is read: asking for them
// later is a slice of memory.
package ontology

import (
	"slices"
)

// Index is the dense number of an active term. Parents have smaller numbers
// than their children; 0 is the root.
type Index int32

// None stands for no term.
const None Index = -1

// Scope says how close a synonym is to its term (oboInOwl).
type Scope uint8

// Scopes of synonyms.
const (
	Exact Scope = iota
	Narrow
	Broad
	Related
)

// Synonym is another name of a term.
type Synonym struct {
	Text         string
	Scope        Scope
	Layperson    bool // words of patients
	Plural       bool
	Abbreviation bool
}

// term is what is kept of one active term.
type term struct {
	ID         string
	Label      string
	Definition string
	Synonyms   []Synonym
	Parents    []Index
	Children   []Index
}

// Ontology is a directed acyclic graph of terms. It is immutable and safe for
// concurrent use.
type Ontology struct {
	Version string // as the file says it: 2024-08-13

	terms     []term
	ancestors []Index // of all terms, one after the other; each run ascending, the term itself last
	starts    []int32 // of each run; one longer than terms
	depths    []int32
	byID      map[string]Resolution
	abnormal  Index
}

// Status says what became of an identifier.
type Status uint8

// What an identifier can turn out to be.
const (
	Unknown     Status = iota
	Active             // the identifier of a term
	Alternative        // merged into a term
	Replaced           // obsolete, with one term in its place
	Obsolete           // obsolete without a replacement; Consider may name terms
)

// String names the status.
func (s Status) String() string {
	return [...]string{"unknown", "active", "alternative", "replaced", "obsolete"}[s]
}

// Resolution is what became of an identifier. Term is None when no term stands for it.
type Resolution struct {
	Term     Index
	Status   Status
	Consider []string // for Obsolete: identifiers that a person may choose from
}

// Resolve follows an identifier through merges and replacements.
func (o *Ontology) Resolve(id string) Resolution {
	if r, ok := o.byID[id]; ok {
		return r
	}
	return Resolution{Term: None}
}

// Lookup gives the term that stands for an identifier.
func (o *Ontology) Lookup(id string) (Index, bool) {
	r := o.Resolve(id)
	return r.Term, r.Term != None
}

// Len is the number of active terms.
func (o *Ontology) Len() int { return len(o.terms) }

// ID gives the identifier, such as HP:0001250.
func (o *Ontology) ID(i Index) string { return o.terms[i].ID }

// Label gives the preferred name.
func (o *Ontology) Label(i Index) string { return o.terms[i].Label }

// Definition gives the text that defines the term; "" when there is none.
func (o *Ontology) Definition(i Index) string { return o.terms[i].Definition }

// Synonyms gives the other names of a term.
func (o *Ontology) Synonyms(i Index) []Synonym { return o.terms[i].Synonyms }

// Parents gives the direct parents, ascending.
func (o *Ontology) Parents(i Index) []Index { return o.terms[i].Parents }

// Children gives the direct children, ascending.
func (o *Ontology) Children(i Index) []Index { return o.terms[i].Children }

// Ancestors gives all ancestors, ascending; the term itself is the last.
func (o *Ontology) Ancestors(i Index) []Index { return o.ancestors[o.starts[i]:o.starts[i+1]] }

// Depth is the length of the longest way up to the root.
func (o *Ontology) Depth(i Index) int { return int(o.depths[i]) }

// IsAncestor tells whether a lies above d, or is d.
func (o *Ontology) IsAncestor(a, d Index) bool {
	if a > d {
		return false
	}
	_, found := slices.BinarySearch(o.Ancestors(d), a)
	return found
}

// Abnormality is the term below which phenotypic abnormalities lie (HP:0000118),
// and not modes of inheritance, onsets or frequencies.
func (o *Ontology) Abnormality() Index { return o.abnormal }
