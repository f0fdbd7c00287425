package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"strings"

	"github.com/cocosip/go-dicom/pkg/dicom/transfer"
	"github.com/cocosip/go-dicom/pkg/dicom/uid"

	"consilium/fault"
)

// syntax is a transfer syntax that we read.
type syntax struct {
	parser    *transfer.Syntax
	bigEndian bool
	jpeg      bool
}

var (
	implicitLittle = syntax{parser: transfer.ImplicitVRLittleEndian}
	explicitLittle = syntax{parser: transfer.ExplicitVRLittleEndian}
	explicitBig    = syntax{parser: transfer.ExplicitVRBigEndian, bigEndian: true}
)

const deflated = "1.2.840.10008.1.2.1.99"

var syntaxes = map[string]syntax{
	"1.2.840.10008.1.2":      implicitLittle,
	"1.2.840.10008.1.2.1":    explicitLittle,
	"1.2.840.10008.1.2.2":    explicitBig,
	"1.2.840.10008.1.2.4.50": {parser: transfer.JPEGBaseline8Bit, jpeg: true},
}

// plainSyntax finds the transfer syntax. A deflated data set comes back
// inflated, as a data set without file meta information.
func plainSyntax(raw []byte, name string) (syntax, []byte, error) {
	start := 0
	if len(raw) >= 132 && string(raw[128:132]) == "DICM" {
		start = 132
	}
	id, end := metaSyntax(raw[start:])
	end += start
	switch id {
	case "":
		guess := guessSyntax(raw[end:])
		if guess == nil {
			return syntax{}, nil, malformed(name, "the transfer syntax is neither given nor recognisable")
		}
		if end == start { // no meta information at all
			return *guess, raw, nil
		}
		return *guess, raw[end:], nil // the parser would take explicit little endian for granted
	case deflated:
		flat, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw[end:])), MaxBytes+1))
		if len(flat) > MaxBytes {
			return syntax{}, nil, tooLarge(name, "it inflates to more than %d bytes", MaxBytes)
		}
		if err != nil {
			return syntax{}, nil, fault.Wrap(err, fault.InputTruncated, name+" cannot be inflated", "copy the file again")
		}
		if guessSyntax(flat) == nil { // also keeps the parser from taking it for a file with a preamble
			return syntax{}, nil, malformed(name, "what was deflated is not a data set")
		}
		return explicitLittle, flat, nil
	}
	s, known := syntaxes[id]
	if !known {
		return syntax{}, nil, unsupported(name, "transfer syntax %s", uid.Parse(id, id, uid.TypeTransferSyntax).Name())
	}
	return s, raw, nil
}

// metaSyntax reads the file meta information (group 0002, explicit little
// endian, PS3.10 section 7.1) up to the transfer syntax. end is where the data
// set starts.
func metaSyntax(b []byte) (id string, end int) {
	le := binary.LittleEndian
	for end+8 <= len(b) && le.Uint16(b[end:]) == 0x0002 {
		element, vr, length, head := le.Uint16(b[end+2:]), string(b[end+4:end+6]), int(le.Uint16(b[end+6:])), 8
		if vr == "OB" || vr == "UN" || vr == "OW" {
			if end+12 > len(b) {
				break
			}
			length, head = int(le.Uint32(b[end+8:])), 12
		}
		if length < 0 || length > len(b)-end-head {
			break
		}
		value := b[end+head : end+head+length]
		if element == 0x0010 {
			id = strings.TrimRight(string(value), " \x00")
		}
		end += head + length
	}
	return id, end
}

// guessSyntax recognises a data set without meta information by its first
// element, which is of group 0008 (or 0002, whose meta information says more).
func guessSyntax(b []byte) *syntax {
	if len(b) < 8 {
		return nil
	}
	letters := b[4] >= 'A' && b[4] <= 'Z' && b[5] >= 'A' && b[5] <= 'Z'
	group := binary.LittleEndian.Uint16(b)
	switch {
	case (group == 0x0008 || group == 0x0002) && letters:
		return &explicitLittle
	case binary.BigEndian.Uint16(b) == 0x0008 && letters:
		return &explicitBig
	case group == 0x0008 && binary.LittleEndian.Uint32(b[4:]) <= 1024:
		return &implicitLittle
	}
	return nil
}
