package jpeg

import (
	"bytes"
	"context"
	"testing"

	"consilium/dicom/pixel/raster"
	"consilium/fault"
)

// edit replaces the first occurrence of a piece of a stream.
func edit(t *testing.T, data, old, new []byte) []byte {
	t.Helper()
	if !bytes.Contains(data, old) {
		t.Fatalf("the stream has no % x", old)
	}
	return bytes.Replace(data, old, new, 1)
}

// TestRefusals: legal streams of other kinds, and broken ones.
func TestRefusals(t *testing.T) {
	grey := stream(t, "dcmcjpeg-eb-q-90-dcmdjpeg-cn-px-1x8.bin")
	lossless := stream(t, "dcmcjpeg-e1-1x16.bin")
	restarts := stream(t, "cjpeg-rgb-sample-2x2-restart-1-3x8.bin")
	one, three := raster.Shape{Rows: 17, Columns: 23, Components: 1, Bits: 16}, raster.Shape{Rows: 17, Columns: 23, Components: 3, Bits: 8}
	after := func(data, marker []byte) int { return bytes.Index(data, marker) + len(marker) }
	scan := after(lossless, []byte{0xff, sos})
	for _, c := range []struct {
		name string
		data []byte
		want raster.Shape
		code fault.Code
	}{
		{"progressive", edit(t, grey, []byte{0xff, sof0}, []byte{0xff, 0xc2}), one, fault.InputUnsupported},
		{"arithmetic", edit(t, grey, []byte{0xff, sof0}, []byte{0xff, 0xc9}), one, fault.InputUnsupported},
		{"hierarchical", edit(t, grey, []byte{0xff, sof0}, []byte{0xff, 0xc5}), one, fault.InputUnsupported},
		{"12 bits in baseline", edit(t, grey, []byte{0xff, sof0, 0, 11, 8}, []byte{0xff, sof0, 0, 11, 12}), one, fault.InputMalformed},
		{"no Huffman table", edit(t, grey, []byte{0xff, dht}, []byte{0xff, 0xfe}), one, fault.InputMalformed},
		{"no quantisation table", edit(t, grey, []byte{0xff, dqt}, []byte{0xff, 0xfe}), one, fault.InputMalformed},
		{"a scan first", append([]byte{0xff, soi}, grey[bytes.Index(grey, []byte{0xff, sos}):]...), one, fault.InputMalformed},
		{"two headers", twoHeaders(grey, bytes.Index(grey, []byte{0xff, sof0})), one, fault.InputMalformed},
		{"too many codes", edit(t, grey, []byte{0xff, dht}, []byte{0xff, dht, 0, 20, 0, 255}), one, fault.InputMalformed},
		{"predictor 0", setByte(lossless, scan+2+1+2, 0), one, fault.InputMalformed},
		{"predictor 8", setByte(lossless, scan+2+1+2, 8), one, fault.InputMalformed},
		{"a point transform of 16 bits", setByte(lossless, scan+2+1+4, 16), one, fault.InputMalformed},
		{"another component", setByte(lossless, scan+2+1, 77), one, fault.InputMalformed},
		{"a restart that is missing", edit(t, restarts, []byte{0xff, rst0}, []byte{0xff, rst0 + 5}), three, fault.InputMalformed},
		{"the end in the middle", edit(t, restarts, []byte{0xff, rst0}, []byte{0xff, eoi}), three, fault.InputMalformed},
		{"cut off", restarts[:bytes.Index(restarts, []byte{0xff, rst0})], three, fault.InputTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Decode(context.Background(), c.data, c.want); fault.CodeOf(err) != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
}

func setByte(data []byte, at int, v byte) []byte {
	out := bytes.Clone(data)
	out[at] = v
	return out
}

// twoHeaders doubles the frame header at a place.
func twoHeaders(data []byte, at int) []byte {
	header := data[at : at+13]
	return append(append(bytes.Clone(data[:at]), header...), data[at:]...)
}

// TestMissingEnd: the end marker may be missing, as in some archives, when the image is whole.
func TestMissingEnd(t *testing.T) {
	data := stream(t, "dcmcjpeg-eb-q-90-dcmdjpeg-cn-px-1x8.bin")
	end := bytes.LastIndex(data, []byte{0xff, eoi})
	if _, err := Decode(context.Background(), data[:end], raster.Shape{Rows: 17, Columns: 23, Components: 1, Bits: 8}); err != nil {
		t.Error(err)
	}
}

// TestConstantBlock: the short cut for constant blocks is exact.
func TestConstantBlock(t *testing.T) {
	for _, bits := range []int{8, 12} {
		for _, dc := range []int32{-20000, -1024, -7, 0, 3, 4, 5, 1016, 20000} {
			var a, b [64]int32
			a[0], b[0] = dc, dc
			one, other := make([]uint16, 64), make([]uint16, 64)
			inverseDCT(&a, one, 8, bits)
			fillBlock(&b, other, 8, bits)
			for i := range one {
				if one[i] != other[i] {
					t.Fatalf("%d bits, DC %d: sample %d is %d or %d", bits, dc, i, one[i], other[i])
				}
			}
		}
	}
}
