package knowledge

import (
	"math"
	"math/rand/v2"
)

// trainer holds a model in training and the memory of one step.
type trainer struct {
	config     Config
	curriculum *curriculum
	entity     *table
	model      factorisation
	work       multiplier

	heads, dHeads     []float32
	queries, dQueries []float32
	tails, dTails     []float32
	scores            []float32
	dropHeads         []float32
	dropQueries       []float32
}

func newTrainer(g *Graph, train []Triple, c Config) *trainer {
	rng := rand.New(rand.NewPCG(c.Seed, 0x696e6974))
	return &trainer{
		config: c, curriculum: newCurriculum(g, train),
		entity: newTable("entities", g.Len(), c.Dim, 0.1, rng),
		model:  newFactorisation(c.Model, c.Dim, c.Core, rng),
	}
}

// step learns one batch and gives its loss: the mean over its links of minus the
// logarithm of the softmax (Lacroix 2018), here over a weighted sample of candidates.
func (t *trainer) step(b *batch, rng *rand.Rand) float64 {
	t.curriculum.fill(b, t.config.Candidates, rng)
	t.drawDropout(len(b.questions)*t.config.Dim, rng)
	loss := t.gradients(b)
	rate := float32(t.config.Rate)
	dim := t.config.Dim
	for i, q := range b.questions {
		t.entity.descend(int(q.entity), t.dHeads[i*dim:][:dim], rate)
	}
	for i, e := range b.candidates {
		t.entity.descend(int(e), t.dTails[i*dim:][:dim], rate)
	}
	t.model.descend(b.slot, rate)
	t.curriculum.empty(b)
	return loss
}

// drawDropout draws which coordinates are left out; the others are scaled up.
func (t *trainer) drawDropout(n int, rng *rand.Rand) {
	t.dropHeads, t.dropQueries = sized(t.dropHeads, n), sized(t.dropQueries, n)
	keep := 1 - t.config.Dropout
	limit := uint32(keep * math.MaxUint32)
	for _, mask := range [][]float32{t.dropHeads, t.dropQueries} {
		for i := range mask {
			mask[i] = 0
			if t.config.Dropout == 0 || rng.Uint32() < limit {
				mask[i] = float32(1 / keep)
			}
		}
	}
}

// gradients leaves the loss's gradients in dHeads, dTails and the model.
func (t *trainer) gradients(b *batch) float64 {
	n, k, dim := len(b.questions), len(b.candidates), t.config.Dim
	t.gather(b)
	heads, queries, tails := dense(t.heads, n, dim), dense(t.queries, n, dim), dense(t.tails, k, dim)
	multiply(t.heads[:n*dim], t.dropHeads)
	t.model.turn(b.slot, heads, queries, &t.work)
	multiply(queries.data, t.dropQueries)

	t.scores = cleared(t.scores, n*k)
	t.work.add(t.scores, queries, tails.transposed())
	loss := t.softmax(b)
	scores := dense(t.scores, n, k)

	t.dQueries, t.dTails, t.dHeads = cleared(t.dQueries, n*dim), cleared(t.dTails, k*dim), cleared(t.dHeads, n*dim)
	t.work.add(t.dQueries, scores, tails)
	t.work.add(t.dTails, scores.transposed(), queries)
	multiply(t.dQueries, t.dropQueries)
	t.model.back(b.slot, heads, dense(t.dQueries, n, dim), dense(t.dHeads, n, dim), &t.work)
	multiply(t.dHeads, t.dropHeads)
	return loss + t.regularise(b)
}

// gather copies the embeddings that a batch needs side by side.
func (t *trainer) gather(b *batch) {
	dim := t.config.Dim
	t.heads, t.queries = sized(t.heads, len(b.questions)*dim), sized(t.queries, len(b.questions)*dim)
	t.tails = sized(t.tails, len(b.candidates)*dim)
	for i, q := range b.questions {
		copy(t.heads[i*dim:], t.entity.row(int(q.entity)))
	}
	for i, e := range b.candidates {
		copy(t.tails[i*dim:], t.entity.row(int(e)))
	}
}

// softmax turns scores into the loss's gradient by them. A sampled candidate counts
// for as many as it stands for.
func (t *trainer) softmax(b *batch) float64 {
	loss, k := 0.0, len(b.candidates)
	each := 1 / float32(b.answers)
	for i, q := range b.questions {
		row := t.scores[i*k:][:k]
		top := row[0]
		for _, v := range row {
			top = max(top, v)
		}
		for _, e := range q.answers {
			loss -= float64(row[t.curriculum.place[e]] - top)
		}
		sum := exponentials(row[:b.right], top, 1) + exponentials(row[b.right:], top, float32(b.weight))
		loss += math.Log(sum) * float64(len(q.answers))
		scale := float32(float64(len(q.answers))/sum) * each
		for j := range row {
			row[j] *= scale
		}
		for _, e := range q.answers {
			row[t.curriculum.place[e]] -= each
		}
	}
	return loss * float64(each)
}

// regularise adds N3 of the links: an embedding counts once for each link of the batch that it is in.
func (t *trainer) regularise(b *batch) float64 {
	if t.config.N3 == 0 {
		return 0
	}
	dim, sum := t.config.Dim, 0.0
	each := float32(t.config.N3 / float64(b.answers))
	for i, q := range b.questions {
		weight := each * float32(len(q.answers))
		sum += float64(weight) * t.model.size(t.entity.row(int(q.entity)), t.dHeads[i*dim:][:dim], weight)
		for _, e := range q.answers {
			j := int(t.curriculum.place[e])
			sum += float64(each) * t.model.size(t.tails[j*dim:][:dim], t.dTails[j*dim:][:dim], each)
		}
	}
	return sum + t.model.shrink(b.slot, float32(t.config.N3))
}

func multiply(into, by []float32) {
	for i, v := range by[:len(into)] {
		into[i] *= v
	}
}

// cleared gives n zeros, in old memory when that is enough.
func cleared(s []float32, n int) []float32 {
	s = sized(s, n)
	clear(s)
	return s
}
