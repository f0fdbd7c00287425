package jpegls

import (
	"encoding/binary"
	"math/bits"

	"consilium/dicom/pixel/raster"
)

// reader reads the bits of a scan, most significant first. After a byte 0xff
// only seven bits of the next one count, T.87 annex A.1; were its highest bit set, it would be a marker.
type reader struct {
	data  []byte
	at    int
	bits  uint64 // the next n bits, aligned to the top
	n     int
	pad   int  // of these n, zeros that stand beyond the end of the scan
	after bool // the last byte was 0xff
}

// fill makes at least 56 bits available.
func (r *reader) fill() {
	for r.n < 56 {
		if r.n <= 32 && !r.after && r.at+4 <= len(r.data) {
			v := binary.BigEndian.Uint32(r.data[r.at:])
			if inverse := ^v; (inverse-0x01010101)&v&0x80808080 == 0 { // none of the four is 0xff
				r.bits |= uint64(v) << (32 - r.n)
				r.n += 32
				r.at += 4
				continue
			}
		}
		if r.at >= len(r.data) || r.data[r.at] == 0xff && (r.at+1 >= len(r.data) || r.data[r.at+1] >= 0x80) {
			r.pad += 56 - r.n
			r.n = 56
			return
		}
		v := r.data[r.at]
		r.at++
		width := 8
		if r.after {
			width = 7
		}
		r.after = v == 0xff
		r.bits |= uint64(v) << (64 - width - r.n)
		r.n += width
	}
}

// overrun says whether bits beyond the end were used.
func (r *reader) overrun() bool { return r.n < r.pad }

func (r *reader) skip(n int) {
	r.bits <<= n
	r.n -= n
}

// take reads n bits, 32 at most.
func (r *reader) take(n int) int {
	if r.n < n {
		r.fill()
	}
	v := r.bits >> 1 >> (63 - n)
	r.skip(n)
	return int(v)
}

// golomb reads a limited Golomb code, T.87 A.5.3: a count of zeros, a one and
// k bits; or limit zeros, a one and the value itself in escape bits.
func (r *reader) golomb(k, limit, escape int) (value int, ok bool) {
	if r.n < 56 {
		r.fill()
	}
	zeros := bits.LeadingZeros64(r.bits)
	if zeros > limit {
		r.skip(min(zeros, r.n)) // at the end of the scan this is an overrun
		return 0, false
	}
	r.skip(zeros + 1)
	if zeros < limit {
		return zeros<<k | r.take(k), true
	}
	return r.take(escape) + 1, true
}

// nextRestart goes to the restart marker that must follow, number i modulo 8.
func (r *reader) nextRestart(i int) error {
	r.at = r.end()
	if r.at+2 > len(r.data) {
		return raster.Truncated(codec)
	}
	if r.data[r.at] != 0xff || r.data[r.at+1] != rst0+byte(i&7) {
		return raster.Malformed(codec, "restart marker %d is missing", i&7)
	}
	*r = reader{data: r.data, at: r.at + 2}
	return nil
}

// end is the place of the next marker. Whole bytes that were read ahead hold it only when the scan
// is broken, and the byte after a last 0xff is empty.
func (r *reader) end() int {
	at := r.at
	if r.after && at < len(r.data) && r.data[at] < 0x80 {
		at++
	}
	return at
}
