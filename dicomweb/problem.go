package dicomweb

import (
	"encoding/json"
	"net/http"

	"consilium/fault"
)

// statuses tells a coded error in HTTP. What is not listed is the server's fault.
var statuses = map[fault.Code]int{
	fault.Usage: http.StatusBadRequest, fault.InputMalformed: http.StatusBadRequest, fault.InputTruncated: http.StatusBadRequest,
	fault.InputEmpty: http.StatusBadRequest, fault.InputMissing: http.StatusBadRequest, fault.InputRange: http.StatusBadRequest,
	fault.InputUnknown: http.StatusUnsupportedMediaType, fault.InputUnsupported: http.StatusNotAcceptable,
	fault.InputTooLarge: http.StatusRequestEntityTooLarge,
	fault.NotFound:      http.StatusNotFound, fault.Conflict: http.StatusConflict,
	fault.AccessDenied: http.StatusForbidden, fault.ConsentWithheld: http.StatusForbidden,
	fault.AccessUnknown: http.StatusUnauthorized, fault.AccessLimited: http.StatusTooManyRequests,
	fault.StoreFull: http.StatusInsufficientStorage, fault.Timeout: http.StatusServiceUnavailable, fault.Interrupted: http.StatusServiceUnavailable,
}

func statusOf(err error) int {
	if s, ok := statuses[fault.CodeOf(err)]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// writeProblem answers with a coded error; the cause, which may name files, stays in the log.
func writeProblem(w http.ResponseWriter, status int, e *fault.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]*fault.Error{"error": e})
}
