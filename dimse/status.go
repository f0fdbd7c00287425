package dimse

import (
	"fmt"

	"consilium/fault"
)

// Statuses of DIMSE responses (PS3.7 annex C, PS3.4 sections B.2.3 and C.4).
const (
	statusSuccess         uint16 = 0x0000
	statusProcessing      uint16 = 0x0110 // processing failure
	statusDuplicate       uint16 = 0x0111 // duplicate SOP instance
	statusNoSuchObject    uint16 = 0x0112
	statusInvalidArgument uint16 = 0x0115
	statusInvalidInstance uint16 = 0x0117
	statusClassConflict   uint16 = 0x0119 // class-instance conflict
	statusNoSuchClass     uint16 = 0x0122 // SOP class not supported
	statusNoSuchAction    uint16 = 0x0123
	statusNotAuthorised   uint16 = 0x0124
	statusUnrecognised    uint16 = 0x0211 // unrecognised operation
	statusResources       uint16 = 0xA700 // out of resources
	statusMismatch        uint16 = 0xA900 // data set does not match SOP class
	statusUnderstand      uint16 = 0xC000 // cannot understand
	statusCancelled       uint16 = 0xFE00
	statusPending         uint16 = 0xFF00
	statusPendingOptional uint16 = 0xFF01 // pending, optional keys not supported
)

// storeStatus is the answer to a C-STORE whose object was refused with err. The
// comment carries the code only: what an error says may name a patient.
func storeStatus(err error) (status uint16, comment string) {
	code := fault.CodeOf(err)
	switch code {
	case "":
		return statusSuccess, ""
	case fault.StoreFull:
		status = statusResources
	case fault.Conflict:
		status = statusDuplicate
	case fault.AccessDenied, fault.AccessUnknown, fault.ConsentWithheld:
		status = statusNotAuthorised
	case fault.InputMalformed, fault.InputTruncated, fault.InputEmpty, fault.InputUnknown, fault.InputUnsupported, fault.InputTooLarge:
		status = statusUnderstand
	default:
		status = statusProcessing
	}
	return status, string(code)
}

// isWarning tells a status with which the object was stored nevertheless: bits
// coerced, elements discarded (PS3.4 table B.2-1), attribute list errors.
func isWarning(status uint16) bool {
	return status == 0x0001 || status&0xF000 == 0xB000 || status == 0x0107 || status == 0x0116
}

func isPending(status uint16) bool {
	return status == statusPending || status == statusPendingOptional
}

// statusText says what a status means.
func statusText(status uint16) string {
	text := "unknown status"
	switch {
	case status == statusSuccess:
		text = "success"
	case status == statusProcessing:
		text = "processing failure"
	case status == statusDuplicate:
		text = "it has another object of this UID"
	case status == statusNoSuchObject:
		text = "no such object"
	case status == statusInvalidArgument:
		text = "invalid argument value"
	case status == statusInvalidInstance:
		text = "invalid object instance"
	case status == statusNoSuchClass:
		text = "SOP class not supported"
	case status == statusNotAuthorised:
		text = "not authorised"
	case status == statusUnrecognised:
		text = "unrecognised operation"
	case status == 0xA701:
		text = "out of resources: cannot count the matches"
	case status == 0xA702:
		text = "out of resources: cannot perform sub-operations"
	case status == 0xA801:
		text = "it does not know the move destination"
	case status&0xFF00 == statusResources:
		text = "out of resources"
	case status&0xFF00 == statusMismatch:
		text = "the data set does not match the SOP class"
	case status&0xF000 == statusUnderstand:
		text = "it cannot understand the data set"
	case status == statusCancelled:
		text = "cancelled"
	case isPending(status):
		text = "pending"
	case isWarning(status):
		text = "done with a warning"
	}
	return fmt.Sprintf("%s (%04X)", text, status)
}

// statusError is a peer's failure status as a coded error.
func statusError(what string, c command) error {
	text := statusText(c.status)
	if c.comment != "" {
		text += ": " + c.comment
	}
	do := "ask who runs the peer: its log says why"
	switch {
	case c.status&0xFF00 == statusResources:
		do = "free space at the peer, or try again later"
	case c.status == 0xA801:
		do = "enter the destination's AE title and address at the peer"
	case c.status == statusNotAuthorised:
		do = "have the peer allow this AE title"
	case c.status == statusNoSuchClass || c.status == statusUnrecognised:
		do = "the peer does not offer this service for this class of objects"
	}
	return fault.New(fault.PeerRefused, what+": "+text, do)
}
