package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// Reader is who reads patient data, by what for. Every method that returns
// patient data takes one, and consent is part of its SQL: there is no way
// around it.
type Reader struct{ Purpose clinical.Purpose }

// Care is the reader of those who treat the patient, and of the node itself.
var Care = Reader{clinical.PurposeCare}

func (r Reader) check() error {
	if !slices.Contains(clinical.Purposes(), r.Purpose) {
		return fault.New(fault.AccessDenied, fmt.Sprintf("patient data are not read without a purpose; %q is none", r.Purpose), "name one of care, quality, research, training, federation")
	}
	return nil
}

// may is the SQL condition that this reader may see data of a patient and a
// class, both given as columns, at that time. Care is open unless a denial
// covers the data; every other purpose is closed unless a permission does and
// no denial. Rules for class ” cover every class.
func (r Reader) may(patient, class string, now time.Time) (condition string, args []any) {
	rule := "EXISTS (SELECT 1 FROM consent_rules c WHERE c.patient_id = " + patient +
		" AND c.purpose = ? AND c.allow = %d AND c.class IN ('', " + class + ") AND c.from_us <= ? AND (c.until_us IS NULL OR c.until_us > ?))"
	denied := []any{string(r.Purpose), micros(now), micros(now)}
	condition, args = "NOT "+fmt.Sprintf(rule, 0), denied
	if r.Purpose != clinical.PurposeCare {
		condition, args = condition+" AND "+fmt.Sprintf(rule, 1), slices.Concat(denied, denied)
	}
	return "(" + condition + ")", args
}

// maySeeStudy is may for a row of studies: it is seen when one of its series is.
// Most patients have no rule at all, which the first half finds out without
// looking at the series.
func (r Reader) maySeeStudy(now time.Time) (condition string, args []any) {
	series, args := r.may("studies.patient_id", "series.data_class", now)
	condition = "EXISTS (SELECT 1 FROM series WHERE series.study_uid = studies.study_uid AND " + series + ")"
	if r.Purpose == clinical.PurposeCare {
		condition = "(NOT EXISTS (SELECT 1 FROM consent_rules d WHERE d.patient_id = studies.patient_id AND d.purpose = ? AND d.allow = 0) OR " + condition + ")"
		return condition, append([]any{string(r.Purpose)}, args...)
	}
	condition = "(EXISTS (SELECT 1 FROM consent_rules d WHERE d.patient_id = studies.patient_id AND d.purpose = ? AND d.allow = 1) AND " + condition + ")"
	return condition, append([]any{string(r.Purpose)}, args...)
}

// withheld tells why a thing that exists is not shown.
func (r Reader) withheld() error {
	return fault.New(fault.ConsentWithheld, fmt.Sprintf("the patient's consent does not cover reading this for %s", r.Purpose), "ask the patient, and record the consent")
}

// ConsentRule is one interval in which a patient's data of a class may, or may
// not, be read for a purpose. The zero Until is "until changed".
type ConsentRule struct {
	Purpose     clinical.Purpose
	Class       clinical.DataClass
	From, Until time.Time
	Allow       bool
}

// ReplaceConsent puts rules in the place of all that a patient had. Readers
// obey from the commit on. The rules of one purpose and class do not overlap.
func (t *Tx) ReplaceConsent(ctx context.Context, patient string, rules []ConsentRule) error {
	patient = clean(patient)
	if patient == "" {
		return fault.New(fault.InputMissing, "consent needs a patient ID", "give the one that the studies carry")
	}
	if _, err := t.exec(ctx, "DELETE FROM consent_rules WHERE patient_id = ?", patient); err != nil {
		return failed(err, "the consent was not stored")
	}
	for _, r := range rules {
		_, err := t.exec(ctx, "INSERT INTO consent_rules (patient_id, purpose, class, from_us, until_us, allow) VALUES ("+marks(6)+")",
			patient, string(r.Purpose), string(r.Class), micros(r.From), orNull(r.Until), bit(r.Allow))
		if err != nil {
			return failed(err, "the consent was not stored")
		}
	}
	return nil
}
