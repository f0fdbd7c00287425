package jpeg

import (
	"encoding/binary"

	"consilium/dicom/pixel/raster"
)

// quick is the number of bits that one look-up decodes.
const quick = 10

// huffman is a table of codes of 1 to 16 bits, T.81 annexes C and F.2.2.3.
type huffman struct {
	counts, values []byte // as defined: codes of each length, and what they stand for
	built          bool
	look           [1 << quick]uint16 // length<<8 | value of the code that these bits start with; 0: a longer one
	limit          [17]int32          // the first code beyond those of a length, aligned to 16 bits
	offset         [17]int32          // of a length's first value, less its first code
}

// build makes the look-ups.
func (h *huffman) build() error {
	if h.built {
		return nil
	}
	code, k := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(h.counts[length-1])
		if code+n > 1<<length {
			return raster.Malformed(codec, "a Huffman table with more codes than bits")
		}
		h.offset[length] = k - code
		for i := range n {
			if length <= quick {
				entry := uint16(length)<<8 | uint16(h.values[k+i])
				first := (code + i) << (quick - length)
				for j := range int32(1) << (quick - length) {
					h.look[first+j] = entry
				}
			}
		}
		code, k = code+n, k+n
		h.limit[length] = code << (16 - length)
		code <<= 1
	}
	h.built = true
	return nil
}

// reader reads the bits of entropy-coded segments, most significant first,
// and takes out the zero that follows each byte 0xff.
type reader struct {
	data []byte
	at   int
	bits uint64 // the next n bits, aligned to the top
	n    int
	pad  int // of these n, zeros that stand beyond the end of the segment
}

// fill makes at least 32 bits available: a code and what follows it.
func (r *reader) fill() {
	if r.n < 32 {
		r.refill()
	}
}

func (r *reader) refill() {
	if r.at+4 <= len(r.data) {
		v := binary.BigEndian.Uint32(r.data[r.at:])
		if inverse := ^v; (inverse-0x01010101)&v&0x80808080 == 0 { // none of the four is 0xff
			r.bits |= uint64(v) << (32 - r.n)
			r.n += 32
			r.at += 4
			return
		}
	}
	for r.n <= 56 {
		var v byte
		switch {
		case r.at >= len(r.data):
			r.pad += 8
		case r.data[r.at] != 0xff:
			v = r.data[r.at]
			r.at++
		case r.at+1 < len(r.data) && r.data[r.at+1] == 0:
			v = 0xff
			r.at += 2
		default: // a marker
			r.pad += 8
		}
		r.bits |= uint64(v) << (56 - r.n)
		r.n += 8
	}
}

// overrun says whether bits beyond the end were used.
func (r *reader) overrun() bool { return r.n < r.pad }

// reset drops the bits left in the last byte.
func (r *reader) reset() { r.bits, r.n, r.pad = 0, 0, 0 }

// decode reads one code. 32 bits must be available; it takes 16 at most. ok is
// false when no code of the table starts like these bits.
func (r *reader) decode(h *huffman) (value byte, ok bool) {
	if e := h.look[r.bits>>(64-quick)]; e != 0 {
		r.skip(int(e >> 8))
		return byte(e), true
	}
	next := int32(r.bits >> 48)
	for length := 1; length <= 16; length++ {
		if next < h.limit[length] {
			i := next>>(16-length) + h.offset[length]
			r.skip(length)
			return h.values[i], true
		}
	}
	return 0, false
}

func (r *reader) skip(n int) {
	r.bits <<= n
	r.n -= n
}

// receive reads n bits, 1 to 16, and extends them, T.81 F.2.2.1.
func (r *reader) receive(n int) int32 {
	v := int32(r.bits >> (64 - n))
	r.skip(n)
	if v < 1<<(n-1) {
		v += -1<<n + 1
	}
	return v
}

// nextRestart goes to the restart marker that must follow, number i modulo 8.
func (r *reader) nextRestart(i int) error {
	r.reset()
	for r.at < len(r.data) && r.data[r.at] == 0xff && r.at+1 < len(r.data) && r.data[r.at+1] == 0xff { // fill bytes
		r.at++
	}
	if r.at+2 > len(r.data) {
		return raster.Truncated(codec)
	}
	if r.data[r.at] != 0xff || r.data[r.at+1] != rst0+byte(i&7) {
		return raster.Malformed(codec, "restart marker %d is missing", i&7)
	}
	r.at += 2
	return nil
}
