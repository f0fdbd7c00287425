// Package phenotype reads what a patient has, and has not, out of what people
// hand in: GA4GH Phenopackets (v2), FHIR R4 resources with HPO codes, and plain
// clinical text.
//
// Read and ReadFile take files; what a file is, its content decides. They keep
// identifiers as they were written: what became of an old or unknown one, and
// whether two findings contradict each other, is said where profiles are
// compared (package differential), once.
//
// An Extractor finds the terms of an ontology in text, with the bytes they were
// read from, and judges by the words around them whether they are present,
// absent, uncertain, or said of a relative (ConText: Harkema et al., J Biomed
// Inform 42:839, 2009; NegEx: Chapman et al., J Biomed Inform 34:301, 2001).
// Its rules are a text that clinicians can read: rules.txt.
package phenotype
