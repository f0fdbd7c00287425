package dicom

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"consilium/clinical"
	"consilium/fault"
	"consilium/signal"
)

// Limits on waveforms.
const (
	maxGroups   = 64
	maxChannels = 512
)

// Multiplex is one group of channels that were sampled together, an item of
// WaveformSequence (PS3.3 C.10.9).
type Multiplex struct {
	Label       string  // "RHYTHM", "MEDIAN BEAT"
	Originality string  // "ORIGINAL" or "DERIVED"
	Offset      float64 // ms after the acquisition started
	Rate        float64 // Hz
	Channels    []clinical.Channel
	Padding     int // samples that the file marks as having no value; they read as 0
}

// Waveforms decodes every multiplex group. Values are (sample x sensitivity x
// correction factor + baseline) in the channel's unit; microvolts and other
// volts become mV. Without a sensitivity, as in sounds, integers are scaled to
// -1..1, mu-law and A-law expanded (ITU-T G.711). Leads have their usual
// names: "I", "aVR", "V1".
func (o *Object) Waveforms() ([]Multiplex, error) {
	groups := o.Items(WaveformSequence)
	switch {
	case len(groups) == 0:
		return nil, fault.New(fault.InputUnsupported, fmt.Sprintf("%s: a DICOM %s without a waveform", o.name, UIDName(o.Text(SOPClassUID))), "hand in an ECG or a sound")
	case len(groups) > maxGroups:
		return nil, tooLarge(o.name, "%d multiplex groups, the limit is %d", len(groups), maxGroups)
	}
	out := make([]Multiplex, len(groups))
	total := 0
	for i, g := range groups {
		total += len(g.Bytes(WaveformData))
		if total > 4*MaxPixels {
			return nil, tooLarge(o.name, "more than %d bytes of waveforms", 4*MaxPixels)
		}
		var err error
		if out[i], err = o.multiplex(g); err != nil {
			e := fault.Of(err)
			return nil, fault.Wrap(e.Err, e.Code, fmt.Sprintf("%s, multiplex group %d: %s", o.name, i+1, e.What), e.Do)
		}
	}
	return out, nil
}

// multiplex decodes one group.
func (o *Object) multiplex(g *Object) (Multiplex, error) {
	m := Multiplex{Label: g.Text(MultiplexGroupLabel), Originality: g.Text(WaveformOriginality)}
	m.Offset, _ = g.Float(MultiplexGroupTimeOffset)
	m.Rate, _ = g.Float(SamplingFrequency)
	channels, samples := g.short(NumberOfWaveformChannels, 0), g.short(NumberOfWaveformSamples, 0)
	code, known := interpretations[g.Text(WaveformSampleInterpretation)]
	data := g.Bytes(WaveformData)
	switch {
	case !(m.Rate > 0) || m.Rate > 1e7:
		return m, fault.New(fault.InputRate, fmt.Sprintf("a sampling frequency of %v Hz", m.Rate), "export it again")
	case channels < 1 || channels > maxChannels || samples < 1:
		return m, fault.New(fault.InputMalformed, fmt.Sprintf("%d channels of %d samples", channels, samples), "export it again")
	case !known:
		return m, fault.New(fault.InputUnsupported, fmt.Sprintf("samples of kind %.8q", g.Text(WaveformSampleInterpretation)), "export it with 8 or 16 bits a sample")
	case int64(len(data)) < int64(channels)*int64(samples)*int64(code.width):
		return m, fault.New(fault.InputTruncated, fmt.Sprintf("%d bytes for %d channels of %d samples", len(data), channels, samples), "copy the file again")
	}
	if o.swapped && code.width > 1 && g.VR(WaveformData) != "OW" || o.swapped && code.width > 2 {
		return m, fault.New(fault.InputUnsupported, "big endian samples", "export it in little endian")
	}
	padding := g.Bytes(WaveformPaddingValue)
	defined := g.Items(ChannelDefinitionSequence)
	for c := range channels {
		var own *Object
		if c < len(defined) {
			own = defined[c]
		} else {
			own = New("")
		}
		unit, scale := own.channelScale(code)
		ch := clinical.Channel{Name: own.channelName(c), Unit: unit, Samples: make([]float32, samples)}
		for s := range ch.Samples {
			raw := data[(s*channels+c)*code.width:][:code.width]
			if len(padding) >= code.width && string(raw) == string(padding[:code.width]) {
				m.Padding++
				continue
			}
			ch.Samples[s] = float32(code.decode(raw)*scale.factor + scale.baseline)
			if v := float64(ch.Samples[s]); v-v != 0 {
				return m, fault.New(fault.InputNotFinite, "samples that are not finite", "export it again")
			}
		}
		m.Channels = append(m.Channels, ch)
	}
	return m, nil
}

// interpretation is how a sample is encoded, PS3.3 C.10.9.1.5.
type interpretation struct {
	width  int
	decode func(b []byte) float64 // the sample's value
	full   float64                // of full scale, for what has no sensitivity
	middle float64                // of silence
}

var interpretations = map[string]interpretation{
	"SB": {1, func(b []byte) float64 { return float64(int8(b[0])) }, 1 << 7, 0},
	"UB": {1, func(b []byte) float64 { return float64(b[0]) }, 1 << 7, 1 << 7},
	"MB": {1, func(b []byte) float64 { return muLaw(b[0]) }, 1 << 15, 0},
	"AB": {1, func(b []byte) float64 { return aLaw(b[0]) }, 1 << 15, 0},
	"SS": {2, func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) }, 1 << 15, 0},
	"US": {2, func(b []byte) float64 { return float64(binary.LittleEndian.Uint16(b)) }, 1 << 15, 1 << 15},
	"SL": {4, func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }, 1 << 31, 0},
	"UL": {4, func(b []byte) float64 { return float64(binary.LittleEndian.Uint32(b)) }, 1 << 31, 1 << 31},
}

