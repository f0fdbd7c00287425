package evidence

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	bolt "go.etcd.io/bbolt"

	"consilium/clinical"
	"consilium/fault"
)

// How passages are found.
const (
	Fused = "fused" // by words and by vectors; by words alone where there are no vectors
	Words = "words" // BM25
	Dense = "dense" // inner product with the encoder's vector of the query
)

const (
	candidates = 100  // of each ranking, before they are joined
	MaxTop     = 1000 // passages of one search
)

// Query asks for passages.
type Query struct {
	Text   string
	Top    int    // passages wanted, 10 when 0
	Mode   string // Fused when empty
	Fusion Fusion // DefaultFusion when its method is empty
}

// Passage is a piece of a document, with where it is from and how it was found.
type Passage struct {
	Document  string        `json:"document"` // its identifier
	Title     string        `json:"title,omitempty"`
	Source    string        `json:"source,omitempty"`
	URL       string        `json:"url,omitempty"`
	Year      int           `json:"year,omitempty"`
	Retracted bool          `json:"retracted,omitempty"`
	Page      int           `json:"page,omitempty"` // of a PDF, from 1
	Span      clinical.Span `json:"span"`           // bytes of the document's text
	Score     float64       `json:"score"`
	WordRank  int           `json:"wordRank,omitempty"` // place by BM25, 0 when not among the candidates
	WordScore float64       `json:"wordScore,omitempty"`
	DenseRank int           `json:"denseRank,omitempty"` // place by vector
	Cosine    float64       `json:"cosine,omitempty"`
}

// Result is what a search found.
type Result struct {
	Query    string    `json:"query"`
	Mode     string    `json:"mode"`
	Passages []Passage `json:"passages"`
	Notes    []string  `json:"notes,omitempty"` // what limits the result
}

// Search gives the passages that fit a query best, best first; none when
// nothing fits.
func (ix *Index) Search(ctx context.Context, q Query) (Result, error) {
	result := Result{Query: q.Text, Passages: []Passage{}}
	if err := q.check(); err != nil {
		return result, err
	}
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if err := ix.use(); err != nil {
		return result, err
	}
	if q.Mode == Dense && ix.vectors == nil {
		return result, fault.New(fault.Usage, "there are no vectors to search", "give the encoder the index was made with, or search by words")
	}
	result.Mode = q.Mode
	if q.Mode == Fused && ix.vectors == nil {
		result.Mode = Words
		if ix.state.Encoder != "" {
			result.Notes = append(result.Notes, "searched by words only: the encoder "+ix.state.Encoder+" was not given")
		}
	}
	if language := foreign(q.Text); language != "" {
		result.Notes = append(result.Notes, "the question looks "+language+"; the index is searched as English")
	}
	ranked, err := ix.rank(ctx, q, result.Mode)
	if err != nil {
		return result, err
	}
	result.Passages, err = ix.read(ranked, q.Top)
	return result, err
}

// rank orders the candidates of either ranking. Each candidate gets both its
// scores, also where only one of the rankings named it.
func (ix *Index) rank(ctx context.Context, q Query, mode string) ([]candidate, error) {
	depth := max(candidates, q.Top)
	var byWords, byVectors []scored
	var coded quantisedQuery
	var sumsOf map[uint64]float32
	if mode != Words {
		encoded, err := encodeAll(ctx, ix.encoder, []string{q.Text}, true)
		if err != nil {
			return nil, err
		}
		coded = ix.vectors.quantise(encoded[0])
		if byVectors, err = ix.vectors.search(ctx, coded, depth); err != nil {
			return nil, err
		}
	}
	if mode != Dense {
		var err error
		if byWords, sumsOf, err = ix.words.search(ctx, q.Text, depth, byVectors, ix.state.averages(), ix.bm25); err != nil {
			return nil, err
		}
	}
	all := union(byWords, byVectors)
	for i := range all {
		c := &all[i]
		switch {
		case mode == Words:
			c.score = c.wordScore
		case mode == Dense:
			c.score = c.cosine
		case c.denseRank == 0:
			c.cosine = float64(ix.vectors.of(coded, c.passage))
		case c.wordRank == 0:
			c.wordScore = float64(sumsOf[c.passage])
		}
	}
	if mode != Fused {
		return all, nil
	}
	if q.Fusion.Method == "" {
		q.Fusion = DefaultFusion
	}
	return q.Fusion.join(all), nil
}

