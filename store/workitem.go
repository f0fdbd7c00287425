package store

import (
	"context"
	"fmt"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// States of a workitem (PS3.4 table CC.1.1-1).
const (
	WorkScheduled  = "SCHEDULED"
	WorkInProgress = "IN PROGRESS"
	WorkCompleted  = "COMPLETED"
	WorkCanceled   = "CANCELED"
)

// Workitem is one unified procedure step. Package dicomweb knows what is in
// the body; here are the keys that a worklist is searched by.
type Workitem struct {
	UID              string
	State            string
	Transaction      string // UID that whoever claimed it must show; "" = nobody has
	Performer        string
	Priority, Label  string
	Patient          PatientKey // ID and Name
	Accession        string
	Scheduled        string // DT
	Created, Changed time.Time
	Body             []byte // DICOM JSON
}

const workitemColumns = "uid, state, transaction_id, performer, priority, label, patient_id, name_key, accession, scheduled, created_us, changed_us, body"

func scanWorkitem(r scanner) (w Workitem, err error) {
	var created, changed int64
	var body string
	err = r.Scan(&w.UID, &w.State, &w.Transaction, &w.Performer, &w.Priority, &w.Label, &w.Patient.ID, &w.Patient.Name, &w.Accession,
		&w.Scheduled, &created, &changed, &body)
	w.Created, w.Changed, w.Body = at(created), at(changed), []byte(body)
	return w, err
}

// MaxWorkitem bounds the body of a workitem.
const MaxWorkitem = 1 << 20 // bytes

// AddWorkitem files a new workitem. Errors: CONFLICT when its UID is taken.
func (s *Store) AddWorkitem(ctx context.Context, w Workitem) error {
	if !ValidUID(w.UID) || len(w.Body) > MaxWorkitem {
		return fault.New(fault.InputMalformed, "the workitem has no proper UID, or is too large", "a UID is up to 64 digits and dots")
	}
	return s.Tx(ctx, func(t *Tx) error {
		there, err := all(ctx, t, "the workitem could not be looked up", value[int], "SELECT 1 FROM workitems WHERE uid = ?", w.UID)
		if err != nil {
			return err
		}
		if len(there) > 0 {
			return fault.New(fault.Conflict, "a workitem of this UID is there already", "give it a UID of its own")
		}
		now := time.Now()
		_, err = t.exec(ctx, "INSERT INTO workitems ("+workitemColumns+") VALUES ("+marks(13)+")",
			w.UID, w.State, w.Transaction, clean(w.Performer), clean(w.Priority), clean(w.Label), clean(w.Patient.ID), fold(clean(w.Patient.Name)), clean(w.Accession),
			clean(w.Scheduled), micros(now), micros(now), string(w.Body))
		return failed(err, "the workitem was not stored")
	})
}

// Workitem finds one. Errors: NOT_FOUND, CONSENT_WITHHELD.
func (s *Store) Workitem(ctx context.Context, r Reader, uid string) (Workitem, error) {
	if err := r.check(); err != nil {
		return Workitem{}, err
	}
	may, args := r.may("workitems.patient_id", "'"+string(clinical.ClassRecord)+"'", time.Now())
	found, err := all(ctx, s, "the workitem could not be looked up", scanWorkitem, "SELECT "+workitemColumns+" FROM workitems WHERE uid = ? AND "+may, append([]any{uid}, args...)...)
	if err == nil && len(found) == 0 {
		if _, err = one(ctx, s, "there is no such workitem", value[int], "SELECT 1 FROM workitems WHERE uid = ?", uid); err == nil {
			err = r.withheld()
		}
	}
	if err != nil {
		return Workitem{}, err
	}
	return found[0], nil
}

// WorkitemQuery asks for workitems. Empty fields leave a condition out; text
// matches by DICOM wildcards.
type WorkitemQuery struct {
	UIDs                       []string
	State, Priority, Label     string
	PatientID, PatientName     string
	Accession                  string
	ScheduledFrom, ScheduledTo string // DT, both included
	Limit, Offset              int
}

// Workitems lists workitems, the oldest first.
func (s *Store) Workitems(ctx context.Context, r Reader, q WorkitemQuery) ([]Workitem, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	limit, offset, err := page(q.Limit, q.Offset)
	if err != nil {
		return nil, err
	}
	c := &conditions{}
	c.in("uid", anys(q.UIDs))
	c.match("state", q.State)
	c.match("priority", q.Priority)
	c.match("label", q.Label)
	c.match("workitems.patient_id", q.PatientID)
	c.match("name_key", fold(q.PatientName))
	c.match("accession", q.Accession)
	c.between("scheduled", q.ScheduledFrom, endOf(q.ScheduledTo))
	may, args := r.may("workitems.patient_id", "'"+string(clinical.ClassRecord)+"'", time.Now())
	c.add(may, args...)
	return all(ctx, s, "the workitems could not be listed", scanWorkitem,
		"SELECT "+workitemColumns+" FROM workitems"+c.where()+" ORDER BY created_us, uid LIMIT ? OFFSET ?", append(c.args, limit, offset)...)
}

// ChangeWorkitem lets change make a new version of a workitem and keeps it, in
// one step: of two that change it at once the second sees the first's. What
// change returns as error is returned. Errors: NOT_FOUND, CONFLICT after
// others were faster too often.
func (s *Store) ChangeWorkitem(ctx context.Context, uid string, change func(*Workitem) error) error {
	return s.Tx(ctx, func(t *Tx) error {
		w, err := one(ctx, t, "there is no such workitem", scanWorkitem, "SELECT "+workitemColumns+" FROM workitems WHERE uid = ?", uid)
		if err != nil {
			return err
		}
		before := w.Changed
		if err := change(&w); err != nil {
			return err
		}
		if len(w.Body) > MaxWorkitem {
			return fault.New(fault.InputTooLarge, fmt.Sprintf("a workitem of %d bytes; the limit is %d", len(w.Body), MaxWorkitem), "refer to results instead of including them")
		}
		now := max(micros(time.Now()), micros(before)+1)
		n, err := t.exec(ctx, `UPDATE workitems SET state = ?, transaction_id = ?, performer = ?, priority = ?, label = ?, scheduled = ?, changed_us = ?, body = ?
			WHERE uid = ? AND changed_us = ?`, w.State, w.Transaction, clean(w.Performer), clean(w.Priority), clean(w.Label), clean(w.Scheduled), now, string(w.Body), uid, micros(before))
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "the workitem was changed by another at the same moment", "read it again")
		}
		return failed(err, "the workitem was not changed")
	})
}
