package jpegls

import "consilium/dicom/pixel/raster"

// runOrder is J of T.87 A.2.1: the order of the run-length codes.
var runOrder = [32]int{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// statistics of the prediction errors in one context; the names are T.87's.
type statistics struct {
	a, b, c, n int
}

// interruption are those of the samples that end a run.
type interruption struct {
	a, n, negative int
}

// model is the adaptive model of a scan: its constants and what it has learnt.
type model struct {
	maxval, near, t1, t2, t3, reset int
	span                            int // 2*NEAR+1: one quantisation step
	modulus                         int // RANGE
	wide                            int // qbpp: bits of an error that is written out
	limit                           int // LIMIT, less these bits and the one before them
	contexts                        [365]statistics
	interrupted                     [2]interruption
	runs                            [4]int // RUNindex of each component
	gradients                       []int8 // quantised gradient, from -maxval up
}

// line holds the samples of a line at 1 and up; 0 and the place after them are its borders.
type line []int

// newModel sets the constants, T.87 A.1 and C.2.4.1.1.
func newModel(bits, near int, p preset) (*model, error) {
	m := &model{maxval: 1<<bits - 1, near: near, span: 2*near + 1, reset: 64}
	if p.maxval > m.maxval {
		return nil, raster.Malformed(codec, "MAXVAL %d of samples of %d bits", p.maxval, bits)
	}
	if p.maxval > 0 {
		m.maxval = p.maxval
	}
	if near > min(255, m.maxval/2) {
		return nil, raster.Malformed(codec, "NEAR %d for values up to %d", near, m.maxval)
	}
	m.thresholds()
	for _, set := range []struct {
		to    *int
		value int
	}{{&m.t1, p.t1}, {&m.t2, p.t2}, {&m.t3, p.t3}, {&m.reset, p.reset}} {
		if set.value > 0 {
			*set.to = set.value
		}
	}
	if m.t1 <= near || m.t2 < m.t1 || m.t3 < m.t2 || m.t3 > m.maxval || m.reset < 3 || m.reset > max(255, m.maxval) {
		return nil, raster.Malformed(codec, "preset parameters T1 %d, T2 %d, T3 %d, RESET %d", m.t1, m.t2, m.t3, m.reset)
	}
	m.modulus = (m.maxval+2*near)/m.span + 1
	for 1<<m.wide < m.modulus {
		m.wide++
	}
	depth := 2
	for 1<<depth < m.maxval+1 {
		depth++
	}
	m.limit = 2*(depth+max(8, depth)) - m.wide - 1
	m.gradients = make([]int8, 2*m.maxval+1)
	for i := range m.gradients {
		m.gradients[i] = m.quantise(i - m.maxval)
	}
	m.begin()
	return m, nil
}

// thresholds sets T1 to T3 to their defaults, T.87 C.2.4.1.1.1.
func (m *model) thresholds() {
	clamp := func(v, low int) int {
		if v > m.maxval || v < low {
			return low
		}
		return v
	}
	if m.maxval >= 128 {
		factor := (min(m.maxval, 4095) + 128) / 256
		m.t1 = clamp(factor+2+3*m.near, m.near+1)
		m.t2 = clamp(factor*4+3+5*m.near, m.t1)
		m.t3 = clamp(factor*17+4+7*m.near, m.t2)
		return
	}
	factor := 256 / (m.maxval + 1)
	m.t1 = clamp(max(2, 3/factor+3*m.near), m.near+1)
	m.t2 = clamp(max(3, 7/factor+5*m.near), m.t1)
	m.t3 = clamp(max(4, 21/factor+7*m.near), m.t2)
}

// quantise puts a gradient into one of nine regions, T.87 A.3.3.
func (m *model) quantise(d int) int8 {
	switch {
	case d <= -m.t3:
		return -4
	case d <= -m.t2:
		return -3
	case d <= -m.t1:
		return -2
	case d < -m.near:
		return -1
	case d <= m.near:
		return 0
	case d < m.t1:
		return 1
	case d < m.t2:
		return 2
	case d < m.t3:
		return 3
	}
	return 4
}

// begin forgets what was learnt, at the start of a scan and of a restart interval.
func (m *model) begin() {
	a := max(2, (m.modulus+32)/64)
	for i := range m.contexts {
		m.contexts[i] = statistics{a: a, n: 1}
	}
	m.interrupted = [2]interruption{{a: a, n: 1}, {a: a, n: 1}}
	m.runs = [4]int{}
}

// context combines the three gradients, T.87 A.3.4; 0 is the run mode.
func (m *model) context(a, b, c, d int) int {
	g := m.gradients
	return 81*int(g[d-b+m.maxval]) + 9*int(g[b-c+m.maxval]) + int(g[c-a+m.maxval])
}

// predict is the median edge detector, T.87 A.4.1.
func predict(a, b, c int) int {
	switch {
	case c >= max(a, b):
		return min(a, b)
	case c <= min(a, b):
		return max(a, b)
	}
	return a + b - c
}

// reconstruct adds an error to a prediction, modulo RANGE, T.87 A.4.4 and A.4.5.
func (m *model) reconstruct(predicted, e int) int {
	v := predicted + e*m.span
	if v < -m.near {
		v += m.modulus * m.span
	} else if v > m.maxval+m.near {
		v -= m.modulus * m.span
	}
	return min(max(v, 0), m.maxval)
}

// learn updates a context by an error, T.87 A.6.
func (s *statistics) learn(e, span, reset int) {
	s.b += e * span
	s.a += max(e, -e)
	if s.n == reset {
		s.a >>= 1
		s.b >>= 1
		s.n >>= 1
	}
	s.n++
	if s.b <= -s.n {
		s.b = max(s.b+s.n, 1-s.n)
		s.c = max(s.c-1, -128)
	} else if s.b > 0 {
		s.b = min(s.b-s.n, 0)
		s.c = min(s.c+1, 127)
	}
}

// learn updates by an error and by the value that was coded for it, T.87 A.7.2.
func (s *interruption) learn(e, coded, kind, reset int) {
	if e < 0 {
		s.negative++
	}
	s.a += (coded + 1 - kind) >> 1
	if s.n == reset {
		s.a >>= 1
		s.n >>= 1
		s.negative >>= 1
	}
	s.n++
}
