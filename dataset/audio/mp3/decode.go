// Package mp3 decodes MPEG audio Layer III of all sampling rates from 8 to
// 48 kHz: MPEG-1 (ISO/IEC 11172-3), MPEG-2 (13818-3) and the extension called
// MPEG-2.5, in which telephone recordings come. It exists because the
// obtainable Go decoders do not read MPEG-2.5.
package mp3

import (
	"consilium/fault"
)

// Sound is decoded audio, channel by channel, in -1..1.
type Sound struct {
	Rate     int
	Channels [][]float32
	Silent   int // frames that were broken and are played as silence
}

// Decode decodes a whole stream. Tags and bytes between frames are skipped;
// a frame cut short at the end is left out; a broken frame is played as
// silence. More than maxSamples a channel is refused with INPUT_TOO_LARGE.
// The decoder's own delay (529 samples) and the encoder's are not removed.
func Decode(data []byte, maxSamples int) (Sound, error) {
	at := nextFrame(data, skipTag(data), 0)
	if at < 0 {
		return Sound{}, fault.New(fault.InputMalformed, "MP3: no MPEG audio Layer III frame", "hand in an MP3 or WAV file")
	}
	first := headerAt(data, at)
	d := decoder{sound: Sound{Rate: first.rate(), Channels: make([][]float32, first.channels())}}
	if isInfo(data[at : at+first.frameBytes()]) {
		at = nextFrame(data, at+first.frameBytes(), first)
	}
	for frames := 1; at >= 0; frames++ {
		h := headerAt(data, at)
		if frames*h.granules()*lines > maxSamples {
			return Sound{}, fault.New(fault.InputTooLarge, "MP3: the recording is too long", "cut out the part to be judged")
		}
		d.frame(h, data[at:at+h.frameBytes()])
		at = nextFrame(data, at+h.frameBytes(), first)
	}
	if len(d.sound.Channels[0]) == 0 {
		return Sound{}, fault.New(fault.InputEmpty, "MP3: no audio frame", "hand in a recording with sound")
	}
	return d.sound, nil
}

// isInfo recognises the first frame that encoders fill with a table of
// contents instead of sound.
func isInfo(frame []byte) bool {
	at := headerBytes + headerAt(frame, 0).sideBytes()
	if at+4 > len(frame) {
		return false
	}
	tag := string(frame[at : at+4])
	return tag == "Xing" || tag == "Info"
}

// decoder carries what one frame leaves for the next.
type decoder struct {
	sound     Sound
	reservoir []byte
	banks     [2]filterbank
	bands     []band
}

// maxReservoir is the largest distance that a frame can reach back.
const maxReservoir = 511

// frame decodes one frame and appends its samples.
func (d *decoder) frame(h header, frame []byte) {
	body := frame[headerBytes:]
	if h.hasCRC() && len(body) >= 2 {
		body = body[2:]
	}
	side := min(h.sideBytes(), len(body))
	info, ok := readSideInfo(&bitReader{data: body[:side]}, h)
	ok = ok && info.reservoir <= len(d.reservoir) && side == h.sideBytes()

	var spectra [2][2][lines]float32
	if ok {
		kept := d.reservoir[len(d.reservoir)-info.reservoir:]
		main := append(append([]byte(nil), kept...), body[side:]...)
		ok = d.spectra(h, &info, &bitReader{data: main}, &spectra)
	}
	if !ok {
		d.sound.Silent++
		spectra, info = [2][2][lines]float32{}, sideInfo{}
	}
	d.reservoir = append(d.reservoir, body[side:]...)
	d.reservoir = d.reservoir[max(0, len(d.reservoir)-maxReservoir):]
	d.play(h, &info, &spectra)
}

// spectra decodes scale factors and lines of both granules. It fails when the
// data end early.
func (d *decoder) spectra(h header, info *sideInfo, r *bitReader, out *[2][2][lines]float32) bool {
	var scale [2]scaleFactors
	for gr := range h.granules() {
		for ch := range h.channels() {
			g := &info.granules[gr][ch]
			end := r.pos + g.length
			if end > 8*len(r.data) {
				return false
			}
			scale[ch] = readScaleFactors(r, h, g, ch == 1, &scale[ch])
			if r.pos > end {
				return false
			}
			var quantised [lines]int32
			used := readSpectrum(r, g, end, &quantised)
			d.bands = g.layout(h, d.bands)
			dequantise(g, d.bands, &scale[ch], &quantised, used, &out[gr][ch])
		}
		if h.joint() {
			right := &info.granules[gr][1]
			d.bands = right.layout(h, d.bands)
			joinStereo(h, right, d.bands, &scale[1], &out[gr][0], &out[gr][1])
		}
	}
	return true
}

// play runs the spectra through the filter banks into the sound. A change
// between mono and stereo inside a stream keeps the first frame's channels.
func (d *decoder) play(h header, info *sideInfo, spectra *[2][2][lines]float32) {
	for gr := range h.granules() {
		for ch := range d.sound.Channels {
			from := min(ch, h.channels()-1)
			g := info.granules[gr][from]
			x := spectra[gr][from]
			if g.blockType == 2 {
				d.bands = g.layout(h, d.bands)
				reorder(d.bands, &x)
			}
			reduceAlias(&g, &x)
			n := len(d.sound.Channels[ch])
			d.sound.Channels[ch] = append(d.sound.Channels[ch], make([]float32, lines)...)
			d.banks[ch].synthesise(&g, &x, d.sound.Channels[ch][n:])
		}
	}
}

// Length gives the sampling rate and the samples a channel that Decode would
// give, without decoding.
func Length(data []byte) (rate, samples int) {
	at := nextFrame(data, skipTag(data), 0)
	if at < 0 {
		return 0, 0
	}
	first := headerAt(data, at)
	if isInfo(data[at : at+first.frameBytes()]) {
		at = nextFrame(data, at+first.frameBytes(), first)
	}
	for at >= 0 {
		samples += first.granules() * lines
		at = nextFrame(data, at+headerAt(data, at).frameBytes(), first)
	}
	return first.rate(), samples
}
