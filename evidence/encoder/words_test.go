package encoder

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"What are the symptoms of Sjögren's syndrome-2?", []string{"what", "are", "the", "symptoms", "of", "sjögren", "s", "syndrome", "2"}},
		{"", nil},
		{" \x00\xff..", nil},
		{"a\xffb", []string{"a", "b"}},
	} {
		if got := words(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
	if got := words(strings.Repeat("x ", 2*MaxWords)); len(got) != MaxWords {
		t.Errorf("%d words of a long text", len(got))
	}
}

func TestGrams(t *testing.T) {
	// <ab> has the 3-grams <ab and ab>, the 4-gram <ab>, and no longer one.
	if got := grams("ab", 1000); len(got) != 3 {
		t.Errorf("%d n-grams of ab", len(got))
	}
	if grams("ab", 0) != nil {
		t.Error("n-grams without buckets")
	}
	same := 0
	a := grams("osteopetrosis", 1<<20)
	for _, g := range grams("osteoporosis", 1<<20) {
		if slices.Contains(a, g) {
			same++
		}
	}
	if same < 12 {
		t.Errorf("osteopetrosis and osteoporosis share %d n-grams", same)
	}
}

// The order of words does not matter, and the squares of a bag of known words sum to one.
func TestBagProperties(t *testing.T) {
	l := newLexicon([]string{"fever", "rash", "of", "the"}, 50)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"fever", "rash", "of", "the"}), 1, 20).Draw(t, "text")
		b := l.bag(text, nil)
		sum := 0.0
		for _, w := range b.weights {
			sum += float64(w) * float64(w)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Fatalf("squares sum to %g", sum)
		}
		turned := slices.Clone(text)
		slices.Reverse(turned)
		if r := l.bag(turned, nil); !slices.Equal(r.rows, b.rows) || !slices.Equal(r.weights, b.weights) {
			t.Fatal("order changes the bag")
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("Fever, rash & Sjögren's", uint16(7))
	f.Add("\xff\xfe\x00 İ ﬁ 心", uint16(0))
	f.Add(strings.Repeat("é", 200), uint16(1))
	f.Fuzz(func(t *testing.T, text string, buckets uint16) {
		l := newLexicon([]string{"fever", "rash"}, int(buckets))
		list := words(text)
		if len(list) > MaxWords {
			t.Fatalf("%d words", len(list))
		}
		for _, w := range list {
			if w == "" || !utf8.ValidString(w) {
				t.Fatalf("word %q", w)
			}
		}
		for _, row := range makeExample(l, list, 5, nil).whole.rows {
			if row < 0 || int(row) >= l.rows() {
				t.Fatalf("row %d of %d", row, l.rows())
			}
		}
	})
}
