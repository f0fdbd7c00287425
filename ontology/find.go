package ontology

import (
	"fmt"
	"slices"
	"strings"

	"consilium/fault"
)

// Answer is what a person's question to the base finds: one sheet, or names to choose from.
type Answer struct {
	Term     *TermSheet    `json:"term,omitempty"`
	Disease  *DiseaseSheet `json:"disease,omitempty"`
	Terms    []Named       `json:"terms,omitempty"`    // with the words that were asked for
	Diseases []Named       `json:"diseases,omitempty"` // likewise
}

// maxQuestion is longer than any name in HPO.
const maxQuestion = 500

// Find answers an identifier of a term or a disease with its sheet, and words
// with the names that hold them; when the closest term is called exactly so, also
// with its sheet. At most n names or diseases are listed. An empty question shows the root.
func (b *Base) Find(question string, n int) (Answer, error) {
	question = strings.TrimSpace(question)
	if len(question) > maxQuestion {
		return Answer{}, fault.New(fault.InputTooLarge, fmt.Sprintf("the question is longer than %d bytes", maxQuestion), "ask for an identifier or a few words; `consilium phenotype` reads whole texts")
	}
	if question == "" {
		return b.answer(0, n), nil
	}
	if d, found := b.Disease(question); found {
		sheet := b.DiseaseSheet(d)
		return Answer{Disease: &sheet}, nil
	}
	r := b.Resolve(question)
	if r.Status == Unknown && strings.Contains(question, ":") {
		if r = b.Resolve(strings.ToUpper(question)); r.Status != Unknown {
			question = strings.ToUpper(question)
		}
	}
	if r.Term != None {
		a := b.answer(r.Term, n)
		if r.Status != Active {
			a.Term.Asked, a.Term.Status = question, r.Status.String()
		}
		return a, nil
	}
	if r.Status == Obsolete {
		return Answer{}, fault.New(fault.NotFound, question+" is obsolete, and no single term stands in its place", b.choices(r.Consider))
	}
	return b.findWords(question, n)
}

func (b *Base) answer(i Index, n int) Answer {
	sheet := b.TermSheet(i, n)
	return Answer{Term: &sheet}
}

func (b *Base) findWords(question string, n int) (Answer, error) {
	hits := b.Search(question, n)
	var a Answer
	if len(hits) > 0 && b.called(hits[0], question) {
		a = b.answer(hits[0], n)
		hits = hits[1:]
	}
	a.Terms = b.namedAll(hits)
	for _, i := range b.SearchDiseases(question, n) {
		a.Diseases = append(a.Diseases, Named{b.Diseases[i].ID, b.Diseases[i].Name})
	}
	if a.Term == nil && len(a.Terms) == 0 && len(a.Diseases) == 0 {
		return Answer{}, fault.New(fault.NotFound, "neither a term nor a disease is called "+strings.ToValidUTF8(question, "?"), "use fewer or other words, or an identifier such as "+b.ID(0))
	}
	return a, nil
}

// called tells whether a label or a synonym of a term is just that.
func (o *Ontology) called(i Index, name string) bool {
	return strings.EqualFold(o.Label(i), name) ||
		slices.ContainsFunc(o.Synonyms(i), func(s Synonym) bool { return s.Scope == Exact && strings.EqualFold(s.Text, name) })
}

// choices names the terms that a person may choose from.
func (b *Base) choices(ids []string) string {
	var names []string
	for _, id := range ids {
		if i, ok := b.Lookup(id); ok {
			names = append(names, b.ID(i)+" ("+b.Label(i)+")")
		}
	}
	if len(names) == 0 {
		return "search by words"
	}
	return "consider " + strings.Join(names, ", ")
}
