package deid

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Removed stands where an identifier was.
const Removed = "[removed]"

// scrubber takes identifiers out of text: those of this patient wherever they
// stand, and in free text whatever looks like one.
type scrubber struct {
	known []identifier // longest first
	dates bool         // dates in text go too
}

// identifier is one known one, in lower case.
type identifier struct {
	text []rune
	word bool // only as a word of its own: names
}

// Identifiers shorter than this are not looked for: they would be found everywhere.
const (
	minName   = 2
	minNumber = 3
)

func newScrubber(list []string, dates bool) scrubber {
	s := scrubber{dates: dates}
	seen := map[string]bool{}
	add := func(text string) {
		text = strings.ToLower(strings.TrimSpace(text))
		runes := []rune(text)
		named := !strings.ContainsFunc(text, unicode.IsDigit)
		if seen[text] || common[text] || len(runes) < minName || !named && len(runes) < minNumber {
			return
		}
		seen[text] = true
		s.known = append(s.known, identifier{runes, (named || len(runes) < 5) && !ideographic(runes)})
	}
	for _, text := range list {
		add(text)
		add(plain(text))
	}
	slices.SortStableFunc(s.known, func(a, b identifier) int { return cmp.Compare(len(b.text), len(a.text)) })
	return s
}

// plain takes accents off: "Müller" is also looked for as "Muller".
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

// ideographic text has no spaces between its words.
func ideographic(runes []rune) bool {
	return slices.ContainsFunc(runes, func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
	})
}

// text takes the known identifiers out, and from free text what looks like one.
func (s scrubber) text(text string, free bool) string {
	text = norm.NFC.String(text)
	for _, id := range s.known {
		text = id.cut(text)
	}
	if free {
		text = s.patterns(text)
	}
	return text
}

// cut replaces every occurrence of an identifier.
func (id identifier) cut(text string) string {
	if utf8.RuneCountInString(text) < len(id.text) {
		return text
	}
	runes := []rune(text)
	var out []rune
	last := 0
	for i := 0; i+len(id.text) <= len(runes); i++ {
		if !id.at(runes, i) {
			continue
		}
		out = append(append(out, runes[last:i]...), []rune(Removed)...)
		last = i + len(id.text)
		i = last - 1
	}
	if last == 0 {
		return text
	}
	return string(append(out, runes[last:]...))
}

func (id identifier) at(runes []rune, i int) bool {
	for k, r := range id.text {
		if unicode.ToLower(runes[i+k]) != r {
			return false
		}
	}
	if !id.word {
		return true
	}
	end := i + len(id.text)
	return (i == 0 || !wordy(runes[i-1])) && (end == len(runes) || !wordy(runes[end]))
}

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// What looks like an identifier in free text.
var (
	datePatterns = regexp.MustCompile(`(?i)\b(?:(?:19|20)\d\d[-/.]?(?:0[1-9]|1[0-2])[-/.]?(?:0[1-9]|[12]\d|3[01])|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|` +
		`\d{1,2}\.? ?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,? ?\d{2,4}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2},? \d{4})\b`)
	numberPatterns = regexp.MustCompile(`\d{3}-\d{2}-\d{4}|\d{6,}|\+?\(?\d[\d ()/-]{6,}\d`)
	wordPatterns   = regexp.MustCompile(`[\w.+-]+@[\w-]+\.[\w.-]+|(?i:https?://|www\.)\S+|` +
		`\b(?:Dr|Prof|Mr|Mrs|Ms|Miss|Herr|Frau|Mme|Sr|Sra)\b\.? *\p{Lu}[\p{L}'-]+(?: \p{Lu}[\p{L}'-]+)?|` +
		`(?i:\b(?:name|patient|pat|mrn|id|dob|born|geb|physician|doctor|referred by|reported by|operator|tel|phone|fax|address|accession)\b\.? ?[:#=] ?[^\s,;]+)(?: \p{Lu}[\p{L}'-]+)?`)
)

func (s scrubber) patterns(text string) string {
	text = wordPatterns.ReplaceAllString(text, Removed)
	if s.dates {
		text = datePatterns.ReplaceAllString(text, Removed)
	}
	return numberPatterns.ReplaceAllStringFunc(text, func(m string) string {
		if digits := strings.Map(onlyDigits, m); len(digits) < 6 || !s.dates && len(digits) == 8 && (strings.HasPrefix(digits, "19") || strings.HasPrefix(digits, "20")) {
			return m
		}
		return Removed
	})
}

func onlyDigits(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// short cuts a value to what its VR holds.
func short(s string, n int) string {
	if utf8.RuneCountInString(s) > n {
		s = strings.TrimSpace(string([]rune(s)[:n]))
	}
	return s
}

// ScrubName takes identifiers out of a file's name: the known ones, and what
// looks like one.
func ScrubName(name string, known []string) string {
	var parts []string
	for _, k := range known {
		parts = append(append(parts, k), nameParts(k)...)
	}
	spaced := strings.NewReplacer("_", " ").Replace(name)
	out := newScrubber(parts, true).text(spaced, true)
	return strings.ReplaceAll(strings.ReplaceAll(out, Removed, "removed"), " ", "_")
}
