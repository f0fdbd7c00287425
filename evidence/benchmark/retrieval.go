package benchmark

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"consilium/evidence"
	"consilium/fault"
	"consilium/metric"
)

// Documents gives the answers of the pairs as documents without their
// questions: the known-item task looks for the answer by its question, so the
// question must not be in the index. Identifiers are the places of the pairs.
func Documents(pairs []Pair) iter.Seq2[evidence.Document, error] {
	return func(yield func(evidence.Document, error) bool) {
		for i, p := range pairs {
			if !yield(evidence.Document{ID: fmt.Sprint(i), Text: p.Answer, Source: p.Source, URL: p.URL}, nil) {
				return
			}
		}
	}
}

// Sample gives n of the places at which keep says yes, in order; all of them when n is 0.
func Sample(pairs []Pair, keep func(Pair) bool, n int, seed uint64) []int {
	var places []int
	for i, p := range pairs {
		if keep(p) {
			places = append(places, i)
		}
	}
	if n > 0 && n < len(places) {
		rng := rand.New(rand.NewPCG(seed, 0))
		rng.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
		places = places[:n]
		slices.Sort(places)
	}
	return places
}

// Depth is how far a ranking of documents is looked at; nDCG and MRR are cut at 10.
const Depth = 10

// KnownItem asks the questions of the pairs at the given places, and gives the
// rank of the own answer among the documents, 1 to Depth, or 0 when it is not
// there. A document's rank is that of its best passage; a document with the very
// text of the answer counts as the answer.
func KnownItem(ctx context.Context, ix *evidence.Index, pairs []Pair, places []int, q evidence.Query, progress func(done int)) ([]int, error) {
	answers := make(map[string]string, len(pairs)) // identifier to text
	for i, p := range pairs {
		answers[fmt.Sprint(i)] = p.Answer
	}
	q.Top = 5 * Depth // several passages may be of one document
	ranks := make([]int, len(places))
	for i, place := range places {
		q.Text = pairs[place].Question
		found, err := ix.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		ranks[i] = rankOf(pairs[place].Answer, found.Passages, answers)
		if progress != nil {
			progress(i + 1)
		}
	}
	return ranks, nil
}

// rankOf counts documents, not passages, until the answer comes.
func rankOf(answer string, passages []evidence.Passage, answers map[string]string) int {
	seen := map[string]bool{}
	for _, p := range passages {
		text := answers[p.Document]
		if seen[text] {
			continue
		}
		seen[text] = true
		if text == answer {
			return len(seen)
		}
		if len(seen) == Depth {
			return 0
		}
	}
	return 0
}

// Figure is one mean with its 95% interval, by bootstrap over the questions.
type Figure struct {
	Name string `json:"name"`
	metric.Estimate
}

// The measures of a known-item rank.
var measures = []struct {
	name string
	of   func(rank int) float64
}{
	{"R@1", func(r int) float64 { return within(r, 1) }},
	{"R@10", func(r int) float64 { return within(r, 10) }},
	{"MRR@10", func(r int) float64 {
		if r == 0 {
			return 0
		}
		return 1 / float64(r)
	}},
	{"nDCG@10", func(r int) float64 {
		if r == 0 {
			return 0
		}
		return 1 / math.Log2(1+float64(r))
	}},
}

func within(rank, k int) float64 {
	if rank > 0 && rank <= k {
		return 1
	}
	return 0
}

// Figures gives each measure with its interval.
func Figures(ranks []int, seed uint64) ([]Figure, error) {
	return figures(len(ranks), seed, func(i int, of func(int) float64) float64 { return of(ranks[i]) })
}

// Differences gives each measure of a less that of b over the same questions,
// with the interval of the paired bootstrap.
func Differences(a, b []int, seed uint64) ([]Figure, error) {
	if len(a) != len(b) {
		return nil, fault.New(fault.DataUnfit, fmt.Sprintf("%d and %d ranks cannot be paired", len(a), len(b)), "ask both the same questions")
	}
	return figures(len(a), seed, func(i int, of func(int) float64) float64 { return of(a[i]) - of(b[i]) })
}

func figures(n int, seed uint64, value func(i int, of func(int) float64) float64) ([]Figure, error) {
	if n == 0 {
		return nil, fault.New(fault.DataUnfit, "there is no question to measure", "give the whole file")
	}
	each := make([]string, n) // every question is a group of its own
	for i := range each {
		each[i] = strconv.Itoa(i)
	}
	var out []Figure
	for _, m := range measures {
		values := make([]float64, n)
		for i := range values {
			values[i] = value(i, m.of)
		}
		mean, _ := metric.Grouped(values, each, seed)
		out = append(out, Figure{m.name, mean})
	}
	return out, nil
}
