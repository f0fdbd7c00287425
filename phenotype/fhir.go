package phenotype

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// The elements of FHIR R4 (4.0.1) that say what was found. A resource is read
// into one of these whatever its type is; elements it does not have stay empty.
type (
	coding struct{ System, Code, Display string }
	codes  struct {
		Coding []coding
		Text   string
	}
	reference struct{ Reference string }
	quantity  struct {
		Value      json.Number
		Unit, Code string
	}
	component struct {
		Code                 codes
		ValueCodeableConcept *codes
		ValueBoolean         *bool
		DataAbsentReason     *codes
		Interpretation       []codes
	}
	fhirResource struct {
		component
		ResourceType       string
		ID                 string
		Status             string // Observation.status
		VerificationStatus codes  // Condition
		Severity           codes
		BodySite           oneOrMany
		OnsetAge           *quantity
		Subject, Patient   reference // patient: FamilyMemberHistory
		Component          []component
		Condition          []struct{ Code codes } // of FamilyMemberHistory
		Gender             string                 // Patient
		Meta               struct{ Tag, Security []coding }
		Entry              []struct {
			FullURL  string
			Resource json.RawMessage
		}
		Contained []json.RawMessage
	}
)

// oneOrMany takes bodySite as it is in a Condition (a list) and in an
// Observation (one).
type oneOrMany []codes

// UnmarshalJSON reads either form.
func (o *oneOrMany) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '[' {
		return json.Unmarshal(raw, (*[]codes)(o))
	}
	var c codes
	err := json.Unmarshal(raw, &c)
	*o = oneOrMany{c}
	return err
}

// maxResources bounds a bundle.
const maxResources = 100_000

// readFHIR makes one profile a patient out of a resource or a bundle.
func readFHIR(raw []byte, name string, visit Visit) error {
	var top fhirResource
	if err := json.Unmarshal(raw, &top); err != nil {
		return mistyped(err, name)
	}
	g := gathering{name: name, byPatient: map[string]*clinical.Phenotype{}}
	if top.ResourceType == "Bundle" {
		if len(top.Entry) > maxResources {
			return fault.New(fault.InputTooLarge, fmt.Sprintf("%s has %d entries, the limit is %d", name, len(top.Entry), maxResources), "split it by patient")
		}
		for i, e := range top.Entry {
			g.raw(e.Resource, e.FullURL, fmt.Sprintf("%s entry %d", name, i+1))
		}
	} else {
		g.add(top, "")
	}
	if !g.coded && len(g.refused) == 0 {
		return fault.New(fault.InputUnsupported, name+" holds no finding with an HPO code", "code conditions and observations with http://human-phenotype-ontology.org, or give the text of the note to `consilium phenotype`")
	}
	return g.visit(visit)
}

// gathering collects the findings of a bundle by patient.
type gathering struct {
	name      string
	order     []string
	byPatient map[string]*clinical.Phenotype
	refused   []clinical.Refusal // resources that could not be read: of which patient is not known
	coded     bool
}

func (g *gathering) patient(ref string) *clinical.Phenotype {
	p, known := g.byPatient[ref]
	if !known {
		id := ref[strings.LastIndexAny(ref, "/:")+1:]
		p = &clinical.Phenotype{ID: cmp.Or(id, g.name), Patient: clinical.Patient{ID: id}, Features: []clinical.PhenotypicFeature{}}
		g.byPatient[ref] = p
		g.order = append(g.order, ref)
	}
	return p
}

func (g *gathering) raw(raw json.RawMessage, url, entry string) {
	if len(raw) == 0 {
		return
	}
	var r fhirResource
	if err := json.Unmarshal(raw, &r); err != nil {
		g.refused = append(g.refused, refusal(entry, mistyped(err, entry)))
		return
	}
	g.add(r, url)
}

func (g *gathering) add(r fhirResource, url string) {
	switch r.ResourceType {
	case "Patient":
		p := g.patient(cmp.Or(url, "Patient/"+r.ID))
		if alias := "Patient/" + r.ID; r.ID != "" {
			if earlier, used := g.byPatient[alias]; used && earlier != p {
				p.Features, earlier.Features = append(p.Features, earlier.Features...), nil
			}
			g.byPatient[alias] = p
		}
		p.Patient.Sex = sexes[r.Gender]
		p.Synthetic = p.Synthetic || testData(r)
		p.Patient.Synthetic = p.Synthetic
	case "Condition":
		g.condition(r)
	case "Observation":
		g.observation(r)
	case "FamilyMemberHistory":
		for _, c := range r.Condition {
			if f, ok := g.finding(c.Code); ok {
				f.Family = true
				g.keep(r.Patient.Reference, f)
			}
		}
	}
}

func (g *gathering) condition(r fhirResource) {
	status := first(r.VerificationStatus)
	if status == "entered-in-error" {
		return
	}
	for _, c := range r.Code.Coding {
		if id := diseaseID(c); id != "" && status != "refuted" {
			p := g.patient(r.Subject.Reference)
			p.Diagnoses = append(p.Diagnoses, clinical.Coded{ID: id, Label: c.Display})
			break
		}
	}
	f, ok := g.finding(r.Code)
	if !ok {
		return
	}
	f.Excluded = status == "refuted"
	f.Uncertain = status == "unconfirmed" || status == "provisional" || status == "differential"
	r.describe(&f)
	g.keep(r.Subject.Reference, f)
}

