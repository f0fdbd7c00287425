package phenotype

import (
	"unicode"
	"unicode/utf8"
)

// token is a word or a mark of a text.
type token struct {
	start, end int    // bytes of the text
	word       string // words: lower case, folded and in American spelling; marks: as they are
	mark       bool   // punctuation
	capital    bool   // begins with a capital
	glued      bool   // a hyphen without a space stands before it
	line       bool   // first of its line
	paragraph  bool   // an empty line stands before it
}

// tokenize cuts a text into words and marks. A word is letters and digits;
// hyphens part words unless one side is a combining form (vesico-ureteral).
// Bytes that are no UTF-8 part words; their number is returned.
func tokenize(text string) (tokens []token, broken int) {
	tokens = make([]token, 0, len(text)/5+1)
	breaks, glued := 2, false // line breaks since the last token
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			broken++
		}
		switch {
		case letter(r):
			end := wordEnd(text, i)
			t := token{start: i, end: end, word: spell(text[i:end]), capital: unicode.IsUpper(r), glued: glued, line: breaks > 0, paragraph: breaks > 1}
			if n := len(tokens); t.glued && n > 0 && combining(tokens[n-1].word) {
				last := &tokens[n-1]
				last.end, last.word = end, last.word+t.word
			} else {
				tokens = append(tokens, t)
			}
			i, breaks, glued = end, 0, false
			continue
		case r == '\n':
			breaks++
			glued = false
		case r == '-' || r == '‐' || r == '‑':
			glued = i > 0 && i+size < len(text) && letterAt(text, i+size) && breaks == 0 && !spaceBefore(text, i)
			if !glued {
				tokens = append(tokens, token{start: i, end: i + size, word: "-", mark: true, line: breaks > 0, paragraph: breaks > 1})
				breaks = 0
			}
		case unicode.IsSpace(r):
			glued = false
		default:
			glued = false
			tokens = append(tokens, token{start: i, end: i + size, word: text[i : i+size], mark: true, line: breaks > 0, paragraph: breaks > 1})
			breaks = 0
		}
		i += size
	}
	return tokens, broken
}

func letter(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r))
}

func letterAt(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return letter(r)
}

func spaceBefore(text string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return !letter(r)
}

// wordEnd finds the end of the word that starts at i. An apostrophe with an s
// belongs to it (Gowers' sign, Raynaud's phenomenon), as does a slash in the
// abbreviations that clinicians write with one (w/o, r/o, c/o, b/l, h/o).
func wordEnd(text string, i int) int {
	start := i
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case letter(r):
			i += size
		case r == '\'' || r == '’':
			if next := i + size; next < len(text) && (text[next] == 's' || text[next] == 't') && (next+1 == len(text) || !letterAt(text, next+1)) {
				return next + 1
			}
			return i
		case r == '/' && i-start == 1 && i+1 < len(text) && slashed[text[start:i+2]] && (i+2 == len(text) || !letterAt(text, i+2)):
			return i + 2
		default:
			return i
		}
	}
	return i
}

var slashed = map[string]bool{
	"w/o": true, "r/o": true, "c/o": true, "h/o": true, "b/l": true, "s/p": true,
	"W/O": true, "R/O": true, "C/O": true, "H/O": true, "B/L": true, "S/P": true,
}
