// Package knowledge predicts links that a medical knowledge graph does not hold
// yet: which phenotype a disease is likely to have although nobody annotated it.
//
// The graph is made of an ontology.Base: diseases, phenotypes, modes of
// inheritance, onsets and genes, joined by typed relations. Two tensor
// factorisations learn it, ComplEx (Trouillon 2016) and TuckER (Balazevic 2019),
// from the same loss, the same batches and the same number of epochs. They are
// measured by filtered ranking (Bordes 2013) of held-out links, beside baselines
// that know no embedding: how often a term is annotated, and what similar diseases
// have. docs/knowledge.md tells the protocol, its leaks and the figures.
//
// A predicted link is a hypothesis about the annotation of a disease. It is never a
// finding of a patient.
package knowledge

import (
	"fmt"
	"slices"

	"consilium/fault"
)

// Entity is the dense number of a node of a graph. Entities of one kind have
// consecutive numbers, so that the candidates of a query are a range.
type Entity int32

// Kind says what an entity is.
type Kind uint8

// Kinds of entities, in the order of their numbers.
const (
	Disease   Kind = iota
	Phenotype      // terms below HP:0000118
	Mode           // modes of inheritance, onsets and pace: the other parts of HPO
	Gene
	kinds
)

// Relation is the type of a link.
type Relation uint8

// Relations, with the kinds that they join.
const (
	HasPhenotype Relation = iota // disease, phenotype
	Excludes                     // disease, phenotype that was looked for and is absent
	Causes                       // gene, disease
	IsA                          // phenotype, more general phenotype
	Inheritance                  // disease, mode
	Course                       // disease, onset or pace
	relations
)

// shape is what a relation joins, and its name in reports and files.
type shape struct {
	name       string
	head, tail Kind
}

var shapes = [relations]shape{
	{"has_phenotype", Disease, Phenotype},
	{"excludes", Disease, Phenotype},
	{"causes", Gene, Disease},
	{"is_a", Phenotype, Phenotype},
	{"inheritance", Disease, Mode},
	{"clinical_course", Disease, Mode},
}

// String names the relation.
func (r Relation) String() string { return shapes[r].name }

// Triple is one link.
type Triple struct {
	Head     Entity
	Relation Relation
	Tail     Entity
}

func (t Triple) compare(u Triple) int {
	if c := int(t.Relation) - int(u.Relation); c != 0 {
		return c
	}
	if c := int(t.Head) - int(u.Head); c != 0 {
		return c
	}
	return int(t.Tail) - int(u.Tail)
}

// Graph is a set of links between named entities. It is immutable.
type Graph struct {
	Triples   []Triple // sorted by relation, head, tail; each once
	Synthetic bool     // made of a generated base: not medical knowledge

	ids    []string
	labels []string
	starts [kinds + 1]Entity // where each kind begins
	byID   map[string]Entity
}

// maxEntities and maxTriples bound a graph: about 20 times HPO with its annotations.
const (
	maxEntities = 1 << 20
	maxTriples  = 1 << 23
)

// newGraph numbers entities by kind and checks that links join what their relation joins.
func newGraph(ids, labels [kinds][]string, triples []Triple) (*Graph, error) {
	g := &Graph{byID: map[string]Entity{}}
	for k := range kinds {
		g.starts[k] = Entity(len(g.ids))
		g.ids = append(g.ids, ids[k]...)
		g.labels = append(g.labels, labels[k]...)
	}
	g.starts[kinds] = Entity(len(g.ids))
	if len(g.ids) > maxEntities || len(triples) > maxTriples {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("a graph of %d entities and %d links", len(g.ids), len(triples)),
			fmt.Sprintf("at most %d entities and %d links are read; leave out sources of annotations", maxEntities, maxTriples))
	}
	for i, id := range g.ids {
		if _, twice := g.byID[id]; twice {
			return nil, fault.New(fault.InputMalformed, "two entities have the identifier "+id, "check the annotation files")
		}
		g.byID[id] = Entity(i)
	}
	for _, t := range triples {
		if t.Relation >= relations || !g.is(t.Head, shapes[t.Relation].head) || !g.is(t.Tail, shapes[t.Relation].tail) {
			return nil, fault.New(fault.InputMalformed, fmt.Sprintf("link %v joins what its relation does not", t), "check the annotation files")
		}
	}
	g.Triples = slices.Clone(triples)
	slices.SortFunc(g.Triples, Triple.compare)
	g.Triples = slices.Compact(g.Triples)
	return g, nil
}

func (g *Graph) is(e Entity, k Kind) bool { return e >= g.starts[k] && e < g.starts[k+1] }

// Len is the number of entities.
func (g *Graph) Len() int { return len(g.ids) }

// Count is the number of entities of a kind.
func (g *Graph) Count(k Kind) int { return int(g.starts[k+1] - g.starts[k]) }

// ID gives the identifier of an entity: OMIM:154700, HP:0001250, FBN1.
func (g *Graph) ID(e Entity) string { return g.ids[e] }

// Label gives its name.
func (g *Graph) Label(e Entity) string { return g.labels[e] }

// Lookup finds an entity by its identifier.
func (g *Graph) Lookup(id string) (Entity, bool) {
	e, ok := g.byID[id]
	return e, ok
}

// Query asks for the entities at the other end of a relation: the tails of
// (Entity, Relation, ?), or with Inverse the heads of (?, Relation, Entity).
type Query struct {
	Entity   Entity
	Relation Relation
	Inverse  bool
}

// candidates gives the range of entities that can answer a query of this kind.
func (g *Graph) candidates(r Relation, inverse bool) (from, to Entity) {
	k := shapes[r].tail
	if inverse {
		k = shapes[r].head
	}
	return g.starts[k], g.starts[k+1]
}

// query turns a link round into question and answer.
func (t Triple) query(inverse bool) (Query, Entity) {
	if inverse {
		return Query{t.Tail, t.Relation, true}, t.Head
	}
	return Query{t.Head, t.Relation, false}, t.Tail
}

// answers lists what is known to answer each query.
type answers map[Query][]Entity

func answersOf(triples ...[]Triple) answers {
	out := answers{}
	for _, part := range triples {
		for _, t := range part {
			for _, inverse := range []bool{false, true} {
				q, a := t.query(inverse)
				out[q] = append(out[q], a)
			}
		}
	}
	return out
}
