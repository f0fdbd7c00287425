package fhir

import (
	"net/http"

	"github.com/gofhir/models/r4"

	"consilium/fault"
)

// ptr is for the optional elements of typed resources.
func ptr[T any](v T) *T { return &v }

// optional is ptr, but nothing for a zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// answers maps codes to a status of HTTP and an issue type of R4.
var answers = map[fault.Code]struct {
	status int
	issue  r4.IssueType
}{
	fault.InputMalformed:   {http.StatusBadRequest, "structure"},
	fault.InputMissing:     {http.StatusBadRequest, "required"},
	fault.InputEmpty:       {http.StatusBadRequest, "required"},
	fault.InputRange:       {http.StatusBadRequest, "value"},
	fault.InputTooLarge:    {http.StatusRequestEntityTooLarge, "too-long"},
	fault.InputUnsupported: {http.StatusUnprocessableEntity, "not-supported"},
	fault.NotFound:         {http.StatusNotFound, "not-found"},
	fault.Conflict:         {http.StatusConflict, "conflict"},
	fault.AccessUnknown:    {http.StatusUnauthorized, "login"},
	fault.AccessDenied:     {http.StatusForbidden, "forbidden"},
	fault.AccessLimited:    {http.StatusTooManyRequests, "throttled"},
	fault.ConsentWithheld:  {http.StatusForbidden, "suppressed"},
	fault.Timeout:          {http.StatusServiceUnavailable, "timeout"},
	fault.Interrupted:      {http.StatusServiceUnavailable, "transient"},
	fault.StoreFull:        {http.StatusInsufficientStorage, "no-store"},
}

// OperationOutcome tells an error as an OperationOutcome, and its HTTP status. Errors
// that are ours alone keep their cause to the log.
func OperationOutcome(err error) (int, *r4.OperationOutcome) {
	e := fault.Of(err)
	answer, known := answers[e.Code]
	if !known {
		answer.status, answer.issue = http.StatusInternalServerError, "exception"
	}
	what := e.What
	if e.Err != nil && answer.status < 500 {
		what += ": " + e.Err.Error()
	}
	if e.Do != "" {
		what += " (" + e.Do + ")"
	}
	return answer.status, &r4.OperationOutcome{Issue: []r4.OperationOutcomeIssue{{
		Severity: ptr(r4.IssueSeverity("error")), Code: ptr(answer.issue), Diagnostics: ptr(what),
		Details: &r4.CodeableConcept{Coding: []r4.Coding{{System: ptr(errorSystem), Code: ptr(string(e.Code))}}},
	}}}
}
