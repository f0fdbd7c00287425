package phenotype

import "consilium/ontology"

// maxAside is how many tokens may stand between a finding and its side.
const maxAside = 6

// side finds on which side of the body a finding is: a word before it with
// nothing but words in between ("left hydronephrosis"), a heading ("OD:
// ptosis"), or one behind it ("cataract of the left eye"), which then also
// holds for findings joined to it by "and".
func (r *reader) side(m mention, found []mention, all []signal) string {
	best, side := maxAside+1, ""
	for _, g := range all {
		if g.effect != effectSide {
			continue
		}
		d := maxAside + 1
		switch {
		case m.from < g.from && g.to < m.to: // coloboma of the right iris
			d = 0
		case g.to <= m.from && r.joined(g.to, m.from, found, true):
			d = m.from - g.to
		case m.to <= g.from && r.joined(m.to, g.from, found, false):
			d = g.from - m.to
		}
		if d < best {
			best, side = d, g.side
		}
	}
	return side
}

// joined tells whether tokens from up to to tie a side to a finding.
func (r *reader) joined(from, to int, found []mention, sideFirst bool) bool {
	comma := false
	for i := from; i < to; i++ {
		t := r.tokens[i]
		switch {
		case t.mark && t.word == ",":
			if sideFirst || comma || i != to-1 {
				return false
			}
			comma = true // "club foot, unilateral"
		case t.mark && t.word == "(" && !sideFirst && i == from:
		case t.mark && t.word == ":" && sideFirst && i == from:
		case t.mark:
			return false
		case t.word == "and", t.word == "with":
			if sideFirst || !closes(r.tokens[from:to]) {
				return false
			}
		}
	}
	for _, m := range found {
		if m.from < from || m.to > to {
			continue
		}
		if sideFirst || m.from == from || r.tokens[m.from-1].word != "and" {
			return false
		}
	}
	return true
}

// closes tells whether a comma stands right before the side: then it holds for
// all that is joined before it (corneal clouding and glaucoma, both eyes).
func closes(between []token) bool {
	return len(between) > 0 && between[len(between)-1].word == ","
}

// sided is the term that names the side itself, where there is one: "left renal
// agenesis" is unilateral renal agenesis.
func (r *reader) sided(m mention, side string) (ontology.Index, string) {
	word := side
	switch side {
	case "":
		return m.term, ""
	case "left", "right":
		word = "unilateral"
	}
	names, add := r.dictionary.exact, hash(word)
	if m.loose {
		names, add = r.dictionary.loose, hash(root(word))
	}
	if e, ok := names[m.key+add]; ok && m.key != 0 && e.term >= 0 && r.ontology.IsAncestor(m.term, e.term) {
		if word == side {
			side = "" // the term says it
		}
		return e.term, side
	}
	return m.term, side
}
