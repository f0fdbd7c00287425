package phenotype

import "strings"

// sentence is a run of tokens that phrases reach over, with what the heading
// above it says.
type sentence struct {
	from, to int
	section  effect
}

// wrapped is the length from which a line is taken for one that goes on in the
// next, when that begins with a small letter.
const wrapped = 50

// sentences cuts the tokens at full stops, semicolons, and the ends of lines
// that are not merely wrapped.
func (r *reader) sentences() []sentence {
	var out []sentence
	section, from, lineStart := effectNothing, 0, 0
	for i := range r.tokens {
		t := r.tokens[i]
		if i > from && r.breaks(i, lineStart) {
			out = append(out, sentence{from, i, section})
			from = i
		}
		if t.line {
			lineStart = t.start
		}
		if t.paragraph {
			section = effectNothing
		}
		if i == from {
			if e, ok := r.heading(i); ok {
				section = e
			}
		}
	}
	return append(out, sentence{from, len(r.tokens), section})
}

// breaks tells whether a sentence ends before token i.
func (r *reader) breaks(i, lineStart int) bool {
	t, last := r.tokens[i], r.tokens[i-1]
	if t.paragraph {
		return true
	}
	if t.line {
		return t.mark || t.capital || last.mark && last.word != "," || last.end-lineStart < wrapped
	}
	if !last.mark {
		return false
	}
	space := t.start > last.end
	switch last.word {
	case ";":
		return true
	case "!":
		return space
	case "?":
		return space && t.capital
	case ".":
		return space && (t.capital || t.mark || digits(t.word)) && (i < 2 || !abbreviated[r.tokens[i-2].word])
	}
	return false
}

func digits(w string) bool { return strings.Trim(w, "0123456789") == "" }

// abbreviated words are followed by a full stop inside a sentence.
var abbreviated = map[string]bool{"dr": true, "mr": true, "mrs": true, "ms": true, "prof": true, "st": true, "vs": true, "approx": true, "fig": true, "no": false, "pt": true, "e": true, "i": true}

// heading reads the words before a colon at the beginning of a sentence. One
// that begins a line and is not in the rules ends the section above it.
func (r *reader) heading(i int) (effect, bool) {
	var words []string
	for j := i; j < len(r.tokens) && j < i+6; j++ {
		t := r.tokens[j]
		if !t.mark {
			words = append(words, t.word)
			continue
		}
		if t.word != ":" || len(words) == 0 {
			return effectNothing, false
		}
		e, ok := r.dictionary.rules.sections[strings.Join(words, " ")]
		return e, ok || r.tokens[i].capital
	}
	return effectNothing, false
}
