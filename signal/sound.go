package signal

import (
	"fmt"
	"math"

	"consilium/clinical"
	"consilium/fault"
)

// Limits of a sound. Samples are nominally in -1..1; compressed files overshoot
// a little, integers that were never scaled overshoot a lot.
const (
	MinSoundSeconds = 0.3
	maxSoundValue   = 4
	silence         = 1e-4 // peak to peak: below 16-bit dither
)

// mono averages the channels, removes DC and checks what comes out.
func mono(rec clinical.Recording) ([]float32, error) {
	n, err := frames(rec)
	if err != nil {
		return nil, err
	}
	if float64(n) < MinSoundSeconds*rec.Rate {
		return nil, tooShort(rec, n, MinSoundSeconds)
	}
	x := make([]float32, n)
	w := 1 / float32(len(rec.Channels))
	for _, c := range rec.Channels {
		if err := finite(rec.Source, c.Name, c.Samples); err != nil {
			return nil, err
		}
		for i, v := range c.Samples {
			x[i] += w * v
		}
	}
	lo, hi := span(x)
	switch {
	case hi-lo < silence:
		return nil, fault.New(fault.InputFlat, rec.Source+" is silent", "record again, closer to the microphone")
	case max(-lo, hi) > maxSoundValue:
		return nil, fault.New(fault.InputRange, fmt.Sprintf("%s: values up to %.3g, sound lies in -1..1", rec.Source, max(-lo, hi)),
			"scale integer samples to -1..1")
	}
	mean := 0.0
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(n)
	for i := range x {
		x[i] -= float32(mean)
	}
	return x, nil
}

// Loudest gives the window of n samples with the most energy, moved so that the
// centre of its energy is its middle as far as the recording allows. A recording
// that is no longer than n comes back whole.
func Loudest(x []float32, n int) (from, to int) {
	if len(x) <= n {
		return 0, len(x)
	}
	energy := func(i int) float64 { return float64(x[i]) * float64(x[i]) }
	sum := 0.0
	for i := range n {
		sum += energy(i)
	}
	best := sum
	for i := n; i < len(x); i++ {
		sum += energy(i) - energy(i-n)
		if sum > best*(1+1e-9) {
			best, from = sum, i-n+1
		}
	}
	total, moment := 0.0, 0.0
	for i := from; i < from+n; i++ {
		total += energy(i)
		moment += energy(i) * float64(i)
	}
	if total > 0 {
		from = min(max(int(math.Round(moment/total))-n/2, 0), len(x)-n)
	}
	return from, from + n
}
