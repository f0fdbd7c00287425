package knowledge

import (
	"context"
)

// Rank is where a held-out link came among all candidates, in both directions.
type Rank struct {
	Tail float64 // (disease, has_phenotype, ?)
	Head float64 // (?, has_phenotype, term)
}

// Ranks ranks held-out links of one relation: the right answer among all entities of
// its kind, less those that are known to be right too (the filtered setting, Bordes
// 2013). Candidates that score like the right answer count half: a predictor that
// gives everything the same score is in the middle, not in front (Sun 2020).
func (g *Graph) Ranks(ctx context.Context, p Predictor, known answers, heldOut []Triple) ([]Rank, error) {
	out := make([]Rank, len(heldOut))
	for _, inverse := range []bool{false, true} {
		byQuery := map[Query][]int{}
		var queries []Query
		for i, t := range heldOut {
			q, _ := t.query(inverse)
			if byQuery[q] == nil {
				queries = append(queries, q)
			}
			byQuery[q] = append(byQuery[q], i)
		}
		for len(queries) > 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n := 1
			for n < min(atOnce, len(queries)) && queries[n].Relation == queries[0].Relation {
				n++
			}
			from, to := g.candidates(queries[0].Relation, inverse)
			width := int(to - from)
			scores := make([]float32, n*width)
			p.Predict(queries[:n], scores)
			for i, q := range queries[:n] {
				row := scores[i*width:][:width]
				for _, at := range byQuery[q] {
					_, answer := heldOut[at].query(inverse)
					r := filteredRank(row, int(answer-from), from, known[q])
					if inverse {
						out[at].Head = r
					} else {
						out[at].Tail = r
					}
				}
			}
			queries = queries[n:]
		}
	}
	return out, nil
}

// filteredRank is 1 for the first. A score that is not a number counts as the worst for the predictor.
func filteredRank(scores []float32, answer int, from Entity, known []Entity) float64 {
	right := scores[answer]
	above, same := 0, 0
	count := func(v float32, by int) {
		switch {
		case v < right:
		case v == right:
			same += by
		default:
			above += by
		}
	}
	for _, v := range scores {
		count(v, 1)
	}
	for _, e := range known {
		count(scores[e-from], -1)
	}
	if right != right {
		return float64(len(scores) - len(known) + 1)
	}
	return 1 + float64(above) + float64(same)/2 // the answer is among the known
}
