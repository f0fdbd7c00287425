package evidence

import (
	"cmp"
	"slices"
)

// Fusion joins the rankings by words and by vectors.
type Fusion struct {
	Method string  `json:"method"` // Convex or ReciprocalRank
	Dense  float64 `json:"dense"`  // share of the vectors, 0 to 1
}

// The methods. Convex adds the BM25 sum, divided by the highest of the query, and
// the cosine (Bruch, Gai and Ingber, ACM TOIS 2023); the other knows ranks only
// (Cormack, Clarke and Büttcher, SIGIR 2009, with their constant).
const (
	Convex         = "convex"
	ReciprocalRank = "rrf"
	rrfConstant    = 60
)

// DefaultFusion gives the vectors the largest share that costs nothing on text
// the shipped encoder has not seen the like of; chosen without a test question
// (docs/evidence.md). On text like the encoder's own, 2/3 finds more.
var DefaultFusion = Fusion{Convex, 1.0 / 3}

// candidate is a passage with its scores, and its place in either ranking, 0 where it is in none.
type candidate struct {
	passage             uint64
	score               float64
	wordRank, denseRank int
	wordScore, cosine   float64
}

// union collects the passages of two rankings.
func union(byWords, byVectors []scored) []candidate {
	all := make([]candidate, 0, len(byWords)+len(byVectors))
	at := make(map[uint64]int, len(byWords))
	for i, s := range byWords {
		at[s.passage] = i
		all = append(all, candidate{passage: s.passage, wordRank: i + 1, wordScore: float64(s.score)})
	}
	for i, s := range byVectors {
		k, ok := at[s.passage]
		if !ok {
			k = len(all)
			all = append(all, candidate{passage: s.passage})
		}
		all[k].denseRank, all[k].cosine = i+1, float64(s.score)
	}
	return all
}

// join scores candidates that have both their scores, and orders them.
func (f Fusion) join(all []candidate) []candidate {
	highest := 0.0
	for _, c := range all {
		highest = max(highest, c.wordScore)
	}
	for i := range all {
		c := &all[i]
		switch {
		case f.Method == ReciprocalRank:
			c.score = (1-f.Dense)*reciprocal(c.wordRank) + f.Dense*reciprocal(c.denseRank)
		case highest > 0:
			c.score = (1-f.Dense)*c.wordScore/highest + f.Dense*c.cosine
		default:
			c.score = f.Dense * c.cosine
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.passage, b.passage))
	})
	return all
}

func reciprocal(rank int) float64 {
	if rank == 0 {
		return 0
	}
	return 1 / float64(rrfConstant+rank)
}
