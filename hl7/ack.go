package hl7

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	"consilium/fault"
)

// Acknowledgement codes, table 0008.
const (
	Accept = "AA"
	Error  = "AE" // the message is understood, and could not be processed: it may be sent again
	Reject = "AR" // it will never be taken in as it is
)

// codes of errors, table 0357, by ours.
var conditions = map[fault.Code][2]string{
	fault.InputMissing:     {"101", "Required field missing"},
	fault.InputMalformed:   {"102", "Data type error"},
	fault.InputTooLarge:    {"102", "Data type error"},
	fault.InputUnsupported: {"200", "Unsupported message type"},
	fault.NotFound:         {"204", "Unknown key identifier"},
	fault.Conflict:         {"206", "Application record locked"},
}

// answerTo says with which code an error is acknowledged.
func answerTo(err error) string {
	switch fault.CodeOf(err) {
	case "":
		return Accept
	case fault.InputUnsupported, fault.InputMalformed, fault.InputMissing, fault.InputTooLarge:
		return Reject
	}
	return Error
}

// Acknowledge makes the answer to a message: ACK with MSA, and ERR when err is
// not nil. m may be what was left of a message that could not be read.
func Acknowledge(m Message, application, facility string, now time.Time, err error) Message {
	d := standard
	e := d.Escaped
	_, trigger := m.Kind()
	kind := "ACK"
	if trigger != "" {
		kind = "ACK^" + e(ascii(trigger)) + "^ACK"
	}
	msh := Segment{[]string{"MSH", "|", `^~\&`, e(application), e(facility), e(ascii(m.Of("MSH", 3, 1))), e(ascii(m.Of("MSH", 4, 1))),
		now.Format("20060102150405-0700"), "", kind, newControl(), orElse(e(ascii(m.Of("MSH", 11, 1))), "P"), orElse(e(ascii(m.Of("MSH", 12, 1))), "2.5.1")}}
	out := Message{d, []Segment{msh, {[]string{"MSA", answerTo(err), e(ascii(m.Control()))}}}}
	if err != nil {
		f := fault.Of(err)
		condition, known := conditions[f.Code]
		if !known {
			condition = [2]string{"207", "Application internal error"}
		}
		what := "this was not processed"
		if answerTo(err) == Reject {
			what = f.What
		}
		out.Segments = append(out.Segments, Segment{[]string{"ERR", "", "", condition[0] + "^" + condition[1] + "^HL70357", "E", e(string(f.Code)), "", "", e(ascii(what))}})
	}
	return out
}

// ascii keeps an answer readable for senders of every character set.
func ascii(s string) string {
	const longest = 250
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), longest)]
}

// newControl gives a control ID of 20 characters, which every version allows.
func newControl() string {
	var b [10]byte
	rand.Read(b[:]) // never fails, says crypto/rand
	return strings.ToUpper(hex.EncodeToString(b[:]))
}
