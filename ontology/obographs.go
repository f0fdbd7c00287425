package ontology

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"consilium/fault"
)

// Properties of nodes in an obographs file.
const (
	propertyAlternative = "http://www.geneontology.org/formats/oboInOwl#hasAlternativeId"
	propertyConsider    = "http://www.geneontology.org/formats/oboInOwl#consider"
	propertyReplacedBy  = "http://purl.obolibrary.org/obo/IAO_0100001"
	layperson           = "#layperson"
	plural              = "#plural_form"
	abbreviation        = "#abbreviation"
	outdated            = "#obsolete_synonym"
)

type obograph struct {
	Meta struct {
		Version    string         `json:"version"`
		Properties []obographPair `json:"basicPropertyValues"`
	} `json:"meta"`
	Nodes []obographNode `json:"nodes"`
	Edges []struct {
		Sub  string `json:"sub"`
		Pred string `json:"pred"`
		Obj  string `json:"obj"`
	} `json:"edges"`
}

type obographNode struct {
	ID   string `json:"id"`
	Lbl  string `json:"lbl"`
	Type string `json:"type"`
	Meta struct {
		Definition struct {
			Val string `json:"val"`
		} `json:"definition"`
		Synonyms []struct {
			Pred string `json:"pred"`
			Val  string `json:"val"`
			Type string `json:"synonymType"`
		} `json:"synonyms"`
		Properties []obographPair `json:"basicPropertyValues"`
		Deprecated bool           `json:"deprecated"`
	} `json:"meta"`
}

type obographPair struct {
	Pred string `json:"pred"`
	Val  string `json:"val"`
}

// readOBOGraph reads an ontology in obographs JSON, as HPO publishes it (hp.json).
func readOBOGraph(r io.Reader) (*Ontology, error) {
	var file struct {
		Graphs []obograph `json:"graphs"`
	}
	if err := json.NewDecoder(r).Decode(&file); err != nil {
		return nil, cut(err, "the ontology is not obographs JSON", "import hp.json of an HPO release, as it was downloaded")
	}
	if len(file.Graphs) == 0 || len(file.Graphs[0].Nodes) == 0 {
		return nil, broken("the ontology file holds no graph with nodes")
	}
	d, err := draftOf(&file.Graphs[0])
	if err != nil {
		return nil, err
	}
	return d.build()
}

func draftOf(g *obograph) (draft, error) {
	d := draft{version: version(g), above: map[string][]string{}, alias: map[string]alias{}}
	prefix := commonPrefix(g.Nodes)
	active := map[string]bool{}
	var merged []*obographNode
	for i := range g.Nodes {
		n := &g.Nodes[i]
		id := curie(n.ID)
		if n.Type != "CLASS" && n.Type != "" || !strings.HasPrefix(id, prefix) {
			continue
		}
		if n.Meta.Deprecated {
			d.alias[id] = retired(n)
			continue
		}
		if n.Lbl == "" {
			continue // only mentioned; an edge to it is refused below
		}
		if active[id] {
			return draft{}, broken("the term " + id + " stands twice in the ontology")
		}
		active[id] = true
		d.terms = append(d.terms, described(id, n))
		merged = append(merged, n)
	}
	if len(d.terms) == 0 {
		return draft{}, broken("the ontology file holds no active term")
	}
	for _, n := range merged { // after the obsolete ones: that a term took an identifier over says more
		for _, p := range n.Meta.Properties {
			if p.Pred == propertyAlternative {
				d.alias[curie(p.Val)] = alias{status: Alternative, to: curie(n.ID)}
			}
		}
	}
	return d, d.relate(g, prefix, active)
}

// relate takes the is_a edges. Edges to terms of other ontologies are left out,
// edges to terms that this one lacks are refused: its order would be another.
func (d *draft) relate(g *obograph, prefix string, active map[string]bool) error {
	for _, e := range g.Edges {
		sub, obj := curie(e.Sub), curie(e.Obj)
		if e.Pred != "is_a" || !strings.HasPrefix(sub, prefix) || !strings.HasPrefix(obj, prefix) {
			continue
		}
		if !active[sub] || !active[obj] {
			return broken(fmt.Sprintf("%s is_a %s names a term that is obsolete, has no label or is not in the file", sub, obj))
		}
		if !slices.Contains(d.above[sub], obj) {
			d.above[sub] = append(d.above[sub], obj)
		}
	}
	return nil
}

func broken(what string) error {
	return fault.New(fault.InputMalformed, what, "import hp.json of an HPO release, as it was downloaded")
}

// described keeps of a node what is asked for later.
func described(id string, n *obographNode) term {
	t := term{ID: id, Label: n.Lbl, Definition: n.Meta.Definition.Val}
	for _, s := range n.Meta.Synonyms {
		if strings.HasSuffix(s.Type, outdated) {
			continue
		}
		t.Synonyms = append(t.Synonyms, Synonym{
			Text: s.Val, Scope: scope(s.Pred),
			Layperson: strings.HasSuffix(s.Type, layperson), Plural: strings.HasSuffix(s.Type, plural), Abbreviation: strings.HasSuffix(s.Type, abbreviation),
		})
	}
	return t
}

func scope(pred string) Scope {
	switch pred {
	case "hasExactSynonym":
		return Exact
	case "hasNarrowSynonym":
		return Narrow
	case "hasBroadSynonym":
		return Broad
	}
	return Related
}

// retired tells what an obsolete node points to. One that was split into several
// terms has no single successor: a person has to choose.
func retired(n *obographNode) alias {
	var successors, consider []string
	for _, p := range n.Meta.Properties {
		switch p.Pred {
		case propertyReplacedBy:
			successors = append(successors, curie(p.Val))
		case propertyConsider:
			consider = append(consider, curie(p.Val))
		}
	}
	if len(successors) == 1 {
		return alias{status: Replaced, to: successors[0], consider: consider}
	}
	return alias{status: Obsolete, consider: append(successors, consider...)}
}

// curie shortens an IRI of the OBO Foundry: .../obo/HP_0001250 is HP:0001250.
func curie(iri string) string {
	at := strings.LastIndexByte(iri, '/')
	if at < 0 {
		return iri
	}
	local := iri[at+1:]
	if prefix, number, ok := strings.Cut(local, "_"); ok {
		return prefix + ":" + number
	}
	return local
}

// commonPrefix is the prefix that most nodes have: a file may name terms of other ontologies.
func commonPrefix(nodes []obographNode) string {
	count := map[string]int{}
	best := ""
	for i := range nodes {
		prefix, _, ok := strings.Cut(curie(nodes[i].ID), ":")
		if !ok {
			continue
		}
		count[prefix]++
		if count[prefix] > count[best] {
			best = prefix
		}
	}
	return best + ":"
}

var date = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)

// version is the date of the release, else what the file calls its version.
func version(g *obograph) string {
	if d := date.FindString(g.Meta.Version); d != "" {
		return d
	}
	for _, p := range g.Meta.Properties {
		if strings.HasSuffix(p.Pred, "versionInfo") {
			return p.Val
		}
	}
	return g.Meta.Version
}
