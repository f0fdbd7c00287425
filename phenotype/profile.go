package phenotype

import (
	"fmt"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// profile makes the patient's profile of a phenopacket.
func (p phenopacket) profile(name string) clinical.Phenotype {
	out := clinical.Phenotype{
		ID:        p.ID,
		Patient:   clinical.Patient{ID: p.Subject.ID, Sex: sexes[p.Subject.Sex], Age: p.Subject.LastSeen.ageString()},
		Features:  make([]clinical.PhenotypicFeature, 0, min(len(p.Features), MaxFeatures)),
		Synthetic: strings.Contains(strings.ToLower(p.MetaData.CreatedBy), "synthetic"),
	}
	out.Patient.Synthetic = out.Synthetic
	for i, f := range p.Features {
		if f.Type.ID == "" {
			out.Refusals = append(out.Refusals, refusal(name, fault.New(fault.InputMalformed,
				fmt.Sprintf("phenotypic feature %d has no term", i+1), "give type.id, such as HP:0001250")))
			continue
		}
		if out.Features = append(out.Features, f.finding(name)); len(out.Features) > MaxFeatures {
			break
		}
	}
	limit(&out, name)
	p.diagnoses(&out)
	for _, r := range p.MetaData.References {
		if r.ID != "" && !slices.Contains(out.References, r.ID) {
			out.References = append(out.References, r.ID)
		}
	}
	return out
}

// limit cuts a profile that no person can have written, and says so.
func limit(p *clinical.Phenotype, name string) {
	if len(p.Features) <= MaxFeatures {
		return
	}
	p.Features = p.Features[:MaxFeatures]
	p.Refusals = append(p.Refusals, refusal(name, fault.New(fault.InputTooLarge,
		fmt.Sprintf("only the first %d findings were read", MaxFeatures), "give the findings that matter")))
}

// diagnoses takes what is recorded as the cause: diseases that are not
// excluded, diagnoses that are not marked as unsolved, genes that are not
// merely candidates.
func (p phenopacket) diagnoses(out *clinical.Phenotype) {
	add := func(c ontologyClass) {
		known := func(d clinical.Coded) bool { return d.ID == c.ID }
		if c.ID != "" && !slices.ContainsFunc(out.Diagnoses, known) {
			out.Diagnoses = append(out.Diagnoses, clinical.Coded(c))
		}
	}
	for _, i := range p.Interpretations {
		if i.Status == "UNSOLVED" {
			continue
		}
		add(i.Diagnosis.Disease)
		for _, g := range i.Diagnosis.Genomic {
			if s := g.symbol(); s != "" && !slices.Contains(out.Genes, s) {
				out.Genes = append(out.Genes, s)
			}
		}
	}
	for _, d := range p.Diseases {
		if d.Excluded {
			continue
		}
		add(d.Term)
		if out.Onset == "" {
			out.Onset = d.Onset.onset()
		}
	}
}

// symbol is the gene that the interpretation holds for causal; "" otherwise.
func (g genomicInterpretation) symbol() string {
	switch g.Status {
	case "", "CAUSATIVE", "CONTRIBUTORY":
	default:
		return ""
	}
	switch {
	case g.Gene != nil:
		return g.Gene.Symbol
	case g.Variant != nil && g.Variant.Descriptor.Gene != nil:
		return g.Variant.Descriptor.Gene.Symbol
	}
	return ""
}

func (f feature) finding(name string) clinical.PhenotypicFeature {
	out := clinical.PhenotypicFeature{
		Term: f.Type.ID, Label: f.Type.Label,
		Excluded: f.Excluded || f.Negated,
		Onset:    f.Onset.onset(),
		Source:   name,
	}
	if f.Severity != nil {
		out.Severity = f.Severity.ID
	}
	for _, m := range f.Modifiers {
		switch side, isSide := sideOf[m.ID]; {
		case isSide:
			out.Laterality = side
		case m.ID == suspected.ID:
			out.Uncertain = true
		case m.ID != "":
			out.Modifiers = append(out.Modifiers, m.ID)
		}
	}
	for _, e := range f.Evidence {
		if e.Code.ID != automatic.ID || e.Reference == nil {
			continue
		}
		if source, span, ok := spanOf(e.Reference); ok {
			out.Source, out.Span = source, span
		}
	}
	return out
}

// Sides of the body as HPO's clinical modifiers write them.
var sideOf = map[string]string{
	"HP:0012835": "left", "HP:0012834": "right", "HP:0012832": "bilateral", "HP:0012833": "unilateral",
}

var (
	// suspected marks a finding that is only possible: phenopackets have no
	// element for doubt, so a modifier of SNOMED CT says it.
	suspected = ontologyClass{"SNOMED:415684004", "Suspected"}
	// automatic is the evidence code of findings that a program read from text.
	automatic = ontologyClass{"ECO:0000501", "evidence used in automatic assertion"}
)

// Sexes of phenopackets and FHIR as DICOM writes them.
var sexes = map[string]string{
	"MALE": "M", "FEMALE": "F", "OTHER_SEX": "O",
	"male": "M", "female": "F", "other": "O",
}
