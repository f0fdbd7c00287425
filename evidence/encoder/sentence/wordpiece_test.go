package sentence

import (
	"slices"
	"strings"
	"testing"

	"consilium/fault"
)

// The vocabulary and the expectations of the first two cases are those of BERT's own tokenization_test.py.
var bertPieces = []string{"[UNK]", "[CLS]", "[SEP]", "want", "##want", "##ed", "wa", "un", "runn", "##ing", ",", "low", "lowest", "[PAD]", "##aff", "##able", "心", "na", "##ive", "-", "é"}

func tokenizer(t testing.TB, lower bool) *Tokenizer {
	t.Helper()
	tok, err := NewTokenizer([]byte(strings.Join(bertPieces, "\n")+"\n"), lower)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestPieces(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
	}{
		{"UNwantéd,running", "un ##want ##ed , runn ##ing"},
		{"unaffable", "un ##aff ##able"},
		{"unwantedX running", "[UNK] runn ##ing"},
		{"", ""},
		{" \t\n\x00\u200b", ""},
		{"naïve lowest", "na ##ive lowest"},
		{"low心low", "low 心 low"},
		{"low-low", "low - low"},
		{"low\xfflow", "[UNK]"}, // a broken byte is taken out, not a border: lowlow is unknown
		{strings.Repeat("low", 50), "[UNK]"},
	} {
		tok := tokenizer(t, true)
		ids := tok.Encode(c.text, 64)
		var got []string
		for _, id := range ids[1 : len(ids)-1] {
			got = append(got, bertPieces[id])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %v, want %s", c.text, got, c.want)
		}
	}
}

func TestCasedKeepsCapitalsAndAccents(t *testing.T) {
	tok := tokenizer(t, false)
	if got := tok.Encode("é low LOW", 64); !slices.Equal(got, []int{1, 20, 11, 0, 2}) {
		t.Errorf("cased: %v", got)
	}
}

func TestEncodeKeepsItsLimit(t *testing.T) {
	got := tokenizer(t, true).Encode("unaffable unaffable", 5)
	if !slices.Equal(got, []int{1, 7, 14, 15, 2}) {
		t.Errorf("cut to 5: %v", got)
	}
}

func TestVocabularyWithoutSpecialPieces(t *testing.T) {
	for _, v := range []string{"", "low\nlowest\n", "[PAD]\n[UNK]\n[CLS]\n"} {
		if _, err := NewTokenizer([]byte(v), true); fault.CodeOf(err) != fault.ModelMalformed {
			t.Errorf("%q: %v", v, err)
		}
	}
}

// FuzzTokenizer feeds foreign vocabularies and texts: numbers stay inside the vocabulary, and the limit holds.
func FuzzTokenizer(f *testing.F) {
	f.Add("[PAD]\n[UNK]\n[CLS]\n[SEP]\nlow\n##er\n", "Lower, lowest é 心 \xff\x00")
	f.Add("[SEP]\r\n[CLS]\r\n[UNK]\r\n[PAD]\r\n##\n\n", "##  \u0301\u0301 \u200d")
	f.Fuzz(func(t *testing.T, vocabulary, text string) {
		tok, err := NewTokenizer([]byte(vocabulary), true)
		if err != nil {
			if fault.CodeOf(err) != fault.ModelMalformed {
				t.Fatalf("uncoded: %v", err)
			}
			return
		}
		ids := tok.Encode(text, 16)
		if len(ids) > 16 || len(ids) < 2 {
			t.Fatalf("%d pieces", len(ids))
		}
		for _, id := range ids {
			if id < 0 || id >= tok.Size() {
				t.Fatalf("piece %d of %d", id, tok.Size())
			}
		}
	})
}
