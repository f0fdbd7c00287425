package mp3

// maxBands is the number of scale factors that a granule can have: 13 short
// bands of three windows.
const maxBands = 39

// scaleFactors of one granule and channel, in the order of granule.layout.
// In the right channel of an intensity stereo frame they are positions, and
// illegal marks those that stand for "no position".
type scaleFactors struct {
	value   [maxBands]int
	illegal [maxBands]bool
}

// scaleBits1 are the two field widths of MPEG-1, by scalefac_compress.
var scaleBits1 = [16][2]int{
	{0, 0}, {0, 1}, {0, 2}, {0, 3}, {3, 0}, {1, 1}, {1, 2}, {1, 3},
	{2, 1}, {2, 2}, {2, 3}, {3, 1}, {3, 2}, {3, 3}, {4, 2}, {4, 3},
}

// scaleCounts1 are the group sizes of MPEG-1: long, short, mixed.
var scaleCounts1 = [3][4]int{{6, 5, 5, 5}, {9, 9, 9, 9}, {8, 9, 9, 9}}

// scaleCounts2 are those of MPEG-2 (13818-3, 2.4.3.2): rows 0-2 for ordinary
// channels, 3-5 for the right channel under intensity stereo.
var scaleCounts2 = [3][6][4]int{
	{{6, 5, 5, 5}, {6, 5, 7, 3}, {11, 10, 0, 0}, {7, 7, 7, 0}, {6, 6, 6, 3}, {8, 8, 5, 0}},
	{{9, 9, 9, 9}, {9, 9, 12, 6}, {18, 18, 0, 0}, {12, 12, 12, 0}, {12, 9, 9, 6}, {15, 12, 9, 0}},
	{{6, 9, 9, 9}, {6, 9, 12, 6}, {15, 18, 0, 0}, {6, 15, 12, 0}, {6, 12, 9, 6}, {6, 18, 9, 0}},
}

// shape is the row of the tables above.
func (g *granule) shape() int {
	switch {
	case g.blockType != 2:
		return 0
	case g.mixed:
		return 2
	}
	return 1
}

// readScaleFactors reads the scale factors. previous are those of granule 0
// of the same channel, for the groups that are shared.
func readScaleFactors(r *bitReader, h header, g *granule, right bool, previous *scaleFactors) scaleFactors {
	var s scaleFactors
	width, count := g.scaleLayout(h, right)
	i := 0
	for group := range 4 {
		for range count[group] {
			switch {
			case g.shareFromFirst>>(3-group)&1 == 1:
				s.value[i] = previous.value[i]
			case width[group] > 0:
				s.value[i] = r.bits(width[group])
				s.illegal[i] = h.low() && s.value[i] == 1<<width[group]-1
			}
			i++
		}
	}
	if h.low() {
		return s
	}
	for i := range s.illegal {
		s.illegal[i] = s.value[i] >= 7 // MPEG-1: position 7 is illegal
	}
	return s
}

// scaleLayout decodes scalefac_compress into field widths and group sizes.
func (g *granule) scaleLayout(h header, right bool) (width, count [4]int) {
	c := g.scaleCompress
	if !h.low() {
		b := scaleBits1[c]
		return [4]int{b[0], b[0], b[1], b[1]}, scaleCounts1[g.shape()]
	}
	row := 0
	if right && h.intensity() {
		c >>= 1 // the lowest bit is the intensity scale
		switch {
		case c < 180:
			row, width = 3, [4]int{c / 36, c % 36 / 6, c % 6, 0}
		case c < 244:
			c -= 180
			row, width = 4, [4]int{c >> 4, c & 15 >> 2, c & 3, 0}
		default:
			c -= 244
			row, width = 5, [4]int{c / 3, c % 3, 0, 0}
		}
		return width, scaleCounts2[g.shape()][row]
	}
	switch {
	case c < 400:
		width = [4]int{c >> 4 / 5, c >> 4 % 5, c & 15 >> 2, c & 3}
	case c < 500:
		c -= 400
		row, width = 1, [4]int{c >> 2 / 5, c >> 2 % 5, c & 3, 0}
	default:
		c -= 500
		row, width = 2, [4]int{c / 3, c % 3, 0, 0}
		g.preemphasis = true
	}
	return width, scaleCounts2[g.shape()][row]
}
