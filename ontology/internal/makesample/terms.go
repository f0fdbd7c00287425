package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed outline.txt
var outline string

// term is one line of the outline.
type term struct {
	id       string
	label    string
	synonyms []string
	parents  []*term
	children int
	system   string // the part of the body it belongs to; "" outside the findings
	branch   string // Finding, Inheritance, Onset, Modifier
	second   string // label of a second parent
}

// Retired identifiers, one of each kind.
const (
	merged     = "EXAMPLE:0000901" // into Seizure
	replaced   = "EXAMPLE:0000902" // by Cough
	considered = "EXAMPLE:0000903" // Rash or Blisters
)

func readOutline() ([]*term, error) {
	var terms []*term
	byLabel := map[string]*term{}
	var path []*term
	for line := range strings.Lines(outline) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		text := strings.TrimLeft(line, "\t")
		depth := len(line) - len(text)
		if depth > len(path) {
			return nil, fmt.Errorf("outline: %q is indented too deep", line)
		}
		t := parse(strings.TrimSpace(text))
		t.id = fmt.Sprintf("EXAMPLE:%07d", len(terms)+1)
		if byLabel[t.label] != nil {
			return nil, fmt.Errorf("outline: %q stands twice", t.label)
		}
		byLabel[t.label] = t
		path = append(path[:depth], t)
		if depth > 0 {
			t.parents = append(t.parents, path[depth-1])
			t.branch = path[1].label
		}
		if depth > 2 {
			t.system = path[2].label
		}
		terms = append(terms, t)
	}
	for _, t := range terms {
		if t.second != "" {
			t.parents = append(t.parents, byLabel[t.second])
		}
		for _, p := range t.parents {
			if p == nil {
				return nil, fmt.Errorf("outline: %s has an unknown parent %q", t.label, t.second)
			}
			p.children++
		}
	}
	return terms, nil
}

func parse(line string) *term {
	line, second, _ := strings.Cut(line, "^")
	label, names, more := strings.Cut(line, "|")
	t := &term{label: label, second: second}
	if more {
		t.synonyms = strings.Split(names, ", ")
	}
	return t
}

func iri(id string) string { return "http://example.org/sample/" + strings.Replace(id, ":", "_", 1) }

type object = map[string]any

// obographs writes the terms as HPO writes hp.json (https://github.com/geneontology/obographs).
func obographs(terms []*term) []byte {
	const owl = "http://www.geneontology.org/formats/oboInOwl#"
	find := func(label string) string {
		for _, t := range terms {
			if t.label == label {
				return t.id
			}
		}
		panic("no term " + label) // the outline and this file are one program
	}
	property := func(pred, val string) object { return object{"pred": pred, "val": val} }
	var nodes, edges []object
	for _, t := range terms {
		meta := object{"definition": object{"val": "Sample term, invented to try Consilium out; no medical definition."}}
		var synonyms []object
		for _, s := range t.synonyms {
			synonyms = append(synonyms, object{"pred": "hasExactSynonym", "val": s, "synonymType": "http://example.org/sample#layperson"})
		}
		if synonyms != nil {
			meta["synonyms"] = synonyms
		}
		if t.label == "Seizure" {
			meta["basicPropertyValues"] = []object{property(owl+"hasAlternativeId", merged)}
		}
		nodes = append(nodes, object{"id": iri(t.id), "lbl": t.label, "type": "CLASS", "meta": meta})
		for _, p := range t.parents {
			edges = append(edges, object{"sub": iri(t.id), "pred": "is_a", "obj": iri(p.id)})
		}
	}
	retired := func(id, label string, properties ...object) object {
		return object{"id": iri(id), "lbl": label, "type": "CLASS", "meta": object{"deprecated": true, "basicPropertyValues": properties}}
	}
	nodes = append(nodes,
		retired(replaced, "obsolete Hacking cough", property("http://purl.obolibrary.org/obo/IAO_0100001", iri(find("Cough")))),
		retired(considered, "obsolete Bad skin", property(owl+"consider", find("Rash")), property(owl+"consider", find("Blisters"))))
	return indent(object{"graphs": []object{{
		"id":    "http://example.org/sample/example.json",
		"meta":  object{"version": "sample-1", "basicPropertyValues": []object{property("http://purl.org/dc/elements/1.1/description", Notice)}},
		"nodes": nodes, "edges": edges,
	}}})
}

func indent(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // maps, slices and strings only
	}
	return b.Bytes()
}
