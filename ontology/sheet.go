package ontology

import (
	"cmp"
	"fmt"
	"slices"
)

// Named is a term or a disease with its name.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// TermSheet is what is shown of a term.
type TermSheet struct {
	Named
	Asked              string        `json:"asked,omitempty"`  // the identifier that was asked for, when it is not the term's own
	Status             string        `json:"status,omitempty"` // alternative or replaced
	Definition         string        `json:"definition,omitempty"`
	Synonyms           []string      `json:"synonyms,omitempty"`
	Parents            []Named       `json:"parents"`
	Children           []Named       `json:"children"`
	Diseases           int           `json:"diseases"` // annotated with it or a term below it, not excluded
	InformationContent float64       `json:"information_content"`
	Top                []FrequentRow `json:"top"` // the diseases in which it is most frequent
}

// FrequentRow is a line of a table of frequencies.
type FrequentRow struct {
	Named
	Share     *float64 `json:"share"` // 0..1; null when not recorded
	Frequency string   `json:"frequency"`
	Term      *Named   `json:"term,omitempty"` // the term below the one asked for that the disease has
	Onset     *Named   `json:"onset,omitempty"`
	Sex       string   `json:"sex,omitempty"`
	Modifiers []Named  `json:"modifiers,omitempty"`
	Evidence  string   `json:"evidence,omitempty"`
	Reference []string `json:"references,omitempty"`
}

// DiseaseSheet is what is shown of a disease.
type DiseaseSheet struct {
	Named
	Genes       []string      `json:"genes"`
	Inheritance []Named       `json:"inheritance"`
	Course      []Named       `json:"course"`   // onset and progression
	Findings    []FrequentRow `json:"findings"` // the most frequent first
	Excluded    []FrequentRow `json:"excluded"` // looked for and not found
	Other       []Named       `json:"other,omitempty"`
}

// String writes a frequency as people do: 3/4 (75%).
func (f Frequency) String() string {
	switch {
	case !f.Known:
		return "not recorded"
	case f.Den > 0:
		return fmt.Sprintf("%d/%d (%.0f%%)", f.Num, f.Den, f.Share*100)
	case f.Band != NoBand:
		return f.Band.String()
	}
	return fmt.Sprintf("%.3g%%", f.Share*100)
}

// TermSheet describes a term, with at most top diseases.
func (b *Base) TermSheet(i Index, top int) TermSheet {
	carriers := b.Carriers(i)
	s := TermSheet{
		Named: b.named(i), Definition: b.Definition(i), Parents: b.namedAll(b.Parents(i)), Children: b.namedAll(b.Children(i)),
		Diseases: len(carriers), InformationContent: b.content(len(carriers)), Top: []FrequentRow{},
	}
	for _, y := range b.Synonyms(i) {
		s.Synonyms = append(s.Synonyms, y.Text)
	}
	for _, c := range carriers[:min(top, len(carriers))] {
		d := &b.Diseases[c.Disease]
		row := b.row(Named{d.ID, d.Name}, c.Annotation)
		if c.Annotation.Term != i {
			below := b.named(c.Annotation.Term)
			row.Term = &below
		}
		s.Top = append(s.Top, row)
	}
	return s
}

// DiseaseSheet describes a disease: its findings by frequency.
func (b *Base) DiseaseSheet(d *Disease) DiseaseSheet {
	s := DiseaseSheet{Named: Named{d.ID, d.Name}, Genes: slices.Concat([]string{}, d.Genes), Inheritance: []Named{}, Course: []Named{}, Findings: []FrequentRow{}, Excluded: []FrequentRow{}}
	annotations := slices.Clone(d.Annotations)
	slices.SortStableFunc(annotations, func(x, y Annotation) int {
		return cmp.Or(moreFrequent(x.Frequency, y.Frequency), compareText(b.Label(x.Term), b.Label(y.Term)))
	})
	for i := range annotations {
		a := &annotations[i]
		switch {
		case a.Excluded:
			s.Excluded = append(s.Excluded, b.row(b.named(a.Term), a))
		case a.Aspect == 'I':
			s.Inheritance = append(s.Inheritance, b.named(a.Term))
		case a.Aspect == 'C':
			s.Course = append(s.Course, b.named(a.Term))
		case a.Aspect == 'P':
			s.Findings = append(s.Findings, b.row(b.named(a.Term), a))
		default:
			s.Other = append(s.Other, b.named(a.Term))
		}
	}
	return s
}

func (b *Base) row(n Named, a *Annotation) FrequentRow {
	r := FrequentRow{Named: n, Frequency: a.Frequency.String(), Evidence: a.Evidence, Reference: a.References}
	if a.Frequency.Known {
		r.Share = &a.Frequency.Share
	}
	if a.Onset != None {
		onset := b.named(a.Onset)
		r.Onset = &onset
	}
	switch a.Sex {
	case 'M':
		r.Sex = "male"
	case 'F':
		r.Sex = "female"
	}
	if len(a.Modifiers) > 0 {
		r.Modifiers = b.namedAll(a.Modifiers)
	}
	return r
}

func (o *Ontology) named(i Index) Named { return Named{o.ID(i), o.Label(i)} }

func (o *Ontology) namedAll(terms []Index) []Named {
	out := make([]Named, len(terms))
	for k, i := range terms {
		out[k] = o.named(i)
	}
	return out
}
