package evidence

import (
	"strings"
	"unicode"
)

// functionWords of some languages, frequent and short. A text is taken for
// another language only when that language's words clearly outnumber English ones.
var functionWords = map[string]string{
	"English":    "the of and to in is for with that are was were on by as from be this or an which at have has not may can it these",
	"German":     "der die das und ist nicht mit von den dem des ein eine einer auf für im sich werden wurde bei oder auch zu",
	"French":     "le la les des et est une dans pour que qui sur avec par du au aux ne pas plus sont ont été ou",
	"Spanish":    "el la los las de y que en un una por con para es se del al como más son fue no lo su",
	"Italian":    "il lo la gli le di che è un una per con non sono del della dei nel alla da si come",
	"Portuguese": "o os as de e que em um uma por com para não se do da dos das ao como mais foi são",
	"Dutch":      "de het een en van is dat op te met voor niet zijn aan door bij als ook werd worden naar uit",
}

var languageOf = func() map[string][]string {
	words := map[string][]string{}
	for language, list := range functionWords {
		for _, w := range strings.Fields(list) {
			words[w] = append(words[w], language)
		}
	}
	return words
}()

const languageSample = 4000 // bytes that decide

// foreign names the language of a text that is not English, or "" for English
// and for whatever is too short to tell.
func foreign(text string) string {
	if len(text) > languageSample {
		text = strings.ToValidUTF8(text[:languageSample], "")
	}
	latin, other := 0, 0
	for _, r := range text {
		switch {
		case !unicode.IsLetter(r):
		case unicode.Is(unicode.Latin, r) || unicode.Is(unicode.Greek, r):
			latin++
		default:
			other++
		}
	}
	if other > latin && other > 3 {
		return "not in Latin script"
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
	counts := map[string]int{}
	for _, w := range words {
		for _, language := range languageOf[w] {
			counts[language]++
		}
	}
	best := ""
	for language := range functionWords {
		if counts[language] > counts[best] || counts[language] == counts[best] && language < best {
			best = language
		}
	}
	if best == "English" || len(words) < 12 || counts[best] < 4 || counts[best]*10 < len(words) || counts[best] < 2*counts["English"] {
		return ""
	}
	return best
}
