package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// cases draws three patients from their diseases and writes them as GA4GH
// phenopackets v2 (ISO 4454): a plain one, one with an imprecise term, one with a stray finding.
func cases(terms []*term, diseases []disease) map[string][]byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := map[string][]byte{}
	for i, d := range []disease{diseases[6], diseases[19], diseases[32]} {
		var features []object
		for _, l := range d.lines {
			if l.term.branch == "Finding" && !l.excluded && r.Float64() < l.share+0.2 {
				features = append(features, feature(l.term, false))
			}
		}
		for _, t := range shuffled(r, terms)[:20] {
			if t.children == 0 && t.branch == "Finding" && len(features) < 9 && !has(d, t) {
				features = append(features, feature(t, true))
			}
		}
		switch i {
		case 1:
			features[0] = feature(d.lines[0].term.parents[0], false)
		case 2:
			features = append(features, feature(stray(r, terms, d), false))
		}
		name := strings.ToLower(strings.Fields(d.name)[0])
		out[fmt.Sprintf("case-%d.json", i+1)] = indent(packet(fmt.Sprintf("SYNTHETIC-%d-%s", i+1, name), d, features))
	}
	return out
}

func packet(id string, d disease, features []object) object {
	disease := object{"id": d.id, "label": d.name}
	return object{
		"id":                 id,
		"subject":            object{"id": id},
		"phenotypicFeatures": features,
		"interpretations": []object{{
			"id": id, "progressStatus": "SOLVED", "diagnosis": object{"disease": disease},
		}},
		"metaData": object{
			"created": "2026-01-01T00:00:00Z", "createdBy": Notice, "phenopacketSchemaVersion": "2.0",
			"resources": []object{{
				"id": "example", "name": "Sample ontology of Consilium (SYNTHETIC)", "url": "http://example.org/sample/example.json",
				"version": "sample-1", "namespacePrefix": "EXAMPLE", "iriPrefix": "http://example.org/sample/EXAMPLE_",
			}},
		},
	}
}

func feature(t *term, excluded bool) object {
	f := object{"type": object{"id": t.id, "label": t.label}}
	if excluded {
		f["excluded"] = true
	}
	return f
}

func has(d disease, t *term) bool {
	for _, l := range d.lines {
		if l.term == t {
			return true
		}
	}
	return false
}

// stray is a finding that the disease does not explain.
func stray(r *rand.Rand, terms []*term, d disease) *term {
	for {
		t := terms[r.IntN(len(terms))]
		if t.branch == "Finding" && t.children == 0 && !has(d, t) {
			return t
		}
	}
}
