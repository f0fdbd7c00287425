package differential

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"consilium/clinical"
	"consilium/ontology"
)

// fixedWeights are of an earlier training. They stay as they are, so that golden
// files do not change whenever the shipped weights are learned anew. Unlike the
// shipped ones they count exclusions.
func fixedWeights(t testing.TB) *Weights {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "weights.json"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := ParseWeights(file)
	if err != nil {
		t.Fatal(err)
	}
	return &w
}

// tree is a small ontology; each term lies below the one that is less indented.
// "Wobbly gait" lies below two.
const tree = `1 All
  118 Phenotypic abnormality
    707 Nervous system
      1250 Seizure
        7359 Focal seizure
          2384 Focal seizure, aware
        2197 Generalized seizure
      1288 Gait
        1111 Wobbly gait
      1263 Delay
    1626 Heart
      1627 Structure of the heart
        1631 Hole between the atria
        1629 Hole between the ventricles
      1635 Weak heart
    924 Skeleton
      2650 Bent spine
      1166 Long fingers
      1112 Walks badly
        1111 Wobbly gait
    478 Eye
      1083 Lens out of place
      545 Short sight
  5 Mode of inheritance
    1417 X-linked
    1419 X-linked recessive
    1423 X-linked dominant
    6 Dominant
  31797 Course
    3674 Onset
      30674 Antenatal onset
      3577 Congenital onset
      3623 Neonatal onset
      3593 Infantile onset
      11463 Childhood onset
        9999 Early childhood onset
      3621 Juvenile onset
      3581 Adult onset
  12823 Modifier
    12825 Mild`

// hp is the identifier of a term.
func hp(number string) string { return fmt.Sprintf("HP:%07s", number) }

