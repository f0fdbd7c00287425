// Package jpeg decodes the JPEG of DICOM (ITU-T T.81) into raw components:
// baseline and extended sequential with 8 or 12 bits (processes 1, 2 and 4) and
// lossless with 2 to 16 bits (process 14, all predictors). Arithmetic coding,
// progressive and hierarchical processes are refused; DICOM retired them.
//
// The samples of the sequential processes are bit for bit those of libjpeg
// with its default settings: the exact integer inverse DCT ("islow"), and chroma
// interpolated by triangles ("fancy upsampling").
package jpeg

import (
	"context"
	"encoding/binary"

	"consilium/dicom/pixel/raster"
)

const codec = "JPEG"

// Markers, T.81 table B.1.
const (
	sof0  = 0xc0
	sof1  = 0xc1
	sof3  = 0xc3
	dht   = 0xc4
	jpg   = 0xc8
	dac   = 0xcc
	rst0  = 0xd0
	soi   = 0xd8
	eoi   = 0xd9
	sos   = 0xda
	dqt   = 0xdb
	dnl   = 0xdc
	dri   = 0xdd
	app14 = 0xee
)

// Colour is what the stream itself says about its three components: by an
// Adobe marker, or by calling them R, G and B. A JFIF marker says nothing; DICOM
// files of RGB components have it too.
type Colour int

const (
	Unsaid Colour = iota
	RGB
	YCbCr
)

// Image is a decoded frame: samples of all components side by side, row by row.
type Image struct {
	Samples []uint16
	Bits    int // of a sample
	Colour  Colour
}

type component struct {
	id            byte
	h, v          int       // sampling factors
	table         byte      // of quantisation
	quant         [64]int32 // as it was when the component's scan started
	width, height int       // real samples
	stride        int       // of plane, which holds whole MCUs
	plane         []uint16
	done          bool
	dc, ac        *huffman // of the scan
	predicted     int32    // DC prediction
}

type decoder struct {
	ctx        context.Context
	data       []byte
	at         int
	want       raster.Shape
	process    byte // the start of frame marker; 0 before
	bits       int
	components []*component
	hMax, vMax int
	quant      [4]*[64]int32
	tables     [2][4]*huffman // DC and AC
	restart    int            // interval in MCUs; 0: none
	colour     Colour
	lossless   []uint16
}

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
		if err != nil {
			return Image{}, err
		}
		if err := d.apply(marker, body); err != nil {
			return Image{}, err
		}
		if d.complete() { // whatever follows, and whether the end is marked, changes nothing
			return d.image(), nil
		}
	}
}

// segment reads up to the end of the next marker segment.
func (d *decoder) segment() (marker byte, body []byte, err error) {
	for d.at < len(d.data) && d.data[d.at] != 0xff { // rubbish, as after some scans
		d.at++
	}
	for d.at < len(d.data) && d.data[d.at] == 0xff { // fill bytes
		d.at++
	}
	if d.at >= len(d.data) {
		return 0, nil, raster.Truncated(codec)
	}
	marker = d.data[d.at]
	d.at++
	if marker == 0 || marker == 1 || marker >= rst0 && marker <= soi {
		return marker, nil, nil
	}
	if marker == eoi {
		return 0, nil, raster.Truncated(codec)
	}
	body, d.at, err = raster.Segment(codec, d.data, d.at)
	return marker, body, err
}

// apply does what a marker segment asks for.
func (d *decoder) apply(marker byte, body []byte) error {
	switch {
	case marker == sof0 || marker == sof1 || marker == sof3:
		return d.startFrame(marker, body)
	case marker == dht:
		return d.defineHuffman(body)
	case marker == dqt:
		return d.defineQuantisation(body)
	case marker == dri:
		if len(body) != 2 {
			return raster.Malformed(codec, "a restart interval of %d bytes", len(body))
		}
		d.restart = int(binary.BigEndian.Uint16(body))
	case marker == sos:
		return d.scan(body)
	case marker == dnl:
		return raster.Unsupported(codec, "the number of lines follows the image")
	case marker >= sof0 && marker <= 0xcf && marker != jpg:
		return raster.Unsupported(codec, "coding process SOF%d", marker-sof0)
	case marker == app14 && len(body) >= 12 && string(body[:5]) == "Adobe":
		d.colour = RGB
		if body[11] == 1 {
			d.colour = YCbCr
		}
	}
	return nil
}

