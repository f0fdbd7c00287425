package jpeg

import "consilium/dicom/pixel/raster"

// decodeLossless decodes a scan of process 14, T.81 annex H: each sample is predicted from its
// neighbours, and the difference, modulo 2^16, is Huffman coded.
func (d *decoder) decodeLossless(r *reader, chosen []*component, predictor, approximation byte) error {
	shift := uint(approximation & 15)
	if predictor < 1 || predictor > 7 || approximation>>4 != 0 || int(shift) >= d.bits {
		return raster.Malformed(codec, "lossless predictor %d, point transform %d", predictor, approximation)
	}
	columns, n := d.want.Columns, len(d.components)
	if d.restart%columns != 0 {
		return raster.Malformed(codec, "a restart interval of %d samples in lines of %d", d.restart, columns)
	}
	places := make([]int, len(chosen))
	for i, c := range chosen {
		for k, other := range d.components {
			if c == other {
				places[i] = k
			}
		}
	}
	l := &lines{n: n, predictor: predictor, start: 1 << (d.bits - 1 - int(shift))}
	interval := d.restart / columns
	for y := range d.want.Rows {
		if err := raster.Alive(d.ctx); err != nil {
			return err
		}
		l.above, l.line = l.line, d.lossless[y*columns*n:(y+1)*columns*n]
		l.first = y == 0
		if interval > 0 && y > 0 && y%interval == 0 {
			if err := r.nextRestart(y/interval - 1); err != nil {
				return err
			}
			l.first = true
		}
		for x := 0; x < columns; x++ {
			for i, c := range chosen {
				if err := l.decode(r, c.dc, x*n+places[i]); err != nil {
					return err
				}
			}
		}
		if r.overrun() {
			return raster.Truncated(codec)
		}
	}
	for i := range places { // undo the point transform
		for at := places[i]; shift > 0 && at < len(d.lossless); at += n {
			d.lossless[at] <<= shift
		}
	}
	return nil
}

// lines are the line being decoded and the one above it, n samples a pixel.
type lines struct {
	n           int
	predictor   byte
	start       int32 // the prediction of a scan's first sample
	line, above []uint16
	first       bool // the first line of an interval: there is none above
}

// decode decodes the sample at an index of the line.
func (l *lines) decode(r *reader, h *huffman, at int) error {
	r.fill()
	size, ok := r.decode(h)
	if !ok || size > 16 {
		return badCode()
	}
	var difference int32
	switch {
	case size == 16:
		difference = 32768
	case size > 0:
		difference = r.receive(int(size))
	}
	l.line[at] = uint16(l.predict(at) + difference)
	return nil
}

// predict follows T.81 table H.1 and H.1.1 for the borders.
func (l *lines) predict(at int) int32 {
	left := at - l.n
	switch {
	case l.first && left < 0:
		return l.start
	case l.first:
		return int32(l.line[left])
	case left < 0:
		return int32(l.above[at])
	}
	a, b, c := int32(l.line[left]), int32(l.above[at]), int32(l.above[left])
	switch l.predictor {
	case 1:
		return a
	case 2:
		return b
	case 3:
		return c
	case 4:
		return a + b - c
	case 5:
		return a + (b-c)>>1
	case 6:
		return b + (a-c)>>1
	}
	return (a + b) >> 1
}
