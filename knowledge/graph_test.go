package knowledge

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"consilium/fault"
	"consilium/ontology"
)

// base gives the built-in sample: generated, so that tests need no file.
func base(t testing.TB) *ontology.Base {
	t.Helper()
	b, err := ontology.Sample()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sampleGraph(t testing.TB) *Graph {
	t.Helper()
	g, err := FromBase(base(t))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// planted makes a graph of groups: a disease of group k has most of the group's
// phenotypes and few others; so do its gene and its mode of inheritance.
func planted(t testing.TB, groups, diseases, phenotypes int) *Graph {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 7))
	var ids [kinds][]string
	for i := range groups * diseases {
		ids[Disease] = append(ids[Disease], fmt.Sprintf("D:%d", i))
	}
	for i := range groups * phenotypes {
		ids[Phenotype] = append(ids[Phenotype], fmt.Sprintf("P:%d", i))
	}
	for i := range groups {
		ids[Gene] = append(ids[Gene], fmt.Sprintf("G%d", i))
		ids[Mode] = append(ids[Mode], fmt.Sprintf("M:%d", i))
	}
	names, err := newGraph(ids, ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	var links []Triple
	for d := range groups * diseases {
		head := names.starts[Disease] + Entity(d)
		links = append(links, Triple{head, Inheritance, names.starts[Mode] + Entity(d%groups)})
		for p := range groups * phenotypes {
			if share := rng.Float64(); p%groups == d%groups && share < 0.6 || share < 0.01 {
				links = append(links, Triple{head, HasPhenotype, names.starts[Phenotype] + Entity(p)})
			}
		}
	}
	g, err := newGraph(ids, ids, links)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGraphOfBase(t *testing.T) {
	b, g := base(t), sampleGraph(t)
	if !g.Synthetic {
		t.Error("the graph of the sample is not marked as synthetic")
	}
	if g.Count(Disease) != len(b.Diseases) {
		t.Errorf("%d diseases of %d", g.Count(Disease), len(b.Diseases))
	}
	counts := map[Relation]int{}
	for _, l := range g.Triples {
		counts[l.Relation]++
		if l.Relation == IsA {
			child, _ := b.Lookup(g.ID(l.Head))
			parent, _ := b.Lookup(g.ID(l.Tail))
			if !slices.Contains(b.Parents(child), parent) {
				t.Fatalf("%s is_a %s is not in the ontology", g.ID(l.Head), g.ID(l.Tail))
			}
		}
	}
	for _, r := range []Relation{HasPhenotype, IsA, Causes} {
		if counts[r] == 0 {
			t.Errorf("no link of %s", r)
		}
	}
	if _, err := FromBase(b, "NOWHERE"); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("a source without diseases: %v", err)
	}
}

func TestContradictionIsKeptAsFound(t *testing.T) {
	b := *base(t)
	d := b.Diseases[0]
	var term ontology.Index
	for _, a := range d.Annotations {
		if !a.Excluded && b.IsAncestor(b.Abnormality(), a.Term) {
			term = a.Term
		}
	}
	d.Annotations = append(slices.Clone(d.Annotations), ontology.Annotation{Term: term, Excluded: true})
	b.Diseases = []ontology.Disease{d}
	g, err := FromBase(&b)
	if err != nil {
		t.Fatal(err)
	}
	tail, _ := g.Lookup(b.ID(term))
	if !slices.Contains(g.Triples, Triple{0, HasPhenotype, tail}) || slices.Contains(g.Triples, Triple{0, Excludes, tail}) {
		t.Error("what one source found and another excluded must be kept as found")
	}
}

func TestSplitPartsShareNothing(t *testing.T) {
	for _, g := range []*Graph{sampleGraph(t), planted(t, 4, 20, 20)} {
		s, err := g.Split(HoldOut{Share: 0.1, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		again, _ := g.Split(HoldOut{Share: 0.1, Seed: 3})
		other, _ := g.Split(HoldOut{Share: 0.1, Seed: 4})
		if !slices.Equal(s.Test, again.Test) || slices.Equal(s.Test, other.Test) {
			t.Error("the seed must decide the split")
		}
		if len(s.Train)+len(s.Valid)+len(s.Test) != len(g.Triples) {
			t.Error("links were lost")
		}
		phenotypes := map[Entity]int{}
		for _, l := range s.Train {
			if l.Relation == HasPhenotype {
				phenotypes[l.Head]++
			}
		}
		for _, l := range append(slices.Clone(s.Valid), s.Test...) {
			if l.Relation != HasPhenotype || slices.Contains(s.Train, l) {
				t.Fatalf("held-out link %v is in training, or of a relation that is not held out", l)
			}
			if phenotypes[l.Head] < minKept {
				t.Fatalf("disease %s keeps %d phenotypes", g.ID(l.Head), phenotypes[l.Head])
			}
		}
	}
}

// TestNoLinkBetweenTheEndsOfATest closes the inverse leak: nothing in training
// joins disease and phenotype of a held-out link, in either direction, by any
// relation, and no question of training holds the answer of a test.
func TestNoLinkBetweenTheEndsOfATest(t *testing.T) {
	g := sampleGraph(t)
	s, err := g.Split(HoldOut{Share: 0.1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	joined := map[[2]Entity]bool{}
	for _, l := range s.Train {
		joined[[2]Entity{l.Head, l.Tail}], joined[[2]Entity{l.Tail, l.Head}] = true, true
		if g.is(l.Head, Gene) && g.is(l.Tail, Phenotype) {
			t.Fatal("a gene is joined to a phenotype")
		}
	}
	c := newCurriculum(g, s.Train)
	for _, l := range append(slices.Clone(s.Valid), s.Test...) {
		if joined[[2]Entity{l.Head, l.Tail}] {
			t.Fatalf("training joins %s and %s", g.ID(l.Head), g.ID(l.Tail))
		}
		for _, inverse := range []bool{false, true} {
			q, answer := l.query(inverse)
			for _, list := range c.questions {
				for _, asked := range list {
					if asked.entity == q.Entity && slices.Contains(asked.answers, answer) {
						t.Fatal("a question of training holds a held-out answer")
					}
				}
			}
		}
	}
}

func TestStrata(t *testing.T) {
	ids := [kinds][]string{
		Disease:   {"OMIM:1", "ORPHA:1", "OMIM:2", "OMIM:3"},
		Phenotype: {"P:all", "P:general", "P:special", "P:other"},
		Gene:      {"G"},
	}
	labels := ids
	labels[Disease] = []string{"Alpha syndrome 1", "Alpha syndrome", "Beta disease", "Gamma, type IIA"}
	const all, general, special, other, gene = 4, 5, 6, 7, 8
	train := []Triple{{general, IsA, all}, {special, IsA, general}, {other, IsA, all}, {2, HasPhenotype, special}, {1, HasPhenotype, other}, {gene, Causes, 2}, {gene, Causes, 3}}
	test := []Triple{{2, HasPhenotype, general}, {2, HasPhenotype, other}, {0, HasPhenotype, other}, {3, HasPhenotype, special}}
	g, err := newGraph(ids, labels, append(slices.Clone(train), test...))
	if err != nil {
		t.Fatal(err)
	}
	got := g.Strata(train, test)
	want := Strata{
		Deducible: []bool{true, false, false, false},
		Twin:      []bool{true, true, true, true},
		Copied:    []bool{false, false, true, true},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestFamily(t *testing.T) {
	for a, b := range map[string]string{
		"Noonan syndrome 1":                        "NOONAN SYNDROME 10",
		"Ehlers-Danlos syndrome, classic type, 2":  "Classic Ehlers-Danlos syndrome",
		"Deafness, autosomal recessive 1A":         "Deafness, autosomal dominant 3",
		"Charcot-Marie-Tooth disease, type 4B2":    "Charcot-Marie-Tooth disease type IV",
		"Mucopolysaccharidosis type 2 with colour": "Mucopolysaccharidosis colour",
	} {
		if family(a) != family(b) {
			t.Errorf("%q and %q are not one family: %q, %q", a, b, family(a), family(b))
		}
	}
	if family("Marfan syndrome") == family("Loeys-Dietz syndrome") {
		t.Error("two families are one")
	}
}

func TestGraphRefuses(t *testing.T) {
	ids := [kinds][]string{Disease: {"D"}, Phenotype: {"P"}}
	for name, links := range map[string][]Triple{
		"wrong kind":       {{1, HasPhenotype, 0}},
		"no such entity":   {{0, HasPhenotype, 9}},
		"no such relation": {{0, relations, 1}},
	} {
		if _, err := newGraph(ids, ids, links); fault.CodeOf(err) != fault.InputMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	ids[Gene] = []string{"D"}
	if _, err := newGraph(ids, ids, nil); fault.CodeOf(err) != fault.InputMalformed {
		t.Errorf("one identifier twice: %v", err)
	}
}

func TestSplitRefuses(t *testing.T) {
	g := planted(t, 2, 3, 3)
	for _, share := range []float64{-1, 0.3, math.NaN()} {
		if _, err := g.Split(HoldOut{Share: share}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("share %g: %v", share, err)
		}
	}
	if _, err := g.Split(HoldOut{Share: 0.1}); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("diseases with few phenotypes: %v", err)
	}
}

// TestRealGraph reads HPO's own files, when they are there.
func TestRealGraph(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	dir := os.Getenv("CONSILIUM_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "hpo", "*.gz"))
	if len(files) < 3 {
		t.Skip("HPO's files are not here: set CONSILIUM_DATA")
	}
	b, err := ontology.Read(files...)
	if err != nil {
		var coded *fault.Error
		if errors.As(err, &coded) && coded.Code == fault.Usage {
			t.Skip("the folder holds more than one release: " + coded.What)
		}
		t.Fatal(err)
	}
	g, err := FromBase(b, "OMIM")
	if err != nil {
		t.Fatal(err)
	}
	s, err := g.Split(HoldOut{Share: 0.05, Seed: 1, Source: "OMIM"})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Test) < 1000 || len(s.Test) != len(s.Valid) {
		t.Errorf("%d test links, %d for validation", len(s.Test), len(s.Valid))
	}
}