// startFrame reads the frame header, T.81 B.2.2.
func (d *decoder) startFrame(marker byte, body []byte) error {
	if d.process != 0 {
		return raster.Malformed(codec, "a second frame header")
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return raster.Malformed(codec, "a frame header of %d bytes", len(body))
	}
	bits, rows, columns, n := int(body[0]), int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:])), int(body[5])
	if err := d.want.Match(codec, rows, columns, n, bits); err != nil {
		return err
	}
	valid := bits == 8 || bits == 12 && marker == sof1
	if marker == sof3 {
		valid = bits >= 2 && bits <= 16
	}
	if !valid {
		return raster.Malformed(codec, "%d bits a sample in process SOF%d", bits, marker-sof0)
	}
	d.process, d.bits, d.hMax, d.vMax = marker, bits, 1, 1
	for i := range n {
		b := body[6+3*i:]
		c := &component{id: b[0], h: int(b[1] >> 4), v: int(b[1] & 15), table: b[2]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3 {
			return raster.Malformed(codec, "component %d has sampling %dx%d and table %d", i+1, c.h, c.v, c.table)
		}
		for _, other := range d.components {
			if other.id == c.id {
				return raster.Malformed(codec, "two components are called %d", c.id)
			}
		}
		d.hMax, d.vMax = max(d.hMax, c.h), max(d.vMax, c.v)
		d.components = append(d.components, c)
	}
	return d.layPlanes()
}

// layPlanes finds the size of each component and allocates.
func (d *decoder) layPlanes() error {
	if d.process == sof3 {
		for _, c := range d.components {
			if c.h != d.hMax || c.v != d.vMax {
				return raster.Unsupported(codec, "subsampled lossless components")
			}
			c.h, c.v = 1, 1
		}
		d.lossless = make([]uint16, d.want.Rows*d.want.Columns*len(d.components))
		return nil
	}
	if len(d.components) == 1 { // its sampling has no meaning
		d.components[0].h, d.components[0].v, d.hMax, d.vMax = 1, 1, 1, 1
	}
	mcuColumns, mcuRows := ceil(d.want.Columns, 8*d.hMax), ceil(d.want.Rows, 8*d.vMax)
	for _, c := range d.components {
		if d.hMax%c.h != 0 || d.vMax%c.v != 0 {
			return raster.Unsupported(codec, "sampling %dx%d beside %dx%d", c.h, c.v, d.hMax, d.vMax)
		}
		c.width, c.height = ceil(d.want.Columns*c.h, d.hMax), ceil(d.want.Rows*c.v, d.vMax)
		c.stride = mcuColumns * c.h * 8
		c.plane = make([]uint16, c.stride*mcuRows*c.v*8)
	}
	return nil
}

func ceil(a, b int) int { return (a + b - 1) / b }

// complete says whether every component has been decoded.
func (d *decoder) complete() bool {
	for _, c := range d.components {
		if !c.done {
			return false
		}
	}
	return d.process != 0
}

func (d *decoder) image() Image {
	img := Image{Samples: d.lossless, Bits: d.bits, Colour: d.colour}
	if d.process != sof3 {
		img.Samples = d.assemble()
	}
	if c := d.components; len(c) != 3 {
		img.Colour = Unsaid
	} else if c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' && d.colour == Unsaid {
		img.Colour = RGB
	}
	return img
}

// defineQuantisation reads quantisation tables, T.81 B.2.4.1.
func (d *decoder) defineQuantisation(body []byte) error {
	for len(body) > 0 {
		wide, id := int(body[0]>>4), body[0]&15
		size := 64 * (1 + wide)
		if wide > 1 || id > 3 || len(body) < 1+size {
			return raster.Malformed(codec, "a broken quantisation table")
		}
		t := new([64]int32)
		for k := range 64 {
			v := int32(body[1+k])
			if wide == 1 {
				v = int32(binary.BigEndian.Uint16(body[1+2*k:]))
			}
			t[zigzag[k]] = v
		}
		d.quant[id] = t
		body = body[1+size:]
	}
	return nil
}

// defineHuffman reads Huffman tables, T.81 B.2.4.2. They are built when a scan uses them.
func (d *decoder) defineHuffman(body []byte) error {
	for len(body) > 0 {
		class, id := body[0]>>4, body[0]&15
		if class > 1 || id > 3 || len(body) < 17 {
			return raster.Malformed(codec, "a broken Huffman table")
		}
		n := 0
		for _, count := range body[1:17] {
			n += int(count)
		}
		if n > 256 || len(body) < 17+n {
			return raster.Malformed(codec, "a Huffman table of %d codes", n)
		}
		d.tables[class][id] = &huffman{counts: body[1:17], values: body[17 : 17+n]}
		body = body[17+n:]
	}
	return nil
}
