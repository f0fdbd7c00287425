package knowledge

import (
	"math"
	"math/rand/v2"
)

// tucker scores by the Tucker decomposition W x1 h x2 r x3 t (Balazevic 2019): a
// core tensor that all relations share, mixed by each relation's few coordinates
// into a matrix between embeddings. As in Broscheit 2020 (LibKGE) there is no batch
// normalisation; dropout on entity and query regularises instead.
type tucker struct {
	relation *table // slots by core
	core     *table // core by dim*dim

	dMixed    []float32 // gradient of the matrix of the slot in hand
	dRelation []float32
	dim       int
}

func newTucker(dim, core int, rng *rand.Rand) *tucker {
	return &tucker{
		relation:  newTable("relations", slots, core, 1, rng),
		core:      newTable("core", core, dim*dim, 1/math.Sqrt(float64(dim*core)), rng),
		dMixed:    make([]float32, dim*dim),
		dRelation: make([]float32, core),
		dim:       dim,
	}
}

func (c *tucker) tables() []*table { return []*table{c.relation, c.core} }

// mix sums the core's slices by the coordinates of a relation.
func (c *tucker) mix(slot int) matrix {
	mixed := make([]float32, c.dim*c.dim)
	for k, r := range c.relation.row(slot) {
		for i, w := range c.core.row(k) {
			mixed[i] += r * w
		}
	}
	return dense(mixed, c.dim, c.dim)
}

func (c *tucker) turn(slot int, entities, queries matrix, work *multiplier) {
	clear(queries.data)
	work.add(queries.data, entities, c.mix(slot))
}

func (c *tucker) back(slot int, entities, dQueries, dEntities matrix, work *multiplier) {
	work.add(dEntities.data, dQueries, c.mix(slot).transposed())
	work.add(c.dMixed, entities.transposed(), dQueries)
}

// size sums |x| cubed over the coordinates.
func (c *tucker) size(embedding, gradient []float32, weight float32) float64 {
	sum := 0.0
	for k, x := range embedding {
		a := max(x, -x)
		sum += float64(a * a * a)
		gradient[k] += 3 * weight * a * x
	}
	return sum
}

// shrink does nothing: relation and core have few parameters, and share them.
func (c *tucker) shrink(int, float32) float64 { return 0 }

// descend takes the gradient of the mixed matrix apart into those of relation and core.
func (c *tucker) descend(slot int, rate float32) {
	r := c.relation.row(slot)
	for k := range r {
		sum := float32(0)
		for i, w := range c.core.row(k) {
			sum += w * c.dMixed[i]
		}
		c.dRelation[k] = sum
	}
	scaled := make([]float32, len(c.dMixed))
	for k := range r {
		for i, d := range c.dMixed {
			scaled[i] = r[k] * d
		}
		c.core.descend(k, scaled, rate)
	}
	c.relation.descend(slot, c.dRelation, rate)
	clear(c.dMixed)
}
