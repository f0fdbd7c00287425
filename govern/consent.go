package govern

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"consilium/clinical"
	"consilium/fault"
	"consilium/store"
)

// ConsentRecord is one thing that a patient decided, kept for ever.
type ConsentRecord = store.ConsentRecord

// Decisions of a consent record.
const (
	Permit   = "permit"
	Deny     = "deny"
	Withdraw = "withdraw" // what was decided before no longer holds from this moment on
)

// Consents records what patients decide. The rules that follow are in force
// when Record or Withdraw returns: store puts them into every read.
type Consents struct {
	Store *store.Store

	// Note, when given, puts an audit event into the transaction of the record.
	Note func(ctx context.Context, t *store.Tx, e Event) error
	Now  func() time.Time // nil = time.Now
}

func (c *Consents) now() time.Time {
	if c.Now == nil {
		return time.Now().UTC().Truncate(time.Microsecond)
	}
	return c.Now().UTC().Truncate(time.Microsecond)
}

// Record keeps a decision and brings it into force. Patient, Purpose, Decision
// and By are needed; From may lie in the future and is now when zero; Until
// zero is "until changed"; Text zero is the present version of the consent text.
func (c *Consents) Record(ctx context.Context, r ConsentRecord) (ConsentRecord, error) {
	for attempt := 0; ; attempt++ {
		var out ConsentRecord
		err := c.Store.Tx(ctx, func(t *store.Tx) (err error) {
			out, err = c.RecordIn(ctx, t, r)
			return err
		})
		if fault.CodeOf(err) == fault.Conflict && attempt < 5 {
			continue // another record of this patient came in between
		}
		return out, err
	}
}

// RecordIn is Record as a part of a transaction.
func (c *Consents) RecordIn(ctx context.Context, t *store.Tx, r ConsentRecord) (ConsentRecord, error) {
	r.At = c.now()
	if r.From.IsZero() {
		r.From = r.At
	}
	r.From, r.Until = r.From.UTC().Truncate(time.Microsecond), r.Until.UTC().Truncate(time.Microsecond)
	if r.Text == "" {
		if text, err := TextFor(r.Purpose); err == nil {
			r.Text = text.Version
		}
	}
	if err := checkRecord(r); err != nil {
		return ConsentRecord{}, err
	}
	r.ID = uuid.NewString()
	err := c.keep(ctx, t, &r)
	return r, err
}

// Withdraw takes back what a patient permitted or denied for a purpose and a
// class ("" = all classes): from now on there is no decision.
func (c *Consents) Withdraw(ctx context.Context, patient string, purpose clinical.Purpose, class clinical.DataClass, by string) (ConsentRecord, error) {
	return c.Record(ctx, ConsentRecord{Patient: patient, Purpose: purpose, Class: class, Decision: Withdraw, By: by})
}

func checkRecord(r ConsentRecord) error {
	wrong := func(what, do string) error { return fault.New(fault.InputMalformed, what, do) }
	switch {
	case r.Patient == "":
		return fault.New(fault.InputMissing, "consent needs a patient ID", "give the one that the studies carry")
	case !slices.Contains(clinical.Purposes(), r.Purpose):
		return wrong(fmt.Sprintf("there is no purpose %q", r.Purpose), "name one of care, quality, research, training, federation")
	case r.Class != clinical.ClassAll && !slices.Contains(classes, r.Class):
		return wrong(fmt.Sprintf("there is no class of data %q", r.Class), "name one of image, waveform, report, record, or none for all")
	case r.Decision != Permit && r.Decision != Deny && r.Decision != Withdraw:
		return wrong(fmt.Sprintf("there is no decision %q", r.Decision), "permit, deny or withdraw")
	case !r.Until.IsZero() && !r.Until.After(r.From):
		return wrong("the consent ends before it begins", "check the two dates")
	case r.From.Year() < 1900 || r.From.Year() > 9999 || r.Until.Year() > 9999:
		return wrong("the consent's time is out of range", "check the two dates")
	case r.By == "":
		return fault.New(fault.InputMissing, "consent needs who recorded it", "sign in")
	}
	return nil
}

// keep writes record, rules and audit event, all in one transaction.
func (c *Consents) keep(ctx context.Context, t *store.Tx, r *ConsentRecord) error {
	if err := t.AddConsent(ctx, r); err != nil {
		return err
	}
	records, err := t.Consents(ctx, r.Patient)
	if err != nil {
		return err
	}
	if err := t.ReplaceConsent(ctx, r.Patient, Rules(records, r.At)); err != nil {
		return err
	}
	if c.Note == nil {
		return nil
	}
	detail := map[string]string{"purpose": string(r.Purpose), "class": string(r.Class), "decision": r.Decision, "text": r.Text, "from": r.From.Format(time.RFC3339)}
	if !r.Until.IsZero() {
		detail["until"] = r.Until.Format(time.RFC3339)
	}
	return c.Note(ctx, t, Event{Time: r.At, Actor: r.By, Action: "consent.changed", Patient: r.Patient, Object: r.ID, Detail: detail})
}

// Records gives all that a patient decided, oldest first.
func (c *Consents) Records(ctx context.Context, patient string) ([]ConsentRecord, error) {
	return c.Store.Consents(ctx, patient)
}

// Explanation says whether data may be read, and why.
type Explanation struct {
	Allowed bool           `json:"allowed"`
	Why     string         `json:"why"`              // one sentence
	Record  *ConsentRecord `json:"record,omitempty"` // what decided; nil when nothing was recorded
}

// Explain says whether a patient's data of a class may be read for a purpose
// at a time, and which record decides it.
func (c *Consents) Explain(ctx context.Context, patient string, purpose clinical.Purpose, class clinical.DataClass, at time.Time) (Explanation, error) {
	records, err := c.Store.Consents(ctx, patient)
	if err != nil {
		return Explanation{}, err
	}
	return explain(records, purpose, class, at), nil
}

func explain(records []ConsentRecord, purpose clinical.Purpose, class clinical.DataClass, at time.Time) Explanation {
	byDefault := "is not open for " + string(purpose) + " unless the patient permits it"
	if purpose == clinical.PurposeCare {
		byDefault = "is open for care unless the patient objects"
	}
	e := Explanation{Allowed: purpose == clinical.PurposeCare, Why: "Nothing was recorded: the data " + byDefault + "."}
	for i := len(records) - 1; i >= 0; i-- {
		r := records[i]
		if !touches(r, purpose, class) || at.Before(r.From) || r.Decision != Withdraw && !r.Until.IsZero() && !at.Before(r.Until) {
			continue
		}
		e.Record = &records[i]
		day := r.At.Format("2 January 2006")
		switch r.Decision {
		case Permit:
			e.Allowed, e.Why = true, "Permitted by the patient; recorded on "+day+" by "+r.By+"."
		case Deny:
			e.Allowed, e.Why = false, "Refused by the patient; recorded on "+day+" by "+r.By+"."
		default:
			e.Why = "Earlier decisions were taken back on " + day + " by " + r.By + ": the data " + byDefault + "."
		}
		break
	}
	return e
}

// touches says whether a record is about a purpose and a class.
func touches(r ConsentRecord, purpose clinical.Purpose, class clinical.DataClass) bool {
	return r.Purpose == purpose && (r.Class == clinical.ClassAll || r.Class == class)
}
