package clinical

// Phenotype is one patient's phenotypic profile: what was found, and what was
// looked for and not found (GA4GH Phenopackets v2).
type Phenotype struct {
	ID         string              `json:"id,omitempty"`
	Patient    Patient             `json:"patient,omitzero"`
	Features   []PhenotypicFeature `json:"features"`
	Onset      string              `json:"onset,omitempty"`      // of the disease: HPO onset term or ISO 8601 duration
	Diagnoses  []Coded             `json:"diagnoses,omitempty"`  // known already: solved cases, for measuring
	References []string            `json:"references,omitempty"` // where the case was published: PMID:...
	Genes      []string            `json:"genes,omitempty"`      // symbols of causal genes, when recorded
	Refusals   []Refusal           `json:"refusals,omitempty"`   // parts that could not be read; the rest stands
	Synthetic  bool                `json:"synthetic,omitempty"`
}

// PhenotypicFeature is one abnormality, present or excluded, with what was said about it.
type PhenotypicFeature struct {
	Term       string   `json:"term"` // CURIE: HP:0001250
	Label      string   `json:"label,omitempty"`
	Excluded   bool     `json:"excluded,omitempty"`   // looked for and not found
	Onset      string   `json:"onset,omitempty"`      // HPO onset term or ISO 8601 duration
	Severity   string   `json:"severity,omitempty"`   // HPO severity term
	Modifiers  []string `json:"modifiers,omitempty"`  // HPO clinical modifier terms
	Laterality string   `json:"laterality,omitempty"` // left, right, bilateral, unilateral
	Uncertain  bool     `json:"uncertain,omitempty"`  // said to be possible only
	Family     bool     `json:"family,omitempty"`     // said of a relative, not of the patient
	Source     string   `json:"source,omitempty"`     // file or document
	Span       *Span    `json:"span,omitempty"`       // where in that document
}

// Span is a piece of a document: bytes Start to End (exclusive) of its text.
type Span struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Text  string `json:"text"`
}

// Coded is a concept with its code.
type Coded struct {
	ID    string `json:"id"` // CURIE: OMIM:154700
	Label string `json:"label,omitempty"`
}
