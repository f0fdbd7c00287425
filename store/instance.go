package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// Instance is one stored object: a DICOM Part 10 file in a blob, with the
// attributes that searches and pages ask for. Text is as in the object,
// decoded; dates are YYYYMMDD, times HHMMSS.FFFFFF, names Family^Given.
type Instance struct {
	Study, Series, SOP    string // UIDs
	Class, TransferSyntax string // UIDs
	Blob                  string // SHA-256 of the Part 10 file, lower-case hex
	Size                  int64  // bytes
	Number                int
	Frames, Rows, Columns int
	Received              time.Time // zero in AddInstance: now
	From                  string    // calling AE title, "stow", "upload", "node"
	Synthetic             bool      // the object says that it is not of a patient
	Result                bool      // made by this node

	Modality, SeriesDescription, BodyPart, Manufacturer, Device string
	SeriesNumber                                                int

	Patient                                PatientKey
	StudyDate, StudyTime, StudyID          string
	Accession, StudyDescription, Referring string
}

// PatientKey identifies a patient as the object does.
type PatientKey struct{ ID, Name, BirthDate, Sex string }

// Data class of the object, which consent is given for.
func (i Instance) DataClass() clinical.DataClass {
	const storage = "1.2.840.10008.5.1.4.1.1."
	switch rest, _ := strings.CutPrefix(i.Class, storage); {
	case strings.HasPrefix(rest, "9."):
		return clinical.ClassWaveform
	case strings.HasPrefix(rest, "88."), strings.HasPrefix(rest, "104."): // structured reports, encapsulated documents
		return clinical.ClassReport
	}
	return clinical.ClassImage
}

// AddInstance files an object whose blob is stored already, and with it its
// series and study when they are new (a new study is StateReceiving). It is
// idempotent: false and no error say that this very object is here already.
// Errors: CONFLICT when another object has the SOP instance UID, or the study
// is another patient's; INPUT_MALFORMED when a UID is none.
func (s *Store) AddInstance(ctx context.Context, i Instance) (added bool, err error) {
	err = s.Tx(ctx, func(tx *Tx) error {
		added, err = tx.AddInstance(ctx, i)
		return err
	})
	return added, err
}

// AddInstance is Store.AddInstance inside a transaction.
func (t *Tx) AddInstance(ctx context.Context, i Instance) (added bool, err error) {
	if i, err = i.checked(); err != nil {
		return false, err
	}
	study, err := t.holdStudy(ctx, i)
	if err != nil {
		return false, err
	}
	there, err := all(ctx, t, "the object could not be looked up", scanPlace,
		"SELECT study_uid, series_uid, blob FROM instances WHERE sop_uid = ?", i.SOP)
	if err != nil {
		return false, err
	}
	if len(there) > 0 {
		return false, i.sameAs(there[0])
	}
	newSeries, err := t.addToSeries(ctx, i)
	if err != nil {
		return false, err
	}
	_, err = t.exec(ctx, `INSERT INTO instances (sop_uid, study_uid, series_uid, sop_class, transfer_syntax, data_class,
		blob, size, number, frames, height, width, received_us, source, synthetic, result) VALUES (`+marks(16)+`)`,
		i.SOP, i.Study, i.Series, i.Class, i.TransferSyntax, string(i.DataClass()),
		i.Blob, i.Size, i.Number, i.Frames, i.Rows, i.Columns, micros(i.Received), i.From, bit(i.Synthetic), bit(i.Result))
	if err != nil {
		return false, failed(err, "the object was not filed")
	}
	return true, t.addToStudy(ctx, study, i, newSeries)
}

// place is where an object lies.
type place struct{ study, series, blob string }

func scanPlace(r scanner) (p place, err error) { return p, r.Scan(&p.study, &p.series, &p.blob) }

func (i Instance) sameAs(p place) error {
	if p == (place{i.Study, i.Series, i.Blob}) {
		return nil
	}
	return fault.New(fault.Conflict, fmt.Sprintf("another object has the SOP instance UID %s", i.SOP), "a changed object needs a new UID; the one stored first was kept")
}

