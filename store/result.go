package store

import (
	"context"
	"time"

	"consilium/fault"
)

// Assessment is what the models said about a study, as its maker wrote it.
type Assessment struct {
	ID          string
	Study       string
	Fingerprint string // of the study's content and the models
	Made        time.Time
	Body        []byte   // JSON
	Pictures    []string // blobs
}

// AddAssessment keeps an assessment. added is false when one of the same study
// and fingerprint is there already: the work was done, and is not repeated.
func (t *Tx) AddAssessment(ctx context.Context, a Assessment) (added bool, err error) {
	n, err := t.exec(ctx, `INSERT INTO assessments (id, study_uid, fingerprint, made_us, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (study_uid, fingerprint) DO NOTHING`, a.ID, a.Study, a.Fingerprint, micros(a.Made), string(a.Body))
	if err != nil || n == 0 {
		return false, failed(err, "the assessment was not stored")
	}
	for _, blob := range a.Pictures {
		if _, err := t.exec(ctx, `INSERT INTO pictures (assessment, blob) VALUES (?, ?) ON CONFLICT DO NOTHING`, a.ID, blob); err != nil {
			return false, failed(err, "the assessment was not stored")
		}
	}
	return true, nil
}

func scanAssessment(r scanner) (Assessment, error) {
	var a Assessment
	var made int64
	var body string
	err := r.Scan(&a.ID, &a.Study, &a.Fingerprint, &made, &body)
	a.Made, a.Body = at(made), []byte(body)
	return a, err
}

const assessmentColumns = `SELECT a.id, a.study_uid, a.fingerprint, a.made_us, a.body FROM assessments a `

// Assessment gives the latest assessment of a study that the reader may see.
// Errors: NOT_FOUND.
func (s *Store) Assessment(ctx context.Context, r Reader, study string) (Assessment, error) {
	if _, err := s.Study(ctx, r, study); err != nil {
		return Assessment{}, err
	}
	return one(ctx, s, "no assessment of study "+study, scanAssessment,
		assessmentColumns+`WHERE a.study_uid = ? ORDER BY a.made_us DESC, a.id LIMIT 1`, study)
}

// Assessed says whether a study was assessed with that fingerprint.
func (s *Store) Assessed(ctx context.Context, study, fingerprint string) (bool, error) {
	found, err := all(ctx, s, "the assessments cannot be read", value[int], `SELECT 1 FROM assessments WHERE study_uid = ? AND fingerprint = ?`, study, fingerprint)
	return len(found) > 0, err
}

// HasPicture says whether a blob is a picture of one of the study's assessments.
func (s *Store) HasPicture(ctx context.Context, study, blob string) (bool, error) {
	found, err := all(ctx, s, "the pictures cannot be read", value[int],
		`SELECT 1 FROM pictures p JOIN assessments a ON a.id = p.assessment WHERE a.study_uid = ? AND p.blob = ? LIMIT 1`, study, blob)
	return len(found) > 0, err
}

// Review is a person's decision about one finding.
type Review struct {
	Assessment string
	Finding    string
	Decision   string
	Answer     string
	Comment    string
	By         string
	At         time.Time
}

// PutReview keeps a decision in the place of an earlier one.
// Errors: CONFLICT when the assessment is signed.
func (t *Tx) PutReview(ctx context.Context, r Review) error {
	if err := t.unsigned(ctx, r.Assessment); err != nil {
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO reviews (assessment, finding, decision, answer, comment, by_name, at_us) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (assessment, finding) DO UPDATE SET decision = excluded.decision, answer = excluded.answer,
		comment = excluded.comment, by_name = excluded.by_name, at_us = excluded.at_us`,
		r.Assessment, r.Finding, r.Decision, r.Answer, r.Comment, r.By, micros(r.At))
	return failed(err, "the review was not stored")
}

// DropReview takes a decision back. Errors: CONFLICT when the assessment is signed.
func (t *Tx) DropReview(ctx context.Context, assessment, finding string) error {
	if err := t.unsigned(ctx, assessment); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM reviews WHERE assessment = ? AND finding = ?`, assessment, finding)
	return failed(err, "the review was not taken back")
}

