// Package jpegls decodes JPEG-LS (ITU-T T.87), lossless and near-lossless, with 2 to 16 bits a
// sample and components one after the other, by line or by sample. Mapping tables, subsampled
// components, point transforms and colour transforms of the HP kind are refused.
package jpegls

import (
	"context"
	"encoding/binary"

	"consilium/dicom/pixel/raster"
)

const codec = "JPEG-LS"

// Markers, T.87 table C.1 and T.81 table B.1.
const (
	soi   = 0xd8
	eoi   = 0xd9
	sos   = 0xda
	dnl   = 0xdc
	dri   = 0xdd
	app8  = 0xe8
	sof55 = 0xf7
	lse   = 0xf8
	rst0  = 0xd0
)

// Image is a decoded frame: samples of all components side by side, row by row.
type Image struct {
	Samples []uint16
	Bits    int // of a sample
	Near    int // the largest difference from the original; 0: lossless
}

type decoder struct {
	ctx     context.Context
	data    []byte
	at      int
	want    raster.Shape
	bits    int
	ids     []byte // of the components
	done    []bool
	preset  preset
	restart int // interval in lines; 0: none
	near    int
	samples []uint16
}

// preset is what an LSE segment sets; 0 stands for the default.
type preset struct{ maxval, t1, t2, t3, reset int }

// Decode decodes one frame. The stream must have the wanted shape; it may have fewer bits.
func Decode(ctx context.Context, data []byte, want raster.Shape) (Image, error) {
	d := &decoder{ctx: ctx, data: data, want: want}
	if len(data) < 4 || data[0] != 0xff || data[1] != soi {
		return Image{}, raster.Malformed(codec, "the stream does not start as one")
	}
	d.at = 2
	for {
		if err := raster.Alive(ctx); err != nil {
			return Image{}, err
		}
		marker, body, err := d.segment()
		if err == nil {
			err = d.apply(marker, body)
		}
		if err != nil {
			return Image{}, err
		}
		if d.complete() {
			return Image{Samples: d.samples, Bits: d.bits, Near: d.near}, nil
		}
	}
}

func (d *decoder) complete() bool {
	for _, done := range d.done {
		if !done {
			return false
		}
	}
	return d.ids != nil
}

// segment reads up to the end of the next marker segment.
func (d *decoder) segment() (marker byte, body []byte, err error) {
	for d.at < len(d.data) && d.data[d.at] != 0xff {
		d.at++
	}
	for d.at < len(d.data) && d.data[d.at] == 0xff {
		d.at++
	}
	if d.at >= len(d.data) || d.data[d.at] == eoi {
		return 0, nil, raster.Truncated(codec)
	}
	marker = d.data[d.at]
	d.at++
	if marker < 0x80 || marker >= rst0 && marker <= soi {
		return marker, nil, nil
	}
	body, d.at, err = raster.Segment(codec, d.data, d.at)
	return marker, body, err
}

// apply does what a marker segment asks for.
func (d *decoder) apply(marker byte, body []byte) error {
	switch {
	case marker == sof55:
		return d.startFrame(body)
	case marker == lse:
		return d.setPreset(body)
	case marker == dri: // 2 to 4 bytes, T.87 C.2.5
		if len(body) < 2 || len(body) > 4 {
			return raster.Malformed(codec, "a restart interval of %d bytes", len(body))
		}
		d.restart = 0
		for _, b := range body {
			d.restart = d.restart<<8 | int(b)
		}
	case marker == sos:
		return d.scan(body)
	case marker == dnl:
		return raster.Unsupported(codec, "the number of lines follows the image")
	case marker >= 0xc0 && marker <= 0xcf:
		return raster.Malformed(codec, "the stream is a JPEG of another kind")
	case marker == app8 && len(body) >= 5 && string(body[:4]) == "mrfx" && body[4] != 0:
		return raster.Unsupported(codec, "colour transform %d", body[4])
	}
	return nil
}

