package signal

import (
	"fmt"
	"math"
	"sync"

	"consilium/clinical"
	"consilium/fault"

	"gonum.org/v1/gonum/dsp/fourier"
)

const (
	defaultFrame = 0.032 // seconds
	defaultHop   = 0.016
	dynamicRange = 80.0  // dB below the loudest cell that are kept
	minPower     = 1e-10 // of a mel band; floor before the logarithm
)

// SoundSpec describes the tensor of a sound model: frames x mels of log energy.
type SoundSpec struct {
	Rate     float64 // Hz after resampling
	MinRate  float64 // lowest rate accepted, Hz; 0 = Rate
	Seconds  float64 // length of the window
	Mels     int     // bands
	Frame    float64 // seconds; 0 = 0.032
	Hop      float64 // seconds; 0 = 0.016
	Absolute bool    // keep decibels instead of mean 0, variance 1 a recording
}

func (s SoundSpec) orDefault() SoundSpec {
	if s.Frame == 0 {
		s.Frame = defaultFrame
	}
	if s.Hop == 0 {
		s.Hop = defaultHop
	}
	if s.MinRate == 0 {
		s.MinRate = s.Rate
	}
	return s
}

// Frames is the tensor's length along time: windows that fit into Seconds
// without padding. It is 0 for a spec that cannot be.
func (s SoundSpec) Frames() int {
	s = s.orDefault()
	n, frame, hop := samplesOf(s.Seconds, s.Rate), samplesOf(s.Frame, s.Rate), samplesOf(s.Hop, s.Rate)
	if frame < 2 || hop == 0 || n < frame {
		return 0
	}
	return 1 + (n-frame)/hop
}

// LogMel fills into (frames x mels) from the loudest window of Seconds: channels
// averaged, resampled to Rate, periodic Hann window, power spectrum, triangular
// bands equally spaced on the mel scale 2595 log10(1+f/700) from 0 to Rate/2
// (O'Shaughnessy 1987; HTK's filter bank), decibels with an 80 dB floor below the
// loudest cell, then (unless Absolute) mean 0 and variance 1 over the recording.
// Shorter recordings lie in the middle of silence.
//
// Errors: INPUT_RATE (rate, or shorter than 0.3 s), INPUT_NOT_FINITE, INPUT_FLAT
// (silent), INPUT_RANGE (not in -1..1), INPUT_EMPTY, INPUT_MALFORMED, USAGE.
func LogMel(rec clinical.Recording, s SoundSpec, into []float32) error {
	s = s.orDefault()
	bank, err := bankFor(s, len(into))
	if err != nil {
		return err
	}
	if err := atLeast(rec, s.MinRate); err != nil {
		return err
	}
	x, err := mono(rec)
	if err != nil {
		return err
	}
	from, to := Loudest(x, int(math.Ceil(s.Seconds*rec.Rate)))
	resampler, err := NewResampler(rec.Rate, s.Rate)
	if err != nil {
		return err
	}
	clip := make([]float32, samplesOf(s.Seconds, s.Rate))
	centred(clip, resampler.Resample(nil, x[from:to]))
	bank.decibels(clip, s.Mels, into)
	if !s.Absolute {
		standardise(into)
	}
	return nil
}

// melBank is what a spec needs and what does not change between recordings.
type melBank struct {
	frame, hop int
	window     []float64
	bands      []band
	plans      sync.Pool // of *melPlan
}

// band is one triangle: weights from spectral bin lo on.
type band struct {
	lo      int
	weights []float64
}

type melPlan struct {
	fft      *fourier.FFT
	frame    []float64
	spectrum []complex128
	power    []float64
}

var banks = struct {
	sync.Mutex
	made map[SoundSpec]*melBank
}{made: map[SoundSpec]*melBank{}}

func bankFor(s SoundSpec, got int) (*melBank, error) {
	n := s.Frames()
	if n == 0 || s.Mels < 1 || s.Mels > 512 || n > maxTensor/s.Mels || got != n*s.Mels || !(s.Rate <= MaxRate) {
		return nil, fault.New(fault.Usage,
			fmt.Sprintf("log-mel tensor of %d values for %d frames x %d mels", got, n, s.Mels), "correct the model's card")
	}
	banks.Lock()
	defer banks.Unlock()
	if b := banks.made[s]; b != nil {
		return b, nil
	}
	if len(banks.made) >= 16 {
		clear(banks.made)
	}
	b := newBank(s)
	banks.made[s] = b
	return b, nil
}

func newBank(s SoundSpec) *melBank {
	b := &melBank{frame: samplesOf(s.Frame, s.Rate), hop: samplesOf(s.Hop, s.Rate)}
	size := 2
	for size < b.frame {
		size *= 2
	}
	b.window = make([]float64, b.frame)
	for i := range b.window {
		b.window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(b.frame))
	}
	b.bands = triangles(s.Mels, size, s.Rate)
	b.plans.New = func() any {
		return &melPlan{
			fft: fourier.NewFFT(size), frame: make([]float64, size),
			spectrum: make([]complex128, size/2+1), power: make([]float64, size/2+1),
		}
	}
	return b
}

func mel(f float64) float64 { return 2595 * math.Log10(1+f/700) }

// triangles are bands with peak 1 whose edges are the neighbours' centres. A band
// narrower than the bins' spacing still gets the bin nearest to its centre.
func triangles(mels, size int, rate float64) []band {
	top := mel(rate / 2)
	bins := size/2 + 1
	at := func(k int) float64 { return mel(float64(k) * rate / float64(size)) }
	bands := make([]band, mels)
	for m := range bands {
		step := top / float64(mels+1)
		centre := float64(m+1) * step
		b, near := band{lo: -1}, 0
		for k := range bins {
			if math.Abs(at(k)-centre) < math.Abs(at(near)-centre) {
				near = k
			}
			if w := 1 - math.Abs(at(k)-centre)/step; w > 0 {
				if b.lo < 0 {
					b.lo = k
				}
				b.weights = append(b.weights, w)
			}
		}
		if b.lo < 0 {
			b = band{near, []float64{1}}
		}
		bands[m] = b
	}
	return bands
}

func (b *melBank) decibels(x []float32, mels int, into []float32) {
	p := b.plans.Get().(*melPlan)
	defer b.plans.Put(p)
	scale := 1 / float64(b.frame)
	loudest := float32(math.Inf(-1))
	for f := range len(into) / mels {
		part := x[f*b.hop : f*b.hop+b.frame]
		for i, v := range part {
			p.frame[i] = float64(v) * b.window[i]
		}
		p.fft.Coefficients(p.spectrum, p.frame)
		for k, c := range p.spectrum {
			p.power[k] = (real(c)*real(c) + imag(c)*imag(c)) * scale
		}
		row := into[f*mels : (f+1)*mels]
		for m, t := range b.bands {
			sum := minPower
			for i, w := range t.weights {
				sum += w * p.power[t.lo+i]
			}
			row[m] = float32(10 * math.Log10(sum))
			loudest = max(loudest, row[m])
		}
	}
	for i, v := range into {
		into[i] = max(v, loudest-dynamicRange)
	}
}

// standardise makes mean 0 and variance 1.
func standardise(x []float32) {
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		squares += d * d
	}
	gain := 1 / math.Sqrt(squares/float64(len(x))+1e-6)
	for i, v := range x {
		x[i] = float32((float64(v) - mean) * gain)
	}
}
