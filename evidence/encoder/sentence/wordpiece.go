package sentence

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"consilium/fault"
)

// Limits of a vocabulary and of a text.
const (
	maxVocabularyBytes = 16 << 20
	maxVocabulary      = 1 << 20
	maxText            = 1 << 20 // bytes; what follows is not read
	maxWordRunes       = 100     // a longer word is unknown, as in BERT
)

// Special pieces, which every BERT vocabulary holds.
const (
	padding   = "[PAD]"
	unknown   = "[UNK]"
	classify  = "[CLS]"
	separator = "[SEP]"
)

// Tokenizer is BERT's: basic splitting, then the longest matching piece first
// (WordPiece: Wu et al. 2016; Devlin et al., NAACL 2019). It is safe for concurrent use.
type Tokenizer struct {
	pieces             map[string]int
	lower              bool // lower case, and without accents
	pad, unk, cls, sep int
}

// NewTokenizer reads vocab.txt: one piece a line, its number is the line's. What is no such vocabulary is MODEL_MALFORMED.
func NewTokenizer(vocabulary []byte, lower bool) (*Tokenizer, error) {
	malformed := func(what string) error {
		return fault.New(fault.ModelMalformed, "vocab.txt "+what, "take the vocabulary that belongs to the model")
	}
	if len(vocabulary) > maxVocabularyBytes {
		return nil, malformed(fmt.Sprintf("has more than %d bytes", maxVocabularyBytes))
	}
	t := &Tokenizer{pieces: map[string]int{}, lower: lower}
	lines := bufio.NewScanner(bytes.NewReader(vocabulary))
	for number := 0; lines.Scan(); number++ {
		if number == maxVocabulary {
			return nil, malformed(fmt.Sprintf("has more than %d pieces", maxVocabulary))
		}
		piece := strings.TrimRight(lines.Text(), "\r")
		if _, twice := t.pieces[piece]; !twice {
			t.pieces[piece] = number
		}
	}
	if lines.Err() != nil {
		return nil, malformed("has a line that is too long")
	}
	for piece, into := range map[string]*int{padding: &t.pad, unknown: &t.unk, classify: &t.cls, separator: &t.sep} {
		number, ok := t.pieces[piece]
		if !ok {
			return nil, malformed("lacks " + piece)
		}
		*into = number
	}
	return t, nil
}

// Size is one more than the largest number that Encode gives.
func (t *Tokenizer) Size() int {
	top := 0
	for _, n := range t.pieces {
		top = max(top, n)
	}
	return top + 1
}

// Encode gives [CLS], the numbers of the pieces, and [SEP]: at most limit of them, the text cut at its end.
func (t *Tokenizer) Encode(text string, limit int) []int {
	ids := []int{t.cls}
	for _, word := range t.split(text) {
		if len(ids) >= limit-1 {
			break
		}
		ids = append(ids, t.word(word)...)
	}
	return append(ids[:min(len(ids), max(limit-1, 1))], t.sep)
}

// word cuts one word into pieces, the longest first; all of it is unknown when a part is.
func (t *Tokenizer) word(word string) []int {
	if utf8.RuneCountInString(word) > maxWordRunes {
		return []int{t.unk}
	}
	var ids []int
	for start := 0; start < len(word); {
		end, number, found := len(word), 0, false
		for ; end > start; end-- {
			if end < len(word) && !utf8.RuneStart(word[end]) {
				continue
			}
			piece := word[start:end]
			if start > 0 {
				piece = "##" + piece
			}
			if number, found = t.pieces[piece]; found {
				break
			}
		}
		if !found {
			return []int{t.unk}
		}
		ids = append(ids, number)
		start = end
	}
	return ids
}

// split is BERT's basic tokenizer: control characters go, white space separates, every mark of
// punctuation and every Chinese character is a word; lower-casing also takes accents off.
func (t *Tokenizer) split(text string) []string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	if t.lower {
		text = norm.NFD.String(strings.ToLower(text))
	}
	var out []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	for _, r := range text {
		switch {
		case t.lower && unicode.Is(unicode.Mn, r):
		case unicode.IsSpace(r):
			flush()
		case r == 0 || r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
		case punctuation(r) || chinese(r):
			flush()
			out = append(out, string(r))
		default:
			word.WriteRune(r)
		}
	}
	flush()
	return out
}

// punctuation counts every ASCII sign that is no letter, digit or space, as BERT does.
func punctuation(r rune) bool {
	return r >= 33 && r <= 47 || r >= 58 && r <= 64 || r >= 91 && r <= 96 || r >= 123 && r <= 126 || unicode.IsPunct(r)
}

// chinese says whether r lies in the blocks of CJK ideographs that BERT separates.
func chinese(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B73F ||
		r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B820 && r <= 0x2CEAF || r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}
