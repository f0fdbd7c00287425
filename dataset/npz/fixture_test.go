package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"consilium/dataset"
)

// fixture describes a small .npz file; the zero value is a good one of 6, 4
// and 3 grey images, 28x28, in two classes.
type fixture struct {
	dims          []int  // of one image
	counts        []int  // images a split
	classes       int    // label i is i % classes
	columns       int    // label columns
	labelType     string // NumPy type code
	shape         []int  // declared instead of the true one, for train
	header        string // dictionary instead of the true one, for train; "-": no .npy at all
	missingLabels int
	stored        bool   // not compressed
	skip          string // array that is left out
}

// pixel is value k of a split's images.
func pixel(split dataset.Split, k int) byte { return byte(k*7 + k/251 + len(split)) }

func (f fixture) bytes(t testing.TB) []byte {
	t.Helper()
	if f.dims == nil {
		f.dims = []int{28, 28}
	}
	if f.counts == nil {
		f.counts = []int{6, 4, 3}
	}
	if f.labelType == "" {
		f.labelType = "|u1"
	}
	f.classes, f.columns = max(f.classes, 2), max(f.columns, 1)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for k, split := range dataset.Splits {
		f.add(t, z, string(split)+"_images.npy", f.images(split, f.counts[k]))
		f.add(t, z, string(split)+"_labels.npy", f.labels(f.counts[k]-f.missingLabels))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (f fixture) add(t testing.TB, z *zip.Writer, name string, content []byte) {
	if name == f.skip {
		return
	}
	method := zip.Deflate
	if f.stored {
		method = zip.Store
	}
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) images(split dataset.Split, n int) []byte {
	size := n
	for _, d := range f.dims {
		size *= d
	}
	values := make([]byte, size)
	for k := range values {
		values[k] = pixel(split, k)
	}
	shape := append([]int{n}, f.dims...)
	text := dictionary("|u1", shape)
	if split == dataset.Train {
		switch {
		case f.header == "-":
			return values
		case f.header != "":
			text = f.header
		case f.shape != nil:
			text = dictionary("|u1", f.shape)
		}
	}
	return npy(text, values)
}

func (f fixture) labels(n int) []byte {
	width := int(f.labelType[2] - '0')
	var values []byte
	for i := range n {
		for range f.columns {
			word := binary.LittleEndian.AppendUint64(nil, uint64(i%f.classes))
			values = append(values, word[:width]...)
		}
	}
	return npy(dictionary(f.labelType, []int{n, f.columns}), values)
}

func dictionary(descr string, shape []int) string {
	dims := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), ", "), "[]")
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims)
}

// npy writes version 1 of the format, padded to 64 bytes as NumPy does.
func npy(text string, values []byte) []byte {
	for (10+len(text)+1)%64 != 0 {
		text += " "
	}
	text += "\n"
	out := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(text)))
	return append(append(out, text...), values...)
}
