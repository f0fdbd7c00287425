package clinic

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"consilium/access"
	"consilium/fault"
	"consilium/fhir"
	"consilium/govern"
	"consilium/hl7"
	"consilium/node"
	"consilium/server"
	"consilium/store"
)

// fhirConfig is the record's side of the node.
func (c *Clinic) fhirConfig() fhir.Config {
	return fhir.Config{
		Store: c.Store, Consents: &govern.Consents{Store: c.Store, Note: c.Node.Note}, Audit: c.Audit, Version: c.Version, Log: c.Log,
		Reader: func(r *http.Request) (store.Reader, error) {
			return store.Reader{Purpose: access.From(r.Context()).Purpose()}, nil
		},
		Allow: allowFHIR,
		Actor: func(r *http.Request) string { return access.From(r.Context()).Name },
		Observe: func(r *http.Request, e govern.Event) error {
			who := access.From(r.Context())
			e.Actor, e.Role = who.Name, string(who.Role)
			return c.Node.Tell(r.Context(), e)
		},
	}
}

// allowFHIR keeps what has rights of its own on the page behind the same rights
// here; the others are behind fhir.read and fhir.write.
func allowFHIR(r *http.Request, right, kind string) error {
	needed := map[string]access.Action{"AuditEvent": access.AuditView, "Consent": access.ConsentView}[kind]
	if kind == "Consent" && right != "read" {
		needed = access.ConsentChange
	}
	if needed != "" && !access.From(r.Context()).May(needed) {
		return fault.New(fault.AccessDenied, "your role does not give you "+kind, "ask an administrator")
	}
	return nil
}

// recordSender puts signed results into a record as FHIR.
type recordSender struct {
	client fhir.Client
	site   string
}

func (s recordSender) Send(ctx context.Context, results []node.Result) []error {
	errs := make([]error, len(results))
	for i, r := range results {
		errs[i] = s.send(ctx, r)
	}
	return errs
}

func (s recordSender) send(ctx context.Context, r node.Result) error {
	bundle, err := fhirReport(r.Case, s.site).Bundle()
	if err != nil {
		return err
	}
	_, err = s.client.Transaction(ctx, bundle)
	return err
}

func fhirReport(c *node.Case, site string) fhir.Report {
	out := fhir.Report{
		Study: c.Study.StudyUID, Accession: c.Study.Accession, StudyDate: c.Study.StudyDate, Site: site, Synthetic: c.Study.Synthetic,
		Patient: fhir.Subject{ID: c.Study.PatientID, Name: c.Study.PatientName, BirthDate: c.Study.PatientBirthDate, Sex: c.Study.PatientSex},
	}
	if g := c.Signature; g != nil {
		out.Signature = &fhir.Signature{By: g.By, At: g.At, Attestation: g.Attestation}
	}
	if c.Assessment == nil {
		return out
	}
	out.ID, out.MadeAt = c.Assessment.ID, c.Assessment.MadeAt
	for _, f := range c.Assessment.Findings {
		finding := fhir.Finding{
			ID: f.ID, Kind: f.Kind, Task: f.Task, Verdict: f.Verdict, Answer: f.Answer, Coverage: f.Coverage, Reasons: f.Reasons,
			Model: fhir.Model{Name: f.Model.Name, Version: f.Model.Version, Digest: f.Model.Digest},
		}
		for _, o := range f.Outcomes {
			finding.Outcomes = append(finding.Outcomes, fhir.Outcome{Name: o.Name, Code: o.Code, System: o.System, Probability: o.Probability, Low: o.Low, High: o.High, InSet: o.InSet})
		}
		if v := f.Review; v != nil {
			finding.Review = &fhir.Review{Decision: v.Decision, Answer: v.Answer, Comment: v.Comment, By: v.By}
		}
		out.Findings = append(out.Findings, finding)
	}
	return out
}

// messageSender sends signed results as ORU^R01.
type messageSender struct {
	peer     hl7.Peer
	facility string
}

func (s messageSender) Send(ctx context.Context, results []node.Result) []error {
	errs := make([]error, len(results))
	for i, r := range results {
		m, err := hl7Report(r.Case, s.facility).Message()
		if err == nil {
			_, err = hl7.Send(ctx, s.peer, m)
		}
		errs[i] = err
	}
	return errs
}

func hl7Report(c *node.Case, facility string) hl7.Report {
	out := hl7.Report{
		Application: "CONSILIUM", Facility: facility, Accession: c.Study.Accession, StudyUID: c.Study.StudyUID, Synthetic: c.Study.Synthetic,
		Patient: hl7.Patient{ID: c.Study.PatientID, Name: c.Study.PatientName, BirthDate: c.Study.PatientBirthDate, Sex: c.Study.PatientSex},
		Text:    c.Study.Description,
	}
	if g := c.Signature; g != nil {
		out.Signer, out.Signed = g.By, g.At
	}
	if c.Assessment == nil {
		return out
	}
	out.ID, out.At = c.Assessment.ID, c.Assessment.MadeAt
	for _, f := range c.Assessment.Findings {
		finding := hl7.Finding{Task: f.Task, Answer: f.Answer, Model: f.Model.Name + "@" + f.Model.Version}
		for _, o := range f.Outcomes {
			finding.Outcomes = append(finding.Outcomes, hl7.Outcome{Name: o.Name, Code: o.Code, System: o.System, Probability: o.Probability})
			if o.Name == f.Answer {
				finding.Code, finding.System = o.Code, o.System
			}
		}
		if v := f.Review; v != nil {
			finding.Rejected, finding.Comment = v.Decision == node.DecisionReject, v.Comment
			if v.Decision == node.DecisionCorrect {
				finding.Answer, finding.Code, finding.System = v.Answer, "", ""
			}
		}
		out.Findings = append(out.Findings, finding)
	}
	return out
}

