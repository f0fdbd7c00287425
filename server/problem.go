package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"consilium/fault"
)

// problem is every error answer: {"error":{"code","what","do"}}. It carries no
// cause: causes name files and addresses, and go to the log.
type problem struct {
	Told   told `json:"error"`
	status int
	cause  error
}

// told is what an error tells.
type told struct {
	Code    fault.Code `json:"code" doc:"stable code, see docs/errors.md"`
	What    string     `json:"what" doc:"what happened"`
	Do      string     `json:"do" doc:"what to do about it"`
	Request string     `json:"request,omitempty" doc:"id of the request in the node's log"`
}

func (p *problem) Error() string  { return p.Told.What }
func (p *problem) GetStatus() int { return p.status }
func (p *problem) Unwrap() error  { return p.cause }

// statuses maps codes to HTTP. What is not in it is a defect: 500.
var statuses = map[fault.Code]int{
	fault.Usage: http.StatusBadRequest, fault.InputMissing: http.StatusBadRequest, fault.InputEmpty: http.StatusBadRequest,
	fault.InputUnknown: http.StatusUnprocessableEntity, fault.InputMalformed: http.StatusUnprocessableEntity, fault.InputTruncated: http.StatusUnprocessableEntity,
	fault.InputUnsupported: http.StatusUnprocessableEntity, fault.InputNotFinite: http.StatusUnprocessableEntity, fault.InputRange: http.StatusUnprocessableEntity,
	fault.InputRate: http.StatusUnprocessableEntity, fault.InputLeads: http.StatusUnprocessableEntity, fault.InputNoModel: http.StatusUnprocessableEntity,
	fault.InputFlat: http.StatusUnprocessableEntity, fault.DeidRefused: http.StatusUnprocessableEntity, fault.DataUnfit: http.StatusUnprocessableEntity,
	fault.InputTooLarge: http.StatusRequestEntityTooLarge,
	fault.NotFound:      http.StatusNotFound, fault.ModelMissing: http.StatusNotFound, fault.DataMissing: http.StatusNotFound,
	fault.Conflict:     http.StatusConflict,
	fault.AccessDenied: http.StatusForbidden, fault.ConsentWithheld: http.StatusForbidden,
	fault.AccessUnknown: http.StatusUnauthorized, fault.AccessLimited: http.StatusTooManyRequests,
	fault.StoreFull:       http.StatusInsufficientStorage,
	fault.PeerUnreachable: http.StatusBadGateway, fault.PeerRefused: http.StatusBadGateway,
	fault.QueueFailed: http.StatusServiceUnavailable, fault.Interrupted: http.StatusServiceUnavailable, fault.EngineMissing: http.StatusServiceUnavailable,
	fault.Timeout: http.StatusGatewayTimeout,
}

// problemOf gives the answer that an error amounts to.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		err = fault.Wrap(err, fault.InputTooLarge, fmt.Sprintf("the request is larger than %d bytes", tooLarge.Limit), "send less at once")
	}
	e := fault.Of(err)
	status, known := statuses[e.Code]
	if !known {
		status = http.StatusInternalServerError
	}
	p = &problem{Told: told{Code: e.Code, What: e.What, Do: e.Do}, status: status, cause: err}
	if e.Code == fault.Internal {
		p.Told.What, p.Told.Do = "something went wrong inside the node", "tell an administrator the request's id; the log says more"
	}
	return p
}

// refuse writes an error as the answer of a handler that is not huma's.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	s.noteFailure(r, p)
	p.Told.Request = requestID(r.Context())
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if p.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="consilium"`)
	}
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(p)
}

// noteFailure logs what is the node's own fault.
func (s *Server) noteFailure(r *http.Request, p *problem) {
	if p.status >= http.StatusInternalServerError {
		s.log.ErrorContext(r.Context(), "request failed", "request", requestID(r.Context()), "route", routeOf(r), "status", p.status, "error", p.cause)
	}
}

// huma tells of bad requests through this one function of its own.
func init() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		code := map[int]fault.Code{
			http.StatusRequestEntityTooLarge: fault.InputTooLarge, http.StatusRequestTimeout: fault.Timeout, http.StatusNotFound: fault.NotFound,
			http.StatusInternalServerError: fault.Internal, http.StatusUnauthorized: fault.AccessUnknown, http.StatusForbidden: fault.AccessDenied,
		}[status]
		if code == "" {
			code = fault.InputMalformed
		}
		var at []string
		for _, err := range errs {
			var d huma.ErrorDetailer
			switch {
			case err == nil || len(at) == 5:
			case errors.As(err, &d): // without the value: it may be a password
				at = append(at, strings.TrimSpace(d.ErrorDetail().Location+" "+d.ErrorDetail().Message))
			case status < http.StatusInternalServerError:
				at = append(at, err.Error())
			}
		}
		if len(at) > 0 {
			msg += ": " + strings.Join(at, "; ")
		}
		return &problem{Told: told{Code: code, What: msg, Do: "compare the request with /api/docs"}, status: status, cause: errors.Join(errs...)}
	}
}