func (q *Query) check() error {
	if q.Top == 0 {
		q.Top = 10
	}
	if q.Mode == "" {
		q.Mode = Fused
	}
	switch {
	case strings.TrimSpace(q.Text) == "":
		return fault.New(fault.InputEmpty, "the question is empty", "say what you look for")
	case !utf8.ValidString(q.Text):
		return fault.New(fault.InputMalformed, "the question is not UTF-8 text", "write it in UTF-8")
	case len(q.Text) > maxQuery:
		return fault.New(fault.InputTooLarge, fmt.Sprintf("the question has %d bytes, at most %d are read", len(q.Text), maxQuery), "shorten it")
	case q.Top < 1 || q.Top > MaxTop:
		return fault.New(fault.Usage, fmt.Sprintf("%d passages were asked for", q.Top), fmt.Sprintf("ask for 1 to %d", MaxTop))
	case q.Mode != Fused && q.Mode != Words && q.Mode != Dense:
		return fault.New(fault.Usage, fmt.Sprintf("%q is no way to search", q.Mode), "choose fused, words or dense")
	case q.Fusion.Method != "" && q.Fusion.Method != ReciprocalRank && q.Fusion.Method != Convex || q.Fusion.Dense < 0 || q.Fusion.Dense > 1:
		return fault.New(fault.Usage, fmt.Sprintf("fusion %+v is not known", q.Fusion), "choose convex or rrf, and a share from 0 to 1")
	}
	return nil
}

// read fetches the passages of the best candidates. One whose document was
// deleted meanwhile is left out.
func (ix *Index) read(ranked []candidate, top int) ([]Passage, error) {
	out := make([]Passage, 0, min(top, len(ranked)))
	err := ix.view(func(tx *bolt.Tx) error {
		for _, c := range ranked {
			if len(out) == top {
				return nil
			}
			n, place := ofPassage(c.passage)
			r, err := readRecord(tx, n)
			if err != nil {
				return err
			}
			if r == nil || place >= len(r.Passages) {
				continue
			}
			s := r.Passages[place]
			out = append(out, Passage{
				Document: r.ID, Title: r.Title, Source: r.Source, URL: r.URL, Year: r.Year, Retracted: r.Retracted,
				Page: pageOf(r.Text, s[0]), Span: clinical.Span{Start: s[0], End: s[1], Text: r.Text[s[0]:s[1]]},
				Score: c.score, WordRank: c.wordRank, WordScore: c.wordScore, DenseRank: c.denseRank, Cosine: c.cosine,
			})
		}
		return nil
	})
	return out, err
}

// pageOf counts the form feeds before a place: pdftotext ends each page with one.
func pageOf(text string, at int) int {
	if !strings.Contains(text, "\f") {
		return 0
	}
	return 1 + strings.Count(text[:at], "\f")
}

// Get gives a document whole.
func (ix *Index) Get(id string) (Document, error) {
	entry, err := ix.entry(id)
	if err != nil {
		return Document{}, err
	}
	if entry == nil {
		return Document{}, fault.New(fault.NotFound, fmt.Sprintf("there is no document %q in the index", id), "see consilium evidence search")
	}
	var d Document
	err = ix.view(func(tx *bolt.Tx) error {
		r, err := readRecord(tx, numberOf(entry))
		if err == nil && r != nil {
			d = r.Document
		}
		return err
	})
	return d, err
}
