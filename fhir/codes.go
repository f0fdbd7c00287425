package fhir

import (
	"strings"

	"github.com/gofhir/models/r4"
)

// Code systems.
const (
	loinc           = "http://loinc.org"
	snomed          = "http://snomed.info/sct"
	radlex          = "http://radlex.org"
	icd10           = "http://hl7.org/fhir/sid/icd-10"
	icd10cm         = "http://hl7.org/fhir/sid/icd-10-cm"
	dcm             = "http://dicom.nema.org/resources/ontology/DCM"
	dicomUID        = "urn:dicom:uid"
	ucum            = "http://unitsofmeasure.org"
	identifierTypes = "http://terminology.hl7.org/CodeSystem/v2-0203"
	sections        = "http://terminology.hl7.org/CodeSystem/v2-0074"
	categories      = "http://terminology.hl7.org/CodeSystem/observation-category"
	participants    = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	completion      = "http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion"
	entityTypes     = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	actReason       = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	consentScope    = "http://terminology.hl7.org/CodeSystem/consentscope"
)

// Names of our own: URNs, because no address on the web stands behind them.
const (
	errorSystem   = "urn:consilium:error"
	actionSystem  = "urn:consilium:audit-action"
	purposeSystem = "urn:consilium:purpose"
	classSystem   = "urn:consilium:data-class"
	textSystem    = "urn:consilium:consent-text"
	modelSystem   = "urn:consilium:model"
	resultSystem  = "urn:consilium:result"
	outcomeSystem = "urn:consilium:outcome"
	billingURL    = "urn:consilium:extension:billing-code"
	coverageURL   = "urn:consilium:extension:conformal-coverage"
	intervalLow   = "urn:consilium:extension:probability-low"
	intervalHigh  = "urn:consilium:extension:probability-high"
	reviewURL     = "urn:consilium:extension:review"
)

// syntheticTag marks what a program made up.
var syntheticTag = r4.Coding{System: ptr("http://terminology.hl7.org/CodeSystem/v3-ActReason"), Code: ptr("HTEST"), Display: ptr("test health data")}

// reportCodes says by which code a report is known, by kind of input and, where
// several kinds of image are told apart, by a word of the task.
var reportCodes = []struct {
	kind, word string
	system     string
	code       string
	display    string
	section    string // v2-0074 diagnostic service section
}{
	{"ecg", "", loinc, "11524-6", "EKG study", "CUS"},
	{"image", "chest film", loinc, "30745-4", "XR Chest Views", "RAD"},
	{"image", "", loinc, "18748-4", "Diagnostic imaging study", "RAD"},
	{"volume", "", loinc, "18748-4", "Diagnostic imaging study", "RAD"},
	{"sound", "", loinc, "47045-0", "Study report", "OTH"},
	{"", "", loinc, "47045-0", "Study report", "OTH"},
}

// conceptCodes adds to an outcome's ICD-10 code, by which it is found, what
// other systems call it.
var conceptCodes = []struct {
	icd10, snomed, display, radlex string
}{
	{"J18.9", "233604007", "Pneumonia", "RID5350"},
	{"U07.1", "840539006", "Disease caused by severe acute respiratory syndrome coronavirus 2", ""},
	{"I21.0", "54329005", "Acute myocardial infarction of anterior wall", ""},
	{"I21.1", "73795002", "Acute myocardial infarction of inferior wall", ""},
	{"I48", "49436004", "Atrial fibrillation", ""},
	{"I44.7", "63467002", "Left bundle branch block", ""},
	{"I45.1", "59118001", "Right bundle branch block", ""},
	{"R00.1", "426177001", "Sinus bradycardia", ""},
	{"R00.0", "427084000", "Sinus tachycardia", ""},
	{"E11.32", "312903003", "Mild nonproliferative retinopathy due to diabetes mellitus", ""},
	{"E11.33", "312904009", "Moderate nonproliferative retinopathy due to diabetes mellitus", ""},
	{"E11.34", "312905005", "Severe nonproliferative retinopathy due to diabetes mellitus", ""},
	{"E11.35", "59276001", "Proliferative retinopathy due to diabetes mellitus", ""},
}

// systems gives the URI of a code system as model cards name it.
var systems = map[string]string{
	"ICD-10": icd10, "ICD-10-CM": icd10cm, "SNOMED CT": snomed, "SNOMED": snomed, "LOINC": loinc, "RadLex": radlex, "RADLEX": radlex, "DICOM": dcm,
}

// reportCode gives the code of a report on this kind of input, and its section.
func reportCode(kind, task string) (code, section *r4.CodeableConcept) {
	for _, c := range reportCodes {
		if (c.kind == "" || c.kind == kind) && strings.Contains(strings.ToLower(task), c.word) {
			return coded(c.system, c.code, c.display), coded(sections, c.section, "")
		}
	}
	return nil, nil
}

// concept codes an outcome in every system that knows it; one without any code
// gets ours, so that programs can tell outcomes apart.
func concept(o Outcome) r4.CodeableConcept {
	c := r4.CodeableConcept{Text: ptr(o.Name)}
	for _, row := range conceptCodes {
		if o.Code == "" || row.icd10 != o.Code {
			continue
		}
		c.Coding = append(c.Coding, r4.Coding{System: ptr(snomed), Code: ptr(row.snomed), Display: ptr(row.display)})
		if row.radlex != "" {
			c.Coding = append(c.Coding, r4.Coding{System: ptr(radlex), Code: ptr(row.radlex), Display: ptr(o.Name)})
		}
	}
	switch system := systems[o.System]; {
	case o.Code != "" && system != "":
		c.Coding = append(c.Coding, r4.Coding{System: ptr(system), Code: ptr(o.Code), Display: ptr(o.Name)})
	case len(c.Coding) == 0:
		c.Coding = []r4.Coding{{System: ptr(outcomeSystem), Code: ptr(strings.Join(strings.Fields(strings.ToLower(o.Name)), "-")), Display: ptr(o.Name)}}
	}
	return c
}

func coded(system, code, display string) *r4.CodeableConcept {
	return &r4.CodeableConcept{Coding: []r4.Coding{{System: ptr(system), Code: ptr(code), Display: optional(display)}}}
}
