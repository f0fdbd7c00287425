package stance

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what is read. What lies beyond them is not considered.
const (
	MaxSentences = 400
	maxText      = 16 << 10 // bytes of one sentence or question
)

// tokenise splits into lower-case words, numbers (with their decimal point) and single signs.
func tokenise(text string) []string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	text = strings.ToLower(text)
	var out []string
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case unicode.IsLetter(r):
			size = spanOf(text, unicode.IsLetter)
			out = append(out, text[:size])
		case unicode.IsDigit(r) || r == '.' && startsWithDigit(text[1:]):
			size = spanOf(text, func(r rune) bool { return unicode.IsDigit(r) || r == '.' })
			out = append(out, strings.TrimRight(text[:size], "."))
		case unicode.IsSpace(r) || r == utf8.RuneError:
		default:
			out = append(out, text[:size])
		}
		text = text[size:]
	}
	return out
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// spanOf is the length of the longest start of s whose runes all belong.
func spanOf(s string, belongs func(rune) bool) int {
	if i := strings.IndexFunc(s, func(r rune) bool { return !belongs(r) }); i >= 0 {
		return i
	}
	return len(s)
}
