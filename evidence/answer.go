package evidence

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"consilium/clinical"
)

// How an extractive answer is made. Nothing here was fitted to a data set.
const (
	answerPassages  = 5
	answerSentences = 3
	maxSentences    = 400  // of one passage are weighed
	minCoverage     = 0.25 // share of the question's weight that a sentence must have to be quoted
	rankDecay       = 0.1  // what each place further down costs
)

// Sentence is one sentence of a passage, quoted with its source.
type Sentence struct {
	Passage   int           `json:"passage"`  // place in Answer.Passages
	Document  string        `json:"document"` // its identifier
	Title     string        `json:"title,omitempty"`
	Source    string        `json:"source,omitempty"`
	URL       string        `json:"url,omitempty"`
	Year      int           `json:"year,omitempty"`
	Retracted bool          `json:"retracted,omitempty"`
	Page      int           `json:"page,omitempty"`
	Span      clinical.Span `json:"span"`     // bytes of the document's text
	Coverage  float64       `json:"coverage"` // share of the question's words in it, by their weight
	Score     float64       `json:"score"`
}

// Answer is what the index says to a question: sentences as they stand in the
// documents, and the passages they were taken from. Nothing is written anew.
type Answer struct {
	Question  string     `json:"question"`
	Sentences []Sentence `json:"sentences"` // best first; empty when nothing answers
	Passages  []Passage  `json:"passages"`
	Mode      string     `json:"mode"`
	Notes     []string   `json:"notes,omitempty"`
}

// Texts are the sentences without their sources, in order: what a stance is judged by.
func (a Answer) Texts() []string {
	texts := make([]string, len(a.Sentences))
	for i, s := range a.Sentences {
		texts[i] = s.Span.Text
	}
	return texts
}

// Answer quotes the sentences that hold most of a question's words, weighed by
// how rare these are, in the passages that fit the question best. count is how
// many are wanted, 3 when 0.
func (ix *Index) Answer(ctx context.Context, q Query, count int) (Answer, error) {
	if count == 0 {
		count = answerSentences
	}
	if q.Top == 0 {
		q.Top = answerPassages
	}
	found, err := ix.Search(ctx, q)
	a := Answer{Question: q.Text, Passages: found.Passages, Sentences: []Sentence{}, Mode: found.Mode, Notes: found.Notes}
	if err != nil {
		return a, err
	}
	weights, err := ix.weights(q.Text)
	if err != nil {
		return a, err
	}
	all, err := ix.sentences(ctx, a.Passages, weights)
	if err != nil {
		return a, err
	}
	slices.SortStableFunc(all, func(a, b Sentence) int { return cmp.Compare(b.Score, a.Score) })
	a.quote(all, count)
	return a, nil
}

// sentences weighs those of all passages.
func (ix *Index) sentences(ctx context.Context, passages []Passage, weights map[string]float64) ([]Sentence, error) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if err := ix.use(); err != nil {
		return nil, err
	}
	var all []Sentence
	for i, p := range passages {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		all = append(all, ix.weigh(i, p, weights)...)
	}
	return all, nil
}

// quote takes the first of the sentences, each once, and adds what a reader must know about them.
func (a *Answer) quote(sorted []Sentence, count int) {
	said := map[string]bool{}
	for _, s := range sorted {
		if len(a.Sentences) == count {
			break
		}
		if !said[s.Span.Text] {
			said[s.Span.Text] = true
			a.Sentences = append(a.Sentences, s)
		}
	}
	if len(a.Sentences) == 0 {
		a.Notes = append(a.Notes, "no sentence of the index speaks of what was asked: cannot tell")
	}
	for _, s := range a.Sentences {
		if s.Retracted {
			a.Notes = append(a.Notes, s.Document+" was retracted by its publisher")
		}
	}
	a.Notes = slices.Compact(a.Notes)
}

// weights gives each word of a question its share of the whole, by inverse document frequency.
func (ix *Index) weights(question string) (map[string]float64, error) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if err := ix.use(); err != nil {
		return nil, err
	}
	terms, _ := ix.words.terms(question)
	frequency, err := ix.words.frequencies(terms)
	if err != nil {
		return nil, err
	}
	weights := map[string]float64{}
	sum := 0.0
	for i, term := range terms {
		df := float64(frequency[i])
		weights[term] = math.Log1p((math.Max(float64(ix.state.Passages)-df, 0) + 0.5) / (df + 0.5))
		sum += weights[term]
	}
	for term := range weights {
		weights[term] /= sum
	}
	return weights, nil
}

// weigh scores the sentences of one passage; those that say too little are left out.
func (ix *Index) weigh(place int, p Passage, weights map[string]float64) []Sentence {
	var out []Sentence
	spans := Sentences(p.Span.Text)
	for _, s := range spans[:min(len(spans), maxSentences)] {
		text := p.Span.Text[s[0]:s[1]]
		if strings.HasSuffix(text, "?") {
			continue // it asks, and does not say
		}
		terms, _ := ix.words.terms(text)
		coverage := 0.0
		for _, term := range terms {
			coverage += weights[term]
		}
		if coverage < minCoverage {
			continue
		}
		out = append(out, Sentence{
			Passage: place, Document: p.Document, Title: p.Title, Source: p.Source, URL: p.URL, Year: p.Year, Retracted: p.Retracted, Page: p.Page,
			Span:     clinical.Span{Start: p.Span.Start + s[0], End: p.Span.Start + s[1], Text: text},
			Coverage: coverage, Score: coverage / (1 + rankDecay*float64(place)),
		})
	}
	return out
}
