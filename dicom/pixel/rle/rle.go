// Package rle reads and writes the RLE of DICOM, PS3.5 Annex G: byte planes,
// each packed by the PackBits scheme.
package rle

import (
	"context"
	"encoding/binary"

	"consilium/dicom/pixel/raster"
)

const (
	codec       = "RLE"
	headerSize  = 64 // the number of segments and 15 offsets
	maxSegments = 15
)

// Shape says what a frame holds: Pixels of Samples samples of Bytes bytes.
type Shape struct {
	Pixels, Samples, Bytes int
}

func (s Shape) segments() int { return s.Samples * s.Bytes }

// Decode gives the frame's samples side by side, little endian. Segments are
// the samples in turn, of each the most significant byte first.
func Decode(ctx context.Context, data []byte, s Shape) ([]byte, error) {
	starts, err := header(data, s)
	if err != nil {
		return nil, err
	}
	out := make([]byte, s.Pixels*s.segments())
	for i, start := range starts {
		if err := raster.Alive(ctx); err != nil {
			return nil, err
		}
		end := len(data)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		first := i/s.Bytes*s.Bytes + s.Bytes - 1 - i%s.Bytes
		if !expand(out[first:], data[start:end], s.Pixels, s.segments()) {
			return nil, raster.Truncated(codec)
		}
	}
	return out, nil
}

// header reads where the segments start. They must be in order and inside the frame.
func header(data []byte, s Shape) ([]int, error) {
	if len(data) < headerSize {
		return nil, raster.Truncated(codec)
	}
	n := binary.LittleEndian.Uint32(data)
	if n != uint32(s.segments()) || n > maxSegments {
		return nil, raster.Malformed(codec, "%d segments, the image needs %d", n, s.segments())
	}
	starts := make([]int, n)
	previous := headerSize
	for i := range starts {
		at := binary.LittleEndian.Uint32(data[4+4*i:])
		if int64(at) > int64(len(data)) {
			return nil, raster.Truncated(codec)
		}
		if int(at) < previous {
			return nil, raster.Malformed(codec, "segment %d starts at byte %d, inside what precedes it", i+1, at)
		}
		starts[i], previous = int(at), int(at)
	}
	return starts, nil
}

// expand unpacks one segment into every step-th byte of out, n of them. What
// follows them is padding. It says whether there were enough.
func expand(out, segment []byte, n, step int) bool {
	at := 0 // in out
	for end := n * step; at < end; {
		if len(segment) == 0 {
			return false
		}
		control := int(int8(segment[0]))
		segment = segment[1:]
		switch {
		case control >= 0: // that many and one more as they are
			count := min(control+1, (end-at)/step)
			if len(segment) < count {
				return false
			}
			for _, v := range segment[:count] {
				out[at] = v
				at += step
			}
			segment = segment[count:]
		case control != -128: // the next byte, repeated
			if len(segment) == 0 {
				return false
			}
			v := segment[0]
			segment = segment[1:]
			for range min(1-control, (end-at)/step) {
				out[at] = v
				at += step
			}
		}
	}
	return true
}