// observation reads the three ways findings are written as observations: the
// term is the code and the value says yes or no; the term is the value; or
// each component is one of these.
func (g *gathering) observation(r fhirResource) {
	if r.Status == "entered-in-error" || r.Status == "cancelled" {
		return
	}
	for _, c := range append([]component{r.component}, r.Component...) {
		if c.DataAbsentReason != nil {
			continue // not looked for, or not known
		}
		f, ok := g.finding(c.Code)
		if !ok && c.ValueCodeableConcept != nil {
			f, ok = g.finding(*c.ValueCodeableConcept)
		}
		if !ok {
			continue
		}
		f.Excluded = c.saysNo()
		r.describe(&f)
		g.keep(r.Subject.Reference, f)
	}
}

func (c component) saysNo() bool {
	if c.ValueBoolean != nil && !*c.ValueBoolean {
		return true
	}
	said := c.Interpretation
	if c.ValueCodeableConcept != nil {
		said = append(said, *c.ValueCodeableConcept)
	}
	for _, s := range said {
		for _, code := range s.Coding {
			if absence[code.Code] {
				return true
			}
		}
	}
	return false
}

// absence lists the codes that say "not there": SNOMED CT, LOINC answers,
// HL7 tables 0078 and 0136.
var absence = map[string]bool{
	"260385009": true, "52101004": true, "2667000": true, "410516002": true, "373067005": true, "260415000": true, "272519000": true,
	"LA9634-2": true, "LA6577-6": true, "LA32-8": true, "LA11883-8": true,
	"NEG": true, "ND": true, "N": false,
}

// describe adds severity, side and onset.
func (r fhirResource) describe(f *clinical.PhenotypicFeature) {
	for _, c := range r.Severity.Coding {
		if term, ok := severityOf[c.Code]; ok {
			f.Severity = term
		} else if id := termID(c); id != "" {
			f.Severity = id
		}
	}
	for _, site := range r.BodySite {
		for _, c := range site.Coding {
			if side, ok := snomedSide[c.Code]; ok {
				f.Laterality = side
			}
		}
	}
	if r.OnsetAge == nil {
		return
	}
	unit := map[string]string{"a": "Y", "mo": "M", "wk": "W", "d": "D", "year": "Y", "years": "Y", "month": "M", "months": "M"}[cmp.Or(r.OnsetAge.Code, r.OnsetAge.Unit)]
	if onset := "P" + string(r.OnsetAge.Value) + unit; unit != "" && duration.MatchString(onset) {
		f.Onset = onset
	}
}

var severityOf = map[string]string{"255604002": "HP:0012825", "6736007": "HP:0012826", "24484000": "HP:0012828"}

var snomedSide = map[string]string{"7771000": "left", "24028007": "right", "51440002": "bilateral", "66459002": "unilateral"}

// finding gives the HPO term among the codings of a concept.
func (g *gathering) finding(c codes) (clinical.PhenotypicFeature, bool) {
	for _, one := range c.Coding {
		if id := termID(one); id != "" {
			return clinical.PhenotypicFeature{Term: id, Label: cmp.Or(one.Display, c.Text), Source: g.name}, true
		}
	}
	return clinical.PhenotypicFeature{}, false
}

func (g *gathering) keep(patient string, f clinical.PhenotypicFeature) {
	g.coded = true
	p := g.patient(patient)
	p.Features = append(p.Features, f)
}

// visit hands the profiles on: those that hold something.
func (g *gathering) visit(visit Visit) error {
	seen := map[*clinical.Phenotype]bool{}
	for _, ref := range g.order {
		p := g.byPatient[ref]
		if seen[p] || len(p.Features) == 0 {
			continue
		}
		seen[p] = true
		p.Refusals, g.refused = g.refused, nil
		limit(p, g.name)
		if err := visit(*p); err != nil {
			return err
		}
	}
	if len(g.refused) > 0 {
		return visit(clinical.Phenotype{ID: g.name, Refusals: g.refused})
	}
	return nil
}

// hpoCode is an HPO term as it is written in codes: HP:0001250, HP_0001250, or
// as the end of its IRI.
var hpoCode = regexp.MustCompile(`^(?:https?://purl\.obolibrary\.org/obo/)?HP[:_](\d{7})$`)

// The systems in which the digits alone are an HPO term.
var hpoSystems = map[string]bool{
	"http://human-phenotype-ontology.org": true, "http://www.human-phenotype-ontology.org": true, "http://purl.obolibrary.org/obo/hp.owl": true,
	"http://purl.obolibrary.org/obo/hp.fhir": true, "urn:oid:2.16.840.1.113883.6.339": true,
}

func termID(c coding) string {
	if m := hpoCode.FindStringSubmatch(c.Code); m != nil {
		return "HP:" + m[1]
	}
	if len(c.Code) == 7 && strings.Trim(c.Code, "0123456789") == "" && hpoSystems[strings.TrimSuffix(c.System, "/")] {
		return "HP:" + c.Code
	}
	return ""
}

// diseaseID gives the CURIE of a code of OMIM or Orphanet; "" for others.
func diseaseID(c coding) string {
	digits := c.Code[strings.LastIndexAny(c.Code, ":_")+1:]
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	switch system := strings.ToLower(c.System); {
	case strings.Contains(system, "omim.org"), system == "urn:oid:2.16.840.1.113883.6.174":
		return "OMIM:" + digits
	case strings.Contains(system, "orpha.net"), system == "urn:oid:1.3.6.1.4.1.19376.1.5.3.1.6":
		return "ORPHA:" + digits
	}
	return ""
}

func first(c codes) string {
	if len(c.Coding) == 0 {
		return ""
	}
	return c.Coding[0].Code
}

// testData tells by HL7's own tag HTEST, and by Synthea's.
func testData(r fhirResource) bool {
	for _, c := range append(r.Meta.Tag, r.Meta.Security...) {
		if c.Code == "HTEST" || strings.Contains(strings.ToLower(c.Code+c.Display), "synthetic") {
			return true
		}
	}
	return false
}
