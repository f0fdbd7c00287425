package mp3

import "strconv"

// Numbers of the two codes for quadruples (tables A and B).
const (
	quadA = 32
	quadB = 33
)

// linearBits are the escape widths of tables 16 to 31.
var linearBits = [16]int{1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13}

// tree holds nodes; a branch is the index of a node, or ^leaf.
type tree [][2]int16

var trees = buildTrees()

// buildTrees parses codeTrees; nil for the tables 0, 4 and 14, which have no code.
func buildTrees() (all [34]tree) {
	for number, text := range codeTrees {
		var t tree
		var grow func() int16
		grow = func() int16 {
			if text[0] != '.' {
				v, _ := strconv.ParseUint(text[:2], 16, 8)
				text = text[2:]
				return ^int16(v)
			}
			text = text[1:]
			at := len(t)
			t = append(t, [2]int16{})
			left := grow()
			right := grow()
			t[at] = [2]int16{left, right}
			return int16(at)
		}
		grow()
		all[number] = t
	}
	for n := 17; n < 24; n++ {
		all[n], all[n+8] = all[16], all[24]
	}
	return all
}

// decode reads one code word and gives the leaf's byte.
func (t tree) decode(r *bitReader) int {
	at := int16(0)
	for at >= 0 {
		at = t[at][r.bit()]
	}
	return int(^at)
}

// readSpectrum reads the quantised lines of a granule up to bit position end.
// It returns the number of lines that carry data.
func readSpectrum(r *bitReader, g *granule, end int, into *[lines]int32) (used int) {
	i := 0
	for i < 2*g.bigValues && r.pos < end {
		table := g.tables[0]
		switch {
		case i >= g.regionEnds[1]:
			table = g.tables[2]
		case i >= g.regionEnds[0]:
			table = g.tables[1]
		}
		if t := trees[table]; t != nil {
			v := t.decode(r)
			into[i] = readValue(r, v>>4, table)
			into[i+1] = readValue(r, v&15, table)
		}
		i += 2
	}
	for i+4 <= lines && r.pos < end {
		v := trees[g.quadTable].decode(r)
		var quad [4]int32
		for k := range quad {
			quad[k] = readValue(r, v>>(3-k)&1, 0)
		}
		if r.pos > end {
			break // the last quadruple was stuffing
		}
		copy(into[i:], quad[:])
		i += 4
	}
	r.pos = end
	return i
}

// readValue completes a value with its escape bits and sign.
func readValue(r *bitReader, v, table int) int32 {
	if v == 15 && table >= 16 {
		v += r.bits(linearBits[table-16])
	}
	if v != 0 && r.flag() {
		v = -v
	}
	return int32(v)
}
