package encoder

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on a text. What lies beyond them does not enter the vector.
const (
	MaxWords    = 512 // words of one text
	maxWordSize = 64  // bytes of one word: the rest of a longer run is dropped
	maxTextSize = 64 << 10
)

// words splits a text into lower-case runs of letters and digits, at most MaxWords.
// Bytes that are not UTF-8 separate words.
func words(text string) []string {
	if len(text) > maxTextSize {
		text = text[:maxTextSize]
	}
	var out []string
	start := -1
	flush := func(end int) {
		if start >= 0 {
			out = append(out, strings.ToLower(clip(text[start:end])))
			start = -1
		}
	}
	for i, r := range text {
		letter := r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || start >= 0 && unicode.IsMark(r))
		switch {
		case letter && start < 0:
			start = i
		case !letter:
			flush(i)
		}
		if len(out) == MaxWords {
			return out
		}
	}
	flush(len(text))
	return out
}

// clip shortens a word to maxWordSize at a rune's border.
func clip(word string) string {
	if len(word) <= maxWordSize {
		return word
	}
	n := maxWordSize
	for n > 0 && !utf8.RuneStart(word[n]) {
		n--
	}
	return word[:n]
}

// Character n-grams of a word between its marks < and >.
const (
	shortestGram = 3
	longestGram  = 5
)

// grams gives the hash of every n-gram of a word, modulo buckets. FNV-1a, as in fastText.
func grams(word string, buckets int) []int32 {
	if buckets == 0 {
		return nil
	}
	runes := []rune("<" + word + ">")
	var out []int32
	for i := range runes {
		hash := uint32(2166136261)
		for n := 1; n <= longestGram && i+n <= len(runes); n++ {
			var b [utf8.UTFMax]byte
			for _, c := range b[:utf8.EncodeRune(b[:], runes[i+n-1])] {
				hash = (hash ^ uint32(c)) * 16777619
			}
			if n >= shortestGram {
				out = append(out, int32(hash%uint32(buckets)))
			}
		}
	}
	return out
}
