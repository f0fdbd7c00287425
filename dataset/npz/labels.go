package npz

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// maxClasses bounds the labels of a set.
const maxClasses = 1000

// labels is the label array of one split: rows x columns.
type labels struct {
	values  []int
	columns int
}

// readLabels reads (N), (N,1) or (N,L) little-endian integers.
func readLabels(r io.Reader, h header) (labels, error) {
	width, signed, err := integer(h.descr)
	if err != nil {
		return labels{}, err
	}
	l := labels{columns: 1}
	if len(h.shape) == 2 {
		l.columns = h.shape[1]
	}
	if len(h.shape) > 2 || l.columns < 1 || l.columns > maxClasses {
		return labels{}, unsupported(fmt.Sprintf("a label array of shape %v", h.shape))
	}
	count, err := h.size(maxExamples * 32)
	if err != nil {
		return labels{}, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, count*int64(width)))
	if err != nil || int64(len(raw)) < count*int64(width) {
		return labels{}, cutShort(orEOF(err), "a label array")
	}
	l.values = make([]int, count)
	for i := range l.values {
		var word [8]byte
		copy(word[:], raw[i*width:(i+1)*width])
		v := binary.LittleEndian.Uint64(word[:])
		if v >= maxClasses || signed && raw[(i+1)*width-1] >= 0x80 {
			return labels{}, malformed(fmt.Sprintf("label %d is outside 0..%d", i, maxClasses-1))
		}
		l.values[i] = int(v)
	}
	return l, nil
}

func orEOF(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// integer reads a NumPy type code: bytes a value, and whether it has a sign.
func integer(descr string) (width int, signed bool, err error) {
	switch descr {
	case "|u1", "|b1":
		return 1, false, nil
	case "|i1":
		return 1, true, nil
	case "<u2", "<u4", "<u8":
		return int(descr[2] - '0'), false, nil
	case "<i2", "<i4", "<i8":
		return int(descr[2] - '0'), true, nil
	}
	return 0, false, unsupported(fmt.Sprintf("a label array of type %q", descr))
}

// task reduces a label array to one class an example. Of a multi-label set it
// takes the column that name names: absent (0) or present (1).
func (l labels) task(column int) []int {
	if l.columns == 1 {
		return l.values
	}
	classes := make([]int, len(l.values)/l.columns)
	for i := range classes {
		classes[i] = min(l.values[i*l.columns+column], 1)
	}
	return classes
}

// chooseColumn finds which of the columns of a multi-label set the task names.
func chooseColumn(task string, names []clinical.Concept) (int, error) {
	list := make([]string, len(names))
	for i, c := range names {
		if strings.EqualFold(c.Name, task) {
			return i, nil
		}
		list[i] = c.Name
	}
	return 0, fault.New(fault.InputUnsupported,
		"the set has several labels an image, and one task is trained at a time",
		"choose one with --finding: "+strings.Join(list, ", "))
}

// numbered names classes that no table names.
func numbered(n int) []clinical.Concept {
	concepts := make([]clinical.Concept, n)
	for i := range concepts {
		concepts[i].Name = fmt.Sprint("class ", i)
	}
	return concepts
}
