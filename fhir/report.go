package fhir

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gofhir/models/r4"
	"github.com/google/uuid"

	"consilium/clinical"
	"consilium/fault"
)

// Report is what a node says about one study, on its way into a record.
type Report struct {
	ID        string // of the assessment; the same ID replaces what was sent before
	Study     string // Study Instance UID
	Accession string
	Patient   Subject
	StudyDate string // YYYYMMDD
	MadeAt    time.Time
	Findings  []Finding
	Signature *Signature // nil: preliminary
	Site      string     // name of the institution
	Synthetic bool

	// Billing holds codes that the site has configured, by kind of input, such
	// as CPT codes, which need a licence of their own.
	Billing map[string][]Code
}

// Subject is a patient as DICOM names one.
type Subject struct {
	ID, Name, BirthDate, Sex string // PatientID; PN; YYYYMMDD; M, F or O
	Issuer                   string // URI of who gave the ID; "" when unknown
}

// Code of a code system, by its URI.
type Code struct{ System, Code, Display string }

// Finding is one model's answer.
type Finding struct {
	ID, Kind, Task, Verdict, Answer string
	Outcomes                        []Outcome
	Coverage                        float64 // of the conformal set; 0 = none
	Reasons                         []string
	Model                           Model
	Review                          *Review
}

// Outcome is one label with its calibrated probability.
type Outcome struct {
	Name, Code, System string
	Probability        float64 // 0..1
	Low, High          *float64
	InSet              bool // of the conformal set: still possible
}

// Model is the version that answered.
type Model struct{ Name, Version, Digest string }

// Review is what a clinician made of a finding.
type Review struct{ Decision, Answer, Comment, By string }

// Signature says who takes responsibility.
type Signature struct {
	By, Account string
	At          time.Time
	Attestation string
}

// Bundle is a report as a FHIR transaction: DiagnosticReport (preliminary until
// it is signed, then final), an Observation and a RiskAssessment for each
// finding, a Device for each model, Provenance, and, where the receiver lacks
// them, Patient and ImagingStudy. Sending it again replaces what was sent.
func (r Report) Bundle() ([]byte, error) {
	if r.ID == "" || r.Study == "" || r.MadeAt.IsZero() {
		return nil, fault.New(fault.Internal, "a report without ID, study or time cannot be sent", "please report it")
	}
	b := &reportBundle{Report: r, now: instant(r.MadeAt)}
	b.patient()
	b.study()
	for _, f := range r.Findings {
		if err := b.finding(f); err != nil {
			return nil, err
		}
	}
	b.report()
	b.provenance()
	return plainJSON(map[string]any{"resourceType": "Bundle", "type": "transaction", "entry": b.entries})
}

// reportBundle collects the entries of a transaction.
type reportBundle struct {
	Report
	now                         string
	entries                     []map[string]any
	subject, imaging            r4.Reference
	observations                []r4.Reference
	risks                       []r4.Reference
	devices                     []r4.Reference
	known                       map[string]r4.Reference
	conclusions                 []string
	conclusionCodes             []r4.CodeableConcept
	firstKind, firstTask, issue string
}

// name gives a UUID that is the same each time the same thing is sent.
func (b *reportBundle) name(parts ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(strings.Join(append([]string{"consilium", b.Study, b.ID}, parts...), "\x00"))).String()
}

// add puts a resource into the bundle and gives a reference to it.
func (b *reportBundle) add(kind, id string, v r4.Resource, request map[string]string) r4.Reference {
	full := "urn:uuid:" + id
	b.entries = append(b.entries, map[string]any{"fullUrl": full, "resource": v, "request": request})
	return r4.Reference{Reference: ptr(full), Type: ptr(kind)}
}

// create asks the receiver to keep a resource unless it has one.
func create(kind, condition string) map[string]string {
	return map[string]string{"method": "POST", "url": kind, "ifNoneExist": condition}
}

// replace asks the receiver to keep a resource in the place of the one before it.
func replace(kind, identifier string) map[string]string {
	return map[string]string{"method": "PUT", "url": kind + "?identifier=" + resultSystem + "|" + identifier}
}

