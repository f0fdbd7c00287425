// Package fault is the one way Consilium says that something went wrong: an
// error value with a stable code, what happened, and what the reader can do.
package fault

import (
	"errors"
	"fmt"
)

// Error is a coded error. What says what happened, Do says the way out.
type Error struct {
	Code Code   `json:"code"`
	What string `json:"what"`
	Do   string `json:"do"`
	Err  error  `json:"-"` // the cause, when there is one
}

// New makes a coded error.
func New(code Code, what, do string) *Error { return &Error{Code: code, What: what, Do: do} }

// Wrap makes a coded error around its cause.
func Wrap(err error, code Code, what, do string) *Error {
	return &Error{Code: code, What: what, Do: do, Err: err}
}

// Error prints code, event, cause and way out on one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Code, e.What)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Do != "" {
		s += " (" + e.Do + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Of gives the outermost coded error in the chain, or one with code Internal.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Wrap(err, Internal, "unexpected error", "please report it with the command that caused it")
}

// CodeOf gives the code of an error; "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return Of(err).Code
}
