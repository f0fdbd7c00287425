package mp3

// granule is the side information of 576 samples of one channel,
// ISO/IEC 11172-3 2.4.1.7.
type granule struct {
	length         int // bits of scale factors and Huffman data
	bigValues      int // pairs
	gain           int
	scaleCompress  int
	blockType      int // 0 long, 1 start, 2 short, 3 stop
	mixed          bool
	tables         [3]int
	subGain        [3]int
	regionEnds     [2]int // first line after region 0 and 1
	preemphasis    bool
	coarse         bool // scale factors in steps of 2^-1 instead of 2^-1/2
	quadTable      int
	shareFromFirst int // four bits: scale factor groups taken over from granule 0
}

// sideInfo is that of a frame.
type sideInfo struct {
	reservoir int // bytes of main data that precede this frame
	granules  [2][2]granule
}

// readSideInfo reads a frame's side information. ok is false when it
// contradicts itself; such a frame is played as silence.
func readSideInfo(r *bitReader, h header) (s sideInfo, ok bool) {
	share := [2]int{}
	if h.low() {
		s.reservoir = r.bits(8)
		r.bits(h.channels()) // private
	} else {
		s.reservoir = r.bits(9)
		r.bits(7 - 2*h.channels()) // private
		for ch := range h.channels() {
			share[ch] = r.bits(4)
		}
	}
	ok = true
	for gr := range h.granules() {
		for ch := range h.channels() {
			g := &s.granules[gr][ch]
			ok = g.read(r, h) && ok
			if gr == 1 && g.blockType != 2 {
				g.shareFromFirst = share[ch]
			}
		}
	}
	return s, ok
}

func (g *granule) read(r *bitReader, h header) (ok bool) {
	g.length = r.bits(12)
	g.bigValues = r.bits(9)
	g.gain = r.bits(8)
	if h.low() {
		g.scaleCompress = r.bits(9)
	} else {
		g.scaleCompress = r.bits(4)
	}
	ok = g.bigValues <= lines/2
	bands := bandsOf(h)
	if r.flag() { // window switching
		g.blockType = r.bits(2)
		g.mixed = r.flag()
		g.tables = [3]int{r.bits(5), r.bits(5), 0}
		g.subGain = [3]int{r.bits(3), r.bits(3), r.bits(3)}
		g.regionEnds = [2]int{bands.long[8], lines}
		if g.blockType == 2 {
			g.regionEnds[0] = 3 * bands.short[3]
		}
		// Mixed blocks need a scale factor band edge at line 36; 8 kHz has none.
		ok = ok && g.blockType != 0 && !(g.mixed && 3*bands.short[3] != mixedLines)
	} else {
		g.tables = [3]int{r.bits(5), r.bits(5), r.bits(5)}
		first := r.bits(4) + 1
		second := first + r.bits(3) + 1
		g.regionEnds = [2]int{bands.long[min(first, 22)], bands.long[min(second, 22)]}
	}
	if !h.low() {
		g.preemphasis = r.flag()
	}
	g.coarse = r.flag()
	g.quadTable = quadA + r.bit()
	return ok
}

// lines is the number of frequency lines, and of samples, in a granule.
const lines = 576

// mixedLines is the part of a mixed block that has the long window.
const mixedLines = 36

// bandEdges are the scale factor bands of one sampling rate.
type bandEdges struct {
	long  [23]int
	short [14]int // of one window
}

func bandsOf(h header) *bandEdges {
	switch {
	case h.version() == version1:
		return &bandTable[h.rateIndex()]
	case h.rate() == 8000:
		return &bandTable[6]
	case h.version() == version25: // 11.025 and 12 kHz use those of 16 kHz
		return &bandTable[5]
	}
	return &bandTable[3+h.rateIndex()]
}

// bandTable is table 3-B.8 of ISO/IEC 11172-3, that of 13818-3, and 8 kHz.
var bandTable = [7]bandEdges{
	{ // 44.1 kHz
		[23]int{0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576},
		[14]int{0, 4, 8, 12, 16, 22, 30, 40, 52, 66, 84, 106, 136, 192},
	},
	{ // 48 kHz
		[23]int{0, 4, 8, 12, 16, 20, 24, 30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190, 230, 276, 330, 384, 576},
		[14]int{0, 4, 8, 12, 16, 22, 28, 38, 50, 64, 80, 100, 126, 192},
	},
	{ // 32 kHz
		[23]int{0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 54, 66, 82, 102, 126, 156, 194, 240, 296, 364, 448, 550, 576},
		[14]int{0, 4, 8, 12, 16, 22, 30, 42, 58, 78, 104, 138, 180, 192},
	},
	{ // 22.05 kHz
		[23]int{0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576},
		[14]int{0, 4, 8, 12, 18, 24, 32, 42, 56, 74, 100, 132, 174, 192},
	},
	{ // 24 kHz
		[23]int{0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 114, 136, 162, 194, 232, 278, 332, 394, 464, 540, 576},
		[14]int{0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 136, 180, 192},
	},
	{ // 16 kHz
		[23]int{0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576},
		[14]int{0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192},
	},
	{ // 8 kHz
		[23]int{0, 12, 24, 36, 48, 60, 72, 88, 108, 132, 160, 192, 232, 280, 336, 400, 476, 566, 568, 570, 572, 574, 576},
		[14]int{0, 8, 16, 24, 36, 52, 72, 96, 124, 160, 162, 164, 166, 192},
	},
}

// band is a run of lines with one scale factor.
type band struct {
	start, end int
	window     int // of a short block; -1 for long bands
}

// layout lists the bands of a granule in the order of the bit stream: the
// long ones, then for each short band its three windows.
func (g *granule) layout(h header, into []band) []band {
	edges := bandsOf(h)
	firstShort := 13
	into = into[:0]
	if g.blockType == 2 {
		firstShort = 0
		if g.mixed {
			firstShort = 3
		}
	}
	for i := 0; i+1 < len(edges.long); i++ {
		if g.blockType == 2 && (!g.mixed || edges.long[i] >= mixedLines) {
			break
		}
		into = append(into, band{edges.long[i], edges.long[i+1], -1})
	}
	for i := firstShort; i < 13; i++ {
		width := edges.short[i+1] - edges.short[i]
		for w := range 3 {
			start := 3*edges.short[i] + w*width
			into = append(into, band{start, start + width, w})
		}
	}
	return into
}
