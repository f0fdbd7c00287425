package signal

import (
	"math"
	"sync"
)

// Biquad is a second-order section with a0 = 1.
type Biquad struct{ b0, b1, b2, a1, a2 float64 }

// The three sections are the bilinear-transform designs of R. Bristow-Johnson's
// "Cookbook formulae for audio EQ biquad filter coefficients".

// HighPass is a Butterworth (Q = 1/sqrt 2) high-pass; frequencies in Hz.
func HighPass(cut, rate float64) Biquad {
	w, alpha := shape(cut, rate, math.Sqrt2/2)
	c := math.Cos(w)
	return normal((1+c)/2, -(1 + c), (1+c)/2, 1+alpha, -2*c, 1-alpha)
}

// LowPass is a Butterworth low-pass; frequencies in Hz.
func LowPass(cut, rate float64) Biquad {
	w, alpha := shape(cut, rate, math.Sqrt2/2)
	c := math.Cos(w)
	return normal((1-c)/2, 1-c, (1-c)/2, 1+alpha, -2*c, 1-alpha)
}

// Notch removes one frequency; q is centre over bandwidth.
func Notch(centre, rate, q float64) Biquad {
	w, alpha := shape(centre, rate, q)
	c := math.Cos(w)
	return normal(1, -2*c, 1, 1+alpha, -2*c, 1-alpha)
}

func shape(f, rate, q float64) (w, alpha float64) {
	w = 2 * math.Pi * f / rate
	return w, math.Sin(w) / (2 * q)
}

func normal(b0, b1, b2, a0, a1, a2 float64) Biquad {
	return Biquad{b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0}
}

// settled is the state after an endless constant x, so that a filter starts
// without a jump (transposed direct form II).
func (f Biquad) settled(x float64) (s1, s2 float64) {
	y := x * (f.b0 + f.b1 + f.b2) / (1 + f.a1 + f.a2)
	return y - f.b0*x, f.b2*x - f.a2*y
}

func (f Biquad) forward(x []float64) {
	if len(x) == 0 {
		return
	}
	s1, s2 := f.settled(x[0])
	for i, v := range x {
		y := f.b0*v + s1
		s1 = f.b1*v - f.a1*y + s2
		s2 = f.b2*v - f.a2*y
		x[i] = y
	}
}

func (f Biquad) backward(x []float64) {
	if len(x) == 0 {
		return
	}
	s1, s2 := f.settled(x[len(x)-1])
	for i := len(x) - 1; i >= 0; i-- {
		v := x[i]
		y := f.b0*v + s1
		s1 = f.b1*v - f.a1*y + s2
		s2 = f.b2*v - f.a2*y
		x[i] = y
	}
}

var work = sync.Pool{New: func() any { return new([]float64) }}

// ZeroPhase filters x in place forwards and backwards with every section: no
// delay and no phase distortion, which would bend ST segments (Kligfield et al.,
// Circulation 115:1306, 2007). Each section's attenuation counts twice: -6 dB at
// the cut-off. The ends are extended by pad samples of odd reflection.
func ZeroPhase(x []float32, pad int, sections ...Biquad) {
	n := len(x)
	if n < 2 {
		return
	}
	pad = min(pad, n-1)
	buf := work.Get().(*[]float64)
	defer work.Put(buf)
	if cap(*buf) < n+2*pad {
		*buf = make([]float64, n+2*pad)
	}
	y := (*buf)[:n+2*pad]
	first, last := 2*float64(x[0]), 2*float64(x[n-1])
	for i := range pad {
		y[pad-1-i] = first - float64(x[i+1])
		y[pad+n+i] = last - float64(x[n-2-i])
	}
	for i, v := range x {
		y[pad+i] = float64(v)
	}
	for _, f := range sections {
		f.forward(y)
		f.backward(y)
	}
	for i := range x {
		x[i] = float32(y[pad+i])
	}
}