func (t *Tx) unsigned(ctx context.Context, assessment string) error {
	signed, err := all(ctx, t, "the signature cannot be read", value[int], `SELECT 1 FROM signatures WHERE assessment = ?`, assessment)
	if err == nil && len(signed) > 0 {
		err = fault.New(fault.Conflict, "the assessment is signed", "have the study diagnosed again to start a new review")
	}
	return err
}

// Reviews gives the decisions about an assessment.
func (s *Store) Reviews(ctx context.Context, assessment string) ([]Review, error) {
	return reviews(ctx, s, assessment)
}

// Reviews gives the decisions about an assessment.
func (t *Tx) Reviews(ctx context.Context, assessment string) ([]Review, error) {
	return reviews(ctx, t, assessment)
}

func reviews(ctx context.Context, q querier, assessment string) ([]Review, error) {
	return all(ctx, q, "the reviews cannot be read", func(r scanner) (Review, error) {
		v := Review{Assessment: assessment}
		var us int64
		err := r.Scan(&v.Finding, &v.Decision, &v.Answer, &v.Comment, &v.By, &us)
		v.At = at(us)
		return v, err
	}, `SELECT finding, decision, answer, comment, by_name, at_us FROM reviews WHERE assessment = ? ORDER BY finding`, assessment)
}

// Signature ends the review of an assessment.
type Signature struct {
	Assessment  string
	By          string
	At          time.Time
	Attestation string
}

// Sign keeps a signature. Errors: CONFLICT when there is one.
func (t *Tx) Sign(ctx context.Context, g Signature) error {
	if err := t.unsigned(ctx, g.Assessment); err != nil {
		return err
	}
	_, err := t.exec(ctx, `INSERT INTO signatures (assessment, by_name, at_us, attestation) VALUES (?, ?, ?, ?)`, g.Assessment, g.By, micros(g.At), g.Attestation)
	return failed(err, "the signature was not stored")
}

// Signature of an assessment. Errors: NOT_FOUND.
func (s *Store) Signature(ctx context.Context, assessment string) (Signature, error) {
	return one(ctx, s, "the assessment is not signed", func(r scanner) (Signature, error) {
		g := Signature{Assessment: assessment}
		var us int64
		err := r.Scan(&g.By, &us, &g.Attestation)
		g.At = at(us)
		return g, err
	}, `SELECT by_name, at_us, attestation FROM signatures WHERE assessment = ?`, assessment)
}

// Failure tells why a study could not be assessed.
type Failure struct {
	Study          string
	Code, What, Do string
	At             time.Time
}

// PutFailure keeps the latest failure of a study.
func (t *Tx) PutFailure(ctx context.Context, f Failure) error {
	_, err := t.exec(ctx, `INSERT INTO failures (study_uid, code, what, todo, at_us) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (study_uid) DO UPDATE SET code = excluded.code, what = excluded.what, todo = excluded.todo, at_us = excluded.at_us`,
		f.Study, f.Code, clean(f.What), clean(f.Do), micros(f.At))
	return failed(err, "the failure was not stored")
}

// DropFailure forgets a study's failure: it was assessed after all.
func (t *Tx) DropFailure(ctx context.Context, study string) error {
	_, err := t.exec(ctx, `DELETE FROM failures WHERE study_uid = ?`, study)
	return failed(err, "the failure was not removed")
}

// Failure of a study. Errors: NOT_FOUND.
func (s *Store) Failure(ctx context.Context, study string) (Failure, error) {
	return one(ctx, s, "study "+study+" did not fail", func(r scanner) (Failure, error) {
		f := Failure{Study: study}
		var us int64
		err := r.Scan(&f.Code, &f.What, &f.Do, &us)
		f.At = at(us)
		return f, err
	}, `SELECT code, what, todo, at_us FROM failures WHERE study_uid = ?`, study)
}
