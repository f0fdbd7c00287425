package knowledge

import (
	"slices"
	"strings"

	"consilium/fault"
	"consilium/ontology"
)

// FromBase makes the graph of a base. Sources (OMIM, ORPHA, DECIPHER) restrict it
// to the diseases whose identifier begins so; none means all.
//
// Genes are joined to diseases only. Edges from genes to phenotypes, which HPO
// publishes too, are compositions of gene, disease and phenotype: with them in
// training, every held-out link of a disease could be read off its gene.
func FromBase(b *ontology.Base, sources ...string) (*Graph, error) {
	var diseases []ontology.Disease
	for _, d := range b.Diseases {
		prefix, _, _ := strings.Cut(d.ID, ":")
		if len(sources) == 0 || slices.Contains(sources, prefix) {
			diseases = append(diseases, d)
		}
	}
	if len(diseases) == 0 {
		return nil, fault.New(fault.DataUnfit, "no disease comes from "+strings.Join(sources, ", "), "name a source of the annotation file: OMIM, ORPHA or DECIPHER")
	}
	terms, genes := used(b, diseases)
	var ids, labels [kinds][]string
	for _, d := range diseases {
		ids[Disease], labels[Disease] = append(ids[Disease], d.ID), append(labels[Disease], d.Name)
	}
	of := func(t ontology.Index) Kind {
		if b.IsAncestor(b.Abnormality(), t) {
			return Phenotype
		}
		return Mode
	}
	for _, t := range terms {
		k := of(t)
		ids[k], labels[k] = append(ids[k], b.ID(t)), append(labels[k], b.Label(t))
	}
	ids[Gene], labels[Gene] = genes, genes
	g, err := newGraph(ids, labels, nil)
	if err != nil {
		return nil, err
	}
	g, err = newGraph(ids, labels, links(b, g, diseases, terms))
	if err != nil {
		return nil, err
	}
	g.Synthetic = b.Synthetic
	return g, nil
}

// used gives the terms that annotations name, with their ancestors, and the genes.
func used(b *ontology.Base, diseases []ontology.Disease) (terms []ontology.Index, genes []string) {
	in := make([]bool, b.Len())
	for _, d := range diseases {
		for _, a := range d.Annotations {
			for _, t := range b.Ancestors(a.Term) {
				in[t] = true
			}
		}
		genes = append(genes, d.Genes...)
	}
	for t, yes := range in {
		if yes {
			terms = append(terms, ontology.Index(t))
		}
	}
	slices.Sort(genes)
	return terms, slices.Compact(genes)
}

// links are the triples of the annotations and of the ontology.
func links(b *ontology.Base, g *Graph, diseases []ontology.Disease, terms []ontology.Index) []Triple {
	var out []Triple
	for i, d := range diseases {
		head := g.starts[Disease] + Entity(i)
		for _, gene := range d.Genes {
			out = append(out, Triple{g.byID[gene], Causes, head})
		}
		out = append(out, annotated(b, g, head, d.Annotations)...)
	}
	for _, t := range terms {
		for _, p := range b.Parents(t) {
			child, parent := g.byID[b.ID(t)], g.byID[b.ID(p)]
			if g.is(child, Phenotype) && g.is(parent, Phenotype) {
				out = append(out, Triple{child, IsA, parent})
			}
		}
	}
	return out
}

// annotated gives the links of one disease. Sources disagree: what one found and
// another excluded is kept as found.
func annotated(b *ontology.Base, g *Graph, head Entity, annotations []ontology.Annotation) []Triple {
	var out []Triple
	found := map[Entity]bool{}
	for _, a := range annotations {
		found[g.byID[b.ID(a.Term)]] = found[g.byID[b.ID(a.Term)]] || !a.Excluded
	}
	for _, a := range annotations {
		tail := g.byID[b.ID(a.Term)]
		t := Triple{head, HasPhenotype, tail}
		switch {
		case g.is(tail, Phenotype) && !found[tail]:
			t.Relation = Excludes
		case g.is(tail, Phenotype):
		case a.Excluded:
			continue
		case a.Aspect == 'I':
			t.Relation = Inheritance
		case a.Aspect == 'C':
			t.Relation = Course
		default:
			continue
		}
		out = append(out, t)
	}
	return out
}
