package phenotype

import (
	"strings"

	"consilium/ontology"
)

// maxName is the longest name, in words that count, that is looked for.
const maxName = 12

// entry is what a name stands for.
type entry struct {
	term  ontology.Index // None: several unrelated terms have this name
	rank  uint8          // 0 label, 1 exact synonym, then narrow, related, broad
	words uint8
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
		exact: make(map[uint64]entry, 3*o.Len()), loose: make(map[uint64]entry, 3*o.Len()), upper: map[string]entry{},
		words: make(map[string]word, o.Len()), stems: make(map[uint64]bool, o.Len()), letters: map[byte][]string{}, english: map[string]bool{}, rules: r,
	}
	for i := range ontology.Index(o.Len()) {
		if i == o.Abnormality() || !o.IsAncestor(o.Abnormality(), i) {
			continue
		}
		d.add(o, i, o.Label(i), 0, false)
		for _, s := range o.Synonyms(i) {
			d.add(o, i, s.Text, 1+uint8(s.Scope), s.Abbreviation)
		}
	}
	for w, k := range d.words {
		if !k.skip && len(w) >= minCorrected-1 && strings.Trim(w, "0123456789") != "" {
			d.letters[w[0]] = append(d.letters[w[0]], w)
		}
	}
	for i := range ontology.Index(o.Len()) {
		d.learn(o.Definition(i))
	}
	return d
}

// learn keeps the longer words of a text as proper English.
func (d *dictionary) learn(text string) {
	for len(text) > 0 {
		end := strings.IndexAny(text, " ,.;:()/-")
		if end < 0 {
			end = len(text)
		}
		if end >= minCorrected-1 {
			d.english[strings.ToLower(text[:end])] = true
		}
		text = text[min(end+1, len(text)):]
	}
}

func (d *dictionary) add(o *ontology.Ontology, term ontology.Index, name string, rank uint8, short bool) {
	if d.rules.never[strings.ToLower(name)] {
		return
	}
	if short || len(name) <= 5 && len(name) > 1 && name == strings.ToUpper(name) {
		d.put(d.upper, o, name, entry{term, rank, 1})
		return
	}
	tokens, _ := tokenize(name)
	var exact, loose uint64
	n := uint8(0)
	for _, t := range tokens {
		if t.mark {
			continue
		}
		w := d.learnWord(t.word)
		if !w.skip {
			exact, loose, n = exact+w.exact, loose+w.loose, n+1
		}
		if n > maxName {
			return
		}
	}
	if n == 0 {
		return
	}
	keep(d.exact, o, exact, entry{term, rank, n})
	keep(d.loose, o, loose, entry{term, rank, n})
}

func (d *dictionary) put(into map[string]entry, o *ontology.Ontology, key string, e entry) {
	if old, taken := into[key]; taken {
		e = better(o, old, e)
	}
	into[key] = e
}

func keep(into map[uint64]entry, o *ontology.Ontology, key uint64, e entry) {
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
		a.rank = min(a.rank, b.rank)
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

// minCorrected is the length from which a word is tried with a letter changed:
// short words have too many neighbours.
const minCorrected = 7

// corrected is the one word of the names that a misspelt word is near to; ""
// when there is none, or when the word is English.
func (d *dictionary) corrected(w string) string {
	if len(w) < minCorrected || d.english[w] {
		return ""
	}
	found := ""
	for _, c := range d.letters[w[0]] {
		if nearlySame(w, c) {
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
