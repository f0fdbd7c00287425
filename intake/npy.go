package intake

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// maxHeader bounds the text header of a .npy file (NEP 1 writes well below).
const maxHeader = 16 << 10

var (
	npyDescr = regexp.MustCompile(`'descr':\s*'([<>|=]?[a-zA-Z]\d+)'`)
	npyOrder = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	npyShape = regexp.MustCompile(`'shape':\s*\(([0-9, ]*)\)`)
)

// npyHeader is the header of one array in NumPy's format (NEP 1).
type npyHeader struct {
	descr string
	shape []int
}

// readNPY reads one picture or volume from a NumPy array: rows x columns,
// rows x columns x 3, or slices x rows x columns; uint8, uint16, or floats in
// 0..1. npyio is not used here because it panics on broken headers.
func readNPY(path string) (clinical.Image, error) {
	f, err := open(path)
	if err != nil {
		return clinical.Image{}, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	h, err := readNPYHeader(r, path)
	if err != nil {
		return clinical.Image{}, err
	}
	img, err := h.image(path)
	if err != nil {
		return clinical.Image{}, err
	}
	img.Pixels = make([]float32, img.Frames*img.Rows*img.Columns*img.Channels)
	return img, h.fill(r, img.Pixels, path)
}

func readNPYHeader(r io.Reader, path string) (npyHeader, error) {
	cut := fault.New(fault.InputTruncated, quoted(path)+" ends inside its header", "save the array again")
	var start [8]byte // magic, major, minor
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return npyHeader{}, cut
	}
	size := make([]byte, 2)
	if start[6] >= 2 {
		size = make([]byte, 4)
	}
	if _, err := io.ReadFull(r, size); err != nil {
		return npyHeader{}, cut
	}
	n := uint32(binary.LittleEndian.Uint16(size))
	if len(size) == 4 {
		n = binary.LittleEndian.Uint32(size)
	}
	if n > maxHeader || start[6] == 0 || start[6] > 3 {
		return npyHeader{}, fault.New(fault.InputMalformed, quoted(path)+" has no header of a NumPy array", "save the array again")
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return npyHeader{}, cut
	}
	return parseNPYHeader(string(text), path)
}

func parseNPYHeader(text, path string) (npyHeader, error) {
	descr, order, shape := npyDescr.FindStringSubmatch(text), npyOrder.FindStringSubmatch(text), npyShape.FindStringSubmatch(text)
	if descr == nil || order == nil || shape == nil {
		return npyHeader{}, fault.New(fault.InputUnsupported, quoted(path)+" is not a plain array of numbers", "save one picture as uint8, uint16 or float32")
	}
	if order[1] == "True" {
		return npyHeader{}, fault.New(fault.InputUnsupported, quoted(path)+" is in Fortran order", "save numpy.ascontiguousarray(picture)")
	}
	h := npyHeader{descr: descr[1]}
	for part := range strings.SplitSeq(shape[1], ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		d, err := strconv.Atoi(part)
		if err != nil || d <= 0 || d > MaxPixels {
			return npyHeader{}, fault.New(fault.InputTooLarge, quoted(path)+" has the shape ("+shape[1]+")", "save a single picture")
		}
		h.shape = append(h.shape, d)
	}
	return h, nil
}

// image lays the array's axes out as a picture.
func (h npyHeader) image(path string) (clinical.Image, error) {
	img := clinical.Image{Source: path, Format: string(NPY), Frames: 1, Channels: 1, High: 1}
	switch s := h.shape; {
	case len(s) == 2:
		img.Rows, img.Columns = s[0], s[1]
	case len(s) == 3 && (s[2] == 1 || s[2] == 3):
		img.Rows, img.Columns, img.Channels = s[0], s[1], s[2]
	case len(s) == 3:
		img.Frames, img.Rows, img.Columns = s[0], s[1], s[2]
	default:
		return img, fault.New(fault.InputUnsupported, fmt.Sprintf("%s has %d axes", quoted(path), len(s)), "save rows x columns, rows x columns x 3, or slices x rows x columns")
	}
	switch h.descr {
	case "|u1", "<u1", "=u1", "u1":
		img.High = 255
	case "<u2":
		img.High = 65535
	case "<f4", "<f8":
	default:
		return img, fault.New(fault.InputUnsupported, quoted(path)+" holds numbers of type "+h.descr, "save uint8, uint16 or float32, little endian")
	}
	return img, dimensions(path, img.Rows, img.Columns, img.Frames)
}

func (h npyHeader) fill(r io.Reader, into []float32, path string) error {
	size := int(h.descr[len(h.descr)-1] - '0')
	var buf [8 << 10]byte
	for done := 0; done < len(into); {
		want := min(len(buf)/size, len(into)-done)
		if _, err := io.ReadFull(r, buf[:want*size]); err != nil {
			return fault.New(fault.InputTruncated, fmt.Sprintf("%s ends after %d of %d values", quoted(path), done, len(into)), "save the array again")
		}
		for i := range want {
			into[done+i] = number(h.descr, buf[i*size:])
		}
		done += want
	}
	if n, _ := io.ReadFull(r, buf[:1]); n != 0 {
		return fault.New(fault.InputMalformed, quoted(path)+" goes on after its last value", "save the array again")
	}
	return nil
}

func number(descr string, b []byte) float32 {
	switch descr {
	case "<u2":
		return float32(binary.LittleEndian.Uint16(b))
	case "<f4":
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	case "<f8":
		return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	default:
		return float32(b[0])
	}
}
