package jpeg

import "consilium/dicom/pixel/raster"

// scan reads a scan header (T.81 B.2.3) and decodes the scan.
func (d *decoder) scan(body []byte) error {
	if d.process == 0 {
		return raster.Malformed(codec, "a scan before the frame header")
	}
	if len(body) < 1 || len(body) != 4+2*int(body[0]) || body[0] < 1 || body[0] > 4 {
		return raster.Malformed(codec, "a scan header of %d bytes", len(body))
	}
	n := int(body[0])
	var chosen []*component
	for i := range n {
		c, err := d.choose(body[1+2*i], body[2+2*i])
		if err != nil {
			return err
		}
		chosen = append(chosen, c)
	}
	first, approximation := body[1+2*n], body[3+2*n]
	r := &reader{data: d.data, at: d.at}
	var err error
	if d.process == sof3 {
		err = d.decodeLossless(r, chosen, first, approximation)
	} else { // first and last coefficient have one meaning only, and some writers leave them 0
		err = d.decodeBlocks(r, chosen)
	}
	d.at = r.at
	return err
}

// choose finds a component of a scan, marks it as decoded and sets its tables.
func (d *decoder) choose(id, tables byte) (*component, error) {
	for _, c := range d.components {
		if c.id != id {
			continue
		}
		if c.done {
			return nil, raster.Malformed(codec, "component %d is coded twice", id)
		}
		c.done = true
		dc, ac := tables>>4, tables&15
		if dc > 3 || ac > 3 {
			return nil, raster.Malformed(codec, "Huffman tables %d and %d", dc, ac)
		}
		c.dc, c.ac = d.tables[0][dc], d.tables[1][ac]
		if c.dc == nil || d.process != sof3 && (c.ac == nil || d.quant[c.table] == nil) {
			return nil, raster.Malformed(codec, "component %d uses a table that is not defined", id)
		}
		if err := c.dc.build(); err != nil {
			return nil, err
		}
		if d.process != sof3 {
			c.quant = *d.quant[c.table]
			return c, c.ac.build()
		}
		return c, nil
	}
	return nil, raster.Malformed(codec, "a scan of the unknown component %d", id)
}

// decodeBlocks decodes a sequential scan: blocks of 8 x 8 samples, by MCU when there are several
// components, else line by line (T.81 A.2).
func (d *decoder) decodeBlocks(r *reader, chosen []*component) error {
	columns, rows := ceil(d.want.Columns, 8*d.hMax), ceil(d.want.Rows, 8*d.vMax)
	alone := len(chosen) == 1
	if alone {
		columns, rows = ceil(chosen[0].width, 8), ceil(chosen[0].height, 8)
	}
	for _, c := range chosen {
		c.predicted = 0
	}
	for mcu := range rows * columns {
		x, y := mcu%columns, mcu/columns
		if x == 0 {
			if err := raster.Alive(d.ctx); err != nil {
				return err
			}
		}
		if d.restart > 0 && mcu > 0 && mcu%d.restart == 0 {
			if err := r.nextRestart(mcu/d.restart - 1); err != nil {
				return err
			}
			for _, c := range chosen {
				c.predicted = 0
			}
		}
		for _, c := range chosen {
			h, v := c.h, c.v
			if alone {
				h, v = 1, 1
			}
			for b := range h * v {
				if err := d.decodeBlock(r, c, x*h+b%h, y*v+b/h); err != nil {
					return err
				}
			}
		}
		if r.overrun() {
			return raster.Truncated(codec)
		}
	}
	return nil
}

// decodeBlock decodes one block (T.81 F.2.2) into the component's plane.
func (d *decoder) decodeBlock(r *reader, c *component, bx, by int) error {
	var block [64]int32
	r.fill()
	size, ok := r.decode(c.dc)
	if !ok || size > 15 {
		return badCode()
	}
	if size > 0 {
		c.predicted += r.receive(int(size))
	}
	block[0] = c.predicted * c.quant[0]
	flat := true
	for k := 1; k < 64; k++ {
		r.fill()
		code, ok := r.decode(c.ac)
		if !ok {
			return badCode()
		}
		run, size := int(code>>4), int(code&15)
		if size == 0 {
			if run != 15 { // end of block
				break
			}
			k += 15
			continue
		}
		k += run
		if k > 63 {
			return raster.Malformed(codec, "a block of more than 64 coefficients")
		}
		at := zigzag[k]
		block[at] = r.receive(size) * c.quant[at]
		flat = false
	}
	out := c.plane[by*8*c.stride+bx*8:]
	if flat {
		fillBlock(&block, out, c.stride, d.bits)
		return nil
	}
	inverseDCT(&block, out, c.stride, d.bits)
	return nil
}

func badCode() error { return raster.Malformed(codec, "bits that are no Huffman code") }

// zigzag is the place of coefficient k in the block, T.81 figure A.6.
var zigzag = [64]int{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}
