package dicom

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"consilium/clinical"
	"consilium/fault"
	"consilium/signal"
)

// WriteECG writes a recording as a DICOM ECG: 12-lead ECG Waveform Storage
// where that holds it (200 to 1000 Hz, 13 channels, 16384 samples), else
// General ECG (24 channels), else Ambulatory ECG (50 to 1000 Hz, 12 channels).
// Samples must be in mV; they are written in steps of 1 uV, or of what the
// largest needs.
//
// Errors: USAGE for a recording of another kind or unit, INPUT_RATE,
// INPUT_NOT_FINITE, INPUT_TOO_LARGE, IO.
func WriteECG(w io.Writer, rec clinical.Recording, g Origin) error {
	o, err := NewECG(rec, g)
	return write(w, o, err)
}

// NewECG is WriteECG that gives the object.
func NewECG(rec clinical.Recording, g Origin) (*Object, error) {
	samples, err := checkRecording(rec, clinical.KindECG)
	if err != nil {
		return nil, err
	}
	class, err := ecgClass(rec, samples)
	if err != nil {
		return nil, err
	}
	peak := 0.0
	for _, c := range rec.Channels {
		if c.Unit != "mV" {
			return nil, fault.New(fault.Usage, fmt.Sprintf("channel %s in %q", c.Name, c.Unit), "give samples in mV")
		}
		for _, v := range c.Samples {
			peak = max(peak, math.Abs(float64(v)))
		}
	}
	step := max(1, math.Ceil(peak*1000/math.MaxInt16)) // uV
	data := multiplexed(rec.Channels, samples, 1000/step)
	g.Synthetic = g.Synthetic || rec.Synthetic
	if g.Patient == (clinical.Patient{}) {
		g.Patient = rec.Patient
	}
	o, err := waveformObject(g, class, "ECG", data)
	if err != nil {
		return nil, err
	}
	definitions := make([]*Object, len(rec.Channels))
	for i, c := range rec.Channels {
		if definitions[i], err = ecgChannel(c.Name, step); err != nil {
			return nil, err
		}
	}
	return o, setMultiplex(o, rec.Rate, samples, data, definitions)
}

// ecgClass chooses the SOP class that can hold the recording (PS3.3 A.34.3 to A.34.5).
func ecgClass(rec clinical.Recording, samples int) (string, error) {
	n, rate := len(rec.Channels), rec.Rate
	switch {
	case rate >= 200 && rate <= 1000 && n <= 13 && samples <= 16384:
		return twelveLeadECG, nil
	case rate >= 200 && rate <= 1000 && n <= 24:
		return generalECG, nil
	case rate >= 50 && rate <= 1000 && n <= 12:
		return ambulatoryECG, nil
	}
	return "", fault.New(fault.InputRate, fmt.Sprintf("an ECG of %d channels at %g Hz", n, rate), "DICOM holds up to 24 channels at 200 to 1000 Hz, 12 at 50 to 1000 Hz: resample it")
}

// ecgChannel defines a channel (PS3.3 C.10.9.1.4); the lead is coded by MDC.
func ecgChannel(name string, step float64) (*Object, error) {
	item := New(ExplicitLittle)
	source, err := codeItem("MDC", "2:0", "Unspecified lead")
	for number, known := range leadNames {
		if known == lead(name) {
			source, err = codeItem("MDC", "2:"+strconv.Itoa(number), "Lead "+known)
		}
	}
	if err != nil {
		return nil, err
	}
	unit, err := codeItem("UCUM", "uV", "microvolt")
	if err != nil {
		return nil, err
	}
	err = item.setAll([]attribute{
		{ChannelLabel, given(clip(name, 16))},
		{ChannelSensitivity, list(step)},
		{ChannelSensitivityCorrectionFactor, list(1)},
		{ChannelBaseline, list(0)},
		{ChannelSampleSkew, list(0)},
		{WaveformBitsStored, list(16)},
	})
	if err == nil {
		err = item.SetItems(ChannelSourceSequence, source)
	}
	if err == nil {
		err = item.SetItems(ChannelSensitivityUnitsSequence, unit)
	}
	return item, err
}

// maxAudioRate is what General Audio allows, PS3.3 A.34.11.4.
const maxAudioRate = 44100

// WriteSound writes a sound of one or two channels as General Audio Waveform
// Storage, 16 bits a sample. A rate above 44.1 kHz, which that does not allow,
// is resampled to it.
//
// Errors: USAGE for a recording of another kind, INPUT_NOT_FINITE,
// INPUT_TOO_LARGE, IO.
func WriteSound(w io.Writer, rec clinical.Recording, g Origin) error {
	o, err := NewSound(rec, g)
	return write(w, o, err)
}

