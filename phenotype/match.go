package phenotype

import (
	"sort"
	"strings"

	"consilium/ontology"
)

// mention is a name of a term in a text: tokens from up to to.
type mention struct {
	from, to int
	term     ontology.Index
	words    int
	loose    bool
	rank     uint8
	key      uint64 // sum of the hashes of its words
	aside    bool   // words of [aside] stand inside it and do not belong to it
	denies   bool
}

// reader reads one text.
type reader struct {
	*Extractor
	text   string
	tokens []token
	words  []word          // of the tokens
	cache  map[string]word // words of this text that no name holds
	shown  map[string]bool // words of the note, for abbreviations; made when first needed
}

func (r *reader) word(t token) word {
	if t.mark {
		return word{}
	}
	if k, ok := r.dictionary.words[t.word]; ok {
		return k
	}
	k, ok := r.cache[t.word]
	if !ok {
		k = r.dictionary.look(t.word)
		r.cache[t.word] = k
	}
	return k
}

// mentions finds the names in the tokens from up to to: of those that overlap,
// the one with most words, then the one nearest to a label.
func (r *reader) mentions(from, to int) []mention {
	var all []mention
	for i := from; i < to; i++ {
		if r.tokens[i].mark {
			continue
		}
		if m, ok := r.short(i); ok {
			all = append(all, m)
		}
		if r.words[i].known && !r.words[i].skip {
			all = r.windows(all, i, to, false)
			all = r.windows(all, i, to, true)
		}
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i], all[j]
		switch {
		case a.words != b.words:
			return a.words > b.words
		case a.loose != b.loose:
			return b.loose
		case a.rank != b.rank:
			return a.rank < b.rank
		}
		return a.to-a.from < b.to-b.from
	})
	taken := make([]bool, to-from)
	var out []mention
	for _, m := range all {
		if free(taken[m.from-from : m.to-from]) {
			out = append(out, m)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].from < out[j].from })
	return r.coordinated(out, from, to)
}

// free takes a run of tokens when nobody has it.
func free(taken []bool) bool {
	for _, t := range taken {
		if t {
			return false
		}
	}
	for i := range taken {
		taken[i] = true
	}
	return true
}

// windows adds the names that begin with token i. A name may run across one
// comma (hypotonia, muscular), across words that names do without, and, when
// aside is set, across sides and degrees (coloboma of the right iris).
func (r *reader) windows(all []mention, i, to int, aside bool) []mention {
	var exact, loose, order uint64
	words, weight, commas, gap, passed := 0, 0, 0, 0, false
	for j := i; j < to && words < maxName; j++ {
		if r.tokens[j].mark {
			if commas++; commas > 1 || r.tokens[j].word != "," {
				break
			}
			continue
		}
		w := r.words[j]
		if aside && j > i && r.dictionary.rules.aside[r.tokens[j].word] {
			passed = true
			continue
		}
		if w.skip {
			if gap++; gap > 3 {
				break
			}
			continue
		}
		if !w.known {
			break
		}
		exact, loose, order, words = exact+w.exact, loose+w.loose, inOrder(order, w), words+1
		if w.loose != 0 {
			weight++
		}
		if aside && !passed {
			continue
		}
		if e, ok := r.dictionary.find(exact, order); ok && (commas == 0 || e.comma || words > 2) {
			all = append(all, mention{i, j + 1, e.term, words, false, e.rank, exact, passed, e.denies})
		} else if e, ok := r.dictionary.loose[loose]; ok && e.term != ontology.None && (commas == 0 || e.comma || weight > 2) && (weight > 1 || words == 1 && akin(r.tokens[j].word, e.alone)) {
			all = append(all, mention{i, j + 1, e.term, weight, true, e.rank, loose, passed, e.denies})
		}
	}
	return all
}

// akin tells whether an adjective is that of a noun: hypotonic, hypotonia. Only
// then is a single word compared by its root: "collected" is not collectionism.
func akin(adjective, noun string) bool {
	if len(adjective) < 6 {
		return false
	}
	for _, pair := range [...][2]string{
		{"ic", "ia"}, {"ic", "y"}, {"ic", "a"}, {"otic", "osis"}, {"etic", "esis"}, {"etic", "etes"}, {"istic", "ism"}, {"ive", "ion"}, {"ed", "e"}, {"al", "a"},
	} {
		if stem, ok := strings.CutSuffix(adjective, pair[0]); ok && noun == stem+pair[1] {
			return true
		}
	}
	return false
}

// short reads an abbreviation: written in capitals, as the ontology or the
// rules have it, alone or with the s of a plural.
func (r *reader) short(i int) (mention, bool) {
	t := r.tokens[i]
	if !t.capital || t.end-t.start < 2 || t.end-t.start > 8 {
		return mention{}, false
	}
	text := r.text[t.start:t.end]
	for _, form := range [...]string{text, text[:len(text)-1]} {
		if form != text && text[len(text)-1] != 's' {
			break
		}
		if readings, ok := r.dictionary.rules.abbreviations[form]; ok {
			if term, ok := r.reading(readings); ok {
				return mention{from: i, to: i + 1, term: term, words: 1, rank: 1}, true
			}
			return mention{}, false
		}
		if e, ok := r.dictionary.upper[form]; ok && e.term != ontology.None && len(form) > 2 {
			return mention{from: i, to: i + 1, term: e.term, words: 1, rank: e.rank}, true
		}
	}
	return mention{}, false
}

// reading chooses what an abbreviation stands for by the words of the note.
func (r *reader) reading(readings []abbreviation) (ontology.Index, bool) {
	if r.shown == nil {
		r.shown = map[string]bool{}
		for _, t := range r.tokens {
			r.shown[t.word] = true
		}
	}
	plain := ontology.None
	for _, a := range readings {
		term, ok := r.ontology.Lookup(a.term)
		switch {
		case !ok:
		case a.near == nil:
			plain = term
		default:
			for w := range a.near {
				if r.shown[w] {
					return term, true
				}
			}
		}
	}
	return plain, plain != ontology.None
}
