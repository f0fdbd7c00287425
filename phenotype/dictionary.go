package phenotype

import (
	"strings"

	"consilium/ontology"
)

// maxName is the longest name, in words that count, that is looked for.
const maxName = 12

// entry is what a name stands for.
type entry struct {
	term   ontology.Index // None: several unrelated terms have this name
	rank   uint8          // 0 label, 1 exact synonym, then narrow, related, broad
	words  uint8
	denies bool   // the name says that it is not there: afebrile
	comma  bool   // one of its names has a comma: hypotonia, muscular
	alone  string // a name of one word
	order  uint64 // hash of the words in their order
	shared bool   // other terms have the same words in another order: cone-rod, rod-cone
}

// word is what the dictionary knows of one word.
type word struct {
	exact uint64 // hash of the singular
	loose uint64 // hash of the root, after [same] of the rules
	skip  bool   // carries no meaning in a name: of, the, is
	known bool   // some name holds it, loosely
}

// dictionary finds names of terms whatever the order of their words. A name is
// the sum of the hashes of its words, so that a window over a text is compared
// with all names by one look-up: "hypotonia, muscular" is "muscular hypotonia".
type dictionary struct {
	exact, loose map[uint64]entry
	ordered      map[uint64]entry // of the names that are shared
	upper        map[string]entry // abbreviations: as they are written
	words        map[string]word
	stems        map[uint64]bool // loose hashes of words that occur in names
	letters      map[byte][]string
	english      map[string]bool // words of definitions: not to be corrected
	rules        *rules
}

// skipped carry no meaning in names.
var skipped = map[string]bool{
	"of": true, "the": true, "a": true, "an": true, "in": true, "on": true, "with": true, "to": true, "is": true, "are": true, "was": true, "were": true,
	"his": true, "her": true, "its": true, "their": true, "at": true, "be": true, "been": true, "by": true, "for": true, "very": true, "rather": true,
}

// newDictionary takes the names of all terms below the abnormalities.
func newDictionary(o *ontology.Ontology, r *rules) *dictionary {
	d := &dictionary{
		exact: make(map[uint64]entry, 3*o.Len()), loose: make(map[uint64]entry, 3*o.Len()), ordered: map[uint64]entry{}, upper: map[string]entry{},
		words: make(map[string]word, o.Len()), stems: make(map[uint64]bool, o.Len()), letters: map[byte][]string{}, rules: r,
	}
	learnt := make(chan map[string]bool, 1)
	go func() { learnt <- english(o) }()
	for i := range ontology.Index(o.Len()) {
		if i == o.Abnormality() || !o.IsAncestor(o.Abnormality(), i) {
			continue
		}
		d.add(o, i, o.Label(i), 0, false)
		for _, s := range o.Synonyms(i) {
			d.add(o, i, s.Text, 1+uint8(s.Scope), s.Abbreviation)
		}
	}
	for _, n := range r.names {
		if term, ok := o.Lookup(n.term); ok {
			d.addEntry(o, n.text, entry{term: term, rank: 1, denies: n.absent})
		}
	}
	for w, k := range d.words {
		if !k.skip && len(w) >= minSwapped && strings.Trim(w, "0123456789") != "" {
			d.letters[w[0]] = append(d.letters[w[0]], w)
		}
	}
	d.english = <-learnt
	return d
}

// english keeps the longer words of all definitions: proper English.
func english(o *ontology.Ontology) map[string]bool {
	words := make(map[string]bool, o.Len())
	for i := range ontology.Index(o.Len()) {
		for text := o.Definition(i); len(text) > 0; {
			end := strings.IndexAny(text, " ,.;:()/-")
			if end < 0 {
				end = len(text)
			}
			if end >= minSwapped {
				words[strings.ToLower(text[:end])] = true
			}
			text = text[min(end+1, len(text)):]
		}
	}
	return words
}

func (d *dictionary) add(o *ontology.Ontology, term ontology.Index, name string, rank uint8, short bool) {
	if d.rules.never[strings.ToLower(name)] {
		return
	}
	if short || len(name) <= 5 && len(name) > 1 && name == strings.ToUpper(name) {
		keep(d.upper, o, name, entry{term: term, rank: rank, words: 1})
		return
	}
	d.addEntry(o, name, entry{term: term, rank: rank})
}

