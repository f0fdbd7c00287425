package dicom

import (
	"encoding/binary"
	"strings"
)

// Transfer syntaxes that a data set may be encoded in (PS3.5 annex A). Every
// other one is Explicit VR Little Endian with encapsulated pixel data.
const (
	ImplicitLittle = "1.2.840.10008.1.2"
	ExplicitLittle = "1.2.840.10008.1.2.1"
	ExplicitBig    = "1.2.840.10008.1.2.2"
	Deflated       = "1.2.840.10008.1.2.1.99"
)

// encoding of a data set under a transfer syntax.
func encodingOf(syntax string) (order binary.ByteOrder, explicit bool) {
	switch syntax {
	case ImplicitLittle:
		return binary.LittleEndian, false
	case ExplicitBig:
		return binary.BigEndian, true
	}
	return binary.LittleEndian, true
}

// Encapsulated says whether pixel data under this transfer syntax are compressed frames.
func Encapsulated(syntax string) bool {
	for _, prefix := range []string{"1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.8."} {
		if strings.HasPrefix(syntax, prefix) {
			return true
		}
	}
	return syntax == "1.2.840.10008.1.2.5" || syntax == "1.2.840.10008.1.2.1.98"
}

// guessSyntax recognises a data set without meta information by its first
// element, which is of group 0008 (or 0002, whose meta information says more);
// "" when it is none.
func guessSyntax(b []byte) string {
	if len(b) < 8 {
		return ""
	}
	letters := (vr(b[4])<<8 | vr(b[5])).known()
	group := binary.LittleEndian.Uint16(b)
	switch {
	case (group == 0x0008 || group == 0x0002) && letters:
		return ExplicitLittle
	case binary.BigEndian.Uint16(b) == 0x0008 && letters:
		return ExplicitBig
	case group == 0x0008 && binary.LittleEndian.Uint32(b[4:]) <= 1024:
		return ImplicitLittle
	}
	return ""
}
