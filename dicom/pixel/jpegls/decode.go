package jpegls

// An error beyond this comes from a broken stream.
const largest = 1 << 17

// decodeLine decodes a line of one component. ok is false for bits that are no code.
func (m *model) decodeLine(r *reader, cur, above line, run *int) (ok bool) {
	end := len(cur) - 1
	cur[0], above[end] = above[1], above[end-1]
	for x := 1; x < end; {
		a, b, c, d := cur[x-1], above[x], above[x-1], above[x+1]
		if q := m.context(a, b, c, d); q != 0 {
			v, ok := m.decodeRegular(r, q, a, b, c)
			if !ok {
				return false
			}
			cur[x] = v
			x++
			continue
		}
		length, broken, ok := m.decodeRun(r, run, end-x)
		if !ok {
			return false
		}
		for range length {
			cur[x] = a
			x++
		}
		if !broken {
			continue
		}
		kind := 0
		if b = above[x]; max(a-b, b-a) <= m.near {
			kind = 1
		}
		e, ok := m.decodeInterruption(r, kind, *run)
		if !ok {
			return false
		}
		*run = max(*run-1, 0)
		switch {
		case kind == 1:
			cur[x] = m.reconstruct(a, e)
		case a > b:
			cur[x] = m.reconstruct(b, -e)
		default:
			cur[x] = m.reconstruct(b, e)
		}
		x++
	}
	return true
}

// decodePixels decodes a line of several components that are coded pixel by
// pixel. A run is one of whole pixels, T.87 B.3.
func (m *model) decodePixels(r *reader, cur, above []line) (ok bool) {
	end := len(cur[0]) - 1
	for i := range cur {
		cur[i][0], above[i][end] = above[i][1], above[i][end-1]
	}
	var contexts [4]int
	run := &m.runs[0]
	for x := 1; x < end; {
		any := 0
		for i := range cur {
			contexts[i] = m.context(cur[i][x-1], above[i][x], above[i][x-1], above[i][x+1])
			any |= contexts[i]
		}
		if any != 0 {
			for i := range cur {
				if cur[i][x], ok = m.decodeRegular(r, contexts[i], cur[i][x-1], above[i][x], above[i][x-1]); !ok {
					return false
				}
			}
			x++
			continue
		}
		length, broken, ok := m.decodeRun(r, run, end-x)
		if !ok {
			return false
		}
		for _, l := range cur {
			for k := range length {
				l[x+k] = l[x-1]
			}
		}
		x += length
		if !broken {
			continue
		}
		for i := range cur {
			e, ok := m.decodeInterruption(r, 0, *run)
			if !ok {
				return false
			}
			a, b := cur[i][x-1], above[i][x]
			if a > b {
				e = -e
			}
			cur[i][x] = m.reconstruct(b, e)
		}
		*run = max(*run-1, 0)
		x++
	}
	return true
}

// decodeRegular decodes a sample in the regular mode, T.87 A.4 to A.6. The context q has the sign
// of its first gradient; contexts that differ in sign alone are one.
func (m *model) decodeRegular(r *reader, q, a, b, c int) (value int, ok bool) {
	sign := 1
	if q < 0 {
		sign, q = -1, -q
	}
	s := &m.contexts[q]
	predicted := min(max(predict(a, b, c)+sign*s.c, 0), m.maxval)
	k := 0
	for s.n<<k < s.a {
		k++
	}
	coded, ok := r.golomb(k, m.limit, m.wide)
	if !ok || coded > largest {
		return 0, false
	}
	e := coded>>1 ^ -(coded & 1) // 0, -1, 1, -2 ...
	if m.near == 0 && k == 0 && 2*s.b <= -s.n {
		e = ^e // -1, 0, -2, 1 ...
	}
	s.learn(e, m.span, m.reset)
	return m.reconstruct(predicted, sign*e), true
}

// decodeRun decodes how often the sample before is repeated, T.87 A.7.1, on a line with so many
// places left, and whether another value breaks the run before the line ends.
func (m *model) decodeRun(r *reader, run *int, left int) (length int, broken, ok bool) {
	for r.take(1) == 1 {
		step := 1 << runOrder[*run]
		if length+step <= left {
			*run = min(*run+1, 31)
		}
		length += step
		if length >= left {
			return left, false, true
		}
	}
	length += r.take(runOrder[*run])
	return length, true, length < left
}

// decodeInterruption decodes the error of the sample that breaks a run, T.87
// A.7.2. kind 1: both neighbours have the same value.
func (m *model) decodeInterruption(r *reader, kind, run int) (e int, ok bool) {
	s := &m.interrupted[kind]
	goal := s.a
	if kind == 1 {
		goal += s.n >> 1
	}
	k := 0
	for s.n<<k < goal {
		k++
	}
	coded, ok := r.golomb(k, m.limit-runOrder[run]-1, m.wide)
	if !ok || coded > largest {
		return 0, false
	}
	odd := (coded + kind) & 1
	e = (coded + kind + odd) / 2
	if (k != 0 || 2*s.negative >= s.n) == (odd == 1) {
		e = -e
	}
	s.learn(e, coded, kind, m.reset)
	return e, true
}
