package store

import (
	"context"
	"strings"
	"time"

	"consilium/fault"
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
	Text                   string // a part of name, patient ID, accession or description
	Order                  Order
	Limit                  int // 0 = 50; at most MaxLimit
	Offset                 int // at most MaxOffset
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
	MaxOffset    = 100000
	CountLimit   = 1000 // matches are counted up to here
)

var orders = map[Order]string{
	ByReceived: "studies.received_us DESC",
	ByUrgency:  "studies.urgency DESC, studies.received_us DESC",
	ByDate:     "studies.study_date DESC, studies.study_time DESC",
}

// Studies lists the studies that match and that the reader may see. The total
// counts them all up to CountLimit; a total of CountLimit says "this many or more".
func (s *Store) Studies(ctx context.Context, r Reader, q StudyQuery) (found []Study, total int, err error) {
	if err := r.check(); err != nil {
		return nil, 0, err
	}
	if q.Limit <= 0 {
		q.Limit = DefaultLimit
	}
	q.Limit = min(q.Limit, MaxLimit)
	if q.Offset < 0 || q.Offset > MaxOffset {
		return nil, 0, fault.New(fault.InputRange, "the list is not paged that far", "narrow the search")
	}
	c := q.conditions()
	may, args := r.maySeeStudy(time.Now())
	c.add(may, args...)
	found, err = all(ctx, s, "the studies could not be listed", scanStudy,
		"SELECT "+studyColumns+" FROM studies"+c.where()+" ORDER BY "+orders[q.Order]+" LIMIT ? OFFSET ?",
		append(c.args, q.Limit, q.Offset)...)
	if err != nil {
		return nil, 0, err
	}
	if q.Offset == 0 && len(found) < q.Limit {
		return found, len(found), nil
	}
	total, err = one(ctx, s, "the studies could not be counted", value[int],
		"SELECT count(*) FROM (SELECT 1 FROM studies"+c.where()+" LIMIT ?) AS counted", append(c.args, CountLimit)...)
	return found, total, err
}

// conditions joined by AND.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(part string, args ...any) {
	c.parts, c.args = append(c.parts, part), append(c.args[:len(c.args):len(c.args)], args...)
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
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
	c.match("studies.referring", q.Referring)
	c.between("studies.study_date", q.DateFrom, q.DateTo)
	c.between("studies.study_time", q.TimeFrom, endOf(q.TimeTo))
	c.between("studies.birth_date", q.BirthFrom, q.BirthTo)
	if q.Text != "" {
		c.match("studies.search_key", "*"+escapeWildcards(fold(q.Text))+"*")
	}
	if len(q.Modalities) > 0 {
		c.add("EXISTS (SELECT 1 FROM series m WHERE m.study_uid = studies.study_uid AND m.modality IN ("+marks(len(q.Modalities))+"))", anys(q.Modalities)...)
	}
	if len(q.States) > 0 {
		c.add("studies.state IN ("+marks(len(q.States))+")", anys(q.States)...)
	}
	if len(q.Urgencies) > 0 {
		c.add("studies.urgency IN ("+marks(len(q.Urgencies))+")", anys(q.Urgencies)...)
	}
	return c
}

// Counts says how many studies are in each state, of those the reader may see.
func (s *Store) Counts(ctx context.Context, r Reader) (map[State]int, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	type count struct {
		state State
		n     int
	}
	may, args := r.maySeeStudy(time.Now())
	list, err := all(ctx, s, "the studies could not be counted", func(r scanner) (c count, err error) { return c, r.Scan(&c.state, &c.n) },
		"SELECT state, count(*) FROM studies WHERE "+may+" GROUP BY state", args...)
	counts := map[State]int{}
	for _, c := range list {
		counts[c.state] = c.n
	}
	return counts, err
}
