package dimse

import (
	"bufio"
	"encoding/binary"
	"io"
	"strings"

	"consilium/dicom"
	"consilium/fault"
)

const maxMeta = 64 << 10 // bytes of file meta information

// appendMeta writes preamble and file meta information (PS3.10 section 7.1). It
// says nothing of the sender: the same object must give the same file, whoever
// sends it again.
func appendMeta(b []byte, class, instance, syntax string) []byte {
	b = append(b, make([]byte, 128)...)
	b = append(b, "DICM"...)
	start := len(b)
	b = append(b, 2, 0, 0, 0, 'U', 'L', 4, 0, 0, 0, 0, 0)
	b = append(b, 2, 0, 1, 0, 'O', 'B', 0, 0, 2, 0, 0, 0, 0, 1)
	text := func(element byte, vr, value string, pad byte) {
		if value == "" {
			return
		}
		if len(value)%2 == 1 {
			value += string(pad)
		}
		b = append(b, 2, 0, element, 0, vr[0], vr[1], byte(len(value)), byte(len(value)>>8))
		b = append(b, value...)
	}
	text(0x02, "UI", class, 0)
	text(0x03, "UI", instance, 0)
	text(0x10, "UI", syntax, 0)
	text(0x12, "UI", dicom.ImplementationClassUID, 0)
	text(0x13, "SH", dicom.ImplementationVersionName, ' ')
	binary.LittleEndian.PutUint32(b[start+8:], uint32(len(b)-start-12))
	return b
}

// readMeta reads a Part 10 file up to its data set and gives the transfer
// syntax. name is shown to the user.
func readMeta(r *bufio.Reader, name string) (syntax string, err error) {
	bad := func(what string) error {
		return fault.New(fault.InputMalformed, name+": "+what, "send DICOM files (PS3.10) only")
	}
	head, err := r.Peek(132)
	if err != nil || string(head[128:]) != "DICM" {
		return "", bad("no DICOM file: the mark after the preamble is missing")
	}
	_, _ = r.Discard(132)
	for size := 0; size < maxMeta; {
		h, err := r.Peek(12)
		if len(h) < 8 {
			return "", bad("it ends within the file meta information")
		}
		if binary.LittleEndian.Uint16(h) != 2 {
			break
		}
		length, skip := int(binary.LittleEndian.Uint16(h[6:])), 8
		if longVR(string(h[4:6])) {
			if err != nil {
				return "", bad("it ends within the file meta information")
			}
			length, skip = int(binary.LittleEndian.Uint32(h[8:])), 12
		}
		if length < 0 || length > maxMeta {
			return "", bad("an impossible length in the file meta information")
		}
		isSyntax := binary.LittleEndian.Uint16(h[2:]) == 0x0010
		value := make([]byte, skip+length)
		if _, err := io.ReadFull(r, value); err != nil {
			return "", bad("it ends within the file meta information")
		}
		if isSyntax {
			syntax = strings.TrimRight(string(value[skip:]), " \x00")
		}
		size += skip + length
	}
	if !validUID(syntax) {
		return "", bad("it names no transfer syntax")
	}
	return syntax, nil
}

// longVR tells the value representations with a length of four bytes (PS3.5
// section 7.1.2).
func longVR(vr string) bool {
	switch vr {
	case "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV":
		return true
	}
	return false
}
