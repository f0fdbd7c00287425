package knowledge

import (
	"math"
	"slices"
)

// Degree ranks answers by how many links of the relation end there in training: the
// commonest phenotypes first, whatever the disease.
type Degree struct {
	graph  *Graph
	counts map[bool]map[Relation][]float32 // by direction
}

// NewDegree counts the links of training.
func NewDegree(g *Graph, train []Triple) *Degree {
	d := &Degree{g, map[bool]map[Relation][]float32{false: {}, true: {}}}
	for _, inverse := range []bool{false, true} {
		for r := range relations {
			from, to := g.candidates(r, inverse)
			d.counts[inverse][r] = make([]float32, to-from)
		}
		for _, t := range train {
			_, answer := t.query(inverse)
			from, _ := g.candidates(t.Relation, inverse)
			d.counts[inverse][t.Relation][answer-from]++
		}
	}
	return d
}

// Name of the baseline.
func (d *Degree) Name() string { return "degree" }

// Predict gives every query the same scores.
func (d *Degree) Predict(queries []Query, out []float32) {
	counts := d.counts[queries[0].Inverse][queries[0].Relation]
	for i := range queries {
		copy(out[i*len(counts):], counts)
	}
}

// TruePath is degree with logic: what is more general than an annotation of the
// disease comes first. It shows how much of a test follows without learning.
type TruePath struct {
	*Degree
	known answers
	above func(Entity) []Entity
}

// NewTruePath takes annotations and ontology from training.
func NewTruePath(g *Graph, train []Triple) *TruePath {
	known := answersOf(train)
	return &TruePath{NewDegree(g, train), known, ancestors(known)}
}

// Name of the baseline.
func (t *TruePath) Name() string { return "true path" }

// Predict puts implied answers before all others; a head query has none.
func (t *TruePath) Predict(queries []Query, out []float32) {
	t.Degree.Predict(queries, out)
	if queries[0].Inverse || queries[0].Relation != HasPhenotype {
		return
	}
	from, to := t.graph.candidates(HasPhenotype, false)
	for i, q := range queries {
		row := out[i*int(to-from):][:to-from]
		implied := map[Entity]bool{}
		for _, e := range t.known[q] {
			for _, a := range t.above(e) {
				implied[a] = true
			}
		}
		for e := range implied {
			row[e-from] += float32(len(t.known[q]) + 1<<20)
		}
	}
}

// Neighbour predicts what similar diseases have: the sum over the most similar
// diseases of similarity, where they are annotated. Similarity is the cosine of
// weighted profiles of phenotypes, their ancestors and genes.
type Neighbour struct {
	*Degree
	known   answers
	similar [][]neighbour // by disease
}

type neighbour struct {
	disease Entity
	weight  float32
}

// nearest is how many diseases have a say. Fixed beforehand, not tuned.
const nearest = 50

// NewNeighbour compares every disease with every other, as training knows them.
func NewNeighbour(g *Graph, train []Triple) *Neighbour {
	n := &Neighbour{Degree: NewDegree(g, train), known: answersOf(train)}
	profiles, has := n.profiles()
	n.similar = make([][]neighbour, len(profiles))
	sums := make([]float32, len(profiles))
	for d := range profiles {
		clear(sums)
		for e, w := range profiles[d] {
			for _, o := range has[e] {
				sums[o.disease] += w * o.weight
			}
		}
		sums[d] = 0
		n.similar[d] = strongest(sums)
	}
	return n
}

// profiles weighs each feature of a disease by how rare it is, to length 1, and lists who has it.
func (n *Neighbour) profiles() ([]map[Entity]float32, map[Entity][]neighbour) {
	g, above := n.graph, ancestors(n.known)
	first := g.starts[Disease]
	profiles := make([]map[Entity]float32, g.Count(Disease))
	counts := map[Entity]int{}
	for d := range profiles {
		p := map[Entity]float32{}
		id := first + Entity(d)
		for _, e := range n.known[Query{id, HasPhenotype, false}] {
			p[e] = 1
			for _, a := range above(e) {
				p[a] = 1
			}
		}
		for _, gene := range n.known[Query{id, Causes, true}] {
			p[gene] = 1
		}
		for e := range p {
			counts[e]++
		}
		profiles[d] = p
	}
	has := map[Entity][]neighbour{}
	for d, p := range profiles {
		length := 0.0
		for e := range p {
			p[e] = float32(math.Log(float64(len(profiles)) / float64(counts[e])))
			length += float64(p[e]) * float64(p[e])
		}
		for e := range p {
			p[e] /= float32(math.Sqrt(length)) + 1e-9
			if counts[e] <= len(profiles)/2 { // what everybody has tells nobody apart
				has[e] = append(has[e], neighbour{Entity(d), p[e]})
			}
		}
	}
	return profiles, has
}

// strongest keeps the nearest diseases, the most similar first; of equals the one that comes first.
func strongest(sums []float32) []neighbour {
	out := make([]neighbour, 0, nearest+1)
	for d, w := range sums {
		if w <= 0 || len(out) == nearest && w <= out[nearest-1].weight {
			continue
		}
		at, _ := slices.BinarySearchFunc(out, w, func(o neighbour, w float32) int {
			if o.weight >= w {
				return -1
			}
			return 1
		})
		out = slices.Insert(out, at, neighbour{Entity(d), w})
		out = out[:min(len(out), nearest)]
	}
	return out
}

// Name of the baseline.
func (n *Neighbour) Name() string { return "neighbours" }

// Predict sums the neighbours' annotations; ties go by degree.
func (n *Neighbour) Predict(queries []Query, out []float32) {
	n.Degree.Predict(queries, out)
	for i := range out {
		out[i] *= 1e-7
	}
	if queries[0].Relation != HasPhenotype {
		return
	}
	from, to := n.graph.candidates(HasPhenotype, queries[0].Inverse)
	first := n.graph.starts[Disease]
	for i, q := range queries {
		row := out[i*int(to-from):][:to-from]
		if q.Inverse {
			n.heads(q, row)
			continue
		}
		for _, o := range n.similar[q.Entity-first] {
			for _, e := range n.known[Query{first + o.disease, HasPhenotype, false}] {
				row[e-from] += o.weight
			}
		}
	}
}

// heads scores each disease by those of its neighbours that have the term.
func (n *Neighbour) heads(q Query, row []float32) {
	has := make([]bool, len(row))
	for _, d := range n.known[q] {
		has[d-n.graph.starts[Disease]] = true
	}
	for d := range row {
		for _, o := range n.similar[d] {
			if has[o.disease] {
				row[d] += o.weight
			}
		}
	}
}