func (b *reportBundle) meta() *r4.Meta {
	if !b.Synthetic {
		return nil
	}
	return &r4.Meta{Tag: []r4.Coding{syntheticTag}}
}

func (b *reportBundle) own(id string) []r4.Identifier {
	return []r4.Identifier{{System: ptr(resultSystem), Value: ptr(id)}}
}

func (b *reportBundle) patient() {
	p := b.Patient
	if p.ID == "" {
		b.subject = r4.Reference{Display: ptr(orElse(plainName(p.Name), "unknown patient"))}
		return
	}
	identifier := r4.Identifier{Type: coded(identifierTypes, "MR", "Medical record number"), System: optional(p.Issuer), Value: ptr(p.ID)}
	v := &r4.Patient{Meta: b.meta(), Identifier: []r4.Identifier{identifier}, Name: names(p.Name), Gender: gender(p.Sex), BirthDate: optional(dicomTime(p.BirthDate, ""))}
	condition := "identifier=" + literal(p.ID)
	if p.Issuer != "" {
		condition = "identifier=" + literal(p.Issuer) + "|" + literal(p.ID)
	}
	b.subject = b.add("Patient", b.name("patient"), v, create("Patient", condition))
}

func (b *reportBundle) study() {
	v := &r4.ImagingStudy{
		Meta: b.meta(), Identifier: []r4.Identifier{{System: ptr(dicomUID), Value: ptr("urn:oid:" + b.Study)}}, Status: ptr(r4.ImagingStudyStatus("available")),
		Subject: b.subject, Started: optional(dicomTime(b.StudyDate, "")),
	}
	if b.Accession != "" {
		v.Identifier = append(v.Identifier, r4.Identifier{Type: coded(identifierTypes, "ACSN", "Accession ID"), Value: ptr(b.Accession)})
	}
	b.imaging = b.add("ImagingStudy", b.name("study"), v, create("ImagingStudy", "identifier="+dicomUID+"|urn:oid:"+b.Study))
}

// device gives the Device of a model.
func (b *reportBundle) device(m Model) r4.Reference {
	key := m.Name + "@" + m.Version + "#" + m.Digest
	if ref, ok := b.known[key]; ok {
		return ref
	}
	v := &r4.Device{
		Identifier: []r4.Identifier{{System: ptr(modelSystem), Value: ptr(key)}}, Status: ptr(r4.FHIRDeviceStatus("active")),
		DeviceName: []r4.DeviceDeviceName{{Name: ptr(m.Name), Type: ptr(r4.DeviceNameType("model-name"))}},
		Type:       &r4.CodeableConcept{Text: ptr("Diagnostic model: ONNX network with calibration")},
		Version:    []r4.DeviceVersion{{Value: ptr(orElse(m.Version, "unknown"))}},
	}
	ref := b.add("Device", b.name("model", key), v, create("Device", "identifier="+modelSystem+"|"+literal(key)))
	if b.known == nil {
		b.known = map[string]r4.Reference{}
	}
	b.known[key] = ref
	b.devices = append(b.devices, ref)
	return ref
}

func (b *reportBundle) status() r4.ObservationStatus {
	if b.Signature != nil {
		return "final"
	}
	return "preliminary"
}

// observationCategory by kind of input.
var observationCategory = map[string]string{"image": "imaging", "volume": "imaging", "ecg": "procedure", "sound": "procedure"}

