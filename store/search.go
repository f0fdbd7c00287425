package store

import (
	"context"
	"time"

	"consilium/fault"
	"consilium/store/migrations"
)

// StudyQuery asks for studies. Empty fields leave a condition out. Text
// matches by DICOM wildcards: * is any text, ? is any character. Names are
// compared without case and accents.
type StudyQuery struct {
	UIDs                   []string
	PatientName, PatientID string
	Accession, Description string
	StudyID, Referring     string
	DateFrom, DateTo       string // YYYYMMDD, both included
	TimeFrom, TimeTo       string // HHMMSS, both included
	BirthFrom, BirthTo     string
	Modalities             []string // the study has one of these
	States                 []State
	Urgencies              []Urgency
	Text                   string // a part of a name, patient ID, accession or description
	Order                  Order
	Limit                  int // 0 = DefaultLimit; at most MaxLimit
	Offset                 int // at most MaxOffset
	CountTo                int // matches are counted this far; 0 = CountLimit
}

// Order of a list of studies.
type Order int

// Orders; studies of the same rank come latest first.
const (
	ByReceived Order = iota // latest first
	ByUrgency               // most urgent first
	ByDate                  // latest study date first
)

// Limits of a list. Who needs more narrows the question.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
	MaxOffset    = 10_000
	CountLimit   = 500
)

// page puts limit and offset into their bounds.
func page(limit, offset int) (int, int, error) {
	if offset < 0 || offset > MaxOffset {
		return 0, 0, fault.New(fault.InputRange, "the list is not paged that far", "narrow the search")
	}
	if limit <= 0 {
		limit = DefaultLimit
	}
	return min(limit, MaxLimit), offset, nil
}

// Studies lists the studies that match and that the reader may see. The total
// counts them all, but no further than q.CountTo and the page go: a total of
// CountTo or above says "this many or more".
func (s *Store) Studies(ctx context.Context, r Reader, q StudyQuery) (found []Study, total int, err error) {
	if err := r.check(); err != nil {
		return nil, 0, err
	}
	if q.Limit, q.Offset, err = page(q.Limit, q.Offset); err != nil {
		return nil, 0, err
	}
	if q.CountTo <= 0 {
		q.CountTo = CountLimit
	}
	c := q.conditions()
	may, args := r.maySeeStudy(time.Now())
	c.add(may, args...)
	from := "studies"
	if s.dialect == migrations.SQLite {
		if from, err = s.plan(ctx, r, q, c); err != nil {
			return nil, 0, err
		}
	}
	// One pass finds page and total: the ids in order, as far as either needs.
	order := " ORDER BY " + orders[q.Order].columns
	ids, err := all(ctx, s, "the studies could not be listed", value[int64],
		"SELECT studies.id FROM "+from+c.where()+order+" LIMIT ?", append(c.args, max(q.CountTo, q.Offset+q.Limit))...)
	if err != nil {
		return nil, 0, err
	}
	total = len(ids)
	ids = ids[min(q.Offset, len(ids)):min(q.Offset+q.Limit, len(ids))]
	if len(ids) == 0 {
		return nil, total, nil
	}
	found, err = all(ctx, s, "the studies could not be listed", scanStudy,
		"SELECT "+studyColumns+" FROM studies WHERE id IN ("+marks(len(ids))+")"+order, anys(ids)...)
	return found, total, err
}

func (q StudyQuery) conditions() *conditions {
	c := &conditions{}
	if len(q.UIDs) > 0 {
		c.add("studies.study_uid IN ("+marks(len(q.UIDs))+")", anys(q.UIDs)...)
	}
	c.match("studies.name_key", fold(q.PatientName))
	c.match("studies.patient_id", q.PatientID)
	c.match("studies.accession", q.Accession)
	c.match("studies.description", q.Description)
	c.match("studies.study_id", q.StudyID)
	c.match("studies.referring_key", fold(q.Referring))
	c.between("studies.study_date", q.DateFrom, q.DateTo)
	c.between("studies.study_time", q.TimeFrom, endOf(q.TimeTo))
	c.between("studies.birth_date", q.BirthFrom, q.BirthTo)
	c.match("studies.search_key", q.textPattern())
	if len(q.Modalities) > 0 {
		c.add("EXISTS (SELECT 1 FROM series m WHERE m.study_uid = studies.study_uid AND m.modality IN ("+marks(len(q.Modalities))+"))", anys(q.Modalities)...)
	}
	c.in("studies.state", anys(q.States))
	c.in("studies.urgency", anys(q.Urgencies))
	return c
}

func (q StudyQuery) textPattern() string {
	if q.Text == "" {
		return ""
	}
	return "*" + escapeWildcards(fold(q.Text)) + "*"
}

// Quiet lists up to limit studies in a state of which nothing arrived since
// before, the longest quiet first. It names studies and tells nothing about them.
func (s *Store) Quiet(ctx context.Context, state State, before time.Time, limit int) ([]string, error) {
	return all(ctx, s, "the quiet studies could not be listed", value[string],
		"SELECT study_uid FROM studies WHERE state = ? AND changed_us <= ? ORDER BY changed_us LIMIT ?", string(state), micros(before), limit)
}
