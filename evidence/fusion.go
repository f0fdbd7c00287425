package evidence

import (
	"cmp"
	"math"
	"slices"
)

// Fusion joins the rankings by words and by vectors.
type Fusion struct {
	Method string  `json:"method"` // "rrf" or "z"
	Dense  float64 `json:"dense"`  // share of the vectors, 0 to 1
}

// The methods. Rank fusion knows ranks only (Cormack, Clarke and Büttcher, SIGIR
// 2009, constant 60); the other adds scores after standardising them over the
// candidates of each ranking.
const (
	ReciprocalRank = "rrf"
	ZScore         = "z"
	rrfConstant    = 60
)

// DefaultFusion weighs both rankings alike.
var DefaultFusion = Fusion{ReciprocalRank, 0.5}

// candidate is a passage with its place in either ranking, 0 where it is in none.
type candidate struct {
	passage             uint64
	score               float64
	wordRank, denseRank int
	wordScore, cosine   float64
}

// join orders the union of two rankings.
func (f Fusion) join(byWords, byVectors []scored) []candidate {
	all := map[uint64]*candidate{}
	at := func(p uint64) *candidate {
		if all[p] == nil {
			all[p] = &candidate{passage: p}
		}
		return all[p]
	}
	for i, s := range byWords {
		c := at(s.passage)
		c.wordRank, c.wordScore = i+1, float64(s.score)
	}
	for i, s := range byVectors {
		c := at(s.passage)
		c.denseRank, c.cosine = i+1, float64(s.score)
	}
	words, dense := standard(byWords), standard(byVectors)
	out := make([]candidate, 0, len(all))
	for _, c := range all {
		switch f.Method {
		case ZScore:
			c.score = (1-f.Dense)*words(c.wordRank, c.wordScore) + f.Dense*dense(c.denseRank, c.cosine)
		default:
			c.score = (1-f.Dense)*reciprocal(c.wordRank) + f.Dense*reciprocal(c.denseRank)
		}
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.passage, b.passage))
	})
	return out
}

func reciprocal(rank int) float64 {
	if rank == 0 {
		return 0
	}
	return 1 / float64(rrfConstant+rank)
}

// standard gives the z-score within one ranking. What is not in it gets the score of its last.
func standard(ranking []scored) func(rank int, score float64) float64 {
	if len(ranking) == 0 {
		return func(int, float64) float64 { return 0 }
	}
	mean, squares := 0.0, 0.0
	for _, s := range ranking {
		mean += float64(s.score) / float64(len(ranking))
	}
	for _, s := range ranking {
		squares += (float64(s.score) - mean) * (float64(s.score) - mean)
	}
	deviation := math.Sqrt(squares / float64(len(ranking)))
	last := float64(ranking[len(ranking)-1].score)
	return func(rank int, score float64) float64 {
		if rank == 0 {
			score = last
		}
		if deviation == 0 {
			return 0
		}
		return (score - mean) / deviation
	}
}
