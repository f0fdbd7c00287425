package evidence

import (
	"context"
	"encoding/binary"
	"math"
	"sync"

	index "github.com/blevesearch/bleve_index_api"
)

// Okapi BM25 over bleve's postings (Robertson and Zaragoza, The Probabilistic
// Relevance Framework, 2009, with the idf of Lucene that is never negative).
// bleve 2.5 has a scoring model of that name, but takes the number of different
// words for the number of words when it computes the average length, and
// multiplies with the idf twice; so the sum is done here.
type bm25 struct {
	K1, B      float64
	TitleBoost float64
}

// defaultBM25 are the customary constants; docs/evidence.md tells what others gave.
var defaultBM25 = bm25{K1: 1.2, B: 0.75, TitleBoost: 1}

// averages are what BM25 must know of the whole collection.
type averages struct {
	passages    int
	title, text float64 // mean length in words
}

func (s state) averages() averages {
	n := math.Max(float64(s.Passages), 1)
	return averages{s.Passages, float64(s.TitleTokens) / n, float64(s.TextTokens) / n}
}

const (
	maxQuery  = 64 << 10 // bytes of a question
	maxTerms  = 512      // different words of a question that are looked up
	ctxPeriod = 1 << 14  // postings between two looks at the context
)

// terms gives the analysed words of a query and how often each occurs in it, in order.
func (w *words) terms(query string) (terms []string, counts map[string]int) {
	counts = map[string]int{}
	for _, t := range w.analyzer.Analyze([]byte(query)) {
		term := string(t.Term)
		if counts[term] == 0 {
			if len(terms) == maxTerms {
				continue
			}
			terms = append(terms, term)
		}
		counts[term]++
	}
	return terms, counts
}

// sums is the working memory of one query: a score for every passage.
type sums struct {
	score   []float32
	touched []uint32
}

var sumsPool = sync.Pool{New: func() any { return &sums{} }}

func (s *sums) add(doc uint64, score float32) {
	for uint64(len(s.score)) <= doc {
		s.score = append(s.score, make([]float32, max(1024, len(s.score)))...)
	}
	if s.score[doc] == 0 {
		s.touched = append(s.touched, uint32(doc))
	}
	s.score[doc] += score
}

func (s *sums) release() {
	for _, d := range s.touched {
		s.score[d] = 0
	}
	s.touched = s.touched[:0]
	sumsPool.Put(s)
}

// search gives the k passages with the highest BM25 sums, best first, and the
// sums of the passages in also.
func (w *words) search(ctx context.Context, query string, k int, also []scored, avg averages, o bm25) (found []scored, sumsOf map[uint64]float32, err error) {
	err = contained(wordsDamaged, func() error {
		advanced, err := w.index.Advanced()
		if err != nil {
			return wordsDamaged(err)
		}
		reader, err := advanced.Reader()
		if err != nil {
			return wordsDamaged(err)
		}
		defer reader.Close()
		total := sumsPool.Get().(*sums)
		defer total.release()
		if err := w.sum(ctx, reader, total, query, avg, o); err != nil {
			return err
		}
		best := newTop(k)
		for _, doc := range total.touched {
			best.add(uint64(doc), total.score[doc])
		}
		if found, err = identified(reader, best.sorted()); err != nil {
			return wordsDamaged(err)
		}
		if sumsOf, err = total.of(reader, also); err != nil {
			return wordsDamaged(err)
		}
		return nil
	})
	return found, sumsOf, err
}

// sum adds the shares of all words of a query.
func (w *words) sum(ctx context.Context, reader index.IndexReader, total *sums, query string, avg averages, o bm25) error {
	terms, counts := w.terms(query)
	for _, term := range terms {
		weight := float64(counts[term])
		if err := o.addTerm(ctx, reader, total, fieldText, term, weight, avg.passages, avg.text); err != nil {
			return err
		}
		if o.TitleBoost > 0 && avg.title > 0 {
			if err := o.addTerm(ctx, reader, total, fieldTitle, term, weight*o.TitleBoost, avg.passages, avg.title); err != nil {
				return err
			}
		}
	}
	return nil
}

// identified turns bleve's numbers into those of passages.
func identified(reader index.IndexReader, found []scored) ([]scored, error) {
	for i := range found {
		id, err := reader.ExternalID(binary.BigEndian.AppendUint64(nil, found[i].passage))
		if err != nil {
			return nil, err
		}
		if found[i].passage, err = passageOf(id); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// of gives the sums of passages; those without a word of the query are left out.
func (s *sums) of(reader index.IndexReader, passages []scored) (map[uint64]float32, error) {
	out := make(map[uint64]float32, len(passages))
	for _, p := range passages {
		id, err := reader.InternalID(passageID(p.passage))
		if err != nil {
			return nil, err
		}
		if id == nil {
			continue // deleted meanwhile
		}
		if doc := binary.BigEndian.Uint64(id); doc < uint64(len(s.score)) && s.score[doc] > 0 {
			out[p.passage] = s.score[doc]
		}
	}
	return out, nil
}

// frequencies gives for each word in how many passages' texts it stands.
func (w *words) frequencies(terms []string) (counts []uint64, err error) {
	counts = make([]uint64, len(terms))
	err = contained(wordsDamaged, func() error {
		advanced, err := w.index.Advanced()
		if err != nil {
			return wordsDamaged(err)
		}
		reader, err := advanced.Reader()
		if err != nil {
			return wordsDamaged(err)
		}
		defer reader.Close()
		for i, term := range terms {
			postings, err := reader.TermFieldReader(context.Background(), []byte(term), fieldText, false, false, false)
			if err != nil {
				return wordsDamaged(err)
			}
			counts[i] = postings.Count()
			if err := postings.Close(); err != nil {
				return wordsDamaged(err)
			}
		}
		return nil
	})
	return counts, err
}

// addTerm adds one word's share in one field to the sums.
func (o bm25) addTerm(ctx context.Context, reader index.IndexReader, total *sums, field, term string, weight float64, passages int, average float64) error {
	postings, err := reader.TermFieldReader(ctx, []byte(term), field, true, true, false)
	if err != nil {
		return wordsDamaged(err)
	}
	defer postings.Close()
	df := float64(postings.Count())
	idf := math.Log1p((float64(passages) - df + 0.5) / (df + 0.5))
	if df == 0 || idf <= 0 {
		return nil
	}
	var posting index.TermFieldDoc
	for i := 0; ; i++ {
		if i%ctxPeriod == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		p, err := postings.Next(posting.Reset())
		if err != nil {
			return wordsDamaged(err)
		}
		if p == nil {
			return nil
		}
		length := 1 / (p.Norm * p.Norm) // bleve keeps 1/sqrt(length)
		tf := float64(p.Freq)
		total.add(binary.BigEndian.Uint64(p.ID), float32(weight*idf*tf*(o.K1+1)/(tf+o.K1*(1-o.B+o.B*length/average))))
	}
}
