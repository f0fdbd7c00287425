package dicom

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"slices"

	"consilium/fault"
)

const jpegBaseline = "1.2.840.10008.1.2.4.50"

// decodeJPEG decodes JPEG baseline frames into raw components: what they mean
// is for the photometric interpretation to say, not for the JPEG file.
func (p *pixels) decodeJPEG(name string, fragments [][]byte) error {
	if p.allocated != 8 || p.stored != 8 || p.signed {
		return malformed(name, "JPEG baseline has 8 unsigned bits")
	}
	frames := splitFrames(fragments, p.frames)
	if len(frames) != p.frames {
		return fault.New(fault.InputTruncated, fmt.Sprintf("%s: %d JPEG frames, %d announced", name, len(frames), p.frames), "copy the file again")
	}
	p.raw = make([]byte, 0, p.count())
	for i, frame := range frames {
		if err := p.checkBaseline(frame); err != nil {
			return malformed(name, fmt.Sprintf("frame %d: %v", i+1, err))
		}
		img, err := jpeg.Decode(bytes.NewReader(frame))
		if err != nil {
			return fault.Wrap(err, fault.InputMalformed, fmt.Sprintf("%s: JPEG frame %d", name, i+1), "export it again")
		}
		if !p.appendComponents(img) {
			return malformed(name, fmt.Sprintf("frame %d decodes to a %T", i+1, img))
		}
	}
	return nil
}

// splitFrames joins the fragments of each frame. A frame starts where a
// fragment starts with the JPEG start mark.
func splitFrames(fragments [][]byte, frames int) [][]byte {
	var out [][]byte
	for _, f := range fragments {
		data := f
		starts := len(data) >= 2 && data[0] == 0xff && data[1] == 0xd8
		if len(out) == 0 || starts && frames > 1 {
			out = append(out, data)
			continue
		}
		last := &out[len(out)-1]
		*last = append(slices.Clip(*last), data...)
	}
	return out
}

// checkBaseline walks the markers up to the frame header (ITU-T T.81 B.2.2).
// It must be a sequential one of the announced size: a progressive JPEG can
// make the decoder work for hours.
func (p *pixels) checkBaseline(b []byte) error {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker := b[at+1]
		if marker == 0xff { // fill byte
			at++
			continue
		}
		length := int(binary.BigEndian.Uint16(b[at+2:]))
		switch {
		case marker == 0xc0 || marker == 0xc1:
			if at+10 > len(b) {
				return fmt.Errorf("the JPEG header ends early")
			}
			rows, columns := int(binary.BigEndian.Uint16(b[at+5:])), int(binary.BigEndian.Uint16(b[at+7:]))
			if rows != p.rows || columns != p.columns || int(b[at+9]) != p.channels {
				return fmt.Errorf("the JPEG has %d x %d pixels of %d components, the image %d x %d of %d", columns, rows, b[at+9], p.columns, p.rows, p.channels)
			}
			return nil
		case marker >= 0xc2 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			return fmt.Errorf("the JPEG is not a baseline one")
		}
		at += 2 + length
	}
	return fmt.Errorf("no JPEG frame header")
}

// appendComponents appends a decoded frame's components, side by side.
func (p *pixels) appendComponents(img image.Image) bool {
	switch m := img.(type) {
	case *image.Gray:
		for y := range p.rows {
			p.raw = append(p.raw, m.Pix[y*m.Stride:][:p.columns]...)
		}
		return p.channels == 1
	case *image.YCbCr: // no conversion: these are components 1, 2 and 3
		for y := range p.rows {
			for x := range p.columns {
				c := m.COffset(x, y)
				p.raw = append(p.raw, m.Y[m.YOffset(x, y)], m.Cb[c], m.Cr[c])
			}
		}
		return p.channels == 3
	case *image.RGBA: // the JPEG says that it was not transformed
		for y := range p.rows {
			for x := range p.columns {
				i := m.PixOffset(x, y)
				p.raw = append(p.raw, m.Pix[i:i+3]...)
			}
		}
		p.photometric = "RGB"
		return p.channels == 3
	}
	return false
}
