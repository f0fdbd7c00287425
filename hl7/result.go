package hl7

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// Report is a result on its way out as ORU^R01.
type Report struct {
	ID          string // of the result; the same ID and state give the same control ID
	Application string // MSH-3
	Facility    string // MSH-4
	Receiver    string // MSH-5
	At          time.Time
	Patient     Patient
	Placer      string // order number of who ordered, when it is known
	Accession   string
	StudyUID    string
	Code, Text  string // of the service: LOINC and its name
	Findings    []Finding
	Signer      string    // "" = preliminary
	Signed      time.Time // zero = preliminary
	Synthetic   bool
}

// Finding is one answer.
type Finding struct {
	Task, Answer string
	Code, System string // of the answer: code and the system's name in table 0396, such as I10
	Outcomes     []Outcome
	Model        string // name@version
	Rejected     bool   // by the reviewer
	Comment      string
}

// Outcome is a label with its calibrated probability, 0..1.
type Outcome struct {
	Name, Code, System string
	Probability        float64
}

// Message makes the ORU^R01 of a report (section 7.3.1): preliminary (P) until
// it is signed, final (F) afterwards.
func (r Report) Message() (Message, error) {
	if r.ID == "" || r.At.IsZero() || r.Patient.ID == "" {
		return Message{}, fault.New(fault.InputMissing, "a result without ID, time or patient ID cannot be sent as HL7", "give the patient's ID")
	}
	status, state := "P", "preliminary"
	if !r.Signed.IsZero() {
		status, state = "F", "final"
	}
	sum := sha256.Sum256([]byte(r.ID + "\x00" + state))
	control := strings.ToUpper(hex.EncodeToString(sum[:10]))
	d := standard
	e := d.Escaped
	processing := "P"
	if r.Synthetic {
		processing = "D" // debugging: no receiver files it with real patients
	}
	m := Message{Delimiters: d}
	add := func(fields ...string) { m.Segments = append(m.Segments, Segment{trimmed(fields)}) }
	add("MSH", "|", `^~\&`, e(orElse(r.Application, "CONSILIUM")), e(r.Facility), e(r.Receiver), "", ts(r.At), "", "ORU^R01^ORU_R01", control, processing, "2.5.1", "", "", "", "", "", "UNICODE UTF-8")
	add("PID", "1", "", e(r.Patient.ID)+"^^^"+e(r.Patient.Issuer)+"^MR", "", xpn(d, r.Patient.Name), "", e(r.Patient.BirthDate), e(r.Patient.Sex))
	if r.Patient.Visit != "" || r.Patient.Location != "" {
		add("PV1", "1", "U", e(r.Patient.Location), "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", e(r.Patient.Visit))
	}
	obr := make([]string, 33)
	obr[0], obr[1], obr[2], obr[3] = "OBR", "1", e(r.Placer), e(orElse(r.Accession, r.StudyUID))
	obr[4] = e(orElse(r.Code, "18748-4")) + "^" + e(orElse(r.Text, "Diagnostic imaging study")) + "^LN"
	obr[7], obr[18], obr[22], obr[25] = ts(r.At), e(r.Accession), ts(r.At), status
	if status == "F" {
		obr[22], obr[32] = ts(r.Signed), e(r.Signer) // OBR-32: NDL, the name alone
	}
	add(obr...)
	for _, segment := range r.observations(status) {
		add(segment...)
	}
	return m, nil
}

// observations are the OBX segments.
func (r Report) observations(status string) [][]string {
	e := standard.Escaped
	var out [][]string
	add := func(group int, kind, code, value, unit, state string, at time.Time) {
		obx := []string{"OBX", strconv.Itoa(len(out) + 1), kind, code, strconv.Itoa(group), value, unit, "", "", "", "", state, "", "", ts(at)}
		out = append(out, obx)
	}
	for i, f := range r.Findings {
		group, state := i+1, status
		answer := e(f.Code) + "^" + e(orElse(f.Answer, "no answer")) + "^" + e(f.System)
		if f.Rejected {
			state = "X" // no result: the reviewer rejected it
		}
		add(group, "CWE", "FINDING^"+e(orElse(f.Task, "finding"))+"^L", answer, "", state, r.At)
		for _, o := range f.Outcomes {
			if o.Probability-o.Probability != 0 {
				continue // never sent: a model's probabilities are numbers
			}
			percent := strconv.FormatFloat(math.Round(o.Probability*1e4)/100, 'f', -1, 64)
			add(group, "NM", e(orElse(o.Code, "PROBABILITY"))+"^"+e(o.Name+", calibrated probability")+"^"+e(orElse(o.System, "L")), percent, "%^percent^UCUM", state, r.At)
		}
		if f.Model != "" {
			add(group, "ST", "MODEL^model and version^L", e(f.Model), "", state, r.At)
		}
		if f.Comment != "" {
			add(group, "TX", "COMMENT^reviewer's comment^L", e(f.Comment), "", state, r.At)
		}
	}
	if r.StudyUID != "" {
		add(len(r.Findings)+1, "ST", "113014^Study Instance UID^DCM", e(r.StudyUID), "", status, r.At)
	}
	note := clinical.Disclaimer
	if r.Synthetic {
		note = "SYNTHETIC DATA, no real patient. " + note
	}
	add(len(r.Findings)+1, "TX", "DISCLAIMER^disclaimer^L", e(note), "", status, r.At)
	return out
}

// trimmed leaves out empty fields at the end.
func trimmed(fields []string) []string {
	for len(fields) > 1 && fields[len(fields)-1] == "" {
		fields = fields[:len(fields)-1]
	}
	return fields
}

func ts(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("20060102150405-0700")
}

// xpn turns a PN of DICOM into XPN, where prefix and suffix change places.
func xpn(d Delimiters, pn string) string {
	pn, _, _ = strings.Cut(pn, "=")
	parts := append(strings.Split(pn, "^"), "", "", "", "", "")
	out := fmt.Sprintf("%s^%s^%s^%s^%s", d.Escaped(parts[0]), d.Escaped(parts[1]), d.Escaped(parts[2]), d.Escaped(parts[4]), d.Escaped(parts[3]))
	return strings.TrimRight(out, "^")
}
