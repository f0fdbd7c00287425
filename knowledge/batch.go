package knowledge

import (
	"math/rand/v2"
	"slices"
)

// question is one query of training with its right answers.
type question struct {
	entity  Entity
	answers []Entity
}

// batch is a step's questions, all of one relation and direction, and the
// candidates that its softmax runs over: first the right answers of all the
// questions, then a sample of the others.
type batch struct {
	slot       int
	questions  []question
	candidates []Entity
	right      int     // candidates that are an answer of some question
	weight     float64 // how many entities each sampled candidate stands for
	answers    int     // of all the questions together
}

// curriculum holds the questions of training by slot.
type curriculum struct {
	graph     *Graph
	questions [slots][]question
	place     []int32 // of an entity among the candidates of the batch in hand; -1 when it is none
}

func newCurriculum(g *Graph, train []Triple) *curriculum {
	c := &curriculum{graph: g, place: make([]int32, g.Len())}
	for i := range c.place {
		c.place[i] = -1
	}
	for q, a := range answersOf(train) {
		slot := slotOf(q.Relation, q.Inverse)
		slices.Sort(a)
		c.questions[slot] = append(c.questions[slot], question{q.Entity, a})
	}
	for _, list := range c.questions {
		slices.SortFunc(list, func(a, b question) int { return int(a.entity) - int(b.entity) })
	}
	return c
}

// epoch cuts all the questions into batches, in random order.
func (c *curriculum) epoch(size int, rng *rand.Rand) []batch {
	var out []batch
	for slot, list := range c.questions {
		list = slices.Clone(list)
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for part := range slices.Chunk(list, size) {
			out = append(out, batch{slot: slot, questions: part})
		}
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// fill chooses a batch's candidates and leaves their places in c.place until empty.
func (c *curriculum) fill(b *batch, limit int, rng *rand.Rand) {
	add := func(e Entity) {
		if c.place[e] < 0 {
			c.place[e] = int32(len(b.candidates))
			b.candidates = append(b.candidates, e)
		}
	}
	for _, q := range b.questions {
		b.answers += len(q.answers)
		for _, e := range q.answers {
			add(e)
		}
	}
	b.right = len(b.candidates)
	from, to := c.graph.candidates(Relation(b.slot%int(relations)), b.slot >= int(relations))
	all := int(to - from)
	limit = max(limit, b.right+limit/4) // a wrong answer must be able to show itself
	if limit >= all {
		for e := from; e < to; e++ {
			add(e)
		}
	}
	for len(b.candidates) < min(limit, all) {
		add(from + Entity(rng.IntN(all)))
	}
	b.weight = 1
	if sampled := len(b.candidates) - b.right; sampled > 0 {
		b.weight = float64(all-b.right) / float64(sampled)
	}
}

func (c *curriculum) empty(b *batch) {
	for _, e := range b.candidates {
		c.place[e] = -1
	}
}