// NewSound is WriteSound that gives the object.
func NewSound(rec clinical.Recording, g Origin) (*Object, error) {
	samples, err := checkRecording(rec, clinical.KindSound)
	if err != nil {
		return nil, err
	}
	if len(rec.Channels) > 2 {
		return nil, fault.New(fault.Usage, fmt.Sprintf("a sound of %d channels", len(rec.Channels)), "give one or two")
	}
	channels := rec.Channels
	if rec.Rate > maxAudioRate {
		r, err := signal.NewResampler(rec.Rate, maxAudioRate)
		if err != nil {
			return nil, err
		}
		channels = make([]clinical.Channel, len(rec.Channels))
		for i, c := range rec.Channels {
			channels[i] = clinical.Channel{Name: c.Name, Samples: r.Resample(nil, c.Samples)}
		}
		rec.Rate, samples = maxAudioRate, len(channels[0].Samples)
	}
	data := multiplexed(channels, samples, 1<<15)
	g.Synthetic = g.Synthetic || rec.Synthetic
	if g.Patient == (clinical.Patient{}) {
		g.Patient = rec.Patient
	}
	o, err := waveformObject(g, generalAudio, "AU", data)
	if err != nil {
		return nil, err
	}
	definitions := make([]*Object, len(channels))
	for i, c := range channels {
		if definitions[i], err = soundChannel(c.Name); err != nil {
			return nil, err
		}
	}
	return o, setMultiplex(o, rec.Rate, samples, data, definitions)
}

// soundChannel defines a channel of a sound; its source is coded by PS3.16 CID 3000.
func soundChannel(name string) (*Object, error) {
	item := New(ExplicitLittle)
	source, err := codeItem("DCM", "109115", "Physiological audio signal")
	if err != nil {
		return nil, err
	}
	err = item.setAll([]attribute{{ChannelLabel, given(clip(name, 16))}, {ChannelSampleSkew, list(0)}, {WaveformBitsStored, list(16)}})
	if err == nil {
		err = item.SetItems(ChannelSourceSequence, source)
	}
	return item, err
}

// checkRecording gives the number of samples of every channel.
func checkRecording(rec clinical.Recording, kind clinical.Kind) (int, error) {
	if rec.Kind != kind || len(rec.Channels) == 0 || len(rec.Channels[0].Samples) == 0 || !(rec.Rate > 0) {
		return 0, fault.New(fault.Usage, fmt.Sprintf("a recording of kind %q with %d channels at %v Hz", rec.Kind, len(rec.Channels), rec.Rate), "give an "+string(kind)+" with samples")
	}
	samples := len(rec.Channels[0].Samples)
	for _, c := range rec.Channels {
		if len(c.Samples) != samples {
			return 0, fault.New(fault.Usage, "channels of different lengths", "give equally long ones")
		}
	}
	if int64(samples)*int64(len(rec.Channels)) > MaxPixels {
		return 0, tooLarge("the recording", "%d samples of %d channels, the limit is %d in all", samples, len(rec.Channels), MaxPixels)
	}
	return samples, notFinite(rec.Channels)
}

// multiplexed interleaves the channels as 16-bit integers of value x factor.
func multiplexed(channels []clinical.Channel, samples int, factor float64) []byte {
	out := make([]byte, 0, 2*samples*len(channels))
	for s := range samples {
		for _, c := range channels {
			v := math.RoundToEven(float64(c.Samples[s]) * factor)
			out = binary.LittleEndian.AppendUint16(out, uint16(int16(min(max(v, math.MinInt16), math.MaxInt16))))
		}
	}
	return out
}

// waveformObject adds what all waveform objects have (PS3.3 C.10.8).
func waveformObject(g Origin, class, modality string, data []byte) (*Object, error) {
	o, err := g.object(class, modality, data)
	if err != nil {
		return nil, err
	}
	if err := o.Set(AcquisitionDateTime, o.Text(ContentDate)+o.Text(ContentTime)); err != nil {
		return nil, err
	}
	return o, o.SetItems(AcquisitionContextSequence)
}

// setMultiplex adds the one multiplex group (PS3.3 C.10.9).
func setMultiplex(o *Object, rate float64, samples int, data []byte, definitions []*Object) error {
	group := New(ExplicitLittle)
	err := group.setAll([]attribute{
		{WaveformOriginality, list("ORIGINAL")},
		{NumberOfWaveformChannels, list(len(definitions))},
		{NumberOfWaveformSamples, list(samples)},
		{SamplingFrequency, list(rate)},
		{WaveformBitsAllocated, list(16)},
		{WaveformSampleInterpretation, list("SS")},
	})
	if err == nil {
		err = group.SetVR(WaveformData, "OW", data)
	}
	if err == nil {
		err = group.SetItems(ChannelDefinitionSequence, definitions...)
	}
	if err == nil {
		err = o.SetItems(WaveformSequence, group)
	}
	return err
}
