package fhir

// Search parameters, as the R4 definitions name them.

type paramType string

const (
	tokenParam     paramType = "token"
	stringParam    paramType = "string"
	dateParam      paramType = "date"
	referenceParam paramType = "reference"
	uriParam       paramType = "uri"
)

// param is a search parameter: its values lie at the paths.
type param struct {
	name   string
	kind   paramType
	target string // type of a reference that is given by id alone
	paths  []string
}

func token(name string, paths ...string) param  { return param{name, tokenParam, "", paths} }
func words(name string, paths ...string) param  { return param{name, stringParam, "", paths} }
func moment(name string, paths ...string) param { return param{name, dateParam, "", paths} }

func refer(name, target string, paths ...string) param {
	return param{name, referenceParam, target, paths}
}

// shared are the parameters that every stored type has. What a type lacks the
// element for never matches.
var shared = []param{
	token("identifier", "identifier"),
	token("status", "status"),
	token("_tag", "meta.tag"),
	token("_security", "meta.security"),
	{"_profile", uriParam, "", []string{"meta.profile"}},
	refer("patient", "Patient", "patient", "subject", "for", "beneficiary", "individual"),
	refer("subject", "Patient", "subject"),
	refer("encounter", "Encounter", "encounter", "context"),
}

// params by resource type, besides the shared ones.
var params = map[string][]param{
	"Patient": {
		words("name", "name"), words("family", "name.family"), words("given", "name.given"), moment("birthdate", "birthDate"),
		token("gender", "gender"), words("address", "address"), token("telecom", "telecom"), token("active", "active"),
	},
	"Practitioner": {words("name", "name"), words("family", "name.family"), words("given", "name.given")},
	"Organization": {words("name", "name", "alias"), token("type", "type")},
	"Device":       {words("device-name", "deviceName.name"), token("type", "type"), words("manufacturer", "manufacturer"), words("model", "modelNumber")},
	"Observation": {
		token("code", "code"), token("category", "category"), moment("date", "effectiveDateTime", "effectivePeriod", "effectiveInstant"),
		token("value-concept", "valueCodeableConcept"), refer("device", "Device", "device"), refer("based-on", "ServiceRequest", "basedOn"),
		refer("derived-from", "ImagingStudy", "derivedFrom"), refer("has-member", "Observation", "hasMember"), refer("performer", "Practitioner", "performer"),
	},
	"DiagnosticReport": {
		token("code", "code"), token("category", "category"), moment("date", "effectiveDateTime", "effectivePeriod"), moment("issued", "issued"),
		token("conclusion", "conclusionCode"), refer("result", "Observation", "result"), refer("performer", "Practitioner", "performer"),
		refer("results-interpreter", "Practitioner", "resultsInterpreter"), refer("based-on", "ServiceRequest", "basedOn"),
	},
	"RiskAssessment": {
		moment("date", "occurrenceDateTime", "occurrencePeriod"), token("method", "method"), refer("condition", "Condition", "condition"),
		refer("performer", "Practitioner", "performer"),
	},
	"ImagingStudy": {
		moment("started", "started"), token("modality", "modality", "series.modality"), token("series", "series.uid"), token("instance", "series.instance.uid"),
	},
	"Provenance": {
		refer("target", "DiagnosticReport", "target"), refer("agent", "Practitioner", "agent.who"), moment("recorded", "recorded"), token("agent-type", "agent.type"),
	},
	"Task": {
		token("code", "code"), token("intent", "intent"), token("priority", "priority"), moment("authored-on", "authoredOn"), moment("modified", "lastModified"),
		refer("owner", "Practitioner", "owner"), refer("requester", "Practitioner", "requester"), refer("focus", "ImagingStudy", "focus"), refer("based-on", "ServiceRequest", "basedOn"),
	},
	"ServiceRequest":     {token("code", "code"), token("intent", "intent"), moment("authored", "authoredOn"), moment("occurrence", "occurrenceDateTime", "occurrencePeriod")},
	"Condition":          {token("code", "code"), token("clinical-status", "clinicalStatus"), token("verification-status", "verificationStatus"), token("category", "category"), moment("onset-date", "onsetDateTime", "onsetPeriod"), moment("recorded-date", "recordedDate")},
	"Encounter":          {token("class", "class"), token("type", "type"), moment("date", "period")},
	"Procedure":          {token("code", "code"), moment("date", "performedDateTime", "performedPeriod")},
	"Immunization":       {token("vaccine-code", "vaccineCode"), moment("date", "occurrenceDateTime")},
	"MedicationRequest":  {token("code", "medicationCodeableConcept"), token("intent", "intent"), moment("authoredon", "authoredOn")},
	"AllergyIntolerance": {token("code", "code"), token("clinical-status", "clinicalStatus"), moment("date", "recordedDate")},
	"CarePlan":           {token("category", "category"), moment("date", "period")},
	"Goal":               {token("lifecycle-status", "lifecycleStatus"), moment("start-date", "startDate")},
	"Claim":              {token("use", "use"), moment("created", "created")},
	"DocumentReference":  {token("type", "type"), token("category", "category"), moment("date", "date")},
}

// paramOf finds a parameter of a type.
func paramOf(kind, name string) (param, bool) {
	for _, list := range [][]param{params[kind], shared} {
		for _, p := range list {
			if p.name == name {
				return p, true
			}
		}
	}
	return param{}, false
}

// paramsOf lists the parameters of a type.
func paramsOf(kind string) []param {
	out := append([]param{}, params[kind]...)
	for _, p := range shared {
		if own, _ := paramOf(kind, p.name); len(own.paths) > 0 && own.paths[0] == p.paths[0] {
			out = append(out, p)
		}
	}
	return out
}
