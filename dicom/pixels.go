package dicom

import (
	"encoding/binary"
	"fmt"

	"consilium/fault"
)

// pixels are the stored values of an image, DICOM PS3.3 C.7.6.3: all frames in
// one piece of memory, values of a pixel side by side.
type pixels struct {
	frames, rows, columns, channels int
	allocated, stored, high         int // bits of a value, those used, the highest one used
	signed                          bool
	photometric                     string
	wasBigEndian                    bool
	raw                             []byte
}

func (p *pixels) count() int { return p.frames * p.rows * p.columns * p.channels }

// at is stored value i, without the bits outside BitsStored.
func (p *pixels) at(i int) int64 {
	var v uint32
	switch {
	case p.allocated == 1: // packed, lowest bit first
		return int64(p.raw[i>>3] >> (i & 7) & 1)
	case p.allocated == 8:
		v = uint32(p.raw[i])
	case p.allocated == 16:
		v = uint32(binary.LittleEndian.Uint16(p.raw[2*i:]))
	default:
		v = binary.LittleEndian.Uint32(p.raw[4*i:])
	}
	v <<= 31 - p.high
	if p.signed {
		return int64(int32(v) >> (32 - p.stored))
	}
	return int64(v >> (32 - p.stored))
}

// limits is the range of values that BitsStored allows.
func (p *pixels) limits() (low, high float64) {
	if p.signed {
		return -float64(int64(1) << (p.stored - 1)), float64(int64(1)<<(p.stored-1) - 1)
	}
	return 0, float64(int64(1)<<p.stored - 1)
}

// pixels reads the image pixel module and decodes the pixel data.
func (o *Object) pixels() (*pixels, error) {
	if !o.Has(PixelData) {
		if o.Has(FloatPixelData) || o.Has(DoubleFloatPixelData) {
			return nil, unsupported(o.name, "floating-point pixels")
		}
		return nil, fault.New(fault.InputUnsupported, fmt.Sprintf("%s: a DICOM %s without an image", o.name, UIDName(o.Text(SOPClassUID))), "hand in a DICOM image")
	}
	p, err := o.layout()
	if err != nil {
		return nil, err
	}
	fragments := o.Fragments(PixelData)
	switch {
	case !Supported(o.syntax):
		return nil, unsupported(o.name, "transfer syntax %s", UIDName(o.syntax))
	case (fragments != nil) != Encapsulated(o.syntax):
		return nil, malformed(o.name, "pixel data that do not fit the transfer syntax "+UIDName(o.syntax))
	case fragments == nil:
		return p, p.unpack(o, o.Bytes(PixelData))
	}
	return p, p.decodeJPEG(o.name, fragments[min(1, len(fragments)):])
}

// Supported says whether images under this transfer syntax can be decoded.
func Supported(syntax string) bool {
	switch syntax {
	case ImplicitLittle, ExplicitLittle, ExplicitBig, Deflated, jpegBaseline:
		return true
	}
	return false
}

// unpack takes uncompressed pixel data over: checks its length and brings the
// values of each pixel side by side.
func (p *pixels) unpack(o *Object, raw []byte) error {
	half := p.channels == 3 && p.photometric == "YBR_FULL_422" && p.allocated == 8
	need := (p.count()*p.allocated + 7) / 8
	if half {
		need = p.frames * p.rows * (p.columns + p.columns%2) * 2
	}
	if len(raw) < need {
		return fault.New(fault.InputTruncated, fmt.Sprintf("%s: %d bytes of pixels, the image needs %d", o.name, len(raw), need), "copy the file again")
	}
	p.raw = raw[:need]
	switch {
	case half:
		p.raw = expand422(p.raw, p.frames*p.rows, p.columns)
	case p.channels > 1 && o.short(PlanarConfiguration, 0) == 1:
		p.raw = interleave(p.raw, p.frames, p.channels, p.allocated/8)
	}
	return nil
}

// interleave turns planes (all red, all green, all blue) into pixels, frame by frame.
func interleave(raw []byte, frames, channels, width int) []byte {
	out := make([]byte, len(raw))
	frame := len(raw) / frames
	plane := frame / channels
	for f := range frames {
		for c := range channels {
			for i := 0; i < plane; i += width {
				copy(out[f*frame+i*channels+c*width:], raw[f*frame+c*plane+i:][:width])
			}
		}
	}
	return out
}

// expand422 gives every pixel its own chroma: stored are Y, Y, Cb, Cr for two
// pixels of a line, PS3.3 C.7.6.3.1.2.
func expand422(raw []byte, lines, columns int) []byte {
	out := make([]byte, 0, lines*columns*3)
	stride := (columns + columns%2) * 2
	for l := range lines {
		for x := range columns {
			group := raw[l*stride+x/2*4:]
			out = append(out, group[x%2], group[2], group[3])
		}
	}
	return out
}

// layout reads and checks the attributes that describe the pixel data.
func (o *Object) layout() (*pixels, error) {
	p := &pixels{
		frames:       1,
		rows:         o.short(Rows, 0),
		columns:      o.short(Columns, 0),
		channels:     o.short(SamplesPerPixel, 1),
		allocated:    o.short(BitsAllocated, 0),
		signed:       o.short(PixelRepresentation, 0) == 1,
		photometric:  o.Text(PhotometricInterpretation),
		wasBigEndian: o.swapped,
	}
	p.stored = o.short(BitsStored, p.allocated)
	p.high = o.short(HighBit, p.stored-1)
	if n, given := o.Float(NumberOfFrames); given {
		if n < 0 || n > MaxFrames {
			return nil, tooLarge(o.name, "%v frames, the limit is %d", n, MaxFrames)
		}
		p.frames = max(1, int(n)) // some writers say 0 for one
	}
	if p.rows == 0 || p.columns == 0 {
		return nil, malformed(o.name, fmt.Sprintf("an image of %d x %d pixels", p.columns, p.rows))
	}
	if int64(p.frames)*int64(p.rows)*int64(p.columns)*int64(p.channels) > MaxPixels {
		return nil, tooLarge(o.name, "%d frames of %d x %d x %d values, the limit is %d in all", p.frames, p.columns, p.rows, p.channels, MaxPixels)
	}
	switch p.allocated {
	case 1, 8, 16, 32:
	default:
		return nil, unsupported(o.name, "%d bits a value", p.allocated)
	}
	if p.stored < 1 || p.stored > p.allocated || p.high < p.stored-1 || p.high >= p.allocated {
		return nil, malformed(o.name, fmt.Sprintf("%d bits stored below bit %d of %d", p.stored, p.high, p.allocated))
	}
	if p.channels != 1 && (p.channels != 3 || p.allocated == 1) {
		return nil, unsupported(o.name, "%d samples of %d bits a pixel", p.channels, p.allocated)
	}
	return p, nil
}
