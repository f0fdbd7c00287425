package phenotype

import (
	"cmp"
	"encoding/json"
	"fmt"

	"consilium/fault"
)

// The elements of GA4GH Phenopackets v2 (ISO 4454:2022) that a profile is made
// of, with Negated as version 1 called what is now Excluded. Elements that are
// not listed are passed over.
type (
	ontologyClass struct {
		ID    string `json:"id"`
		Label string `json:"label,omitempty"`
	}
	age struct {
		Duration string `json:"iso8601duration"`
	}
	timeElement struct {
		Age         *age                         `json:"age,omitempty"`
		AgeRange    *struct{ Start, End *age }   `json:"ageRange,omitempty"`
		Gestational *struct{ Weeks json.Number } `json:"gestationalAge,omitempty"`
		Class       *ontologyClass               `json:"ontologyClass,omitempty"`
	}
	externalReference struct {
		ID          string `json:"id"`
		Reference   string `json:"reference,omitempty"`
		Description string `json:"description,omitempty"`
	}
	evidence struct {
		Code      ontologyClass      `json:"evidenceCode"`
		Reference *externalReference `json:"reference,omitempty"`
	}
	feature struct {
		Description string          `json:"description,omitempty"`
		Type        ontologyClass   `json:"type"`
		Excluded    bool            `json:"excluded,omitempty"`
		Negated     bool            `json:"negated,omitempty"`
		Severity    *ontologyClass  `json:"severity,omitempty"`
		Modifiers   []ontologyClass `json:"modifiers,omitempty"`
		Onset       *timeElement    `json:"onset,omitempty"`
		Evidence    []evidence      `json:"evidence,omitempty"`
	}
	individual struct {
		ID       string       `json:"id,omitempty"`
		Sex      string       `json:"sex,omitempty"`
		LastSeen *timeElement `json:"timeAtLastEncounter,omitempty"`
	}
	disease struct {
		Term     ontologyClass `json:"term"`
		Excluded bool          `json:"excluded,omitempty"`
		Onset    *timeElement  `json:"onset,omitempty"`
	}
	gene struct {
		ID     string `json:"valueId,omitempty"`
		Symbol string `json:"symbol,omitempty"`
	}
	genomicInterpretation struct {
		Status  string `json:"interpretationStatus,omitempty"`
		Gene    *gene  `json:"gene,omitempty"`
		Variant *struct {
			Descriptor struct {
				Gene *gene `json:"geneContext,omitempty"`
			} `json:"variationDescriptor"`
		} `json:"variantInterpretation,omitempty"`
	}
	interpretation struct {
		Status    string `json:"progressStatus,omitempty"`
		Diagnosis struct {
			Disease ontologyClass           `json:"disease"`
			Genomic []genomicInterpretation `json:"genomicInterpretations,omitempty"`
		} `json:"diagnosis"`
	}
	resource struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		URL     string `json:"url"`
		Version string `json:"version"`
		Prefix  string `json:"namespacePrefix"`
		IRI     string `json:"iriPrefix"`
	}
	metaData struct {
		Created    string              `json:"created,omitempty"`
		CreatedBy  string              `json:"createdBy,omitempty"`
		Resources  []resource          `json:"resources,omitempty"`
		References []externalReference `json:"externalReferences,omitempty"`
		Schema     string              `json:"phenopacketSchemaVersion,omitempty"`
	}
	phenopacket struct {
		ID              string           `json:"id"`
		Subject         individual       `json:"subject"`
		Features        []feature        `json:"phenotypicFeatures,omitempty"`
		Interpretations []interpretation `json:"interpretations,omitempty"`
		Diseases        []disease        `json:"diseases,omitempty"`
		MetaData        metaData         `json:"metaData"`
	}
	family struct {
		ID        string        `json:"id"`
		Proband   phenopacket   `json:"proband"`
		Relatives []phenopacket `json:"relatives,omitempty"`
		Pedigree  *pedigree     `json:"pedigree,omitempty"`
		MetaData  metaData      `json:"metaData"`
	}
	cohort struct {
		ID       string        `json:"id"`
		Members  []phenopacket `json:"members"`
		MetaData metaData      `json:"metaData"`
	}
)

func readPhenopacket(raw []byte, name string, visit Visit) error {
	var p phenopacket
	if err := json.Unmarshal(raw, &p); err != nil {
		return mistyped(err, name)
	}
	return visit(p.profile(name))
}

func readFamily(raw []byte, name string, visit Visit) error {
	var f family
	if err := json.Unmarshal(raw, &f); err != nil {
		return mistyped(err, name)
	}
	f.Proband.ID = cmp.Or(f.Proband.ID, f.ID)
	f.Proband.MetaData.References = append(f.Proband.MetaData.References, f.MetaData.References...)
	out := f.Proband.profile(name)
	for _, relative := range f.Relatives {
		for _, said := range relative.profile(name).Features {
			said.Family = true
			out.Features = append(out.Features, said)
		}
	}
	limit(&out, name)
	return visit(out)
}

func readCohort(raw []byte, name string, visit Visit) error {
	var c cohort
	if err := json.Unmarshal(raw, &c); err != nil {
		return mistyped(err, name)
	}
	if len(c.Members) == 0 {
		return fault.New(fault.InputEmpty, name+" is a cohort without members", formats)
	}
	for i, p := range c.Members {
		p.ID = cmp.Or(p.ID, fmt.Sprintf("%s member %d", c.ID, i+1))
		if err := visit(p.profile(name)); err != nil {
			return err
		}
	}
	return nil
}
