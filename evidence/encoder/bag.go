package encoder

import (
	"math"
	"slices"
)

// lexicon names the rows of the embedding table: first the words of the
// vocabulary, then the buckets of hashed n-grams.
type lexicon struct {
	index   map[string]int32
	buckets int
}

func newLexicon(vocabulary []string, buckets int) lexicon {
	l := lexicon{index: make(map[string]int32, len(vocabulary)), buckets: buckets}
	for i, w := range vocabulary {
		l.index[w] = int32(i)
	}
	return l
}

func (l lexicon) rows() int { return len(l.index) + l.buckets }

// hashed gives the rows of a word's n-grams.
func (l lexicon) hashed(word string) []int32 {
	rows := grams(word, l.buckets)
	for i := range rows {
		rows[i] += int32(len(l.index))
	}
	return rows
}

// bag is a text as a weighted set of rows.
type bag struct {
	rows    []int32
	weights []float32
}

func (b *bag) add(row int32, weight float32) {
	b.rows = append(b.rows, row)
	b.weights = append(b.weights, weight)
}

// scale makes the squares of the weights sum to one: the pooled vector of unrelated
// rows then has the same expected length whether the text is short or long.
func (b *bag) scale(squares float64) {
	if squares == 0 {
		return
	}
	f := float32(1 / math.Sqrt(squares))
	for i := range b.weights {
		b.weights[i] *= f
	}
}

// bag pools words: each counts 1 + ln(occurrences) once. A word outside the vocabulary, or one that
// rewrite (nil: none) picks, is spread over its n-grams.
func (l lexicon) bag(text []string, spell func(word string) bool) bag {
	sorted := slices.Clone(text)
	slices.Sort(sorted)
	var b bag
	squares := 0.0
	for i := 0; i < len(sorted); {
		n := 1
		for i+n < len(sorted) && sorted[i+n] == sorted[i] {
			n++
		}
		word, weight := sorted[i], 1+math.Log(float64(n))
		i += n
		row, known := l.index[word]
		if known && (spell == nil || !spell(word)) {
			b.add(row, float32(weight))
			squares += weight * weight
			continue
		}
		pieces := l.hashed(word)
		for _, row := range pieces {
			b.add(row, float32(weight/math.Sqrt(float64(len(pieces)))))
		}
		if len(pieces) > 0 {
			squares += weight * weight
		}
	}
	b.scale(squares)
	return b
}
