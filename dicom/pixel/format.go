package pixel

import (
	"fmt"

	"consilium/fault"
)

// MaxPixels bounds the samples of one frame, rows x columns x samples per
// pixel: room for the largest detectors, while decoding stays below 1 GiB.
const MaxPixels = 1 << 26

// Format is what the image pixel module (PS3.3 C.7.6.3) says of every frame.
type Format struct {
	Rows, Columns       int
	Samples             int // per pixel
	BitsAllocated       int // of a sample: 1..32, or 64
	BitsStored          int // of which these many are used
	Signed              bool
	PlanarConfiguration int    // 1: all red, all green, all blue
	Photometric         string // photometric interpretation
}

// check refuses what no frame can have.
func (f Format) check() error {
	switch {
	case f.Rows < 1 || f.Columns < 1 || f.Rows > 0xffff_ffff>>1 || f.Columns > 0xffff_ffff>>1:
		return misfit("an image of %d x %d pixels", f.Columns, f.Rows)
	case f.Samples < 1 || f.Samples > 4:
		return fault.New(fault.InputUnsupported, fmt.Sprintf("%d samples a pixel", f.Samples), "hand in a grey or a colour image")
	case f.BitsAllocated < 1 || f.BitsAllocated > 32 && f.BitsAllocated != 64:
		return fault.New(fault.InputUnsupported, fmt.Sprintf("%d bits allocated a sample", f.BitsAllocated), "export the image with 8 or 16 bits a sample")
	case f.BitsStored < 1 || f.BitsStored > f.BitsAllocated:
		return misfit("%d of %d bits are said to be used", f.BitsStored, f.BitsAllocated)
	case f.Rows > MaxPixels/f.Columns/f.Samples:
		return fault.New(fault.InputTooLarge, fmt.Sprintf("a frame of %d x %d pixels of %d samples, the limit is %d samples", f.Columns, f.Rows, f.Samples, MaxPixels), "hand in a smaller image")
	}
	return nil
}

// count is the number of samples of a frame.
func (f Format) count() int { return f.Rows * f.Columns * f.Samples }

// halved says whether two pixels of a line share their chroma: PS3.3
// C.7.6.3.1.2, only of uncompressed frames.
func (f Format) halved() bool {
	return f.Samples == 3 && f.BitsAllocated == 8 && (f.Photometric == "YBR_FULL_422" || f.Photometric == "YBR_PARTIAL_422")
}

// FrameBits is the size of an uncompressed frame in bits. Frames follow each other without padding,
// so that one of single bits may start inside a byte.
func (f Format) FrameBits() int {
	if f.halved() {
		return f.Rows * (f.Columns + f.Columns%2) * 16
	}
	return f.count() * f.BitsAllocated
}

// decoded is the format of the decoded frame: whole bytes a sample, pixel by pixel.
func (f Format) decoded() Format {
	switch {
	case f.BitsAllocated <= 8:
		f.BitsAllocated = 8
	case f.BitsAllocated <= 16:
		f.BitsAllocated = 16
	case f.BitsAllocated <= 32:
		f.BitsAllocated = 32
	}
	f.PlanarConfiguration = 0
	if f.Samples == 3 {
		switch f.Photometric {
		case "YBR_FULL_422":
			f.Photometric = "YBR_FULL"
		case "YBR_PARTIAL_422":
			f.Photometric = "YBR_PARTIAL"
		}
	}
	return f
}

func misfit(format string, a ...any) error {
	return fault.New(fault.InputMalformed, fmt.Sprintf(format, a...), "export the image again")
}
