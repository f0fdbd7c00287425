package mp3

// bitReader reads big-endian bits. Past the end it gives zeros, and pos keeps
// counting, so that the caller sees the overrun.
type bitReader struct {
	data []byte
	pos  int
}

func (r *bitReader) bit() int {
	i := r.pos >> 3
	if i >= len(r.data) {
		r.pos++
		return 0
	}
	b := r.data[i] >> (7 - r.pos&7) & 1
	r.pos++
	return int(b)
}

func (r *bitReader) bits(n int) int {
	v := 0
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

func (r *bitReader) flag() bool { return r.bit() == 1 }
