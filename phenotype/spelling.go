package phenotype

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// spell writes a word in the one form that is compared: lower case, without
// accents and possessive, in American spelling. Names and texts both pass
// through it, so that a rule which is wrong for a word is wrong on both sides.
func spell(word string) string {
	word = fold(word)
	word = strings.TrimSuffix(strings.TrimSuffix(word, "'s"), "’s")
	word = strings.ReplaceAll(word, "’", "'")
	if len(word) < 4 {
		return word
	}
	if n, ok := ordinals[word]; ok {
		return n
	}
	return american(word)
}

// fold lowers a word and takes accents off.
func fold(word string) string {
	for i := 0; i < len(word); i++ {
		if word[i] >= utf8.RuneSelf {
			return strings.Map(func(r rune) rune {
				if unicode.Is(unicode.Mn, r) {
					return -1
				}
				return unicode.ToLower(r)
			}, norm.NFD.String(word))
		}
	}
	return strings.ToLower(word)
}

var ordinals = map[string]string{
	"first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th",
}

// endings of British spelling and what Americans write.
var endings = [...][2]string{
	{"isation", "ization"}, {"isations", "izations"}, {"ised", "ized"}, {"ising", "izing"}, {"ise", "ize"},
	{"our", "or"}, {"ours", "ors"}, {"oured", "ored"}, {"oural", "oral"}, {"yse", "yze"}, {"ysed", "yzed"},
	{"tre", "ter"}, {"elled", "eled"}, {"elling", "eling"}, {"ileptic", "ileptic"},
}

func american(word string) string {
	if strings.Contains(word, "ae") || strings.Contains(word, "oe") {
		word = strings.ReplaceAll(strings.ReplaceAll(word, "ae", "e"), "oe", "e")
	}
	if strings.Contains(word, "ph") {
		word = strings.ReplaceAll(word, "ph", "f") // sulphur, and microcefaly
	}
	switch word[len(word)-1] {
	case 'n', 's', 'd', 'g', 'e', 'r', 'l':
		for _, e := range endings {
			if len(word) > len(e[0])+1 && strings.HasSuffix(word, e[0]) {
				return word[:len(word)-len(e[0])] + e[1]
			}
		}
	}
	return word
}

// singular takes a plural's ending off.
func singular(w string) string {
	n := len(w)
	switch {
	case n < 4 || w[n-1] != 's':
		return w
	case strings.HasSuffix(w, "ies") && n > 4:
		return w[:n-3] + "y"
	case strings.HasSuffix(w, "sses"), strings.HasSuffix(w, "xes"), strings.HasSuffix(w, "ches"), strings.HasSuffix(w, "shes"):
		return w[:n-2]
	case strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "us"), strings.HasSuffix(w, "is"):
		return w
	}
	return w[:n-1]
}

// suffixes that make nouns into adjectives and the other way round, longest first.
var suffixes = [...]string{
	"ations", "ation", "ional", "ically", "istic", "ition",
	"ities", "ical", "ment", "ness", "osis", "otic", "esis", "etic", "ious", "eous",
	"ity", "ism", "ing", "ion", "ian", "ial", "ive", "ous", "oid",
	"ed", "al", "ar", "ic", "ia", "um", "us", "es", "is", "ly", "e", "y", "a", "o",
}

// root is what is left of a word without its derivational suffix: hypotonia
// and hypotonic share one, as do conjunctiva and conjunctival.
func root(w string) string {
	for _, s := range suffixes {
		if len(w) >= len(s)+4 && strings.HasSuffix(w, s) {
			return w[:len(w)-len(s)]
		}
	}
	return w
}

// combining tells a first part that is one word with what follows its hyphen:
// vesico-ureteral, pre-auricular.
func combining(w string) bool {
	switch w {
	case "pre", "post", "hyper", "hypo", "micro", "macro", "sub", "supra", "infra", "inter", "intra", "non", "anti", "poly", "peri", "para", "retro", "extra", "hemi", "bi", "re":
		return true
	}
	return len(w) > 4 && w[len(w)-1] == 'o'
}

// nearlySame tells whether one change of a letter, or one swap of neighbours,
// makes a into b.
func nearlySame(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a) < len(b):
		return a[i:] == b[i+1:]
	case i == len(a):
		return true
	case a[i+1:] == b[i+1:]:
		return true
	}
	return swapped(a, b)
}

// swapped tells whether a is b with two neighbours swapped.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