// checked cleans what came from outside.
func (i Instance) checked() (Instance, error) {
	for name, uid := range map[string]string{"study": i.Study, "series": i.Series, "SOP": i.SOP, "SOP class": i.Class} {
		if !ValidUID(uid) {
			return i, fault.New(fault.InputMalformed, fmt.Sprintf("the %s instance UID %.80q is none", name, uid), "a UID is up to 64 digits and dots")
		}
	}
	if !validDigest(i.Blob) {
		return i, fault.New(fault.Internal, "an object is filed without its blob", "please report this")
	}
	if i.Received.IsZero() {
		i.Received = time.Now()
	}
	for _, text := range []*string{&i.TransferSyntax, &i.From, &i.Modality, &i.SeriesDescription, &i.BodyPart, &i.Manufacturer, &i.Device,
		&i.Patient.ID, &i.Patient.Name, &i.Patient.BirthDate, &i.Patient.Sex, &i.StudyDate, &i.StudyTime, &i.StudyID, &i.Accession, &i.StudyDescription, &i.Referring} {
		*text = clean(*text)
	}
	return i, nil
}

// ValidUID says whether text can be a DICOM UID: 1 to 64 digits and dots,
// beginning and ending with a digit (PS3.5 section 9.1; leading zeros of a
// component, which some devices write, pass).
func ValidUID(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' || s[len(s)-1] == '.' {
		return false
	}
	return strings.Trim(s, "0123456789.") == "" && !strings.Contains(s, "..")
}

const instanceColumns = `instances.sop_uid, instances.study_uid, instances.series_uid, instances.sop_class, instances.transfer_syntax,
	instances.blob, instances.size, instances.number, instances.frames, instances.height, instances.width, instances.received_us, instances.source,
	instances.synthetic, instances.result, series.modality, series.description, series.body_part, series.manufacturer, series.device, series.number,
	studies.patient_id, studies.patient_name, studies.birth_date, studies.sex, studies.study_date, studies.study_time, studies.study_id,
	studies.accession, studies.description, studies.referring`

const instanceTables = ` FROM instances
	JOIN series ON series.study_uid = instances.study_uid AND series.series_uid = instances.series_uid
	JOIN studies ON studies.study_uid = instances.study_uid `

func scanInstance(r scanner) (i Instance, err error) {
	var received int64
	err = r.Scan(&i.SOP, &i.Study, &i.Series, &i.Class, &i.TransferSyntax,
		&i.Blob, &i.Size, &i.Number, &i.Frames, &i.Rows, &i.Columns, &received, &i.From,
		&i.Synthetic, &i.Result, &i.Modality, &i.SeriesDescription, &i.BodyPart, &i.Manufacturer, &i.Device, &i.SeriesNumber,
		&i.Patient.ID, &i.Patient.Name, &i.Patient.BirthDate, &i.Patient.Sex, &i.StudyDate, &i.StudyTime, &i.StudyID,
		&i.Accession, &i.StudyDescription, &i.Referring)
	i.Received = at(received)
	return i, err
}

// Instances lists a study's objects, or those of one series of it ("" = all),
// in the order of series number and instance number.
func (s *Store) Instances(ctx context.Context, r Reader, study, series string) ([]Instance, error) {
	if _, err := s.Study(ctx, r, study); err != nil {
		return nil, err
	}
	may, args := r.may("studies.patient_id", "instances.data_class", time.Now())
	where := "WHERE instances.study_uid = ? AND " + may
	args = append([]any{study}, args...)
	if series != "" {
		where, args = where+" AND instances.series_uid = ?", append(args, series)
	}
	return all(ctx, s, "the objects could not be listed", scanInstance, "SELECT "+instanceColumns+instanceTables+where+
		" ORDER BY series.number, instances.series_uid, instances.number, instances.sop_uid", args...)
}

// Instance finds one object. Errors: NOT_FOUND, CONSENT_WITHHELD.
func (s *Store) Instance(ctx context.Context, r Reader, sop string) (Instance, error) {
	if err := r.check(); err != nil {
		return Instance{}, err
	}
	may, args := r.may("studies.patient_id", "instances.data_class", time.Now())
	found, err := all(ctx, s, "the object could not be looked up", scanInstance,
		"SELECT "+instanceColumns+instanceTables+"WHERE instances.sop_uid = ? AND "+may, append([]any{sop}, args...)...)
	if err == nil && len(found) == 0 {
		_, err = one(ctx, s, "there is no such object", value[int], "SELECT 1 FROM instances WHERE sop_uid = ?", sop)
		if err == nil {
			err = r.withheld()
		}
	}
	if err != nil {
		return Instance{}, err
	}
	return found[0], nil
}
