// Package signal turns recordings into network tensors: ECG leads in mV at one
// rate with the baseline removed, sounds as log-mel spectrograms; and it finds
// heart beats and coughs. Training and diagnosis make the same calls.
package signal

import (
	"fmt"
	"math"

	"consilium/clinical"
	"consilium/fault"
)

// MaxRate is the highest sampling rate that is read, in Hz.
const MaxRate = 1e6

// maxTensor bounds what a spec (which may come from an imported model's card)
// can make us allocate, in values.
const maxTensor = 1 << 26

// frames checks that a recording agrees with itself and gives its length in samples.
func frames(rec clinical.Recording) (int, error) {
	if len(rec.Channels) == 0 || len(rec.Channels[0].Samples) == 0 {
		return 0, fault.New(fault.InputEmpty, rec.Source+" has no samples", "give a recording with content")
	}
	if !(rec.Rate > 0 && rec.Rate <= MaxRate) {
		return 0, fault.New(fault.InputRate, fmt.Sprintf("%s: sampling rate %v Hz", rec.Source, rec.Rate), "correct the file's header")
	}
	n := len(rec.Channels[0].Samples)
	for _, c := range rec.Channels {
		if len(c.Samples) != n {
			return 0, fault.New(fault.InputMalformed,
				fmt.Sprintf("%s: channel %s has %d samples, %s has %d", rec.Source, c.Name, len(c.Samples), rec.Channels[0].Name, n),
				"channels of one recording must be equally long")
		}
	}
	return n, nil
}

// atLeast refuses rates below floor.
func atLeast(rec clinical.Recording, floor float64) error {
	if rec.Rate >= floor {
		return nil
	}
	return fault.New(fault.InputRate,
		fmt.Sprintf("%s is sampled at %g Hz, this model needs at least %g Hz", rec.Source, rec.Rate, floor),
		"record at a higher rate; resampling cannot bring back what is missing")
}

// tooShort says that a recording lasts less than the model can use.
func tooShort(rec clinical.Recording, n int, least float64) error {
	return fault.New(fault.InputRate,
		fmt.Sprintf("%s lasts %.2f s, this model needs at least %.2f s", rec.Source, float64(n)/rec.Rate, least),
		"give a longer recording")
}

// finite refuses NaN and infinities in one channel.
func finite(source, name string, x []float32) error {
	for i, v := range x {
		if v-v != 0 {
			return fault.New(fault.InputNotFinite,
				fmt.Sprintf("%s: channel %s holds NaN or infinity at sample %d", source, name, i),
				"the recording has gaps; give a part without them")
		}
	}
	return nil
}

// span gives the smallest and largest of finite values. Plain comparisons are
// three times as fast as min and max, which also look for NaN.
func span(x []float32) (lo, hi float64) {
	l, h := x[0], x[0]
	for _, v := range x {
		if v < l {
			l = v
		}
		if v > h {
			h = v
		}
	}
	return float64(l), float64(h)
}

// centred copies the middle of src to dst, or src to the middle of dst with
// zeros around it, whichever is longer.
func centred(dst, src []float32) {
	if len(src) >= len(dst) {
		copy(dst, src[(len(src)-len(dst))/2:])
		return
	}
	clear(dst)
	copy(dst[(len(dst)-len(src))/2:], src)
}

// samplesOf rounds a duration to samples; 0 when it is not a sane number.
func samplesOf(seconds, rate float64) int {
	n := math.Round(seconds * rate)
	if !(n >= 1 && n <= maxTensor) {
		return 0
	}
	return int(n)
}
