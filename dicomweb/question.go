package dicomweb

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

// question is a search as PS3.18 section 8.3.4 writes it.
type question struct {
	study         store.StudyQuery
	series        store.SeriesQuery
	instance      store.InstanceQuery
	limit, offset int
	warnings      []string // what was asked for and is not done
}

const (
	maxQuery     = 16 << 10           // bytes
	maxUIDs      = 500                // in one list
	defaultLimit = 200                // answers, when the caller names no limit
	maxLimit     = store.MaxLimit - 1 // one more is asked for, to know whether there is more
)

// keys are the attributes that can be matched, each with what it narrows.
var keys = map[dicom.Tag]func(q *question, v string) error{
	dicom.StudyInstanceUID:       func(q *question, v string) error { return uidList(&q.study.UIDs, v) },
	dicom.StudyDate:              func(q *question, v string) error { return span(&q.study.DateFrom, &q.study.DateTo, v, 8) },
	dicom.StudyTime:              func(q *question, v string) error { return span(&q.study.TimeFrom, &q.study.TimeTo, v, 0) },
	dicom.AccessionNumber:        func(q *question, v string) error { q.study.Accession = v; return nil },
	dicom.ReferringPhysicianName: func(q *question, v string) error { q.study.Referring = v; return nil },
	dicom.StudyDescription:       func(q *question, v string) error { q.study.Description = v; return nil },
	dicom.StudyID:                func(q *question, v string) error { q.study.StudyID = v; return nil },
	dicom.PatientName:            func(q *question, v string) error { q.study.PatientName = v; return nil },
	dicom.PatientID:              func(q *question, v string) error { q.study.PatientID = v; return nil },
	dicom.PatientBirthDate:       func(q *question, v string) error { return span(&q.study.BirthFrom, &q.study.BirthTo, v, 8) },
	dicom.ModalitiesInStudy:      func(q *question, v string) error { q.study.Modalities = values(v); return nil },
	dicom.SeriesInstanceUID:      func(q *question, v string) error { return uidList(&q.series.UIDs, v) },
	dicom.Modality:               func(q *question, v string) error { q.series.Modality = v; return nil },
	dicom.SeriesDescription:      func(q *question, v string) error { q.series.Description = v; return nil },
	dicom.BodyPartExamined:       func(q *question, v string) error { q.series.BodyPart = v; return nil },
	dicom.Manufacturer:           func(q *question, v string) error { q.series.Manufacturer = v; return nil },
	dicom.SeriesNumber:           func(q *question, v string) error { return number(&q.series.Number, v) },
	dicom.SOPInstanceUID:         func(q *question, v string) error { return uidList(&q.instance.UIDs, v) },
	dicom.SOPClassUID:            func(q *question, v string) error { return uidList(&q.instance.Classes, v) },
	dicom.InstanceNumber:         func(q *question, v string) error { return number(&q.instance.Number, v) },
}

// parseQuestion reads the query part of a search. Keys that cannot be matched
// become warnings, as PS3.18 wants; a value that cannot be read is an error.
func parseQuestion(raw string) (*question, error) {
	if len(raw) > maxQuery {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("the query has %d bytes; the limit is %d", len(raw), maxQuery), "ask for less at once")
	}
	list, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fault.New(fault.InputMalformed, "the query cannot be read", "encode it as RFC 3986 says")
	}
	q := &question{}
	names := make([]string, 0, len(list))
	for name := range list {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := q.add(name, list[name]); err != nil {
			return nil, err
		}
	}
	if q.limit == 0 {
		q.limit = defaultLimit
	}
	q.limit = min(q.limit, maxLimit)
	return q, nil
}

func (q *question) add(name string, all []string) error {
	v := all[len(all)-1]
	switch name {
	case "limit":
		return count(&q.limit, name, v)
	case "offset":
		return count(&q.offset, name, v)
	case "fuzzymatching":
		if v == "true" {
			q.warnings = append(q.warnings, "The fuzzymatching parameter is not supported. Only literal matching has been performed.")
		}
		return nil
	case "includefield", "accept": // every attribute that the index has is in every answer
		return nil
	}
	t, err := dicom.ParseTag(name)
	key := keys[t]
	if err != nil || key == nil {
		q.warnings = append(q.warnings, fmt.Sprintf("%.64q is not matched", name))
		return nil
	}
	if len(all) > 1 { // a list may be written as the key again and again
		v = strings.Join(all, ",")
	}
	if v == "" {
		return nil // universal matching
	}
	return key(q, v)
}

// values splits a list at commas or backslashes.
func values(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == '\\' })
}

func uidList(to *[]string, v string) error {
	list := values(v)
	if len(list) > maxUIDs {
		return fault.New(fault.InputTooLarge, fmt.Sprintf("a list of %d UIDs; the limit is %d", len(list), maxUIDs), "ask for less at once")
	}
	for _, uid := range list {
		if !store.ValidUID(uid) {
			return fault.New(fault.InputMalformed, fmt.Sprintf("%.80q is no UID", uid), "UIDs are matched whole, or as a list of them")
		}
	}
	*to = list
	return nil
}

// span reads a date or time, or a range of them: "a", "a-b", "a-", "-b".
func span(from, to *string, v string, length int) error {
	first, last, ranged := strings.Cut(v, "-")
	if !ranged {
		last = first
	}
	for _, end := range []string{first, last} {
		if strings.Trim(end, "0123456789.") != "" || length > 0 && end != "" && len(end) != length || len(end) > 26 {
			return fault.New(fault.InputMalformed, fmt.Sprintf("%.40q is no date, time or range", v), "write YYYYMMDD or HHMMSS, and a range as from-to")
		}
	}
	if first == "" && last == "" {
		return fault.New(fault.InputMalformed, "a range has neither beginning nor end", "write it as from-to, from- or -to")
	}
	*from, *to = first, last
	return nil
}

func number(to **int, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil {
		return fault.New(fault.InputMalformed, fmt.Sprintf("%.40q is no number", v), "numbers are matched whole")
	}
	*to = &n
	return nil
}

func count(to *int, name, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return fault.New(fault.InputMalformed, fmt.Sprintf("%s is %.40q", name, v), "give a number of 0 or more")
	}
	*to = n
	return nil
}
