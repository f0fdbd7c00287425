package store

import (
	"context"
	"database/sql"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// ConsentRecord is one thing that a patient decided. Records are never changed
// or removed: a later one overrules an earlier one.
type ConsentRecord struct {
	ID       string             `json:"id"`
	Number   int64              `json:"number"` // counts the patient's records
	Patient  string             `json:"patient"`
	Purpose  clinical.Purpose   `json:"purpose"`
	Class    clinical.DataClass `json:"dataClass"` // "" = every class
	Decision string             `json:"decision"`  // "permit", "deny" or "withdraw"
	From     time.Time          `json:"from"`
	Until    time.Time          `json:"until,omitzero"` // zero = no end
	Text     string             `json:"text"`           // version of the text that the patient was shown
	By       string             `json:"by"`             // who recorded it
	At       time.Time          `json:"at"`             // when
}

const consentColumns = "id, number, patient_id, purpose, class, decision, from_us, until_us, text, made_by, made_us"

func scanConsent(r scanner) (ConsentRecord, error) {
	var c ConsentRecord
	var from, made int64
	var until sql.NullInt64
	err := r.Scan(&c.ID, &c.Number, &c.Patient, &c.Purpose, &c.Class, &c.Decision, &from, &until, &c.Text, &c.By, &made)
	c.From, c.Until, c.At = at(from), at(until.Int64), at(made)
	return c, err
}

// AddConsent keeps a record and numbers it. Another record of the same patient
// at the same moment gives CONFLICT.
func (t *Tx) AddConsent(ctx context.Context, c *ConsentRecord) error {
	if c.Patient = clean(c.Patient); c.Patient == "" {
		return fault.New(fault.InputMissing, "consent needs a patient ID", "give the one that the studies carry")
	}
	next, err := one(ctx, t, "the consent was not stored", value[int64], "SELECT COALESCE(MAX(number), 0) + 1 FROM consent_records WHERE patient_id = ?", c.Patient)
	if err != nil {
		return err
	}
	c.Number = next
	_, err = t.exec(ctx, "INSERT INTO consent_records ("+consentColumns+") VALUES ("+marks(11)+")",
		c.ID, c.Number, c.Patient, string(c.Purpose), string(c.Class), c.Decision, micros(c.From), orNull(c.Until), clean(c.Text), clean(c.By), micros(c.At))
	return failed(err, "the consent was not stored")
}

const maxConsents = 10_000 // of one patient

// Consents gives a patient's records in the order they were made.
func (s *Store) Consents(ctx context.Context, patient string) ([]ConsentRecord, error) {
	return consents(ctx, s, patient)
}

// Consents is Store.Consents within the transaction.
func (t *Tx) Consents(ctx context.Context, patient string) ([]ConsentRecord, error) {
	return consents(ctx, t, patient)
}

func consents(ctx context.Context, q querier, patient string) ([]ConsentRecord, error) {
	return all(ctx, q, "the consent cannot be read", scanConsent,
		"SELECT "+consentColumns+" FROM consent_records WHERE patient_id = ? ORDER BY number LIMIT ?", clean(patient), maxConsents)
}
