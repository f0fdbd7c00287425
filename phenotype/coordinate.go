package phenotype

import "consilium/ontology"

// maxShared is how many words before or behind an "and" may share a head.
const maxShared = 3

// coordinated adds what shares a word with a name beside it: "ears are large
// and protruding", "low-set and rotated ears", "cardiac and renal failure".
func (r *reader) coordinated(found []mention, from, to int) []mention {
	var out []mention
	for k, m := range found {
		if m.words > 1 {
			if k == 0 || found[k-1].to < m.from-1 {
				if extra, ok := r.shareLeft(m, after(found, k, from)); ok {
					out = append(out, extra)
				}
			}
			out = append(out, m)
			if k+1 == len(found) || found[k+1].from > m.to+1 {
				if extra, ok := r.shareRight(m, before(found, k, to)); ok {
					out = append(out, extra)
				}
			}
			continue
		}
		out = append(out, m)
	}
	return out
}

// after is where the name before the k-th ends.
func after(found []mention, k, from int) int {
	if k == 0 {
		return from
	}
	return found[k-1].to
}

// before is where the name behind the k-th begins.
func before(found []mention, k, to int) int {
	if k+1 == len(found) {
		return to
	}
	return found[k+1].from
}

func joins(t token) bool { return t.word == "and" || t.word == "or" || t.word == "," || t.word == "/" }

// shareLeft tries the words before "and" with the last words of the name behind it.
func (r *reader) shareLeft(m mention, low int) (mention, bool) {
	joint := m.from - 1
	if joint <= low || !joins(r.tokens[joint]) {
		return mention{}, false
	}
	for start := max(low, joint-maxShared); start < joint; start++ {
		if !r.plain(start, joint) {
			continue
		}
		for head := m.from + 1; head < m.to; head++ {
			if e, ok := r.together(start, joint, head, m.to); ok && e.term != m.term {
				return mention{from: start, to: joint, term: e.term, words: 1, loose: true, rank: e.rank}, true
			}
		}
	}
	return mention{}, false
}

// shareRight tries the first words of a name with the words behind "and".
func (r *reader) shareRight(m mention, high int) (mention, bool) {
	if m.to+1 >= high || !joins(r.tokens[m.to]) {
		return mention{}, false
	}
	first := m.to + 1
	for end := min(high, first+maxShared); end > first; end-- {
		if !r.plain(first, end) {
			continue
		}
		for head := m.to - 1; head > m.from; head-- {
			if e, ok := r.together(m.from, head, first, end); ok && e.term != m.term {
				return mention{from: first, to: end, term: e.term, words: 1, loose: true, rank: e.rank}, true
			}
		}
	}
	return mention{}, false
}

// plain tells whether tokens are words only, with one that names know at either end.
func (r *reader) plain(from, to int) bool {
	for i := from; i < to; i++ {
		if r.tokens[i].mark || !r.words[i].known && !r.words[i].skip {
			return false
		}
	}
	return !r.words[from].skip && !r.words[to-1].skip
}

// together looks two runs of words up as one name.
func (r *reader) together(a, b, c, d int) (entry, bool) {
	var exact, loose uint64
	for _, run := range [2][2]int{{a, b}, {c, d}} {
		for i := run[0]; i < run[1]; i++ {
			exact, loose = exact+r.words[i].exact, loose+r.words[i].loose
		}
	}
	for _, e := range [2]entry{r.dictionary.exact[exact], r.dictionary.loose[loose]} {
		if e.words > 1 && e.term != ontology.None {
			return e, true
		}
	}
	return entry{}, false
}
