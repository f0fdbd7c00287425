package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
)

// names of the invented diseases: trees, so that nobody takes one for a real disease.
var names = []string{
	"Alder", "Apple", "Ash", "Aspen", "Bamboo", "Beech", "Birch", "Box", "Cedar", "Cherry", "Chestnut", "Cork", "Cypress", "Ebony", "Elder", "Elm",
	"Fig", "Fir", "Ginkgo", "Hazel", "Hickory", "Holly", "Hornbeam", "Juniper", "Larch", "Laurel", "Lemon", "Lime", "Linden", "Mango", "Maple", "Myrtle",
	"Oak", "Olive", "Palm", "Peach", "Pear", "Pine", "Plane", "Plum", "Poplar", "Quince", "Rowan", "Spruce", "Sycamore", "Teak", "Walnut", "Willow",
}

const seed = 4

// line is one annotation.
type line struct {
	term      *term
	excluded  bool
	frequency string
	share     float64
	onset     *term
	sex       string
	modifier  *term
	evidence  string
}

type disease struct {
	id, name string
	genes    []string
	lines    []line
}

// invent gives each disease two systems of the body. Most of its findings are
// common ones from these, a few are rarer and come from anywhere.
func invent(terms []*term) []disease {
	r := rand.New(rand.NewPCG(seed, 0))
	branch := map[string][]*term{}
	systems := map[string][]*term{}
	var order []string
	for _, t := range terms {
		if t.children == 0 {
			branch[t.branch] = append(branch[t.branch], t)
		}
		if t.system != "" {
			if systems[t.system] == nil {
				order = append(order, t.system)
			}
			systems[t.system] = append(systems[t.system], t)
		}
	}
	pick := func(from []*term) *term { return from[r.IntN(len(from))] }
	diseases := make([]disease, len(names))
	for i, name := range names {
		d := &diseases[i]
		d.id, d.name = fmt.Sprintf("EXAMPLEDISEASE:%03d", i+1), name+" sample disease (invented)"
		first, second := systems[order[i%len(order)]], systems[order[r.IntN(len(order))]]
		for _, t := range shuffled(r, first)[:min(len(first), 3+r.IntN(2))] {
			d.add(found(r, t, 0.6, 1))
		}
		for range 3 {
			d.add(found(r, pick(second), 0.3, 0.9))
		}
		for range 2 {
			d.add(found(r, pick(branch["Finding"]), 0.05, 0.4))
		}
		if i%3 == 0 {
			d.add(line{term: pick(first), excluded: true, evidence: "TAS"})
		}
		if i%5 == 0 {
			d.lines[0].onset = pick(branch["Onset"])
			d.lines[1].modifier = pick(branch["Modifier"])
		}
		if i%11 == 0 {
			d.lines[2].sex = []string{"MALE", "FEMALE"}[r.IntN(2)]
		}
		d.add(line{term: pick(branch["Inheritance"]), evidence: "TAS"})
		d.add(line{term: pick(branch["Onset"]), evidence: "TAS"})
		for g := range 1 + r.IntN(2) {
			d.genes = append(d.genes, fmt.Sprintf("EXG%d", i+1+g*100))
		}
	}
	return diseases
}

// add leaves out a term that the disease has already.
func (d *disease) add(l line) {
	if !slices.ContainsFunc(d.lines, func(o line) bool { return o.term == l.term }) {
		d.lines = append(d.lines, l)
	}
}

// found writes a frequency between low and high in one of the ways of the format; now and then it is not recorded.
func found(r *rand.Rand, t *term, low, high float64) line {
	share := low + r.Float64()*(high-low)
	l := line{term: t, share: share, evidence: "PCS"}
	switch r.IntN(6) {
	case 0:
		l.frequency = fmt.Sprintf("%.0f%%", share*100)
	case 1:
		l.evidence = "IEA"
	case 2:
		l.frequency = frequencyTerm(share)
	default:
		of := 5 + r.IntN(36)
		l.frequency = fmt.Sprintf("%d/%d", max(1, int(share*float64(of))), of)
	}
	return l
}

// frequencyTerm gives the identifier that the file format has for a share of patients.
func frequencyTerm(share float64) string {
	switch {
	case share >= 0.8:
		return "HP:0040281"
	case share >= 0.3:
		return "HP:0040282"
	case share >= 0.05:
		return "HP:0040283"
	}
	return "HP:0040284"
}

func shuffled(r *rand.Rand, t []*term) []*term {
	out := slices.Clone(t)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

var aspects = map[string]string{"Finding": "P", "Inheritance": "I", "Onset": "C", "Modifier": "M"}

func idOf(t *term) string {
	if t == nil {
		return ""
	}
	return t.id
}

// annotations writes the lines as phenotype.hpoa (https://obophenotype.github.io/human-phenotype-ontology/annotations/phenotype_hpoa/).
func annotations(diseases []disease) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "#description: %s\n#version: sample-1\n", Notice)
	fmt.Fprintln(&b, "database_id\tdisease_name\tqualifier\thpo_id\treference\tevidence\tonset\tfrequency\tsex\tmodifier\taspect\tbiocuration")
	for i, d := range diseases {
		for j, l := range d.lines {
			not := ""
			if l.excluded {
				not = "NOT"
			}
			fmt.Fprintf(&b, "%s\t%s\t%s\t%s\tEXAMPLEREFERENCE:%d\t%s\t%s\t%s\t%s\t%s\t%s\tgenerated\n",
				d.id, d.name, not, l.term.id, i*10+j%3+1, l.evidence, idOf(l.onset), l.frequency, l.sex, idOf(l.modifier), aspects[l.term.branch])
		}
	}
	return b.Bytes()
}

// genes writes genes_to_phenotype.txt.
func genes(diseases []disease) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "#%s\n", Notice)
	fmt.Fprintln(&b, "ncbi_gene_id\tgene_symbol\thpo_id\thpo_name\tfrequency\tdisease_id")
	for _, d := range diseases {
		for _, g := range d.genes {
			for _, l := range d.lines {
				if !l.excluded {
					fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\t%s\n", g[3:], g, l.term.id, l.term.label, "-", d.id)
				}
			}
		}
	}
	return b.Bytes()
}
