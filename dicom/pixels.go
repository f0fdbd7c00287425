package dicom

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"consilium/dicom/pixel"
	"consilium/fault"
)

// decodeTime bounds the decoding of one image: hostile streams can take long.
const decodeTime = 60 * time.Second

// Supported says whether images under this transfer syntax can be decoded.
func Supported(syntax string) bool { return pixel.Supported(syntax) }

// layout is what the object says of its pixels, PS3.3 C.7.6.3.
type layout struct {
	pixel.Format
	frames int
	high   int  // highest bit used
	float  bool // values are IEEE numbers of BitsAllocated bits
}

// pixels are decoded stored values, frame by frame, the samples of a pixel side by side.
type pixels struct {
	layout
	raw []byte
}

func (l *layout) count() int { return l.frames * l.Rows * l.Columns * l.Samples }

// at is stored value i, without the bits outside BitsStored.
func (p *pixels) at(i int) int64 {
	var v uint32
	switch p.BitsAllocated {
	case 8:
		v = uint32(p.raw[i])
	case 16:
		v = uint32(binary.LittleEndian.Uint16(p.raw[2*i:]))
	default:
		v = binary.LittleEndian.Uint32(p.raw[4*i:])
	}
	v <<= 31 - p.high
	if p.Signed {
		return int64(int32(v) >> (32 - p.BitsStored))
	}
	return int64(v >> (32 - p.BitsStored))
}

// value is stored value i, of integer and of floating-point pixels.
func (p *pixels) value(i int) float64 {
	switch {
	case !p.float:
		return float64(p.at(i))
	case p.BitsAllocated == 32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p.raw[4*i:])))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(p.raw[8*i:]))
}

// limits is the range of values that BitsStored allows; of floating-point
// pixels, the range that they take.
func (p *pixels) limits() (low, high float64) {
	switch {
	case p.float:
		low, high = math.Inf(1), math.Inf(-1)
		for i := range len(p.raw) / (p.BitsAllocated / 8) {
			low, high = min(low, p.value(i)), max(high, p.value(i))
		}
		return low, high
	case p.Signed:
		return -float64(int64(1) << (p.BitsStored - 1)), float64(int64(1)<<(p.BitsStored-1) - 1)
	}
	return 0, float64(int64(1)<<p.BitsStored - 1)
}

// decode decodes n frames from the first on.
func (o *Object) decode(first, n int) (*pixels, error) {
	if o.pixelTag() == 0 {
		return nil, o.noImage()
	}
	if !pixel.Supported(o.syntax) {
		return nil, unsupported(o.name, "transfer syntax %s", UIDName(o.syntax))
	}
	if (o.Fragments(PixelData) != nil) != Encapsulated(o.syntax) {
		return nil, malformed(o.name, "pixel data that do not fit the transfer syntax "+UIDName(o.syntax))
	}
	l, err := o.layout()
	if err != nil {
		return nil, err
	}
	if values := int64(n) * int64(l.Rows) * int64(l.Columns) * int64(l.Samples); values > MaxPixels {
		return nil, tooLarge(o.name, "%d frames of %d x %d x %d values, the limit is %d in all", n, l.Columns, l.Rows, l.Samples, MaxPixels)
	}
	ctx, cancel := context.WithTimeout(context.Background(), decodeTime)
	defer cancel()
	p := &pixels{layout: *l}
	for i := range n {
		data, err := o.Frame(first + i)
		if err != nil {
			return nil, err
		}
		frame, err := pixel.Decode(ctx, o.nativeSyntax(), l.Format, data)
		if err != nil {
			e := fault.Of(err)
			return nil, fault.Wrap(e.Err, e.Code, fmt.Sprintf("%s, frame %d: %s", o.name, first+i+1, e.What), e.Do)
		}
		if i == 0 {
			p.Format = frame.Format
			p.raw = frame.Data
			continue
		}
		if i == 1 {
			p.raw = append(make([]byte, 0, n*len(frame.Data)), p.raw...)
		}
		p.raw = append(p.raw, frame.Data...)
	}
	p.frames = n
	if p.high = l.high; p.high >= p.BitsAllocated || p.BitsStored > p.BitsAllocated || p.high < p.BitsStored-1 {
		p.high = p.BitsStored - 1
	}
	if len(p.raw) < p.count()*(p.BitsAllocated/8) {
		return nil, malformed(o.name, "frames of different sizes")
	}
	return p, nil
}

// nativeSyntax is what the frames are encoded in: uncompressed ones are little
// endian here, whatever they were in the file.
func (o *Object) nativeSyntax() string {
	if Encapsulated(o.syntax) {
		return o.syntax
	}
	return ExplicitLittle
}

// layout reads and checks the attributes that describe the pixel data.
func (o *Object) layout() (*layout, error) {
	l := &layout{frames: o.NumberOfFrames(), Format: pixel.Format{
		Rows:                o.short(Rows, 0),
		Columns:             o.short(Columns, 0),
		Samples:             o.short(SamplesPerPixel, 1),
		BitsAllocated:       o.short(BitsAllocated, 0),
		Signed:              o.short(PixelRepresentation, 0) == 1,
		PlanarConfiguration: o.short(PlanarConfiguration, 0),
		Photometric:         o.Text(PhotometricInterpretation),
	}}
	l.BitsStored = o.short(BitsStored, l.BitsAllocated)
	l.high = o.short(HighBit, l.BitsStored-1)
	if t := o.pixelTag(); t != PixelData {
		l.float, l.BitsAllocated = true, 32
		if t == DoubleFloatPixelData {
			l.BitsAllocated = 64
		}
		l.BitsStored, l.high = l.BitsAllocated, l.BitsAllocated-1
	}
	if l.frames > MaxFrames {
		return nil, tooLarge(o.name, "%d frames, the limit is %d", l.frames, MaxFrames)
	}
	if l.Rows < 1 || l.Columns < 1 || l.Rows > math.MaxUint16 || l.Columns > math.MaxUint16 {
		return nil, malformed(o.name, fmt.Sprintf("an image of %d x %d pixels", l.Columns, l.Rows))
	}
	if !l.float && (l.BitsAllocated < 1 || l.BitsAllocated > 32) {
		return nil, unsupported(o.name, "%d bits a value", l.BitsAllocated)
	}
	if l.BitsStored < 1 || l.BitsStored > l.BitsAllocated || l.high < l.BitsStored-1 || l.high >= l.BitsAllocated {
		return nil, malformed(o.name, fmt.Sprintf("%d bits stored below bit %d of %d", l.BitsStored, l.high, l.BitsAllocated))
	}
	if l.Samples != 1 && (l.Samples != 3 || l.BitsAllocated == 1 || l.float) {
		return nil, unsupported(o.name, "%d samples of %d bits a pixel", l.Samples, l.BitsAllocated)
	}
	return l, nil
}

// group gives the functional group of a frame, from 0: the frame's own, else
// the one that all share (PS3.3 C.7.6.16), else the object itself.
func (o *Object) group(frame int, t Tag) *Object {
	own := o.Items(PerFrameFunctionalGroupsSequence)
	if frame < len(own) && len(own[frame].Items(t)) > 0 {
		return own[frame].Item(t)
	}
	if shared := o.Item(SharedFunctionalGroupsSequence); len(shared.Items(t)) > 0 {
		return shared.Item(t)
	}
	return o
}
