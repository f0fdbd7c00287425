package knowledge

import (
	"regexp"
	"slices"
	"strings"
)

// Strata tell of held-out links how easily they could be had without learning.
type Strata struct {
	// Deducible: training annotates the disease with a more specific term, so the
	// link follows by the true-path rule.
	Deducible []bool
	// Twin: training knows another disease of the same gene or name, such as
	// Orphanet's entry for OMIM's disease. Half the knowledge about one is a copy
	// of the other's.
	Twin []bool
	// Copied: such a twin has this very link in training.
	Copied []bool
}

// Strata looks for the ways in which training gives held-out links away.
func (g *Graph) Strata(train, heldOut []Triple) Strata {
	known := answersOf(train)
	above := ancestors(known)
	twins := g.twins(known)
	var s Strata
	for _, t := range heldOut {
		q, _ := t.query(false)
		deducible := slices.ContainsFunc(known[q], func(e Entity) bool { return slices.Contains(above(e), t.Tail) })
		copied := slices.ContainsFunc(twins[t.Head], func(d Entity) bool {
			return slices.Contains(known[Query{d, HasPhenotype, false}], t.Tail)
		})
		s.Deducible = append(s.Deducible, deducible)
		s.Twin = append(s.Twin, len(twins[t.Head]) > 0)
		s.Copied = append(s.Copied, copied)
	}
	return s
}

// ancestors gives a function from a phenotype to all that are more general, by the is_a links.
func ancestors(known answers) func(Entity) []Entity {
	done := map[Entity][]Entity{}
	var above func(Entity) []Entity
	above = func(e Entity) []Entity {
		if a, ok := done[e]; ok {
			return a
		}
		done[e] = nil // a circle ends here
		var out []Entity
		for _, p := range known[Query{e, IsA, false}] {
			out = append(append(out, p), above(p)...)
		}
		slices.Sort(out)
		done[e] = slices.Compact(out)
		return done[e]
	}
	return above
}

// twins gives for each disease the others that share a gene or a name with it.
func (g *Graph) twins(known answers) map[Entity][]Entity {
	families := map[string][]Entity{}
	for d := g.starts[Disease]; d < g.starts[Disease+1]; d++ {
		families["name "+family(g.Label(d))] = append(families["name "+family(g.Label(d))], d)
		for _, gene := range known[Query{d, Causes, true}] {
			families["gene "+g.ID(gene)] = append(families["gene "+g.ID(gene)], d)
		}
	}
	out := map[Entity][]Entity{}
	for name, members := range families {
		if name == "name " {
			continue
		}
		for _, d := range members {
			for _, e := range members {
				if d != e && !slices.Contains(out[d], e) {
					out[d] = append(out[d], e)
				}
			}
		}
	}
	return out
}

// words splits a name; numbering says which words number a member of a family:
// "type 2A", "IV", "autosomal dominant 3".
var (
	words     = regexp.MustCompile(`[\pL\pN]+`)
	numbering = regexp.MustCompile(`^(\d+(\pL\d*)?|[ivx]+|\pL|type|form|group|autosomal|dominant|recessive|x|linked|with|without|and|due|to|syndrome|disease|disorder)$`)
)

// family reduces a disease's name to what its numbered forms and its entries in
// other sources have in common.
func family(name string) string {
	var kept []string
	for _, w := range words.FindAllString(strings.ToLower(name), -1) {
		if !numbering.MatchString(w) {
			kept = append(kept, w)
		}
	}
	slices.Sort(kept)
	return strings.Join(slices.Compact(kept), " ")
}
