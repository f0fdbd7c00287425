package dicom

import (
	"encoding/binary"
	"fmt"
	"math"
)

// palette is the three tables of PALETTE COLOR, PS3.3 C.7.9.
type palette [3]*table

var paletteTags = [3]struct{ descriptor, data, segmented Tag }{
	{RedPaletteColorLookupTableDescriptor, RedPaletteColorLookupTableData, SegmentedRedPaletteColorLookupTableData},
	{GreenPaletteColorLookupTableDescriptor, GreenPaletteColorLookupTableData, SegmentedGreenPaletteColorLookupTableData},
	{BluePaletteColorLookupTableDescriptor, BluePaletteColorLookupTableData, SegmentedBluePaletteColorLookupTableData},
}

// palette reads the tables, segmented or not.
func (o *Object) palette(signed bool) (p palette, err error) {
	for i, tags := range paletteTags {
		if o.Has(tags.segmented) && !o.Has(tags.data) {
			p[i], err = o.segmented(tags.descriptor, tags.segmented, signed)
		} else {
			p[i], err = o.table(tags.descriptor, tags.data, signed)
		}
		if err != nil {
			return p, err
		}
		if p[i].bits != p[0].bits || len(p[i].entries) != len(p[0].entries) {
			return p, malformed(o.name, "palettes of different sizes")
		}
	}
	return p, nil
}

// segmented expands a segmented palette (PS3.3 C.7.9.2): runs of entries,
// straight lines, and repetitions of earlier segments.
func (o *Object) segmented(descriptor, data Tag, signed bool) (*table, error) {
	t, n, err := o.descriptor(descriptor, signed)
	if err != nil {
		return nil, err
	}
	e := expansion{limit: n, width: 2}
	if t.bits == 8 {
		e.width = 1
	}
	e.read(o.Bytes(data))
	if wrong := e.run(0, -1, false); wrong != "" || len(e.out) != n {
		return nil, malformed(o.name, fmt.Sprintf("a segmented palette with %d of %d entries: %s", len(e.out), n, wrong))
	}
	t.entries = e.out
	t.fit()
	return t, nil
}

// expansion expands segments into at most limit entries.
type expansion struct {
	words []int
	width int // bytes of a word, as the entries have
	out   []uint16
	limit int
}

func (e *expansion) read(raw []byte) {
	for ; len(raw) >= e.width; raw = raw[e.width:] {
		if e.width == 1 {
			e.words = append(e.words, int(raw[0]))
		} else {
			e.words = append(e.words, int(binary.LittleEndian.Uint16(raw)))
		}
	}
}

// Kinds of segments.
const (
	segmentDiscrete = iota // n entries
	segmentLinear          // n entries on a line to the one given
	segmentIndirect        // n segments, from a byte offset
)

// run expands count segments (-1: all) from at on; it says what is wrong.
// Within an indirect segment (inner) there must be no other.
func (e *expansion) run(at, count int, inner bool) string {
	for ; at+1 < len(e.words) && count != 0 && len(e.out) < e.limit; count-- {
		kind, n := e.words[at], e.words[at+1]
		at += 2
		wrong, used := "", 0
		switch kind {
		case segmentDiscrete:
			wrong, used = e.discrete(at, n), n
		case segmentLinear:
			wrong, used = e.line(at, n), 1
		case segmentIndirect:
			wrong, used = e.indirect(at, n, inner), 4/e.width
		default:
			wrong = "a segment of an unknown kind"
		}
		if wrong != "" {
			return wrong
		}
		at += used
	}
	return ""
}

func (e *expansion) discrete(at, n int) string {
	if at+n > len(e.words) || len(e.out)+n > e.limit {
		return "a segment goes beyond the palette"
	}
	for _, v := range e.words[at : at+n] {
		e.out = append(e.out, uint16(v))
	}
	return ""
}

func (e *expansion) indirect(at, n int, inner bool) string {
	if inner || at+4/e.width > len(e.words) {
		return "an indirect segment leads nowhere"
	}
	offset := 0
	for i, w := range e.words[at : at+4/e.width] {
		offset |= w << (8 * e.width * i)
	}
	if offset/e.width >= len(e.words) {
		return "an indirect segment leads nowhere"
	}
	return e.run(offset/e.width, n, true)
}

// line appends n entries after the last one, the last of which is the word at.
func (e *expansion) line(at, n int) string {
	if len(e.out) == 0 || at >= len(e.words) || len(e.out)+n > e.limit {
		return "a line without ends"
	}
	from, to := float64(e.out[len(e.out)-1]), float64(e.words[at])
	for i := 1; i <= n; i++ {
		e.out = append(e.out, uint16(math.Round(from+(to-from)*float64(i)/float64(n))))
	}
	return ""
}