// finding adds Observation and RiskAssessment of one model's answer. What a
// reviewer rejected stays in the record, and is said to be refused.
func (b *reportBundle) finding(f Finding) error {
	device := b.device(f.Model)
	if b.firstKind == "" {
		b.firstKind, b.firstTask = f.Kind, f.Task
	}
	code := r4.CodeableConcept{Text: ptr(orElse(f.Task, f.Kind))}
	category := []r4.CodeableConcept{*coded(categories, orElse(observationCategory[f.Kind], "exam"), "")}
	o := &r4.Observation{
		Meta: b.meta(), Identifier: b.own(b.ID + "/" + f.ID), Status: ptr(b.status()), Category: category, Code: code, Subject: &b.subject,
		EffectiveDateTime: optional(dicomTime(b.StudyDate, "")), Issued: ptr(b.now), Device: &device, DerivedFrom: []r4.Reference{b.imaging},
		Method: &r4.CodeableConcept{Text: ptr("Computer-assisted; probabilities calibrated")},
	}
	risk := &r4.RiskAssessment{
		Meta: b.meta(), Identifier: b.own(b.ID + "/" + f.ID), Status: ptr(b.status()), Subject: b.subject, OccurrenceDateTime: ptr(b.now),
		Performer: &device, Basis: []r4.Reference{b.imaging}, Code: &code, Method: o.Method,
	}
	for _, outcome := range f.Outcomes {
		if err := addOutcome(o, risk, outcome); err != nil {
			return err
		}
	}
	b.answer(o, f)
	if f.Coverage > 0 {
		o.Extension = append(o.Extension, r4.Extension{Url: coverageURL, ValueDecimal: decimal(f.Coverage)})
	}
	for _, reason := range f.Reasons {
		o.Note = append(o.Note, r4.Annotation{Text: ptr(reason)})
	}
	id := b.ID + "/" + f.ID
	b.observations = append(b.observations, b.add("Observation", b.name("observation", f.ID), o, replace("Observation", literal(id))))
	b.risks = append(b.risks, b.add("RiskAssessment", b.name("risk", f.ID), risk, replace("RiskAssessment", literal(id))))
	return nil
}

// addOutcome puts one label's probability into both resources. R4 wants the
// probability of a RiskAssessment in per cent.
func addOutcome(o *r4.Observation, risk *r4.RiskAssessment, outcome Outcome) error {
	if !(outcome.Probability >= 0 && outcome.Probability <= 1) {
		return fault.New(fault.Internal, fmt.Sprintf("the probability of %q is %v", outcome.Name, outcome.Probability), "please report it")
	}
	c := concept(outcome)
	percent := decimal(100 * outcome.Probability)
	component := r4.ObservationComponent{Code: c, ValueQuantity: &r4.Quantity{Value: percent, Unit: ptr("%"), System: ptr(ucum), Code: ptr("%")}}
	prediction := r4.RiskAssessmentPrediction{Outcome: &c, ProbabilityDecimal: percent}
	if outcome.Low != nil && outcome.High != nil {
		interval := []r4.Extension{{Url: intervalLow, ValueDecimal: decimal(100 * *outcome.Low)}, {Url: intervalHigh, ValueDecimal: decimal(100 * *outcome.High)}}
		component.Extension, prediction.Extension = interval, interval
		prediction.Rationale = ptr(fmt.Sprintf("calibrated interval %.0f%% to %.0f%%", 100**outcome.Low, 100**outcome.High))
	}
	o.Component = append(o.Component, component)
	risk.Prediction = append(risk.Prediction, prediction)
	return nil
}

// decimal writes a number with four digits behind the point, as far as they say something.
func decimal(v float64) *r4.Decimal {
	d, err := r4.NewDecimalFromString(strconv.FormatFloat(math.Round(v*1e4)/1e4, 'f', -1, 64))
	if err != nil {
		return nil // NaN; outcomes were checked
	}
	return d
}

// answer says what holds: the reviewer's word before the model's.
func (b *reportBundle) answer(o *r4.Observation, f Finding) {
	answer, said := f.Answer, f.Verdict
	if f.Review != nil {
		o.Extension = append(o.Extension, r4.Extension{Url: reviewURL, ValueString: ptr(strings.TrimSpace(f.Review.Decision + " " + f.Review.Comment))})
		switch f.Review.Decision {
		case "reject":
			o.Status = ptr(r4.ObservationStatus("cancelled"))
			o.ValueString = ptr("Rejected by the reviewer: " + answer)
			return
		case "correct":
			answer, said = f.Review.Answer, "corrected by the reviewer"
		}
	}
	value := r4.CodeableConcept{Text: ptr(orElse(answer, orElse(said, "no answer")))}
	for _, outcome := range f.Outcomes {
		if outcome.Name == answer {
			value = concept(outcome)
			if outcome.Code != "" {
				b.conclusionCodes = append(b.conclusionCodes, value)
			}
		}
	}
	o.ValueCodeableConcept = &value
	line := orElse(answer, said)
	if f.Task != "" {
		line = f.Task + ": " + line
	}
	b.conclusions = append(b.conclusions, line)
}

