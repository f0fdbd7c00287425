package fhir

import (
	"context"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofhir/models/r4"

	"consilium/fault"
	"consilium/store"
)

// ImagingStudy and, where no Patient was sent, Patient are made from the DICOM
// objects when they are asked for. The id of an ImagingStudy is its Study
// Instance UID; the id of such a Patient is "mrn-" and the Patient ID in base 32.

const mrnPrefix = "mrn-"

var mrnCoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// mrnID is the id of a Patient that is known from DICOM only; "" when the
// Patient ID is too long for one.
func mrnID(patientID string) string {
	id := mrnPrefix + strings.ToLower(mrnCoding.EncodeToString([]byte(patientID)))
	if patientID == "" || len(id) > 64 {
		return ""
	}
	return id
}

// mrnOf is the Patient ID behind an id of mrnID; "" when it is none.
func mrnOf(id string) string {
	code, ok := strings.CutPrefix(id, mrnPrefix)
	raw, err := mrnCoding.DecodeString(strings.ToUpper(code))
	if !ok || err != nil || mrnID(string(raw)) != id {
		return ""
	}
	return string(raw)
}

func (s *service) imagingStudy(ctx context.Context, reader store.Reader, id string) (entry, error) {
	study, err := s.Store.Study(ctx, reader, id)
	if err != nil {
		return entry{}, err
	}
	return s.studyEntry(ctx, reader, study)
}

func (s *service) studyEntry(ctx context.Context, reader store.Reader, study store.Study) (entry, error) {
	series, err := s.Store.Series(ctx, reader, study.UID)
	if err != nil {
		return entry{}, err
	}
	instances, err := s.Store.Instances(ctx, reader, study.UID, "")
	if err != nil {
		return entry{}, err
	}
	subject, err := s.subject(ctx, reader, study.Patient)
	if err != nil {
		return entry{}, err
	}
	v := imagingStudy(study, series, instances)
	v.Subject = subject
	return entry{kind: "ImagingStudy", id: study.UID, patient: study.Patient.ID, updated: study.Changed, body: v}, nil
}

