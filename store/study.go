package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"consilium/fault"
)

// State of a study in the node.
type State string

// States. SetState moves a study from one to another.
const (
	StateReceiving  State = "receiving"
	StateQueued     State = "queued"
	StateDiagnosing State = "diagnosing"
	StateReady      State = "ready"
	StateFailed     State = "failed"
	StateSigned     State = "signed"
)

// Urgency of a study's most urgent finding; the worklist puts high ones first.
type Urgency int

// Urgencies.
const (
	UrgencyNone Urgency = iota
	UrgencyRoutine
	UrgencyUrgent
	UrgencyCritical
)

var urgencyNames = []string{"none", "routine", "urgent", "critical"}

func (u Urgency) String() string {
	if u < 0 || int(u) >= len(urgencyNames) {
		return urgencyNames[0]
	}
	return urgencyNames[u]
}

// ParseUrgency reads what String writes; false for anything else.
func ParseUrgency(s string) (Urgency, bool) {
	i := slices.Index(urgencyNames, s)
	return Urgency(max(i, 0)), i >= 0
}

// Study is one study as the worklist shows it.
type Study struct {
	UID                                    string
	Patient                                PatientKey
	Date, Time, ID, Accession, Description string
	Referring                              string
	Modalities                             []string // distinct, sorted
	Series, Instances                      int
	Bytes                                  int64
	Received, Changed                      time.Time // first and latest instance
	State                                  State
	Urgency                                Urgency
	Headline                               string // the most urgent answer in a few words
	Findings                               int
	Synthetic                              bool
}

const studyColumns = `studies.study_uid, studies.patient_id, studies.patient_name, studies.birth_date, studies.sex,
	studies.study_date, studies.study_time, studies.study_id, studies.accession, studies.description, studies.referring,
	studies.modalities, studies.series, studies.instances, studies.bytes, studies.received_us, studies.changed_us,
	studies.state, studies.urgency, studies.headline, studies.findings, studies.synthetic`

func scanStudy(r scanner) (s Study, err error) {
	row := studyRow{Study: &s}
	if err := r.Scan(row.into()...); err != nil {
		return s, err
	}
	row.settle()
	return s, nil
}

// studyRow takes studyColumns in.
type studyRow struct {
	*Study
	modalities        string
	received, changed int64
}

func (s *studyRow) into() []any {
	return []any{&s.UID, &s.Patient.ID, &s.Patient.Name, &s.Patient.BirthDate, &s.Patient.Sex,
		&s.Date, &s.Time, &s.ID, &s.Accession, &s.Description, &s.Referring,
		&s.modalities, &s.Series, &s.Instances, &s.Bytes, &s.received, &s.changed,
		&s.State, &s.Urgency, &s.Headline, &s.Findings, &s.Synthetic}
}

func (s *studyRow) settle() {
	s.Modalities = splitNonEmpty(s.modalities)
	s.Received, s.Changed = at(s.received), at(s.changed)
}

func splitNonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, `\`)
}

// Study finds one study. Errors: NOT_FOUND, CONSENT_WITHHELD.
func (s *Store) Study(ctx context.Context, r Reader, uid string) (Study, error) {
	if err := r.check(); err != nil {
		return Study{}, err
	}
	may, args := r.maySeeStudy(time.Now())
	found, err := all(ctx, s, "the study could not be looked up", scanStudy,
		"SELECT "+studyColumns+" FROM studies WHERE study_uid = ? AND "+may, append([]any{uid}, args...)...)
	if err == nil && len(found) == 0 {
		_, err = one(ctx, s, "there is no such study", value[int], "SELECT 1 FROM studies WHERE study_uid = ?", uid)
		if err == nil {
			err = r.withheld()
		}
	}
	if err != nil {
		return Study{}, err
	}
	return found[0], nil
}

// SetState moves a study into a state, if it is in one of those named (none:
// whatever it is in). Errors: NOT_FOUND, CONFLICT when it is in another state.
func (s *Store) SetState(ctx context.Context, study string, from []State, to State) error {
	return s.Tx(ctx, func(tx *Tx) error { return tx.SetState(ctx, study, from, to) })
}

// SetState is Store.SetState inside a transaction.
func (t *Tx) SetState(ctx context.Context, study string, from []State, to State) error {
	text, args := "UPDATE studies SET state = ? WHERE study_uid = ?", []any{string(to), study}
	if len(from) > 0 {
		text += " AND state IN (" + marks(len(from)) + ")"
		for _, f := range from {
			args = append(args, string(f))
		}
	}
	n, err := t.exec(ctx, text, args...)
	if err != nil {
		return failed(err, "the study's state was not changed")
	}
	if n == 1 {
		return nil
	}
	now, err := one(ctx, t, "there is no such study", value[string], "SELECT state FROM studies WHERE study_uid = ?", study)
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, fmt.Sprintf("the study is %s and cannot become %s", now, to), "read the study again")
}

// SetOutcome writes what the worklist shows of a study's assessment.
func (t *Tx) SetOutcome(ctx context.Context, study string, u Urgency, headline string, findings int) error {
	n, err := t.exec(ctx, "UPDATE studies SET urgency = ?, headline = ?, findings = ? WHERE study_uid = ?", int(u), clean(headline), findings, study)
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "there is no such study", "check the identifier")
	}
	return failed(err, "the outcome was not stored")
}
