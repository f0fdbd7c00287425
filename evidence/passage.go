package evidence

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// DefaultPassage is the length of a passage in bytes unless told otherwise.
const DefaultPassage = 1500

// abbreviations end in a period that ends no sentence.
var abbreviations = map[string]bool{
	"dr": true, "mr": true, "mrs": true, "ms": true, "prof": true, "st": true, "vs": true, "fig": true, "figs": true, "no": true,
	"e.g": true, "i.e": true, "al": true, "cf": true, "approx": true, "ca": true, "resp": true, "ref": true, "refs": true, "spp": true, "sp": true, "var": true, "u.s": true,
}

// Sentences divides a text at sentence ends and empty lines. The spans are in
// order, do not overlap, and hold everything but the white space between them.
func Sentences(text string) [][2]int {
	var spans [][2]int
	start := 0
	add := func(end int) {
		s := [2]int{start, end}
		for s[0] < s[1] && isSpace(text[s[0]]) {
			s[0]++
		}
		for s[1] > s[0] && isSpace(text[s[1]-1]) {
			s[1]--
		}
		if s[0] < s[1] {
			spans = append(spans, s)
		}
		start = end
	}
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '.', '!', '?':
			end := i + 1
			for end < len(text) && strings.IndexByte(".!?)]\"'", text[end]) >= 0 {
				end++
			}
			if endsSentence(text, start, i, end) {
				add(end)
			}
			i = end - 1
		case '\n', '\f':
			if text[i] == '\f' || blankLine(text, i) {
				add(i + 1)
			}
		}
	}
	add(len(text))
	return spans
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' || b == '\f' }

// blankLine says whether nothing but white space stands between the newline at i and the next.
func blankLine(text string, i int) bool {
	for j := i + 1; j < len(text) && isSpace(text[j]); j++ {
		if text[j] == '\n' {
			return true
		}
	}
	return false
}

// endsSentence decides about the mark at i, whose closing quotes and brackets end at end.
func endsSentence(text string, start, i, end int) bool {
	if end >= len(text) {
		return true
	}
	if !isSpace(text[end]) {
		return false // 3.5, p.Arg12Cys, www.x.org
	}
	next, _ := utf8.DecodeRuneInString(strings.TrimLeft(text[end:min(len(text), end+64)], " \n\t\r\f([\"'-*"))
	if unicode.IsLower(next) {
		return false
	}
	if text[i] != '.' || end > i+1 {
		return true
	}
	word := text[start:i]
	word = word[strings.LastIndexAny(word, " \n\t\r\f([")+1:]
	initial := len(word) == 1 && word[0] >= 'A' && word[0] <= 'Z'
	return !initial && !abbreviations[strings.ToLower(word)]
}

// passages groups the sentences of a text into passages of at most size bytes,
// or one longer sentence each, cut at a space. With size 0 the text is one passage.
func passages(text string, size int) [][2]int {
	sentences := Sentences(text)
	if len(sentences) == 0 {
		return nil
	}
	if size <= 0 {
		return [][2]int{{sentences[0][0], sentences[len(sentences)-1][1]}}
	}
	var out [][2]int
	open := [2]int{-1, -1}
	for _, s := range sentences {
		if open[0] >= 0 && s[1]-open[0] <= size {
			open[1] = s[1]
			continue
		}
		if open[0] >= 0 {
			out = append(out, open)
		}
		for s[1]-s[0] > 2*size {
			cut := cutAt(text, s[0], s[0]+size)
			out = append(out, [2]int{s[0], cut})
			s[0] = cut
		}
		open = s
	}
	return append(out, open)
}

// cutAt gives the end of a piece of text that begins at start and ends near end: a space, else a rune's border.
func cutAt(text string, start, end int) int {
	if space := strings.LastIndexByte(text[start:end], ' '); space > 0 {
		return start + space + 1
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	return end
}