// imagingStudy maps DICOM to FHIR as the R4 ImagingStudy page does.
func imagingStudy(study store.Study, series []store.Series, instances []store.Instance) *r4.ImagingStudy {
	v := &r4.ImagingStudy{
		Id: ptr(study.UID), Meta: &r4.Meta{LastUpdated: ptr(instant(study.Changed))},
		Identifier: []r4.Identifier{{System: ptr(dicomUID), Value: ptr("urn:oid:" + study.UID)}},
		Status:     ptr(r4.ImagingStudyStatus("available")), Started: optional(dicomTime(study.Date, study.Time)),
		NumberOfSeries: ptr(uint32(len(series))), NumberOfInstances: ptr(uint32(len(instances))), Description: optional(study.Description),
	}
	if study.Synthetic {
		v.Meta.Tag = []r4.Coding{syntheticTag}
	}
	if study.Accession != "" {
		v.Identifier = append(v.Identifier, r4.Identifier{Type: coded(identifierTypes, "ACSN", "Accession ID"), Value: ptr(study.Accession)})
	}
	for _, m := range study.Modalities {
		v.Modality = append(v.Modality, r4.Coding{System: ptr(dcm), Code: ptr(m)})
	}
	for _, se := range series {
		out := r4.ImagingStudySeries{
			Uid: ptr(se.UID), Modality: r4.Coding{System: ptr(dcm), Code: ptr(orElse(se.Modality, "OT"))},
			Description: optional(se.Description), NumberOfInstances: ptr(uint32(se.Instances)),
		}
		if se.Number >= 0 {
			out.Number = ptr(uint32(se.Number))
		}
		for _, i := range instances {
			if i.Series != se.UID {
				continue
			}
			instance := r4.ImagingStudySeriesInstance{Uid: ptr(i.SOP), SopClass: r4.Coding{System: ptr("urn:ietf:rfc:3986"), Code: ptr("urn:oid:" + i.Class)}}
			if i.Number >= 0 {
				instance.Number = ptr(uint32(i.Number))
			}
			out.Instance = append(out.Instance, instance)
		}
		v.Series = append(v.Series, out)
	}
	return v
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// dicomTime turns DA and TM into a dateTime; DICOM knows no zone, so that only
// the day is told.
func dicomTime(date, _ string) string {
	t, err := time.Parse("20060102", date)
	if err != nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

// subject refers to the patient of a study: to the Patient that was sent, or
// to the one that DICOM tells of.
func (s *service) subject(ctx context.Context, reader store.Reader, p store.PatientKey) (r4.Reference, error) {
	ref := r4.Reference{Type: ptr("Patient"), Display: optional(plainName(p.Name))}
	if p.ID == "" {
		return ref, nil
	}
	ref.Identifier = &r4.Identifier{Type: coded(identifierTypes, "MR", "Medical record number"), Value: ptr(p.ID)}
	q := store.FHIRQuery{Kind: "Patient", Limit: 1, Conditions: []store.FHIRCondition{{Param: "identifier", Tests: []store.FHIRTest{{Value: p.ID}}}}}
	found, _, err := s.Store.FindFHIR(ctx, reader, q)
	if err != nil {
		return ref, err
	}
	if len(found) > 0 {
		ref.Reference = ptr("Patient/" + found[0].ID)
	} else if id := mrnID(p.ID); id != "" {
		ref.Reference = ptr("Patient/" + id)
	}
	return ref, nil
}

// plainName writes a PN for people: "Doe^John" is "John Doe".
func plainName(pn string) string {
	pn, _, _ = strings.Cut(pn, "=")
	parts := append(strings.Split(pn, "^"), "", "", "", "", "")
	return strings.Join(strings.Fields(strings.Join([]string{parts[3], parts[1], parts[2], parts[0], parts[4]}, " ")), " ")
}

// dicomPatient is a Patient that only DICOM tells of.
func (s *service) dicomPatient(ctx context.Context, reader store.Reader, id string) (entry, error) {
	mrn := mrnOf(id)
	missing := fault.New(fault.NotFound, fmt.Sprintf("there is no Patient %q", id), "search by the identifier")
	if mrn == "" {
		return entry{}, missing
	}
	studies, _, err := s.Store.Studies(ctx, reader, store.StudyQuery{PatientID: store.Literal(mrn), Limit: 1})
	if err != nil {
		return entry{}, err
	}
	if len(studies) == 0 {
		return entry{}, missing
	}
	p, changed := studies[0].Patient, studies[0].Changed
	v := &r4.Patient{
		Id: ptr(id), Meta: &r4.Meta{LastUpdated: ptr(instant(changed))}, Name: names(p.Name), Gender: gender(p.Sex), BirthDate: optional(dicomTime(p.BirthDate, "")),
		Identifier: []r4.Identifier{{Type: coded(identifierTypes, "MR", "Medical record number"), Value: ptr(p.ID)}},
	}
	if studies[0].Synthetic {
		v.Meta.Tag = []r4.Coding{syntheticTag}
	}
	return entry{kind: "Patient", id: id, patient: p.ID, updated: changed, body: v}, nil
}

func names(pn string) []r4.HumanName {
	if plainName(pn) == "" {
		return nil
	}
	pn, _, _ = strings.Cut(pn, "=")
	parts := append(strings.Split(pn, "^"), "", "")
	name := r4.HumanName{Text: ptr(plainName(pn)), Family: optional(strings.TrimSpace(parts[0]))}
	for _, given := range parts[1:3] {
		if given = strings.TrimSpace(given); given != "" {
			name.Given = append(name.Given, given)
		}
	}
	return []r4.HumanName{name}
}

func gender(sex string) *r4.AdministrativeGender {
	code, ok := map[string]r4.AdministrativeGender{"M": "male", "F": "female", "O": "other"}[sex]
	if !ok {
		code = "unknown"
	}
	return &code
}

// imagingStudies searches the studies of the store.
func (s *service) imagingStudies(ctx context.Context, reader store.Reader, q question, offset, limit int) ([]entry, int, error) {
	sq, ok, err := s.studyQuery(ctx, reader, q)
	if err != nil || !ok {
		return nil, 0, err
	}
	sq.Offset, sq.Limit, sq.CountTo = offset, max(limit, 1), store.MaxOffset
	studies, total, err := s.Store.Studies(ctx, reader, sq)
	if err != nil {
		return nil, 0, err
	}
	var found []entry
	for _, study := range studies[:min(len(studies), max(limit, 0))] {
		e, err := s.studyEntry(ctx, reader, study)
		if err != nil {
			return nil, 0, err
		}
		found = append(found, e)
	}
	return found, total, nil
}

// studyQuery turns a search for ImagingStudies into one for studies. It is
// false when no study of the store can meet the search.
func (s *service) studyQuery(ctx context.Context, reader store.Reader, q question) (store.StudyQuery, bool, error) {
	var sq store.StudyQuery
	for _, c := range q.Conditions {
		if len(c.Tests) != 1 && c.Param != "modality" && c.Param != "_id" {
			return sq, false, unknown("alternatives of " + c.Param + " are not offered for ImagingStudy")
		}
		t := c.Tests[0]
		switch c.Param {
		case "_id":
			for _, t := range c.Tests {
				sq.UIDs = append(sq.UIDs, t.Value)
			}
		case "identifier":
			if uid, is := strings.CutPrefix(t.Value, "urn:oid:"); is {
				sq.UIDs = append(sq.UIDs, uid)
			} else {
				sq.Accession = store.Literal(t.Value)
			}
		case "modality":
			for _, t := range c.Tests {
				sq.Modalities = append(sq.Modalities, t.Value)
			}
		case "patient", "subject":
			mrn, err := s.patientID(ctx, reader, t.Value)
			if err != nil || mrn == "" {
				return sq, false, err
			}
			sq.PatientID = store.Literal(mrn)
		case "started":
			from, to, ok := days(t)
			if !ok {
				return sq, false, unknown("this comparison of started is not offered")
			}
			sq.DateFrom, sq.DateTo = max(sq.DateFrom, from), to
		case "status":
			if t.Value != "available" {
				return sq, false, nil
			}
		default:
			return sq, false, nil
		}
	}
	return sq, true, nil
}

// days turns a comparison into a range of study dates.
func days(t store.FHIRTest) (from, to string, ok bool) {
	const layout = "20060102"
	low, high := t.Low.Format(layout), t.High.Add(-time.Microsecond).Format(layout)
	switch t.Date {
	case "eq":
		return low, high, true
	case "ge":
		return low, "", true
	case "gt":
		return t.High.Format(layout), "", true
	case "le":
		return "", high, true
	case "lt":
		return "", t.Low.AddDate(0, 0, -1).Format(layout), true
	}
	return "", "", false
}

// patientID is the Patient ID behind a reference to a Patient.
func (s *service) patientID(ctx context.Context, reader store.Reader, ref string) (string, error) {
	kind, id := split(ref)
	if kind != "Patient" {
		return "", nil
	}
	f, err := s.Store.FHIR(ctx, reader, "Patient", id)
	if fault.CodeOf(err) == fault.NotFound || fault.CodeOf(err) == fault.ConsentWithheld {
		return mrnOf(id), nil
	}
	return f.Patient, err
}

// dicomPatients answers a search for a Patient by identifier from DICOM.
func (s *service) dicomPatients(ctx context.Context, reader store.Reader, q question, offset, limit int) ([]entry, int, error) {
	if len(q.Conditions) != 1 || q.Conditions[0].Param != "identifier" || len(q.Conditions[0].Tests) != 1 {
		return nil, 0, nil
	}
	id := mrnID(q.Conditions[0].Tests[0].Value)
	_, there, err := s.Store.FindFHIR(ctx, reader, store.FHIRQuery{Kind: "Patient", Conditions: q.Conditions})
	if err != nil || there > 0 || id == "" {
		return nil, 0, err
	}
	e, err := s.dicomPatient(ctx, reader, id)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, 0, nil
	}
	return slices.Repeat([]entry{e}, min(1, max(0, min(limit, 1-offset)))), 1, err
}
