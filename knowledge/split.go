package knowledge

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"consilium/fault"
)

// HoldOut says which links are kept from training.
type HoldOut struct {
	Share  float64 `json:"share"`  // of the eligible links, for validation and again for test
	Seed   uint64  `json:"seed"`   // which ones
	Source string  `json:"source"` // of diseases of this source only; "" for all
}

// minKept is how many phenotypes a disease keeps in training; diseases with fewer lose none.
const minKept = 4

// Split is a graph's links in three parts that share none.
type Split struct {
	Train, Valid, Test []Triple
}

// Split holds out links (disease, has_phenotype, term), drawn at random. Every
// other link stays in training, and so does each entity: a disease keeps at least
// four phenotypes, and a term that loses its only disease keeps its place in the
// ontology.
func (g *Graph) Split(h HoldOut) (Split, error) {
	if !(h.Share >= 0 && h.Share <= 0.25) {
		return Split{}, fault.New(fault.Usage, fmt.Sprintf("a share of %g cannot be held out", h.Share), "choose a share between 0 and 0.25")
	}
	var s Split
	kept := map[Entity]int{}
	var eligible []int
	for i, t := range g.Triples {
		if t.Relation == HasPhenotype {
			kept[t.Head]++
			if strings.HasPrefix(g.ID(t.Head), h.Source) {
				eligible = append(eligible, i)
			}
		}
	}
	rng := rand.New(rand.NewPCG(h.Seed, 0x73706c6974))
	rng.Shuffle(len(eligible), func(i, j int) { eligible[i], eligible[j] = eligible[j], eligible[i] })
	want := int(h.Share * float64(len(eligible)))
	out := map[int]bool{}
	for _, i := range eligible {
		if len(out) == 2*want {
			break
		}
		t := g.Triples[i]
		if kept[t.Head] <= minKept {
			continue
		}
		kept[t.Head]--
		if out[i] = true; len(out)%2 == 0 {
			s.Valid = append(s.Valid, t)
		} else {
			s.Test = append(s.Test, t)
		}
	}
	for i, t := range g.Triples {
		if !out[i] {
			s.Train = append(s.Train, t)
		}
	}
	if h.Share > 0 && len(s.Test) == 0 {
		return Split{}, fault.New(fault.DataUnfit, "no link can be held out", fmt.Sprintf("diseases need more than %d phenotypes, and %s must be a source of them", minKept, h.Source))
	}
	return s, nil
}
