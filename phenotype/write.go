package phenotype

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

type (
	person struct {
		Family   string `json:"familyId"`
		ID       string `json:"individualId"`
		Sex      string `json:"sex,omitempty"`
		Affected string `json:"affectedStatus"`
	}
	pedigree struct {
		Persons []person `json:"persons"`
	}
)

// relative is the one individual that stands for everybody in the family of
// whom a text said something.
const relative = "relative"

// Phenopacket writes a profile as GA4GH phenopacket v2 JSON, which Read takes
// back. When something was said of relatives it is a Family: proband and one
// relative. Uncertainty is a modifier, the words a finding came from are its
// evidence. ontologyVersion is the HPO release the terms are from.
func Phenopacket(p clinical.Phenotype, ontologyVersion string, created time.Time) ([]byte, error) {
	meta := metaData{Created: created.UTC().Format(time.RFC3339), CreatedBy: "consilium", Schema: "2.0",
		Resources: resources(p, ontologyVersion)}
	if p.Synthetic {
		meta.CreatedBy += " (SYNTHETIC, no patient)"
	}
	for _, r := range p.References {
		meta.References = append(meta.References, externalReference{ID: r})
	}
	proband := phenopacket{ID: p.ID, MetaData: meta,
		Subject: individual{ID: p.Patient.ID, Sex: sexName(p.Patient.Sex), LastSeen: isoAge(p.Patient.Age)}}
	others := phenopacket{ID: relative, MetaData: meta, Subject: individual{ID: relative, Sex: sexName("")}}
	for _, f := range p.Features {
		if f.Family {
			others.Features = append(others.Features, packed(f))
		} else {
			proband.Features = append(proband.Features, packed(f))
		}
	}
	for i, d := range p.Diagnoses {
		one := disease{Term: ontologyClass(d)}
		if i == 0 {
			one.Onset = timeOf(p.Onset)
		}
		proband.Diseases = append(proband.Diseases, one)
	}
	proband.Interpretations = causes(p)
	var out any = proband
	if len(others.Features) > 0 {
		affected := func(id, status string) person { return person{p.ID, id, sexName(""), status} }
		out = family{ID: p.ID, Proband: proband, Relatives: []phenopacket{others}, MetaData: meta,
			Pedigree: &pedigree{[]person{affected(p.Patient.ID, "AFFECTED"), affected(relative, "MISSING")}}}
	}
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the phenopacket cannot be written", "please report it")
	}
	return raw, nil
}

// resources names the ontology, when it is HPO: of others only the version is known.
func resources(p clinical.Phenotype, version string) []resource {
	for _, f := range p.Features {
		if prefix, _, _ := strings.Cut(f.Term, ":"); prefix != "HP" {
			return []resource{{ID: strings.ToLower(prefix), Version: version, Prefix: prefix}}
		}
	}
	return []resource{{"hp", "human phenotype ontology", "http://purl.obolibrary.org/obo/hp.owl", version, "HP", "http://purl.obolibrary.org/obo/HP_"}}
}

// causes keeps the genes, as the interpretation of the first diagnosis.
func causes(p clinical.Phenotype) []interpretation {
	if len(p.Genes) == 0 {
		return nil
	}
	out := interpretation{Status: "SOLVED"}
	if len(p.Diagnoses) > 0 {
		out.Diagnosis.Disease = ontologyClass(p.Diagnoses[0])
	}
	for _, symbol := range p.Genes {
		out.Diagnosis.Genomic = append(out.Diagnosis.Genomic, genomicInterpretation{Status: "CAUSATIVE", Gene: &gene{Symbol: symbol}})
	}
	return []interpretation{out}
}

func packed(f clinical.PhenotypicFeature) feature {
	out := feature{Type: ontologyClass{f.Term, f.Label}, Excluded: f.Excluded, Onset: timeOf(f.Onset)}
	if f.Severity != "" {
		out.Severity = &ontologyClass{ID: f.Severity}
	}
	for _, m := range f.Modifiers {
		out.Modifiers = append(out.Modifiers, ontologyClass{ID: m})
	}
	for id, side := range sideOf {
		if side == f.Laterality {
			out.Modifiers = append(out.Modifiers, ontologyClass{id, side})
		}
	}
	if f.Uncertain {
		out.Modifiers = append(out.Modifiers, suspected)
	}
	if f.Span != nil {
		ref := &externalReference{ID: fmt.Sprintf("%s#bytes=%d,%d", f.Source, f.Span.Start, f.Span.End), Description: f.Span.Text}
		out.Evidence = []evidence{{automatic, ref}}
	}
	return out
}

// spanOf reads back where packed said that the words are.
func spanOf(r *externalReference) (source string, span *clinical.Span, ok bool) {
	cut := strings.LastIndex(r.ID, "#bytes=")
	if cut < 0 {
		return "", nil, false
	}
	from, to, _ := strings.Cut(r.ID[cut+len("#bytes="):], ",")
	start, err1 := strconv.Atoi(from)
	end, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil || start < 0 || end < start {
		return "", nil, false
	}
	return r.ID[:cut], &clinical.Span{Start: start, End: end, Text: r.Description}, true
}

func timeOf(onset string) *timeElement {
	switch {
	case onset == "":
		return nil
	case strings.HasPrefix(onset, "P"):
		return &timeElement{Age: &age{onset}}
	}
	return &timeElement{Class: &ontologyClass{ID: onset}}
}

func sexName(s string) string {
	switch s {
	case "M":
		return "MALE"
	case "F":
		return "FEMALE"
	case "O":
		return "OTHER_SEX"
	}
	return "UNKNOWN_SEX"
}
