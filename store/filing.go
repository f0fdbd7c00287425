package store

import (
	"context"
	"slices"
	"strings"

	"consilium/fault"
	"consilium/store/migrations"
)

// How a new object changes its study and series.

// studyKeys are the attributes that every object of a study repeats. The first
// object that has one decides.
func (i Instance) studyKeys() []string {
	return []string{i.Patient.ID, i.Patient.Name, i.Patient.BirthDate, i.Patient.Sex,
		i.StudyDate, i.StudyTime, i.Accession, i.StudyID, i.Referring, i.StudyDescription}
}

const studyKeyColumns = "patient_id, patient_name, birth_date, sex, study_date, study_time, accession, study_id, referring, description"

// folded are name_key, referring_key and search_key for keys as studyKeys orders them.
func folded(keys []string) []string {
	return []string{fold(keys[1]), fold(keys[8]), fold(strings.Join([]string{keys[1], keys[0], keys[6], keys[9], keys[8]}, "\n"))}
}

// holding is what a study has before an object is added.
type holding struct {
	keys       []string
	modalities string
}

func scanHolding(r scanner) (holding, error) {
	h := holding{keys: make([]string, 10)}
	into := []any{&h.modalities}
	for k := range h.keys {
		into = append(into, &h.keys[k])
	}
	return h, r.Scan(into...)
}

// holdStudy finds the study or makes it, and holds its row until the
// transaction ends: on PostgreSQL two objects of one study are filed one after
// the other. It refuses an object of another patient.
func (t *Tx) holdStudy(ctx context.Context, i Instance) (h holding, err error) {
	text := "SELECT modalities, " + studyKeyColumns + " FROM studies WHERE study_uid = ?"
	if t.s.dialect == migrations.Postgres {
		text += " FOR UPDATE"
	}
	for range 2 {
		found, err := all(ctx, t, "the study could not be read", scanHolding, text, i.Study)
		if err != nil {
			return h, err
		}
		if len(found) > 0 {
			if p := found[0].keys[0]; p != i.Patient.ID && i.Patient.ID != "" && p != "" {
				return h, fault.New(fault.Conflict, "the study is stored with another patient ID", "find out whose it is: one of the two is wrong")
			}
			return found[0], nil
		}
		args := slices.Concat([]any{i.Study}, anys(i.studyKeys()), anys(folded(i.studyKeys())), []any{micros(i.Received), micros(i.Received), string(StateReceiving)})
		_, err = t.exec(ctx, "INSERT INTO studies (study_uid, "+studyKeyColumns+`, name_key, referring_key, search_key, received_us, changed_us, state,
			modalities, synthetic, series, instances, bytes, urgency, headline, findings)
			VALUES (`+marks(len(args))+`, '', 0, 0, 0, 0, 0, '', 0) ON CONFLICT (study_uid) DO NOTHING`, args...)
		if err != nil {
			return h, failed(err, "the study was not filed")
		}
	}
	return h, fault.New(fault.Internal, "a study that was just filed is not there", "please report this")
}

// addToSeries counts the object in its series, which it makes when it is new.
func (t *Tx) addToSeries(ctx context.Context, i Instance) (isNew bool, err error) {
	n, err := t.exec(ctx, "UPDATE series SET instances = instances + 1 WHERE study_uid = ? AND series_uid = ?", i.Study, i.Series)
	if err != nil || n == 1 {
		return false, failed(err, "the series was not counted")
	}
	_, err = t.exec(ctx, `INSERT INTO series (study_uid, series_uid, modality, number, description, body_part, manufacturer, device,
		data_class, result, instances, received_us) VALUES (`+marks(12)+`)`,
		i.Study, i.Series, i.Modality, i.SeriesNumber, i.SeriesDescription, i.BodyPart, i.Manufacturer, i.Device,
		string(i.DataClass()), bit(i.Result), 1, micros(i.Received))
	return true, failed(err, "the series was not filed")
}

// addToStudy counts the object in its study, and fills in what the study lacked.
func (t *Tx) addToStudy(ctx context.Context, h holding, i Instance, newSeries bool) error {
	_, err := t.exec(ctx, `UPDATE studies SET instances = instances + 1, bytes = bytes + ?, changed_us = ?, series = series + ?,
		modalities = ?, synthetic = CASE WHEN ? = 1 THEN 1 ELSE synthetic END WHERE study_uid = ?`,
		i.Size, micros(i.Received), bit(newSeries), joinModality(h.modalities, i.Modality), bit(i.Synthetic), i.Study)
	if err != nil {
		return failed(err, "the study was not counted")
	}
	keys, fills := slices.Clone(h.keys), false
	for k, v := range i.studyKeys() {
		if keys[k] == "" && v != "" {
			keys[k], fills = v, true
		}
	}
	if !fills {
		return nil
	}
	args := slices.Concat(anys(keys), anys(folded(keys)), []any{i.Study})
	_, err = t.exec(ctx, "UPDATE studies SET "+strings.ReplaceAll(studyKeyColumns, ",", " = ?,")+
		" = ?, name_key = ?, referring_key = ?, search_key = ? WHERE study_uid = ?", args...)
	return failed(err, "the study was not filled in")
}

// joinModality adds to a sorted list without doubles.
func joinModality(list, m string) string {
	all := splitNonEmpty(list)
	if at, found := slices.BinarySearch(all, m); !found && m != "" {
		all = slices.Insert(all, at, m)
	}
	return strings.Join(all, `\`)
}
