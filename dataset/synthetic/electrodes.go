package synthetic

import (
	"math"
	"math/rand/v2"
)

// Noise says how dirty a recording is, in mV.
type Noise struct {
	Baseline float64 // amplitude of wander with breath and sweat
	Muscle   float64 // standard deviation of EMG
	Mains    float64 // amplitude
	MainsHz  float64 // 50 or 60
	Motion   float64 // amplitude of electrode jumps
}

// NoNoise is a recording of the model alone.
var NoNoise = Noise{MainsHz: 50}

// RandomNoise draws from a ward's range: most recordings are fair, some are poor.
func RandomNoise(r *rand.Rand) Noise {
	level := math.Exp(around(r, -0.2, 0.6)) // log-normal
	n := Noise{
		Baseline: 0.10 * level * between(r, 0.3, 1.5),
		Muscle:   0.014 * level * between(r, 0.3, 1.5),
		MainsHz:  50,
	}
	if chance(r, 0.5) {
		n.MainsHz = 60
	}
	if chance(r, 0.4) {
		n.Mains = 0.02 * level * r.Float64()
	}
	if chance(r, 0.25) {
		n.Motion = 0.25 * level * r.Float64()
	}
	return n
}

// Electrodes: right arm, left arm, left leg and the six on the chest. Noise is made here
// and not at the leads, so that it obeys Einthoven's law as real noise does.
const (
	rightArm = iota
	leftArm
	leftLeg
	chest
	electrodes = chest + 6
)

// noise gives each electrode's potential in mV.
func (n Noise) noise(r *rand.Rand, samples int, rate, breath float64) [electrodes][]float32 {
	var out [electrodes][]float32
	for e := range out {
		x := make([]float32, samples)
		n.wander(r, x, rate, breath)
		n.muscle(r, x)
		n.hum(r, x, rate)
		n.jump(r, x, rate)
		out[e] = x
	}
	return out
}

// wander: breath and two slow drifts.
func (n Noise) wander(r *rand.Rand, x []float32, rate, breath float64) {
	if n.Baseline == 0 {
		return
	}
	for _, f := range []float64{breath, between(r, 0.05, 0.15), between(r, 0.02, 0.06)} {
		turn(x, n.Baseline*between(r, 0.2, 0.8), f/rate, 2*math.Pi*r.Float64())
	}
}

// muscle is white noise through a first difference mixed with itself: most of
// its power lies above 30 Hz. It waxes and wanes.
func (n Noise) muscle(r *rand.Rand, x []float32) {
	if n.Muscle == 0 {
		return
	}
	strength := n.Muscle * between(r, 0.4, 1.4) / 1.2
	phase := 2 * math.Pi * r.Float64()
	last, gain := 0.0, 0.0
	for i := range x {
		if i%64 == 0 {
			gain = strength * (1 + 0.5*math.Sin(phase+float64(i)/700))
		}
		w := uniform(r)
		x[i] += float32(gain * (w - 0.65*last))
		last = w
	}
}

// uniform is a cheap draw of variance one; after filtering nobody can tell it
// from a normal one.
func uniform(r *rand.Rand) float64 { return (r.Float64() - 0.5) * 3.4641016151377544 }

// hum is the power line with a third harmonic.
func (n Noise) hum(r *rand.Rand, x []float32, rate float64) {
	if n.Mains == 0 {
		return
	}
	phase := 2 * math.Pi * r.Float64()
	amplitude := n.Mains * between(r, 0.3, 1)
	turn(x, amplitude, n.MainsHz/rate, phase)
	turn(x, 0.15*amplitude, 3*n.MainsHz/rate, 3*phase)
}

// jump: the skin's potential changes and decays back, now and then.
func (n Noise) jump(r *rand.Rand, x []float32, rate float64) {
	if n.Motion == 0 || !chance(r, 0.35) {
		return
	}
	for range 1 + r.IntN(2) {
		from := r.IntN(len(x))
		v := n.Motion * around(r, 0, 0.7)
		decay := math.Exp(-1 / (rate * between(r, 0.1, 0.5)))
		rise := int(rate * between(r, 0.02, 0.12))
		for i := from; i < len(x); i++ {
			if i < from+rise {
				x[i] += float32(v * float64(i-from) / float64(rise))
				continue
			}
			x[i] += float32(v)
			v *= decay
			if math.Abs(v) < 1e-4 {
				break
			}
		}
	}
}

// turn adds a sine of f cycles a sample by rotating a phasor: two products a
// sample instead of a sine.
func turn(x []float32, amplitude, f, phase float64) {
	s, c := math.Sincos(2 * math.Pi * f)
	re, im := amplitude*math.Cos(phase), amplitude*math.Sin(phase)
	for i := range x {
		x[i] += float32(im)
		re, im = re*c-im*s, re*s+im*c
	}
}
