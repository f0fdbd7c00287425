package signal

import (
	"fmt"
	"math"
	"sync"

	"consilium/fault"
)

const (
	zeroCrossings = 20   // of the sinc on each side, at the lower of both rates
	kaiserBeta    = 8.0  // about 80 dB of stop-band attenuation
	rollOff       = 0.95 // cut-off as a part of the lower Nyquist frequency
	maxFactor     = 2000 // of up or down; beyond it the ratio is rounded (error below 2.5e-7)
	maxRatio      = 256  // between the rates
)

// Resampler changes a sampling rate by the rational factor up/down with a
// polyphase Kaiser-windowed sinc (Smith & Gossett, ICASSP 1984). It has no
// delay: sample 0 stays at time 0. It is immutable and safe for concurrent use.
type Resampler struct {
	up, down int
	half     int       // taps on each side
	phases   []float32 // up rows of 2*half taps
}

var resamplers = struct {
	sync.Mutex
	made map[[2]int]*Resampler
}{made: map[[2]int]*Resampler{}}

// NewResampler gives the resampler between two rates in Hz; the last few are kept.
// Rates that are not positive or further than a factor 256 apart are INPUT_RATE.
func NewResampler(from, to float64) (*Resampler, error) {
	ratio := to / from
	if !(from > 0 && to > 0 && ratio <= maxRatio && ratio >= 1.0/maxRatio) {
		return nil, fault.New(fault.InputRate, fmt.Sprintf("cannot resample from %g Hz to %g Hz", from, to),
			fmt.Sprintf("rates may differ by a factor of %d", maxRatio))
	}
	up, down := rational(ratio, maxFactor)
	resamplers.Lock()
	defer resamplers.Unlock()
	key := [2]int{up, down}
	if r := resamplers.made[key]; r != nil {
		return r, nil
	}
	if len(resamplers.made) >= 16 { // rates come from files: bound what they can make us keep
		clear(resamplers.made)
	}
	r := design(up, down)
	resamplers.made[key] = r
	return r, nil
}

// Len is the number of output samples for n input samples: all that lie within
// the input's duration.
func (r *Resampler) Len(n int) int { return (n*r.up + r.down - 1) / r.down }

// Resample appends the resampled x to dst (usually dst[:0]) and returns it.
// Beyond its ends x is taken to hold its first and last value.
func (r *Resampler) Resample(dst, x []float32) []float32 {
	if len(x) == 0 {
		return dst
	}
	if r.up == r.down {
		return append(dst, x...)
	}
	taps := 2 * r.half
	whole, phase := 0, 0
	for range r.Len(len(x)) {
		h := r.phases[phase*taps : (phase+1)*taps]
		from := whole - r.half + 1
		if from >= 0 && from+taps <= len(x) {
			dst = append(dst, dot(h, x[from:from+taps]))
		} else {
			dst = append(dst, held(h, x, from))
		}
		phase += r.down
		whole += phase / r.up
		phase %= r.up
	}
	return dst
}

// held is dot with x extended by its end values.
func held(h, x []float32, from int) float32 {
	var sum float32
	for i, w := range h {
		sum += w * x[min(max(from+i, 0), len(x)-1)]
	}
	return sum
}

func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// design computes the phases; each sums to one, so that a constant stays itself.
func design(up, down int) *Resampler {
	if up == down {
		return &Resampler{up: 1, down: 1}
	}
	cut := rollOff * min(1, float64(up)/float64(down))
	width := zeroCrossings / min(1, float64(up)/float64(down))
	r := &Resampler{up: up, down: down, half: int(math.Ceil(width))}
	taps := 2 * r.half
	r.phases = make([]float32, up*taps)
	row := make([]float64, taps)
	for p := range up {
		sum := 0.0
		for i := range row {
			t := float64(i-r.half+1) - float64(p)/float64(up)
			row[i] = sinc(cut*t) * kaiser(t/width)
			sum += row[i]
		}
		for i, v := range row {
			r.phases[p*taps+i] = float32(v / sum)
		}
	}
	return r
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the Kaiser window on -1..1.
func kaiser(x float64) float64 {
	if x < -1 || x > 1 {
		return 0
	}
	return bessel0(kaiserBeta*math.Sqrt(1-x*x)) / bessel0(kaiserBeta)
}

// bessel0 is the modified Bessel function of the first kind, order 0 (power series).
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1; term > 1e-17*sum; k++ {
		term *= (x / 2 / float64(k)) * (x / 2 / float64(k))
		sum += term
	}
	return sum
}

// rational is the best fraction p/q for x with p and q up to most, by continued fractions.
func rational(x float64, most int) (p, q int) {
	p0, q0, p1, q1 := 0, 1, 1, 0
	rest := x
	for {
		a := int(math.Floor(rest + 1e-9))
		p2, q2 := a*p1+p0, a*q1+q0
		if p2 > most || q2 > most {
			return p1, q1
		}
		p0, q0, p1, q1 = p1, q1, p2, q2
		frac := rest - float64(a)
		if math.Abs(float64(p1)/float64(q1)-x) < 1e-12*x || frac < 1e-9 {
			return p1, q1
		}
		rest = 1 / frac
	}
}
