package mp3

import "encoding/binary"

// header is the 32-bit frame header, ISO/IEC 11172-3 2.4.1.3 and 13818-3
// (MPEG-2), with the common extension to 8-12 kHz called MPEG-2.5.
type header uint32

const headerBytes = 4

// Header fields that all frames of a stream share: sync, version, layer, rate.
const streamMask = 0xfffe0c00

const (
	version25 = 0
	version1  = 3
)

func (h header) version() int    { return int(h >> 19 & 3) } // 0: MPEG-2.5, 2: MPEG-2, 3: MPEG-1
func (h header) layer3() bool    { return h>>17&3 == 1 }
func (h header) hasCRC() bool    { return h>>16&1 == 0 }
func (h header) rateIndex() int  { return int(h >> 10 & 3) }
func (h header) padding() int    { return int(h >> 9 & 1) }
func (h header) joint() bool     { return h>>6&3 == 1 }
func (h header) mono() bool      { return h>>6&3 == 3 }
func (h header) midSide() bool   { return h.joint() && h>>5&1 == 1 }
func (h header) intensity() bool { return h.joint() && h>>4&1 == 1 }

// low says that the frame has MPEG-2's low sampling frequency syntax.
func (h header) low() bool { return h.version() != version1 }

// valid says whether the word is the header of a Layer III frame that we
// read. Free format (bit rate index 0) is not.
func (h header) valid() bool {
	return h>>21 == 0x7ff && h.version() != 1 && h.layer3() && h.rateIndex() != 3 &&
		h>>12&15 != 0 && h>>12&15 != 15 && h&3 != 2
}

func (h header) rate() int {
	rate := [3]int{44100, 48000, 32000}[h.rateIndex()]
	switch h.version() {
	case version1:
		return rate
	case version25:
		return rate / 4
	}
	return rate / 2
}

func (h header) channels() int {
	if h.mono() {
		return 1
	}
	return 2
}

// granules is the number of blocks of 576 samples in a frame.
func (h header) granules() int {
	if h.low() {
		return 1
	}
	return 2
}

var bitRates = [2][15]int{ // kbit/s; MPEG-1, then MPEG-2 and 2.5
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}

// frameBytes is the length of the frame with its header.
func (h header) frameBytes() int {
	row := 0
	if h.low() {
		row = 1
	}
	return 72*h.granules()*bitRates[row][h>>12&15]*1000/h.rate() + h.padding()
}

func (h header) sideBytes() int {
	switch {
	case !h.low() && !h.mono():
		return 32
	case !h.low() || !h.mono():
		return 17
	}
	return 9
}

func headerAt(data []byte, at int) header {
	if at < 0 || at+headerBytes > len(data) {
		return 0
	}
	return header(binary.BigEndian.Uint32(data[at:]))
}

// nextFrame finds the first frame at or after at: a header that agrees with
// the stream's (0 before the first) and, unless the data end there, is
// followed by another one that agrees. It returns -1 when there is none.
func nextFrame(data []byte, at int, stream header) int {
	for ; at+headerBytes <= len(data); at++ {
		h := headerAt(data, at)
		if !h.valid() || stream != 0 && (h^stream)&streamMask != 0 {
			continue
		}
		end := at + h.frameBytes()
		if end > len(data) {
			continue // cut short: nothing of it can be decoded
		}
		next := headerAt(data, end)
		if next == 0 && len(data)-end < headerBytes || next.valid() && (next^h)&streamMask == 0 || stream != 0 && !next.valid() {
			return at
		}
	}
	return -1
}

// skipTag gives the position after an ID3v2 tag at the start of the data.
func skipTag(data []byte) int {
	if len(data) < 10 || string(data[:3]) != "ID3" {
		return 0
	}
	size := 0
	for _, b := range data[6:10] {
		size = size<<7 | int(b&0x7f)
	}
	return min(10+size, len(data))
}

// IsFrame says whether data start with the header of a Layer III frame.
func IsFrame(data []byte) bool { return headerAt(data, 0).valid() }