func (d *dictionary) addEntry(o *ontology.Ontology, name string, e entry) {
	tokens, _ := tokenize(name)
	e.comma = strings.IndexByte(name, ',') >= 0
	var exact, loose uint64
	for _, t := range tokens {
		if t.mark {
			continue
		}
		w := d.learnWord(t.word)
		if !w.skip {
			exact, loose, e.words = exact+w.exact, loose+w.loose, e.words+1
			e.alone, e.order = t.word, inOrder(e.order, w)
		}
		if e.words > maxName {
			return
		}
	}
	if e.words > 1 {
		e.alone = ""
	}
	if e.words > 0 {
		d.share(exact, &e)
		keep(d.exact, o, exact, e)
	}
	if loose != 0 {
		keep(d.loose, o, loose, e)
	}
}

// inOrder adds a word to the hash of those before it.
func inOrder(before uint64, w word) uint64 { return before*31 + w.exact }

// share keeps two terms apart whose names differ by the order of words only.
func (d *dictionary) share(exact uint64, e *entry) {
	old, taken := d.exact[exact]
	if !taken || old.term == e.term || old.order == e.order {
		return
	}
	e.shared = true
	if !old.shared {
		old.shared = true
		d.exact[exact], d.ordered[old.order] = old, old
	}
	if _, taken := d.ordered[e.order]; !taken {
		d.ordered[e.order] = *e
	}
}

// find looks a window up by its words, and by their order where that decides.
func (d *dictionary) find(exact, order uint64) (entry, bool) {
	e, ok := d.exact[exact]
	if ok && e.shared {
		if own, ok := d.ordered[order]; ok {
			return own, true
		}
	}
	return e, ok && e.term != ontology.None
}

func keep[K comparable](into map[K]entry, o *ontology.Ontology, key K, e entry) {
	if old, taken := into[key]; taken {
		e = better(o, old, e)
	}
	into[key] = e
}

// better chooses between two terms of one name: a label before a synonym, a
// close synonym before a loose one, the more general of two that are related;
// otherwise nobody can tell.
func better(o *ontology.Ontology, a, b entry) entry {
	switch {
	case a.term == b.term:
		a.shared = a.shared || b.shared
		a.rank, a.comma = min(a.rank, b.rank), a.comma || b.comma
		return a
	case a.rank < b.rank:
		return a
	case b.rank < a.rank:
		return b
	case a.term == ontology.None:
		return a
	case o.IsAncestor(a.term, b.term):
		return a
	case o.IsAncestor(b.term, a.term):
		return b
	}
	a.term = ontology.None
	return a
}

func (d *dictionary) learnWord(w string) word {
	k, ok := d.words[w]
	if !ok {
		k = d.describe(w)
		k.known = true
		d.words[w] = k
		if !k.skip {
			d.stems[k.loose] = true
		}
	}
	return k
}

// describe computes what is kept of a word.
func (d *dictionary) describe(w string) word {
	if skipped[w] {
		return word{skip: true}
	}
	one := singular(w)
	k := word{exact: hash(one)}
	if d.rules.optional[one] {
		return k
	}
	if other, ok := d.rules.same[one]; ok {
		for _, o := range strings.Fields(other) {
			k.loose += hash(root(singular(spell(o))))
		}
	} else {
		k.loose = hash(root(one))
	}
	return k
}

// look describes a word of a text; a word that no name holds is tried with one
// letter changed.
func (d *dictionary) look(w string) word {
	if k, ok := d.words[w]; ok {
		return k
	}
	k := d.describe(w)
	if d.stems[k.loose] {
		k.known = true
		return k
	}
	if right := d.corrected(w); right != "" {
		return d.words[right]
	}
	return k
}

// minCorrected is the length from which a word is tried with a letter changed,
// minSwapped that from which two neighbours are swapped: short words have too
// many neighbours.
const (
	minCorrected = 7
	minSwapped   = 5
)

// corrected is the one word of the names that a misspelt word is near to; ""
// when there is none, or when the word is English.
func (d *dictionary) corrected(w string) string {
	if len(w) < minSwapped || d.english[w] {
		return ""
	}
	found := ""
	for _, c := range d.letters[w[0]] {
		if len(w) >= minCorrected && nearlySame(w, c) || w[1] == c[1] && swapped(w, c) {
			if found != "" && singular(found) != singular(c) {
				return ""
			}
			found = c
		}
	}
	return found
}

// hash is FNV-1a with a final mix, so that sums of hashes do not meet.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
