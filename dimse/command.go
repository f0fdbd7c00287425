package dimse

import (
	"encoding/binary"
	"strings"
)

// Command fields (PS3.7 table E.1-1). A response has the high bit set.
const (
	fieldStore       uint16 = 0x0001
	fieldGet         uint16 = 0x0010
	fieldFind        uint16 = 0x0020
	fieldMove        uint16 = 0x0021
	fieldEcho        uint16 = 0x0030
	fieldEventReport uint16 = 0x0100
	fieldAction      uint16 = 0x0130
	fieldCancel      uint16 = 0x0FFF
	responseBit      uint16 = 0x8000

	noDataSet uint16 = 0x0101
)

// command is a command set: what a message asks or answers (PS3.7 section 6.3).
type command struct {
	field    uint16
	id       uint16 // Message ID; in a response and in C-CANCEL, of the request
	class    string // affected or requested SOP class
	instance string // affected or requested SOP instance
	hasData  bool
	status   uint16
	comment  string

	kind        uint16 // action type or event type
	destination string // of C-MOVE

	originator   string // AE title that asked for the C-MOVE behind a C-STORE
	originatorID uint16

	counts    SubOperations // of C-MOVE and C-GET
	hasCounts bool
}

func (c *command) isResponse() bool { return c.field&responseBit != 0 }

// answer makes the response to c.
func (c *command) answer(status uint16, comment string) command {
	r := command{field: c.field | responseBit, id: c.id, class: c.class, instance: c.instance, status: status, comment: comment, kind: c.kind}
	if len(r.comment) > maxText {
		r.comment = r.comment[:maxText]
	}
	return r
}

// set writes elements of group 0000 in implicit VR little endian.
type set []byte

func (s *set) raw(element uint16, value []byte) {
	b := binary.LittleEndian.AppendUint16(*s, 0)
	b = binary.LittleEndian.AppendUint16(b, element)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	*s = append(b, value...)
}

func (s *set) us(element, value uint16) { s.raw(element, []byte{byte(value), byte(value >> 8)}) }

// text pads to an even length: UIDs with a zero, others with a space.
func (s *set) text(element uint16, value string, pad byte) {
	if value == "" {
		return
	}
	b := []byte(value)
	if len(b)%2 == 1 {
		b = append(b, pad)
	}
	s.raw(element, b)
}

// encode writes the elements in ascending order, the group length first.
func (c *command) encode() []byte {
	s := make(set, 12, 256)
	classTag, instanceTag := uint16(0x0002), uint16(0x1000)
	if c.field == fieldAction {
		classTag, instanceTag = 0x0003, 0x1001
	}
	s.text(classTag, c.class, 0)
	s.us(0x0100, c.field)
	if c.isResponse() || c.field == fieldCancel {
		s.us(0x0120, c.id)
	} else {
		s.us(0x0110, c.id)
	}
	s.text(0x0600, c.destination, ' ')
	switch c.field {
	case fieldStore, fieldFind, fieldMove, fieldGet:
		s.us(0x0700, 0) // priority: medium
	}
	data := noDataSet
	if c.hasData {
		data = 0x0001
	}
	s.us(0x0800, data)
	if c.isResponse() {
		s.us(0x0900, c.status)
	}
	s.text(0x0902, c.comment, ' ')
	s.text(instanceTag, c.instance, 0)
	switch c.field &^ responseBit {
	case fieldEventReport:
		s.us(0x1002, c.kind)
	case fieldAction:
		s.us(0x1008, c.kind)
	}
	c.encodeCounts(&s)
	s.text(0x1030, c.originator, ' ')
	if c.originator != "" {
		s.us(0x1031, c.originatorID)
	}
	binary.LittleEndian.PutUint32(s[4:], 4) // (0000,0000) UL
	binary.LittleEndian.PutUint32(s[8:], uint32(len(s)-12))
	return s
}

func (c *command) encodeCounts(s *set) {
	if !c.hasCounts {
		return
	}
	s.us(0x1020, uint16(c.counts.Remaining))
	s.us(0x1021, uint16(c.counts.Completed))
	s.us(0x1022, uint16(c.counts.Failed))
	s.us(0x1023, uint16(c.counts.Warning))
}

// decodeCommand reads a command set. Elements that we do not use are skipped;
// what cannot be a command set ends the association.
func decodeCommand(b []byte) (command, error) {
	var c command
	seenField, seenID := false, false
	for len(b) > 0 {
		if len(b) < 8 || binary.LittleEndian.Uint16(b) != 0 {
			return c, violation(abortInvalid, "the command set is not one of group 0000")
		}
		element, length := binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])
		if uint64(length) > uint64(len(b)-8) {
			return c, violation(abortInvalid, "an element of the command set is longer than the set")
		}
		value := b[8 : 8+length]
		b = b[8+length:]
		if !c.take(element, value) {
			return c, violation(abortInvalid, "an element of the command set has an impossible length")
		}
		seenField = seenField || element == 0x0100
		seenID = seenID || element == 0x0110 || element == 0x0120
	}
	if !seenField || !seenID {
		return c, violation(abortInvalid, "the command set names no command or no message")
	}
	return c, nil
}

// take puts one element into its field; false if its length is impossible.
func (c *command) take(element uint16, value []byte) bool {
	switch element {
	case 0x0002, 0x0003:
		return takeText(&c.class, value)
	case 0x1000, 0x1001:
		return takeText(&c.instance, value)
	case 0x0600:
		return takeText(&c.destination, value)
	case 0x1030:
		return takeText(&c.originator, value)
	case 0x0902: // longer than allowed in practice, and only shown
		c.comment = printable(string(value[:min(len(value), maxText)]))
		return true
	}
	var n uint16
	if len(value) == 2 {
		n = binary.LittleEndian.Uint16(value)
	}
	switch element {
	case 0x0100:
		c.field = n
	case 0x0110, 0x0120:
		c.id = n
	case 0x0800:
		c.hasData = n != noDataSet
	case 0x0900:
		c.status = n
	case 0x1002, 0x1008:
		c.kind = n
	case 0x1031:
		c.originatorID = n
	case 0x1020, 0x1021, 0x1022, 0x1023:
		*[]*int{&c.counts.Remaining, &c.counts.Completed, &c.counts.Failed, &c.counts.Warning}[element-0x1020] = int(n)
		c.hasCounts = true
	default:
		return true
	}
	return len(value) == 2
}

func takeText(to *string, value []byte) bool {
	if len(value) > maxText {
		return false
	}
	*to = strings.Trim(string(value), " \x00")
	return true
}

// printable keeps what may stand in a log line or an error.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s))
}

// validUID tells whether s can be a UID: up to 64 digits and dots (PS3.5
// section 9.1). Leading zeros of a component, which scanners do write, pass.
func validUID(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' || s[len(s)-1] == '.' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '.' && (c < '0' || c > '9') || c == '.' && s[i-1] == '.' {
			return false
		}
	}
	return true
}
