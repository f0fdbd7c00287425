package knowledge

import (
	"math"
	"math/rand/v2"
)

// factorisation is a model of links: for each relation a map that is linear in the entity
// asked about, from its embedding to the vector whose products with the embeddings
// of candidates are the scores. An inverse query has a map of its own (reciprocal
// relations, Lacroix 2018): both directions are learnt, from links of training only.
type factorisation interface {
	// turn maps entities' embeddings, one a row, to queries. slot names relation and direction.
	turn(slot int, entities, queries matrix, work *multiplier)
	// back takes the loss's gradient by the queries to that by the entities (added to
	// dEntities) and by the factorisation's own parameters (kept until descend).
	back(slot int, entities, dQueries, dEntities matrix, work *multiplier)
	// size gives the cubed moduli that N3 regularisation sums for one embedding, and
	// adds weight times their gradient (Lacroix 2018).
	size(embedding, gradient []float32, weight float32) float64
	// shrink does the same for the slot's own parameters.
	shrink(slot int, weight float32) float64
	// descend applies and forgets the gradients of the slot's own parameters.
	descend(slot int, rate float32)
	tables() []*table
}

// slots is the number of relations in both directions.
const slots = 2 * int(relations)

func slotOf(r Relation, inverse bool) int {
	if inverse {
		return int(r) + int(relations)
	}
	return int(r)
}

// Names of the factorisations.
const (
	ComplEx = "complex"
	TuckER  = "tucker"
)

func newFactorisation(name string, dim, core int, rng *rand.Rand) factorisation {
	if name == TuckER {
		return newTucker(dim, core, rng)
	}
	return newComplex(dim, rng)
}

// complexProduct scores by Re(<h, r, conj(t)>): a product of complex numbers in each
// of dim/2 coordinates. Rows hold the real parts first, the imaginary parts after.
// The imaginary part of a relation makes it antisymmetric.
type complexProduct struct {
	relation *table
	gradient []float32
}

func newComplex(dim int, rng *rand.Rand) *complexProduct {
	return &complexProduct{newTable("relations", slots, dim, 0.5, rng), make([]float32, dim)}
}

func (c *complexProduct) tables() []*table { return []*table{c.relation} }

func (c *complexProduct) turn(slot int, entities, queries matrix, _ *multiplier) {
	half := entities.cols / 2
	re, im := c.relation.row(slot)[:half], c.relation.row(slot)[half:]
	for i := range entities.rows {
		h, q := entities.data[i*2*half:], queries.data[i*2*half:]
		for k := range half {
			q[k] = h[k]*re[k] - h[half+k]*im[k]
			q[half+k] = h[k]*im[k] + h[half+k]*re[k]
		}
	}
}

func (c *complexProduct) back(slot int, entities, dQueries, dEntities matrix, _ *multiplier) {
	half := entities.cols / 2
	re, im := c.relation.row(slot)[:half], c.relation.row(slot)[half:]
	dRe, dIm := c.gradient[:half], c.gradient[half:]
	for i := range entities.rows {
		h, dq, dh := entities.data[i*2*half:], dQueries.data[i*2*half:], dEntities.data[i*2*half:]
		for k := range half {
			a, b := dq[k], dq[half+k]
			dh[k] += a*re[k] + b*im[k]
			dh[half+k] += b*re[k] - a*im[k]
			dRe[k] += a*h[k] + b*h[half+k]
			dIm[k] += b*h[k] - a*h[half+k]
		}
	}
}

// size sums |z| cubed over the complex coordinates.
func (c *complexProduct) size(embedding, gradient []float32, weight float32) float64 {
	half, sum := len(embedding)/2, 0.0
	for k := range half {
		re, im := embedding[k], embedding[half+k]
		modulus := float32(math.Sqrt(float64(re*re + im*im)))
		sum += float64(modulus * modulus * modulus)
		gradient[k] += 3 * weight * modulus * re
		gradient[half+k] += 3 * weight * modulus * im
	}
	return sum
}

func (c *complexProduct) shrink(slot int, weight float32) float64 {
	return float64(weight) * c.size(c.relation.row(slot), c.gradient, weight)
}

func (c *complexProduct) descend(slot int, rate float32) {
	c.relation.descend(slot, c.gradient, rate)
	clear(c.gradient)
}
