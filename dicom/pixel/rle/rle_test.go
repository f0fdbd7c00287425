package rle

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"consilium/fault"
)

// TestRoundTrip: what is encoded is decoded, and is not much longer than the picture.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns, rows := rapid.IntRange(1, 300).Draw(t, "columns"), rapid.IntRange(1, 20).Draw(t, "rows")
		s := Shape{Pixels: rows * columns, Samples: rapid.IntRange(1, 3).Draw(t, "samples"), Bytes: rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "bytes")}
		alphabet := rapid.IntRange(1, 255).Draw(t, "alphabet")
		pixels := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, alphabet), func(v int) byte { return byte(v) }), s.Pixels*s.segments(), -1).Draw(t, "pixels")[:s.Pixels*s.segments()]
		packed, err := Encode(pixels, columns, s)
		if err != nil {
			t.Fatal(err)
		}
		if most := headerSize + s.segments()*(rows*(columns+(columns+127)/128)+1); len(packed) > most {
			t.Errorf("%d bytes for a picture of %d", len(packed), len(pixels))
		}
		back, err := Decode(context.Background(), packed, s)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back, pixels) {
			t.Error("the picture changed")
		}
	})
}

// frame puts segments behind a header.
func frame(segments ...[]byte) []byte {
	out := make([]byte, headerSize)
	binary.LittleEndian.PutUint32(out, uint32(len(segments)))
	for i, s := range segments {
		binary.LittleEndian.PutUint32(out[4+4*i:], uint32(len(out)))
		out = append(out, s...)
	}
	return out
}

// TestStandard follows PS3.5 G.3: literal runs, replicate runs, the byte -128, the order of bytes.
func TestStandard(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		s    Shape
		want []byte
	}{
		{"literal", frame([]byte{2, 7, 8, 9}), Shape{3, 1, 1}, []byte{7, 8, 9}},
		{"replicate", frame([]byte{0xfe, 7}), Shape{3, 1, 1}, []byte{7, 7, 7}},
		{"nothing at -128", frame([]byte{0x80, 0xff, 5, 0x80, 0, 6}), Shape{3, 1, 1}, []byte{5, 5, 6}},
		{"padding after the end", frame([]byte{0xff, 5, 0, 0}), Shape{2, 1, 1}, []byte{5, 5}},
		{"a run beyond the end", frame([]byte{0x81, 5}), Shape{2, 1, 1}, []byte{5, 5}},
		{"the high byte first", frame([]byte{0xff, 1}, []byte{1, 2, 3}), Shape{2, 1, 2}, []byte{2, 1, 3, 1}},
		{"samples apart", frame([]byte{0xff, 1}, []byte{0xff, 2}, []byte{0xff, 3}), Shape{2, 3, 1}, []byte{1, 2, 3, 1, 2, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Decode(context.Background(), c.data, c.s)
			if err != nil || !bytes.Equal(got, c.want) {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	disorder := frame([]byte{0xff, 1}, []byte{0xff, 2})
	binary.LittleEndian.PutUint32(disorder[8:], 3)
	beyond := frame([]byte{0xff, 1})
	binary.LittleEndian.PutUint32(beyond[4:], 1<<31)
	for _, c := range []struct {
		name string
		data []byte
		s    Shape
		code fault.Code
	}{
		{"nothing", nil, Shape{1, 1, 1}, fault.InputTruncated},
		{"half a header", make([]byte, 40), Shape{1, 1, 1}, fault.InputTruncated},
		{"another number of segments", frame([]byte{0, 1}), Shape{1, 3, 1}, fault.InputMalformed},
		{"disorder", disorder, Shape{2, 1, 2}, fault.InputMalformed},
		{"beyond the end", beyond, Shape{2, 1, 1}, fault.InputTruncated},
		{"too short", frame([]byte{0xff, 1}), Shape{3, 1, 1}, fault.InputTruncated},
		{"half a literal", frame([]byte{5, 1, 2}), Shape{6, 1, 1}, fault.InputTruncated},
		{"half a run", frame([]byte{0xfe}), Shape{3, 1, 1}, fault.InputTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Decode(context.Background(), c.data, c.s); fault.CodeOf(err) != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
	if _, err := Encode([]byte{1, 2, 3}, 2, Shape{3, 1, 1}); fault.CodeOf(err) != fault.InputMalformed {
		t.Errorf("a broken row: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(frame([]byte{2, 7, 8, 9}), uint8(3), uint8(1), uint8(1))
	f.Add(frame([]byte{0xff, 1}, []byte{1, 2, 3}), uint8(2), uint8(1), uint8(2))
	f.Add(frame([]byte{0x81, 1}, []byte{0x81, 2}, []byte{0x80, 0x81, 3}), uint8(100), uint8(3), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, pixels, samples, width uint8) {
		s := Shape{Pixels: 1 + int(pixels), Samples: 1 + int(samples)%4, Bytes: 1 << (width % 3)}
		got, err := Decode(context.Background(), data, s)
		if err == nil && len(got) != s.Pixels*s.segments() {
			t.Errorf("%d bytes", len(got))
		}
		if fault.CodeOf(err) == fault.Internal {
			t.Error(err)
		}
	})
}
