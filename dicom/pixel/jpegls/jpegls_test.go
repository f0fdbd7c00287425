package jpegls

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"consilium/dicom/pixel/raster"
	"consilium/fault"
)

// TestDefaults: the thresholds of T.87 table C.3, for NEAR 0.
func TestDefaults(t *testing.T) {
	for _, c := range []struct{ bits, near, t1, t2, t3 int }{
		{8, 0, 3, 7, 21}, {10, 0, 6, 19, 72}, {12, 0, 18, 67, 276}, {16, 0, 18, 67, 276}, {8, 2, 9, 17, 35}, {4, 0, 2, 3, 4}, {2, 0, 2, 3, 3},
	} {
		m, err := newModel(c.bits, c.near, preset{})
		if err != nil {
			t.Fatal(err)
		}
		if c.bits == 2 { // clamped to MAXVAL
			if m.t1 > m.t2 || m.t2 > m.t3 || m.t3 > m.maxval {
				t.Errorf("2 bits: %d %d %d", m.t1, m.t2, m.t3)
			}
			continue
		}
		if m.t1 != c.t1 || m.t2 != c.t2 || m.t3 != c.t3 {
			t.Errorf("%d bits, NEAR %d: %d %d %d", c.bits, c.near, m.t1, m.t2, m.t3)
		}
	}
}

// TestStandardExample is the example of T.87 annex H.3: 4 x 4 samples of 8 bits.
func TestStandardExample(t *testing.T) {
	data := []byte{
		0xff, 0xd8, 0xff, 0xf7, 0x00, 0x0b, 0x08, 0x00, 0x04, 0x00, 0x04, 0x01, 0x01, 0x11, 0x00,
		0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00,
		0xc0, 0x00, 0x00, 0x6c, 0x80, 0x20, 0x8e, 0x01, 0xc0, 0x00, 0x00, 0x57, 0x40, 0x00, 0x00, 0x6e, 0xe6, 0x00, 0x00, 0x01, 0xbc, 0x18, 0x00, 0x00, 0x05, 0xd8, 0x00, 0x00, 0x91, 0x60,
		0xff, 0xd9,
	}
	want := []uint16{0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145}
	img, err := Decode(context.Background(), data, raster.Shape{Rows: 4, Columns: 4, Components: 1, Bits: 8})
	if err != nil || !slices.Equal(img.Samples, want) {
		t.Errorf("%v, %v; want %v", img.Samples, err, want)
	}
}

func TestRefusals(t *testing.T) {
	grey := stream(t, "dcmcjpls-el-1x8.bin")
	near := stream(t, "dcmcjpls-en-md-9-dcmdjpls-1x12.bin")
	colour := stream(t, "dcmcjpls-el-is-3x8.bin")
	one, three := raster.Shape{Rows: 17, Columns: 23, Components: 1, Bits: 16}, raster.Shape{Rows: 17, Columns: 23, Components: 3, Bits: 8}
	scan := bytes.Index(grey, []byte{0xff, sos}) + 4
	scanNear, scanColour := bytes.Index(near, []byte{0xff, sos})+4, bytes.Index(colour, []byte{0xff, sos})+4
	frame := bytes.Index(colour, []byte{0xff, sof55})
	set := func(data []byte, at int, v byte) []byte {
		out := bytes.Clone(data)
		out[at] = v
		return out
	}
	insert := func(data []byte, segment ...byte) []byte {
		return append(append([]byte{0xff, soi}, segment...), data[2:]...)
	}
	for _, c := range []struct {
		name string
		data []byte
		want raster.Shape
		code fault.Code
	}{
		{"a mapping table", insert(grey, 0xff, lse, 0, 6, 2, 1, 1, 5), one, fault.InputUnsupported},
		{"the use of one", set(grey, scan+2, 1), one, fault.InputUnsupported},
		{"a point transform", set(grey, scan+5, 1), one, fault.InputUnsupported},
		{"a colour transform", insert(colour, 0xff, app8, 0, 7, 'm', 'r', 'f', 'x', 1), three, fault.InputUnsupported},
		{"lossless JPEG", set(grey, bytes.Index(grey, []byte{0xff, sof55})+1, 0xc3), one, fault.InputMalformed},
		{"interleave mode 3", set(colour, scanColour+8, 3), three, fault.InputMalformed},
		{"three components not interleaved", set(colour, scanColour+8, 0), three, fault.InputMalformed},
		{"subsampling", set(colour, frame+4+7, 0x22), three, fault.InputUnsupported},
		{"two of one name", set(colour, frame+4+9, colour[frame+4+6]), three, fault.InputMalformed},
		{"NEAR beyond MAXVAL/2", set(grey, scan+3, 200), one, fault.InputMalformed},
		{"MAXVAL beyond the bits", insert(grey, 0xff, lse, 0, 13, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0), one, fault.InputMalformed},
		{"T1 beyond T2", insert(grey, 0xff, lse, 0, 13, 1, 0, 0, 0, 90, 0, 8, 0, 0, 0, 0), one, fault.InputMalformed},
		{"a broken LSE", insert(grey, 0xff, lse, 0, 4, 1, 0), one, fault.InputMalformed},
		{"a restart that is missing", insert(grey, 0xff, dri, 0, 4, 0, 1), one, fault.InputMalformed},
		{"cut off", near[:scanNear+20], one, fault.InputTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Decode(context.Background(), c.data, c.want); fault.CodeOf(err) != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
}