// startFrame reads the frame header, T.87 C.2.2.
func (d *decoder) startFrame(body []byte) error {
	if d.ids != nil {
		return raster.Malformed(codec, "a second frame header")
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return raster.Malformed(codec, "a frame header of %d bytes", len(body))
	}
	bits, rows, columns, n := int(body[0]), int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:])), int(body[5])
	if err := d.want.Match(codec, rows, columns, n, bits); err != nil {
		return err
	}
	if bits < 2 || bits > 16 {
		return raster.Malformed(codec, "%d bits a sample", bits)
	}
	for i := range n {
		b := body[6+3*i:]
		if b[1] != body[7] {
			return raster.Unsupported(codec, "subsampled components")
		}
		for _, other := range d.ids {
			if other == b[0] {
				return raster.Malformed(codec, "two components are called %d", b[0])
			}
		}
		d.ids = append(d.ids, b[0])
	}
	d.bits, d.done = bits, make([]bool, n)
	d.samples = make([]uint16, rows*columns*n)
	return nil
}

// setPreset reads an LSE segment, T.87 C.2.4.1.
func (d *decoder) setPreset(body []byte) error {
	if len(body) < 1 {
		return raster.Malformed(codec, "an empty LSE segment")
	}
	if body[0] != 1 {
		return raster.Unsupported(codec, "LSE segments of kind %d (mapping tables, oversized images)", body[0])
	}
	if len(body) != 11 {
		return raster.Malformed(codec, "preset parameters of %d bytes", len(body))
	}
	word := func(i int) int { return int(binary.BigEndian.Uint16(body[1+2*i:])) }
	d.preset = preset{word(0), word(1), word(2), word(3), word(4)}
	return nil
}

// scan reads a scan header, T.87 C.2.3, and decodes the scan.
func (d *decoder) scan(body []byte) error {
	if d.ids == nil {
		return raster.Malformed(codec, "a scan before the frame header")
	}
	if len(body) < 1 || len(body) != 4+2*int(body[0]) || body[0] < 1 || body[0] > 4 {
		return raster.Malformed(codec, "a scan header of %d bytes", len(body))
	}
	n := int(body[0])
	places := make([]int, n)
	for i := range n {
		if body[2+2*i] != 0 {
			return raster.Unsupported(codec, "mapping tables")
		}
		place := d.place(body[1+2*i])
		if place < 0 || d.done[place] {
			return raster.Malformed(codec, "a scan of component %d, unknown or coded before", body[1+2*i])
		}
		d.done[place], places[i] = true, place
	}
	near, interleave, point := int(body[1+2*n]), body[2+2*n], body[3+2*n]
	if point != 0 {
		return raster.Unsupported(codec, "point transform %d", point)
	}
	if interleave > 2 || n > 1 && interleave == 0 {
		return raster.Malformed(codec, "interleave mode %d of %d components", interleave, n)
	}
	m, err := newModel(d.bits, near, d.preset)
	if err != nil {
		return err
	}
	d.near = max(d.near, near)
	return d.decodeScan(m, places, interleave == 2 && n > 1)
}

func (d *decoder) place(id byte) int {
	for i, other := range d.ids {
		if other == id {
			return i
		}
	}
	return -1
}

// decodeScan decodes the lines of some components: by sample, or else line by line in turn.
func (d *decoder) decodeScan(m *model, places []int, bySample bool) error {
	r := &reader{data: d.data, at: d.at}
	columns, n := d.want.Columns, len(d.ids)
	lines, above := make([]line, len(places)), make([]line, len(places))
	for i := range places {
		lines[i], above[i] = make(line, columns+2), make(line, columns+2)
	}
	for y := range d.want.Rows {
		if err := raster.Alive(d.ctx); err != nil {
			return err
		}
		lines, above = above, lines
		if d.restart > 0 && y > 0 && y%d.restart == 0 {
			if err := r.nextRestart(y/d.restart - 1); err != nil {
				return err
			}
			m.begin()
			for i := range places {
				clear(above[i])
				clear(lines[i])
			}
		}
		var ok bool
		if bySample {
			ok = m.decodePixels(r, lines, above)
		} else {
			ok = true
			for i := 0; i < len(places) && ok; i++ {
				ok = m.decodeLine(r, lines[i], above[i], &m.runs[i])
			}
		}
		if r.overrun() {
			return raster.Truncated(codec)
		}
		if !ok {
			return raster.Malformed(codec, "line %d has bits that are no code", y+1)
		}
		for i, place := range places {
			to := d.samples[y*columns*n+place:]
			for x, v := range lines[i][1 : columns+1] {
				to[x*n] = uint16(v)
			}
		}
	}
	d.at = r.end()
	return nil
}