func (b *reportBundle) report() {
	code, section := reportCode(b.firstKind, b.firstTask)
	v := &r4.DiagnosticReport{
		Meta: b.meta(), Identifier: b.own(b.ID), Status: ptr(r4.DiagnosticReportStatus(b.status())), Code: *code, Category: []r4.CodeableConcept{*section},
		Subject: &b.subject, EffectiveDateTime: optional(dicomTime(b.StudyDate, "")), Issued: ptr(b.now), Result: b.observations,
		ImagingStudy: []r4.Reference{b.imaging}, ConclusionCode: b.conclusionCodes,
		Conclusion: ptr(strings.Join(append(b.conclusions, clinical.Disclaimer), "\n")),
	}
	if b.Site != "" {
		v.Performer = []r4.Reference{{Display: ptr(b.Site)}}
	}
	if b.Accession != "" {
		v.BasedOn = []r4.Reference{{Type: ptr("ServiceRequest"), Identifier: &r4.Identifier{Type: coded(identifierTypes, "ACSN", "Accession ID"), Value: ptr(b.Accession)}}}
	}
	if s := b.Signature; s != nil {
		v.ResultsInterpreter = []r4.Reference{{Display: ptr(s.By)}}
		v.Issued = ptr(instant(s.At))
	}
	for _, code := range b.Billing[b.firstKind] {
		v.Extension = append(v.Extension, r4.Extension{Url: billingURL, ValueCodeableConcept: coded(code.System, code.Code, code.Display)})
	}
	b.subjectReport(v)
}

// subjectReport adds the report itself, to which Provenance then refers.
func (b *reportBundle) subjectReport(v *r4.DiagnosticReport) {
	ref := b.add("DiagnosticReport", b.name("report"), v, replace("DiagnosticReport", literal(b.ID)))
	b.issue = *ref.Reference
}

// provenance says which models made the report, and who signed it.
func (b *reportBundle) provenance() {
	v := &r4.Provenance{Meta: b.meta(), Target: append([]r4.Reference{{Reference: ptr(b.issue), Type: ptr("DiagnosticReport")}}, b.risks...), Recorded: ptr(b.now)}
	for _, device := range b.devices {
		v.Agent = append(v.Agent, r4.ProvenanceAgent{Type: coded(participants, "assembler", "Assembler"), Who: device})
	}
	v.Activity = coded(completion, "PA", "pre-authenticated")
	state := "made"
	if s := b.Signature; s != nil {
		state = "signed"
		v.Recorded, v.Activity = ptr(instant(s.At)), coded(completion, "LA", "legally authenticated")
		v.Agent = append(v.Agent, r4.ProvenanceAgent{Type: coded(participants, "attester", "Attester"),
			Who: r4.Reference{Type: ptr("Practitioner"), Display: ptr(s.By), Identifier: &r4.Identifier{System: ptr("urn:consilium:account"), Value: ptr(orElse(s.Account, s.By))}}})
		v.Reason = []r4.CodeableConcept{{Text: ptr(orElse(s.Attestation, "signed"))}}
	}
	if len(v.Agent) == 0 {
		v.Agent = []r4.ProvenanceAgent{{Type: coded(participants, "assembler", "Assembler"), Who: r4.Reference{Display: ptr("Consilium")}}}
	}
	id := b.name("provenance", state)
	v.Id = ptr(id)
	b.add("Provenance", id, v, map[string]string{"method": "PUT", "url": "Provenance/" + id})
}