// muLaw expands a sample of ITU-T G.711 mu-law to 16 bits.
func muLaw(b byte) float64 {
	b = ^b
	v := float64((int(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84)
	if b&0x80 != 0 {
		return -v
	}
	return v
}

// aLaw expands a sample of ITU-T G.711 A-law to 16 bits.
func aLaw(b byte) float64 {
	b ^= 0x55
	v := int(b&0x0f)<<4 + 8
	if e := b >> 4 & 7; e > 0 {
		v = (v + 0x100) << (e - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return float64(v)
}

// scale turns samples into values.
type scale struct{ factor, baseline float64 }

// voltUnits are those that become mV.
var voltUnits = map[string]float64{"uV": 1e-3, "mV": 1, "V": 1e3, "nV": 1e-6}

// channelScale reads the sensitivity of a channel, PS3.3 C.10.9.1.4.1 and 2.
func (o *Object) channelScale(code interpretation) (unit string, s scale) {
	sensitivity, given := o.Float(ChannelSensitivity)
	if !given {
		return "", scale{1 / code.full, -code.middle / code.full}
	}
	correction := 1.0
	if v, given := o.Float(ChannelSensitivityCorrectionFactor); given {
		correction = v
	}
	baseline, _ := o.Float(ChannelBaseline)
	unit = o.Item(ChannelSensitivityUnitsSequence).Text(CodeValue)
	volts, known := voltUnits[unit]
	if known {
		unit = "mV"
	} else {
		volts = 1
	}
	return unit, scale{sensitivity * correction * volts, baseline * volts}
}

// leadNumber finds the number that SCP-ECG (5.6.3-9-N) and MDC (2:N) give a
// lead (PS3.16 CID 3001).
var leadNumber = regexp.MustCompile(`^(?:5\.6\.3-9-|2:)([0-9]{1,3})$`)

var leadNames = map[int]string{
	1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF",
	3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 9: "V7", 66: "V8", 67: "V9",
	11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R", 15: "V7R", 16: "X", 17: "Y", 18: "Z",
}

// channelName gives a channel its lead's name: by its code, by its label, by
// the code's meaning ("Lead I (Einthoven)"), else by its number.
func (o *Object) channelName(index int) string {
	source := o.Item(ChannelSourceSequence)
	if m := leadNumber.FindStringSubmatch(source.Text(CodeValue)); m != nil {
		n, _ := strconv.Atoi(m[1])
		if name := leadNames[n]; name != "" {
			return name
		}
	}
	for _, s := range []string{o.Text(ChannelLabel), source.Text(CodeMeaning)} {
		if s, _, _ = strings.Cut(s, "("); trimText(s) != "" {
			return lead(trimText(s))
		}
	}
	return "channel " + strconv.Itoa(index+1)
}

// lead gives one of the twelve leads its usual name and leaves others alone.
func lead(name string) string {
	for _, known := range signal.Leads12 {
		if signal.CanonicalLead(name) == known {
			return known
		}
	}
	return name
}

// sound says whether the object is a sound (PS3.4 B.5).
func (o *Object) sound() bool {
	class := o.IDs().Class
	return class == basicVoiceAudio || class == generalAudio
}

// Recording gives the ECG or sound of a waveform object. All channels are
// equally long: of several multiplex groups, the first with the longest
// original recording, with those that were sampled alongside it; Comments name
// the others. An object of another kind, such as blood pressure, is
// INPUT_UNSUPPORTED; Waveforms reads it.
func (o *Object) Recording() (clinical.Recording, error) {
	rec := clinical.Recording{Source: o.name, Format: "DICOM", Kind: clinical.KindECG, Patient: o.Patient(), Synthetic: o.Synthetic()}
	class := o.IDs().Class
	switch {
	case o.sound():
		rec.Kind = clinical.KindSound
	case !strings.HasPrefix(class, "1.2.840.10008.5.1.4.1.1.9.1."):
		if o.Has(WaveformSequence) {
			return rec, fault.New(fault.InputUnsupported, fmt.Sprintf("%s: a DICOM %s", o.name, UIDName(class)), "hand in an ECG or a sound")
		}
	}
	groups, err := o.Waveforms()
	if err != nil {
		return rec, err
	}
	main := groups[longest(groups)]
	rec.Rate = main.Rate
	for i, g := range groups {
		if g.Rate != main.Rate || g.Offset != main.Offset || g.Originality != main.Originality || len(g.Channels[0].Samples) != len(main.Channels[0].Samples) {
			rec.Comments = append(rec.Comments, fmt.Sprintf("multiplex group %d is left out: %s %s, %d samples at %g Hz", i+1, g.Originality, g.Label, len(g.Channels[0].Samples), g.Rate))
			continue
		}
		rec.Channels = append(rec.Channels, g.Channels...)
		if g.Padding > 0 {
			rec.Comments = append(rec.Comments, fmt.Sprintf("%d samples without a value read as 0", g.Padding))
		}
	}
	if rec.Kind == clinical.KindSound {
		for i := range rec.Channels {
			rec.Channels[i].Unit = ""
		}
	}
	return rec, nil
}

// longest is the group that lasts longest; an original one before a derived one.
func longest(groups []Multiplex) int {
	best, most := 0, math.Inf(-1)
	for i, g := range groups {
		t := float64(len(g.Channels[0].Samples)) / g.Rate
		if g.Originality == "DERIVED" {
			t -= 1e12
		}
		if t > most {
			best, most = i, t
		}
	}
	return best
}