// graphOf turns an indented tree into obographs JSON.
func graphOf(t testing.TB, tree string) string {
	t.Helper()
	type object = map[string]any
	var nodes, edges []object
	iri := func(number string) string {
		return "http://purl.obolibrary.org/obo/" + strings.Replace(hp(number), ":", "_", 1)
	}
	var above []string
	seen := map[string]bool{}
	for _, line := range strings.Split(tree, "\n") {
		text := strings.TrimLeft(line, " ")
		number, label, _ := strings.Cut(text, " ")
		above = append(above[:(len(line)-len(text))/2], number)
		if !seen[number] {
			seen[number] = true
			nodes = append(nodes, object{"id": iri(number), "lbl": label, "type": "CLASS"})
		}
		if n := len(above); n > 1 {
			edges = append(edges, object{"sub": iri(number), "pred": "is_a", "obj": iri(above[n-2])})
		}
	}
	// What becomes of identifiers.
	nodes[3]["meta"] = object{"basicPropertyValues": []object{{"pred": "http://www.geneontology.org/formats/oboInOwl#hasAlternativeId", "val": hp("901")}},
		"synonyms": []object{{"pred": "hasExactSynonym", "val": "Fits", "synonymType": "http://purl.obolibrary.org/obo/hp#layperson"}}}
	nodes = append(nodes,
		object{"id": iri("902"), "lbl": "obsolete Fit", "type": "CLASS", "meta": object{"deprecated": true, "basicPropertyValues": []object{{"pred": "http://purl.obolibrary.org/obo/IAO_0100001", "val": hp("1250")}}}},
		object{"id": iri("903"), "lbl": "obsolete Fits", "type": "CLASS", "meta": object{"deprecated": true, "basicPropertyValues": []object{{"pred": "http://www.geneontology.org/formats/oboInOwl#consider", "val": hp("1250")}}}})
	raw, err := json.Marshal(object{"graphs": []object{{"id": "tiny", "nodes": nodes, "edges": edges}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// world makes a base of annotations, one a line: disease, term (! before it for
// NOT), frequency, reference, aspect (P unless told); "-" stands for nothing.
// "gene DISEASE SYMBOL" names a gene.
func world(t testing.TB, tree, annotations string) *ontology.Base {
	t.Helper()
	var hpoa, genes strings.Builder
	hpoa.WriteString("#date: 2026-01-01\ndatabase_id\tdisease_name\tqualifier\thpo_id\treference\tevidence\tonset\tfrequency\tsex\tmodifier\taspect\tbiocuration\n")
	genes.WriteString("ncbi_gene_id\tgene_symbol\thpo_id\thpo_name\tfrequency\tdisease_id\n")
	for _, line := range strings.Split(annotations, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		f := append(strings.Fields(line), "", "", "", "")
		for i := range f {
			if f[i] == "-" {
				f[i] = ""
			}
		}
		if f[0] == "gene" {
			fmt.Fprintf(&genes, "1\t%s\t%s\tx\t-\t%s\n", f[2], hp("118"), f[1])
			continue
		}
		not := ""
		if strings.HasPrefix(f[1], "!") {
			not, f[1] = "NOT", f[1][1:]
		}
		if f[4] == "" {
			f[4] = "P"
		}
		fmt.Fprintf(&hpoa, "%s\tDisease %s\t%s\t%s\t%s\tPCS\t\t%s\t\t\t%s\tx\n", f[0], f[0], not, hp(f[1]), f[3], f[2], f[4])
	}
	dir := t.TempDir()
	var paths []string
	for name, content := range map[string]string{"tiny.json": graphOf(t, tree), "tiny.hpoa": hpoa.String(), "genes_to_tiny.txt": genes.String()} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	b, err := ontology.Read(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// small has a few diseases of two catalogues.
const small = `
OMIM:1 1250 9/10 PMID:1
OMIM:1 1263 4/5 PMID:1
OMIM:1 1288 - PMID:2
OMIM:1 !1631 - PMID:1
OMIM:2 7359 8/10 PMID:3
OMIM:2 1111 HP:0040282 PMID:3
OMIM:2 545 20% PMID:4
OMIM:3 1631 10/10 PMID:5
OMIM:3 1635 1/10 PMID:5
OMIM:3 2650 3/6 PMID:6
OMIM:4 1166 9/9 PMID:7
OMIM:4 1083 6/10 PMID:7
OMIM:4 545 - PMID:8
OMIM:4 2650 - PMID:8
OMIM:5 1629 2/4 PMID:9
ORPHA:4 1166 HP:0040281 ORPHA:4
ORPHA:4 1083 HP:0040282 ORPHA:4
ORPHA:9 1263 HP:0040281 ORPHA:9
gene OMIM:1 AAA
gene OMIM:2 AAA
gene OMIM:4 FBN
gene ORPHA:4 FBN
`

// tiny is the model of small.
func tiny(t testing.TB) *Model { return newModel(t, world(t, tree, small)) }

var sampleModel = sync.OnceValues(func() (*Model, error) {
	base, err := ontology.Sample()
	if err != nil {
		return nil, err
	}
	return New(base, Options{})
})

// sample is the built-in base under the fixed weights.
func sample(t testing.TB) *Model {
	t.Helper()
	base, err := ontology.Sample()
	if err != nil {
		t.Fatal(err)
	}
	return newModel(t, base)
}

// shipped is the built-in base under the shipped weights.
func shipped(t testing.TB) *Model {
	t.Helper()
	m, err := sampleModel()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// patient has findings by number or identifier, ! before what was looked for and not found.
func patient(terms ...string) clinical.Phenotype {
	var p clinical.Phenotype
	for _, t := range terms {
		id, excluded := strings.CutPrefix(t, "!")
		if !strings.Contains(id, ":") {
			id = hp(id)
		}
		p.Features = append(p.Features, clinical.PhenotypicFeature{Term: id, Excluded: excluded})
	}
	return p
}

// at is the place of a disease in a model.
func at(t testing.TB, m *Model, id string) int32 {
	t.Helper()
	i, ok := m.byID[id]
	if !ok {
		t.Fatal("no disease", id)
	}
	return i
}

// term is the index of a term by its number.
func term(t testing.TB, m *Model, number string) ontology.Index {
	t.Helper()
	i, ok := m.base.Lookup(hp(number))
	if !ok {
		t.Fatal("no term", number)
	}
	return i
}

func near(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }

func newModel(t testing.TB, base *ontology.Base) *Model {
	t.Helper()
	m, err := New(base, Options{Weights: fixedWeights(t)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// patients makes cases of observed and excluded findings.
func patients(m *Model, n, observed, excluded int) []clinical.Phenotype {
	rng := rand.New(rand.NewPCG(uint64(observed), uint64(excluded)))
	var out []clinical.Phenotype
	for len(out) < n {
		var terms []ontology.Index
		for len(terms) < observed { // large cases take findings from several diseases
			for _, e := range m.profiles[rng.IntN(len(m.profiles))].direct {
				terms = append(terms, e.term)
			}
			slices.Sort(terms)
			terms = slices.Compact(terms)
		}
		rng.Shuffle(len(terms), func(i, j int) { terms[i], terms[j] = terms[j], terms[i] })
		var p clinical.Phenotype
		for _, t := range terms[:observed] {
			p.Features = append(p.Features, clinical.PhenotypicFeature{Term: m.base.ID(t)})
		}
		for range excluded {
			d := m.profiles[rng.IntN(len(m.profiles))].direct
			p.Features = append(p.Features, clinical.PhenotypicFeature{Term: m.base.ID(d[rng.IntN(len(d))].term), Excluded: true})
		}
		out = append(out, p)
	}
	return out
}
