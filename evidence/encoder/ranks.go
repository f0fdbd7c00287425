package encoder

import (
	"context"

	"consilium/evidence"
)

// ranksDepth is how far Ranks looks; beyond it the rank is 0.
const ranksDepth = 10

// Ranks asks the questions of pairs and gives the place of the own passage among the different passages
// of all pairs, by vectors alone: 1 to 10, or 0. An equal text counts as the own passage.
func Ranks(ctx context.Context, e evidence.Encoder, pairs []Pair) ([]int, error) {
	place := map[string]int{}
	var passages, questions []string
	own := make([]int, len(pairs))
	for i, p := range pairs {
		at, seen := place[p.Passage]
		if !seen {
			at = len(passages)
			place[p.Passage] = at
			passages = append(passages, p.Passage)
		}
		own[i] = at
		questions = append(questions, p.Question)
	}
	vectors, err := e.Encode(ctx, passages, false)
	if err != nil {
		return nil, err
	}
	asked, err := e.Encode(ctx, questions, true)
	if err != nil {
		return nil, err
	}
	ranks := make([]int, len(pairs))
	for i, q := range asked {
		rank, mine := 1, dot(q, vectors[own[i]])
		for j, v := range vectors {
			if j != own[i] && dot(q, v) >= mine { // a tie counts against it
				rank++
			}
		}
		if rank <= ranksDepth {
			ranks[i] = rank
		}
	}
	return ranks, nil
}
