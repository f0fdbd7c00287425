package phenotype

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"consilium/clinical"
	"consilium/fault"
)

const hpo = `"system":"http://human-phenotype-ontology.org"`

func bundle(resources ...string) string {
	for i, r := range resources {
		resources[i] = `{"resource":` + r + `}`
	}
	return `{"resourceType":"Bundle","entry":[` + strings.Join(resources, ",") + `]}`
}

func TestFHIRFindings(t *testing.T) {
	condition := func(rest string) string {
		return `{"resourceType":"Condition","subject":{"reference":"Patient/1"},"code":{"coding":[{` + hpo + `,"code":"HP:0001250","display":"Seizure"}]}` + rest + `}`
	}
	observation := func(rest string) string {
		return `{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/1"},"code":{"coding":[{` + hpo + `,"code":"HP:0001250","display":"Seizure"}]}` + rest + `}`
	}
	seizure := clinical.PhenotypicFeature{Term: "HP:0001250", Label: "Seizure"}
	with := func(change func(*clinical.PhenotypicFeature)) []clinical.PhenotypicFeature {
		f := seizure
		change(&f)
		return []clinical.PhenotypicFeature{f}
	}
	present, absent := []clinical.PhenotypicFeature{seizure}, with(func(f *clinical.PhenotypicFeature) { f.Excluded = true })
	for in, want := range map[string][]clinical.PhenotypicFeature{
		condition(""): present,
		condition(`,"verificationStatus":{"coding":[{"code":"refuted"}]}`):          absent,
		condition(`,"verificationStatus":{"coding":[{"code":"provisional"}]}`):      with(func(f *clinical.PhenotypicFeature) { f.Uncertain = true }),
		condition(`,"verificationStatus":{"coding":[{"code":"entered-in-error"}]}`): nil,
		condition(`,"onsetAge":{"value":3,"code":"a"},"severity":{"coding":[{"code":"24484000"}]},"bodySite":[{"coding":[{"code":"7771000"}]}]`): with(func(f *clinical.PhenotypicFeature) {
			f.Onset, f.Severity, f.Laterality = "P3Y", "HP:0012828", "left"
		}),
		observation(""):                      present,
		observation(`,"valueBoolean":true`):  present,
		observation(`,"valueBoolean":false`): absent,
		observation(`,"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"52101004"}]}`):  absent,
		observation(`,"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260385009"}]}`): absent,
		observation(`,"valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"LA9634-2"}]}`):        absent,
		observation(`,"valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"LA9633-4"}]}`):        present,
		observation(`,"interpretation":[{"coding":[{"code":"NEG"}]}]`):                                             absent,
		observation(`,"dataAbsentReason":{"coding":[{"code":"unknown"}]}`):                                         nil,
		observation(`,"bodySite":{"coding":[{"code":"24028007"}]}`):                                                with(func(f *clinical.PhenotypicFeature) { f.Laterality = "right" }),
		`{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/1"},"code":{"text":"phenotype"},"valueCodeableConcept":{"coding":[{"system":"http://purl.obolibrary.org/obo/hp.owl","code":"0001250"}],"text":"Seizure"}}`:                          present,
		`{"resourceType":"Observation","subject":{"reference":"Patient/1"},"code":{"text":"panel"},"component":[{"code":{"coding":[{"system":"x","code":"http://purl.obolibrary.org/obo/HP_0001250"}],"text":"Seizure"},"valueBoolean":false},{"code":{"text":"height"}}]}`: absent,
		`{"resourceType":"FamilyMemberHistory","patient":{"reference":"Patient/1"},"condition":[{"code":{"coding":[{"system":"urn:oid:2.16.840.1.113883.6.339","code":"HP:0001250","display":"Seizure"}]}}]}`:                                                               with(func(f *clinical.PhenotypicFeature) { f.Family = true }),
	} {
		all, err := read(t, []byte(bundle(`{"resourceType":"Patient","id":"1","gender":"female"}`, in)))
		if want == nil {
			if fault.CodeOf(err) != fault.InputUnsupported {
				t.Errorf("%s\ngave %v, %v", in, all, err)
			}
			continue
		}
		if err != nil || len(all) != 1 || all[0].Patient.Sex != "F" || all[0].ID != "1" {
			t.Fatalf("%s\ngave %+v, %v", in, all, err)
		}
		if diff := cmp.Diff(want, all[0].Features, cmpopts.IgnoreFields(clinical.PhenotypicFeature{}, "Source")); diff != "" {
			t.Errorf("%s\n%s", in, diff)
		}
	}
}

// TestFHIRPatients: one profile a patient, diagnoses beside it, what cannot be
// read is a refusal, and data tagged as test data stay marked.
func TestFHIRPatients(t *testing.T) {
	finding := func(patient, code string) string {
		return fmt.Sprintf(`{"resourceType":"Condition","subject":{"reference":%q},"code":{"coding":[{%s,"code":%q}]}}`, patient, hpo, code)
	}
	all, err := read(t, []byte(`{"resourceType":"Bundle","entry":[
		{"fullUrl":"urn:uuid:a","resource":{"resourceType":"Patient","id":"a","gender":"male","meta":{"security":[{"code":"HTEST"}]}}},
		{"resource":`+finding("urn:uuid:a", "HP:0000001")+`},
		{"resource":`+finding("Patient/a", "HP:0000002")+`},
		{"resource":`+finding("Patient/b", "HP:0000003")+`},
		{"resource":{"resourceType":"Condition","subject":{"reference":"Patient/b"},"code":{"coding":[{"system":"http://www.omim.org","code":"154700","display":"Marfan"}]}}},
		{"resource":{"resourceType":"Condition","code":{"coding":7}}},
		{"fullUrl":"urn:uuid:empty"}]}`))
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	a, b := all[0], all[1]
	if len(a.Features) != 2 || !a.Synthetic || a.Patient.Sex != "M" || len(a.Refusals) != 1 || a.Refusals[0].Code != string(fault.InputMalformed) {
		t.Errorf("%+v", a)
	}
	if len(b.Features) != 1 || b.Synthetic || len(b.Diagnoses) != 1 || b.Diagnoses[0].ID != "OMIM:154700" {
		t.Errorf("%+v", b)
	}
}