// hl7Door takes patients and orders in from the hospital's other systems.
func (c *Clinic) hl7Door() (door, error) {
	s, err := hl7.Listen(hl7.Config{Address: c.HL7, Application: "CONSILIUM", Facility: c.Settings.Node.Site, Handle: c.hear, Log: c.Log})
	if err != nil {
		return door{}, err
	}
	return door{serve: s.Run, tell: func(a *Addresses) { a.HL7 = s.Addr().String() }}, nil
}

// hear keeps what an HL7 message says as FHIR resources of the record: patients,
// merged ones as replaced, and orders as tasks. The same message again changes
// nothing.
func (c *Clinic) hear(ctx context.Context, e hl7.Event) error {
	entries := []map[string]any{put(patientResource(e.Patient))}
	if e.Kind == hl7.Merge && e.Merged != "" {
		old := patientResource(hl7.Patient{ID: e.Merged, Issuer: e.Patient.Issuer})
		old["active"] = false
		old["link"] = []any{map[string]any{"type": "replaced-by", "other": reference("Patient", patientID(e.Patient))}}
		entries = append(entries, put(old))
	}
	for _, o := range e.Orders {
		entries = append(entries, put(orderResource(o, e)))
	}
	bundle, err := json.Marshal(map[string]any{"resourceType": "Bundle", "type": "transaction", "entry": entries})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "a message cannot be kept", "this is a defect; please report it")
	}
	if _, _, err := fhir.Import(ctx, c.fhirConfig(), "hl7:"+e.Sender, bundle); err != nil {
		return err
	}
	return c.Node.Tell(ctx, govern.Event{Actor: "hl7:" + e.Sender, Action: "message.received", Patient: e.Patient.ID, Object: e.Control, Outcome: "ok", Detail: map[string]string{"kind": string(e.Kind)}})
}

func put(resource map[string]any) map[string]any {
	kind, _ := resource["resourceType"].(string)
	id, _ := resource["id"].(string)
	return map[string]any{"resource": resource, "request": map[string]any{"method": "PUT", "url": kind + "/" + id}}
}

func reference(kind, id string) map[string]any { return map[string]any{"reference": kind + "/" + id} }

// resourceID names the resource of something that another system identifies.
func resourceID(parts ...string) string {
	text, _ := json.Marshal(parts)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func patientID(p hl7.Patient) string { return resourceID("patient", p.Issuer, p.ID) }

func patientResource(p hl7.Patient) map[string]any {
	identifier := map[string]any{"value": p.ID, "type": map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}}}}
	if p.Issuer != "" {
		identifier["assigner"] = map[string]any{"display": p.Issuer}
	}
	out := map[string]any{"resourceType": "Patient", "id": patientID(p), "active": true, "identifier": []any{identifier}}
	if p.Name != "" {
		family, given := splitName(p.Name)
		name := map[string]any{"family": family}
		if given != "" {
			name["given"] = []any{given}
		}
		out["name"] = []any{name}
	}
	if len(p.BirthDate) == 8 {
		out["birthDate"] = p.BirthDate[:4] + "-" + p.BirthDate[4:6] + "-" + p.BirthDate[6:]
	}
	if gender := map[string]string{"M": "male", "F": "female", "O": "other"}[p.Sex]; gender != "" {
		out["gender"] = gender
	}
	return out
}

func orderResource(o hl7.Order, e hl7.Event) map[string]any {
	status := "requested"
	if o.Control == "CA" || o.Control == "DC" {
		status = "cancelled"
	}
	out := map[string]any{
		"resourceType": "Task", "id": resourceID("order", e.Sender, o.Placer, o.Filler, o.Accession), "status": status, "intent": "order",
		"for": reference("Patient", patientID(e.Patient)), "description": o.Text,
	}
	if o.Text == "" {
		delete(out, "description")
	}
	if o.Accession != "" {
		out["identifier"] = []any{map[string]any{"value": o.Accession, "type": map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}}}}}
	}
	if !e.At.IsZero() {
		out["authoredOn"] = e.At.UTC().Format("2006-01-02T15:04:05Z")
	}
	return out
}

// splitName takes family and given name from a PN, family^given^middle...
func splitName(pn string) (family, given string) {
	parts := append(strings.Split(pn, "^"), "")
	return parts[0], parts[1]
}

// sender makes what gives results to a peer.
func (c *Clinic) sender(p server.Peer) (node.Sender, error) {
	switch p.Kind {
	case node.KindDICOM:
		peer, err := c.dimseOf(p)
		return node.PACS{Peer: peer}, err
	case node.KindFHIR:
		return recordSender{client: fhir.Client{Base: p.Address}, site: c.Settings.Node.Site}, nil
	case node.KindHL7:
		return messageSender{peer: hl7.Peer{Address: p.Address}, facility: c.Settings.Node.Site}, nil
	}
	return nil, fault.New(fault.Usage, "there is no kind of receiver "+p.Kind, "dicom, fhir or hl7")
}
