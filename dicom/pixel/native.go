package pixel

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"consilium/dicom/pixel/rle"
	"consilium/fault"
)

// Slice cuts frame i (from 0) out of native (not encapsulated) pixel data, so
// that it starts at bit 0. It fails when the data end before the frame does.
func Slice(f Format, data []byte, i int) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	size := f.FrameBits()
	if i < 0 || i > (len(data)*8-size)/size || len(data)*8 < size {
		return nil, short(i+1, (size+7)/8, max(0, len(data)-i*(size/8)))
	}
	first, need := i*size, (size+7)/8
	start, shift := first/8, first%8
	if shift == 0 {
		return data[start : start+need : start+need], nil
	}
	out := make([]byte, need)
	for k := range out {
		out[k] = data[start+k] >> shift
		if start+k+1 < len(data) {
			out[k] |= data[start+k+1] << (8 - shift)
		}
	}
	return out, nil
}

func short(frame, need, have int) error {
	return fault.New(fault.InputTruncated, fmt.Sprintf("frame %d: %d bytes of pixels, %d are needed", frame, have, need), "copy the file again")
}

// decodeLittle takes an uncompressed frame, PS3.5 section 8.1.1 and Annex D.
func decodeLittle(_ context.Context, f Format, frame []byte) (Frame, error) {
	need := (f.FrameBits() + 7) / 8
	if len(frame) < need {
		return Frame{}, fault.New(fault.InputTruncated, fmt.Sprintf("%d bytes of pixels, the frame needs %d", len(frame), need), "copy the file again")
	}
	out := Frame{Format: f.decoded()}
	switch {
	case f.halved():
		out.Data = expand422(frame, f.Rows, f.Columns)
		return out, nil
	case f.BitsAllocated%8 != 0 || f.BitsAllocated == 24:
		out.Data = unpack(frame, f.count(), f.BitsAllocated)
	default:
		out.Data = bytes.Clone(frame[:need])
	}
	if f.Samples > 1 && f.PlanarConfiguration == 1 {
		out.Data = interleave(out.Data, f.Samples, out.BitsAllocated/8)
	}
	return out, nil
}

// decodeBig takes a frame whose samples are big endian. Samples of up to 8 bits
// are taken in the order of the bytes: where such pixel data came as words
// (VR OW), who reads the words has to swap them, as only the data set shows it.
func decodeBig(ctx context.Context, f Format, frame []byte) (Frame, error) {
	width := f.BitsAllocated / 8
	if width*8 != f.BitsAllocated || width&(width-1) != 0 {
		if f.BitsAllocated < 8 {
			return decodeLittle(ctx, f, frame)
		}
		return Frame{}, fault.New(fault.InputUnsupported, fmt.Sprintf("big-endian samples of %d bits", f.BitsAllocated), "export the image in little endian")
	}
	out, err := decodeLittle(ctx, f, frame)
	if err != nil || width == 1 {
		return out, err
	}
	for b := out.Data; len(b) >= width; b = b[width:] {
		if width == 2 {
			b[0], b[1] = b[1], b[0]
			continue
		}
		slices.Reverse(b[:width])
	}
	return out, nil
}

// unpack gives each sample of bits bits the next whole number of bytes. They are packed from the
// lowest bit up.
func unpack(frame []byte, count, bits int) []byte {
	if bits == 1 {
		out := make([]byte, count)
		for i := range out {
			out[i] = frame[i>>3] >> (i & 7) & 1
		}
		return out
	}
	width := 1
	for width*8 < bits {
		width *= 2
	}
	out := make([]byte, count*width)
	for i := range count {
		for b, at := 0, i*bits; b < bits; b, at = b+1, at+1 {
			out[i*width+b>>3] |= frame[at>>3] >> (at & 7) & 1 << (b & 7)
		}
	}
	return out
}

// interleave turns planes into pixels.
func interleave(planes []byte, samples, width int) []byte {
	out := make([]byte, len(planes))
	plane := len(planes) / samples
	for c := range samples {
		to := c * width
		for i := 0; i < plane; i += width {
			copy(out[to:to+width], planes[c*plane+i:])
			to += samples * width
		}
	}
	return out
}

// expand422 gives every pixel its own chroma: stored are Y, Y, Cb, Cr for two
// pixels of a line, PS3.3 C.7.6.3.1.2.
func expand422(raw []byte, rows, columns int) []byte {
	out := make([]byte, 0, rows*columns*3)
	stride := (columns + columns%2) * 2
	for y := range rows {
		for x := range columns {
			group := raw[y*stride+x/2*4:]
			out = append(out, group[x%2], group[2], group[3])
		}
	}
	return out
}

// decodeDeflated inflates a frame (PS3.5 section A.4.12), never beyond its size.
func decodeDeflated(ctx context.Context, f Format, frame []byte) (Frame, error) {
	need := (f.FrameBits() + 7) / 8
	flat := bytes.NewBuffer(make([]byte, 0, min(need, 64+16*len(frame))))
	_, err := io.Copy(flat, io.LimitReader(flate.NewReader(bytes.NewReader(frame)), int64(need)))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Frame{}, fault.Wrap(err, fault.InputMalformed, "the frame cannot be inflated", "export the image again")
	}
	return decodeLittle(ctx, f, flat.Bytes())
}

func decodeRLE(ctx context.Context, f Format, frame []byte) (Frame, error) {
	out := Frame{Format: f.decoded()}
	packed := f.BitsAllocated == 1 // the packed bytes are what is coded
	shape := rle.Shape{Pixels: f.Rows * f.Columns, Samples: f.Samples, Bytes: out.BitsAllocated / 8}
	if packed {
		shape.Pixels = (f.Rows*f.Columns + 7) / 8
	}
	if packed && f.Samples > 1 || out.BitsAllocated != f.BitsAllocated && !packed {
		return Frame{}, fault.New(fault.InputUnsupported, fmt.Sprintf("RLE of %d samples of %d bits", f.Samples, f.BitsAllocated), "convert the image to an uncompressed transfer syntax")
	}
	data, err := rle.Decode(ctx, frame, shape)
	if packed && err == nil {
		data = unpack(data, f.count(), 1)
	}
	out.Data = data
	return out, err
}

// EncodeRLE makes a frame of transfer syntax RLELossless out of a decoded one.
func EncodeRLE(f Frame) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	shape := rle.Shape{Pixels: f.Rows * f.Columns, Samples: f.Samples, Bytes: f.BitsAllocated / 8}
	return rle.Encode(f.Data, f.Columns, shape)
}
