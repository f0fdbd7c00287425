package dicomweb

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"consilium/dicom"
	"consilium/fault"
	"consilium/store"
)

// workKeys are the attributes that a worklist is searched by.
var workKeys = map[string]func(q *store.WorkitemQuery, v string) error{
	dicom.SOPInstanceUID.Keyword():                      func(q *store.WorkitemQuery, v string) error { return uidList(&q.UIDs, v) },
	dicom.ProcedureStepState.Keyword():                  func(q *store.WorkitemQuery, v string) error { q.State = v; return nil },
	dicom.ScheduledProcedureStepPriority.Keyword():      func(q *store.WorkitemQuery, v string) error { q.Priority = v; return nil },
	dicom.ProcedureStepLabel.Keyword():                  func(q *store.WorkitemQuery, v string) error { q.Label = v; return nil },
	dicom.PatientID.Keyword():                           func(q *store.WorkitemQuery, v string) error { q.PatientID = v; return nil },
	dicom.PatientName.Keyword():                         func(q *store.WorkitemQuery, v string) error { q.PatientName = v; return nil },
	dicom.AccessionNumber.Keyword():                     func(q *store.WorkitemQuery, v string) error { q.Accession = v; return nil },
	dicom.ScheduledProcedureStepStartDateTime.Keyword(): func(q *store.WorkitemQuery, v string) error { return span(&q.ScheduledFrom, &q.ScheduledTo, v, 0) },
}

func parseWorkQuestion(raw string) (q store.WorkitemQuery, warnings []string, err error) {
	if len(raw) > maxQuery {
		return q, nil, fault.New(fault.InputTooLarge, fmt.Sprintf("the query has %d bytes; the limit is %d", len(raw), maxQuery), "ask for less at once")
	}
	list, err := url.ParseQuery(raw)
	if err != nil {
		return q, nil, fault.New(fault.InputMalformed, "the query cannot be read", "encode it as RFC 3986 says")
	}
	for name, all := range list {
		v := strings.Join(all, ",")
		keyword := name[strings.LastIndex(name, ".")+1:] // ReferencedRequestSequence.AccessionNumber
		if t, err := dicom.ParseTag(keyword); err == nil {
			keyword = t.Keyword()
		}
		switch key := workKeys[keyword]; {
		case name == "limit":
			err = count(&q.Limit, name, v)
		case name == "offset":
			err = count(&q.Offset, name, v)
		case name == "includefield" || name == "accept" || v == "":
		case key == nil:
			warnings = append(warnings, fmt.Sprintf("%.64q is not matched", name))
		default:
			err = key(&q, v)
		}
		if err != nil {
			return q, nil, err
		}
	}
	slices.Sort(warnings)
	return q, warnings, nil
}
