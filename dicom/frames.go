package dicom

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"consilium/dicom/pixel"
	"consilium/fault"
)

// NumberOfFrames is how many frames the object says it has, at least 1; 0 for
// an object without pixel data.
func (o *Object) NumberOfFrames() int {
	switch {
	case o.pixelTag() == 0:
		return 0
	case !o.Has(NumberOfFrames):
		return 1
	}
	n, _ := o.Int(NumberOfFrames)
	return max(1, n) // some writers say 0 for one
}

// pixelTag is the attribute that holds the pixels; 0 when there is none.
func (o *Object) pixelTag() Tag {
	for _, t := range []Tag{PixelData, FloatPixelData, DoubleFloatPixelData} {
		if o.Has(t) {
			return t
		}
	}
	return 0
}

// Frame gives frame i, from 0, as it is encoded: the fragments of a compressed
// frame joined, or the part of the native pixel data, in little endian. The
// bytes must not be changed.
func (o *Object) Frame(i int) ([]byte, error) {
	if n := o.NumberOfFrames(); n == 0 {
		return nil, o.noImage()
	} else if i < 0 || i >= n {
		return nil, fault.New(fault.NotFound, fmt.Sprintf("%s: frame %d of %d", o.name, i+1, n), "ask for a frame that it has")
	}
	if e := o.find(o.pixelTag()); e.content != nil && e.content.out {
		return nil, fault.New(fault.Usage, o.name+" was parsed without its pixel data", "parse the whole object")
	}
	l, err := o.layout()
	if err != nil {
		return nil, err
	}
	fragments := o.Fragments(PixelData)
	if fragments == nil {
		return pixel.Slice(l.Format, o.Bytes(o.pixelTag()), i)
	}
	parts, err := o.encapsulated(fragments, l.frames, i)
	if err != nil {
		return nil, err
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return bytes.Join(parts, nil), nil
}

// encapsulated gives the fragments of frame i, PS3.5 A.4: by the extended
// offset table, by the basic one, one fragment a frame, or by where streams
// start, whichever fits first.
func (o *Object) encapsulated(fragments [][]byte, frames, i int) ([][]byte, error) {
	table, parts := fragments[0], fragments[1:]
	if len(parts) == 0 {
		return nil, fault.New(fault.InputTruncated, o.name+": no fragments of pixel data", "copy the file again")
	}
	if frames == 1 {
		return parts, nil
	}
	if extended := o.Bytes(ExtendedOffsetTable); len(extended) >= 8*frames {
		return o.byOffset(parts, frames, i, func(k int) uint64 { return binary.LittleEndian.Uint64(extended[8*k:]) })
	}
	if len(table) >= 4*frames {
		if own, err := o.byOffset(parts, frames, i, func(k int) uint64 { return uint64(binary.LittleEndian.Uint32(table[4*k:])) }); err == nil {
			return own, nil
		}
	}
	if len(parts) == frames {
		return parts[i : i+1], nil
	}
	first, count := -1, 0
	for k, part := range parts {
		if !startsStream(part) {
			continue
		}
		if count == i {
			first = k
		}
		if count == i+1 {
			return parts[first:k], nil
		}
		count++
	}
	if count == i+1 && count == frames {
		return parts[first:], nil
	}
	return nil, fault.New(fault.InputTruncated, fmt.Sprintf("%s: %d fragments hold %d compressed frames, %d are announced", o.name, len(parts), count, frames), "copy the file again")
}

// byOffset gives the fragments of frame i whose start an offset table tells,
// counted from the first fragment's item tag.
func (o *Object) byOffset(parts [][]byte, frames, i int, offset func(int) uint64) ([][]byte, error) {
	first, at := -1, uint64(0)
	for k, part := range parts {
		if i+1 < frames && at == offset(i+1) && first >= 0 {
			return parts[first:k], nil
		}
		if at == offset(i) {
			first = k
		}
		at += 8 + uint64(len(part)+len(part)%2)
	}
	if first >= 0 && i+1 == frames {
		return parts[first:], nil
	}
	return nil, malformed(o.name, fmt.Sprintf("the offset table does not lead to frame %d", i+1))
}

// startsStream recognises the first bytes of a JPEG, JPEG-LS or JPEG 2000 stream.
func startsStream(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xff, 0xd8, 0xff}) || bytes.HasPrefix(b, []byte{0xff, 0x4f, 0xff, 0x51}) || bytes.HasPrefix(b, []byte("\x00\x00\x00\x0cjP"))
}

// noImage refuses an object of another kind.
func (o *Object) noImage() error {
	return fault.New(fault.InputUnsupported, fmt.Sprintf("%s: a DICOM %s without an image", o.name, UIDName(o.Text(SOPClassUID))), "hand in a DICOM image")
}
