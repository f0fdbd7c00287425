package npz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"consilium/fault"
)

// maxHeader is the longest .npy header that is read; NumPy's own limit.
const maxHeader = 10_000

// header is that of one .npy file (NumPy NEP 1).
type header struct {
	descr string // "|u1", "<i8"
	shape []int
}

var (
	descrField   = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	fortranField = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shapeField   = regexp.MustCompile(`'shape'\s*:\s*\(([0-9, ]*)\)`)
)

// parseHeader reads the header of a .npy stream and leaves r at its first value.
func parseHeader(r io.Reader) (header, error) {
	var start [12]byte
	if _, err := io.ReadFull(r, start[:10]); err != nil {
		return header{}, cutShort(err, "the .npy header")
	}
	if string(start[:6]) != "\x93NUMPY" {
		return header{}, malformed("an array does not begin with the .npy signature")
	}
	length := int(binary.LittleEndian.Uint16(start[8:10]))
	switch start[6] {
	case 1:
	case 2, 3: // the length takes four bytes
		if _, err := io.ReadFull(r, start[10:12]); err != nil {
			return header{}, cutShort(err, "the .npy header")
		}
		length32 := binary.LittleEndian.Uint32(start[8:12])
		length = int(min(length32, maxHeader+1))
	default:
		return header{}, unsupported(fmt.Sprintf(".npy version %d", start[6]))
	}
	if length > maxHeader {
		return header{}, tooLarge(fmt.Sprintf("a .npy header is longer than %d bytes", maxHeader))
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return header{}, cutShort(err, "the .npy header")
	}
	return parseFields(string(text))
}

// parseFields reads the Python dictionary literal of a .npy header.
func parseFields(text string) (header, error) {
	text = strings.TrimSpace(text)
	descr, fortran, shape := descrField.FindAllStringSubmatch(text, 2), fortranField.FindAllStringSubmatch(text, 2), shapeField.FindAllStringSubmatch(text, 2)
	if len(descr) != 1 || len(fortran) != 1 || len(shape) != 1 || !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") {
		return header{}, unsupported("a .npy header without exactly one plain descr, fortran_order and shape")
	}
	if fortran[0][1] == "True" {
		return header{}, unsupported("an array in Fortran order")
	}
	h := header{descr: descr[0][1]}
	for field := range strings.SplitSeq(shape[0][1], ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue // the comma after the last dimension
		}
		d, err := strconv.Atoi(field)
		if err != nil || d > math.MaxInt32 {
			return header{}, tooLarge(fmt.Sprintf("an array dimension of %s", field))
		}
		h.shape = append(h.shape, d)
	}
	if len(h.shape) == 0 || len(h.shape) > 5 {
		return header{}, unsupported(fmt.Sprintf("an array with %d dimensions", len(h.shape)))
	}
	return h, nil
}

// size is the number of values that the shape declares; more than limit is refused.
func (h header) size(limit int64) (int64, error) {
	n := int64(1)
	for _, d := range h.shape {
		if d != 0 && n > limit/int64(d) {
			return 0, tooLarge(fmt.Sprintf("an array of shape %v holds more than %d values", h.shape, limit))
		}
		n *= int64(d)
	}
	return n, nil
}

func malformed(what string) error {
	return fault.New(fault.InputMalformed, what, "download the file again and compare its checksum")
}

func unsupported(what string) error {
	return fault.New(fault.InputUnsupported, what+" is not read", "save the arrays with numpy.savez_compressed: uint8 images in C order, integer labels")
}

func tooLarge(what string) error {
	return fault.New(fault.InputTooLarge, what, "MedMNIST files stay far below this limit; check that the file is one")
}

// cutShort codes an error that came from reading the compressed stream.
func cutShort(err error, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.InputTruncated, what+" ends too early", "download the file again and compare its checksum")
	}
	return fault.Wrap(err, fault.InputMalformed, what+" cannot be decompressed", "download the file again and compare its checksum")
}
