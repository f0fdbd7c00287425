package knowledge

import (
	"context"
	"fmt"
	"slices"

	"consilium/fault"
)

// Comparison is the result of measuring models and baselines on the same held-out links.
type Comparison struct {
	Part        string         `json:"part"` // test or valid
	HoldOut     HoldOut        `json:"hold_out"`
	Sources     []string       `json:"sources,omitempty"`
	Synthetic   bool           `json:"synthetic,omitempty"`
	Entities    map[string]int `json:"entities"`
	Links       map[string]int `json:"links"` // of each relation, in the whole graph
	Train       int            `json:"train"`
	HeldOut     int            `json:"held_out"`
	Diseases    int            `json:"diseases"` // that held-out links belong to
	Strata      []Stratum      `json:"strata"`
	Rows        []Row          `json:"rows"`
	Differences []Difference   `json:"differences"`
}

// Stratum is a part of the held-out links.
type Stratum struct {
	Name  string `json:"name"`
	Links int    `json:"links"`

	members []int
}

// Names of the strata. The strict one is the figure to quote: none of its links can
// be read off the ontology or off another entry for the same disease.
const (
	Strict     = "strict"
	WithTwin   = "of a twin"
	CopiedLink = "known of the twin"
	Deducible  = "deducible"
)

// Compare measures models, and baselines beside them, on the part ("test" or
// "valid") that the models were kept from. All must come from one split of this
// graph. Models of one name are seeds of one row.
func Compare(ctx context.Context, g *Graph, models []*Model, part string, report func(string)) (*Comparison, error) {
	if len(models) == 0 {
		return nil, fault.New(fault.Usage, "no model was given", "train some with `consilium knowledge train --hold-out 0.05`")
	}
	digest := g.digest()
	for _, m := range models {
		if m.Graph != digest {
			return nil, fault.New(fault.DataUnfit, "model "+m.Title()+" was trained on another graph", "use the ontology files and --sources of its training")
		}
		if m.HoldOut != models[0].HoldOut {
			return nil, fault.New(fault.DataUnfit, "the models were kept from different links", "train all of them with the same --hold-out, --split-seed and --of")
		}
	}
	if models[0].HoldOut.Share == 0 {
		return nil, fault.New(fault.DataUnfit, "the model has seen every link: there is nothing to measure it on", "train it with --hold-out 0.05")
	}
	split, err := g.Split(models[0].HoldOut)
	if err != nil {
		return nil, err
	}
	heldOut := split.Test
	if part == "valid" {
		heldOut = split.Valid
	} else if part != "test" {
		return nil, fault.New(fault.Usage, "there is no part "+part, "choose test or valid")
	}
	c := g.describe(models[0], part, split, heldOut)
	known := answersOf(split.Train, split.Valid, split.Test)
	predictors := []Predictor{NewDegree(g, split.Train), NewTruePath(g, split.Train), NewNeighbour(g, split.Train)}
	for _, m := range models {
		predictors = append(predictors, m)
	}
	for _, p := range predictors {
		report("ranking by " + p.Name())
		ranks, err := g.Ranks(ctx, p, known, heldOut)
		if err != nil {
			return nil, err
		}
		c.add(p, ranks)
	}
	c.summarise(heldOut)
	return c, nil
}

// Title names a model in a table.
func (m *Model) Title() string {
	c := m.Config
	title := fmt.Sprintf("%s dim %d", c.Model, c.Dim)
	if c.Model == TuckER {
		title += fmt.Sprintf(" core %d", c.Core)
	}
	return title + fmt.Sprintf(" dropout %g N3 %g epochs %d", c.Dropout, c.N3, c.Epochs)
}

func (g *Graph) describe(m *Model, part string, split Split, heldOut []Triple) *Comparison {
	c := &Comparison{Part: part, HoldOut: m.HoldOut, Sources: m.Sources, Synthetic: g.Synthetic, Train: len(split.Train), HeldOut: len(heldOut),
		Entities: map[string]int{}, Links: map[string]int{}}
	for k, name := range [kinds]string{"diseases", "phenotypes", "modes", "genes"} {
		c.Entities[name] = g.Count(Kind(k))
	}
	for _, t := range g.Triples {
		c.Links[t.Relation.String()]++
	}
	s := g.Strata(split.Train, heldOut)
	choose := func(name string, in func(i int) bool) {
		var members []int
		for i := range heldOut {
			if in(i) {
				members = append(members, i)
			}
		}
		c.Strata = append(c.Strata, Stratum{name, len(members), members})
	}
	choose(Strict, func(i int) bool { return !s.Deducible[i] && !s.Twin[i] })
	choose(WithTwin, func(i int) bool { return !s.Deducible[i] && s.Twin[i] })
	choose(CopiedLink, func(i int) bool { return !s.Deducible[i] && s.Copied[i] })
	choose(Deducible, func(i int) bool { return s.Deducible[i] })
	diseases := map[Entity]bool{}
	for _, t := range heldOut {
		diseases[t.Head] = true
	}
	c.Diseases = len(diseases)
	return c
}

// add puts ranks into the row of their predictor.
func (c *Comparison) add(p Predictor, ranks []Rank) {
	name, seeds := p.Name(), []uint64(nil)
	if m, ok := p.(*Model); ok {
		name, seeds = m.Title(), []uint64{m.Config.Seed}
	}
	i := slices.IndexFunc(c.Rows, func(r Row) bool { return r.Name == name })
	if i < 0 {
		i = len(c.Rows)
		c.Rows = append(c.Rows, Row{Name: name})
	}
	c.Rows[i].Seeds = append(c.Rows[i].Seeds, seeds...)
	c.Rows[i].ranks = append(c.Rows[i].ranks, ranks)
}

// summarise computes figures and differences, on all links and on the strict ones.
func (c *Comparison) summarise(heldOut []Triple) {
	all := newSampler(heldOut)
	for i := range c.Rows {
		r := &c.Rows[i]
		r.Tail, r.Head = all.figures(r.ranks, tailOf), all.figures(r.ranks, headOf)
		r.Parts = map[string]Figures{}
		for _, s := range c.Strata {
			if s.Links > 0 {
				r.Parts[s.Name] = newSampler(pick(heldOut, s.members)).figures(pickRanks(r.ranks, s.members), tailOf)
			}
		}
		var bySeed []float64
		for _, seed := range r.ranks {
			sum := 0.0
			for _, rank := range seed {
				sum += reciprocal(rank.Tail)
			}
			bySeed = append(bySeed, sum/float64(len(seed)))
		}
		r.SeedSD = deviation(bySeed)
	}
	c.compare("all", all, func(r Row) Row { return r })
	for _, s := range c.Strata {
		if s.Name == Strict && s.Links > 0 {
			c.compare(s.Name, newSampler(pick(heldOut, s.members)), func(r Row) Row {
				return Row{Name: r.Name, ranks: pickRanks(r.ranks, s.members)}
			})
		}
	}
}

// compare adds the differences of each row to every row before it, on some of the links.
func (c *Comparison) compare(links string, s sampler, on func(Row) Row) {
	for b := range c.Rows {
		for a := b + 1; a < len(c.Rows); a++ {
			d := s.compare(on(c.Rows[a]), on(c.Rows[b]))
			d.Links = links
			c.Differences = append(c.Differences, d)
		}
	}
}

func pick[T any](from []T, members []int) []T {
	out := make([]T, len(members))
	for i, m := range members {
		out[i] = from[m]
	}
	return out
}

func pickRanks(from [][]Rank, members []int) (out [][]Rank) {
	for _, seed := range from {
		out = append(out, pick(seed, members))
	}
	return out
}
