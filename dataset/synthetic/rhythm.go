package synthetic

import (
	"math"
	"math/rand/v2"
)

// rhythm says when the heart beats.
type rhythm struct {
	rate       float64 // beats a minute
	spread     float64 // standard deviation of RR as a part of RR
	breath     float64 // respiration, Hz: the centre of the high-frequency peak
	balance    float64 // power of the Mayer peak over the respiratory one (LF/HF)
	irregular  bool    // fibrillation: successive RR are independent
	prematures float64 // chance that a beat comes early
}

func newRhythm(r *rand.Rand, c Condition) rhythm {
	y := rhythm{
		rate:    min(max(around(r, 76, 11), 58), 104),
		spread:  between(r, 0.010, 0.050),
		breath:  between(r, 0.20, 0.33),
		balance: between(r, 0.3, 1.2),
	}
	if chance(r, 0.06) {
		y.prematures = 0.08
	}
	switch c {
	case AnteriorInfarction, InferiorInfarction:
		y.rate = min(max(around(r, 82, 14), 52), 125)
		y.spread *= 0.6 // infarction damps heart rate variability
	case AtrialFibrillation:
		y.rate = between(r, 62, 145)
		y.spread = between(r, 0.12, 0.28)
		y.irregular = true
		y.prematures = 0
	case SinusBradycardia:
		y.rate = between(r, 35, 56)
		y.spread = between(r, 0.015, 0.070)
	}
	return y
}

// beats gives R times in seconds from before 0 to after seconds, and the RR
// interval that each beat follows.
func (y rhythm) beats(r *rand.Rand, seconds float64) (at, rr []float64) {
	mean := 60 / y.rate
	tachogram := y.tachogram(r)
	t := -mean * (1 + r.Float64())
	for t < seconds+mean {
		var next float64
		switch {
		case y.irregular: // gamma-like: positively skewed, never below 0.3 s
			next = max(mean*(1+y.spread*(r.ExpFloat64()+r.ExpFloat64()-2)/math.Sqrt2), 0.30)
		default:
			next = mean * (1 + y.spread*tachogram(t))
		}
		if y.prematures > 0 && chance(r, y.prematures) {
			next *= between(r, 0.62, 0.78)
		}
		t += next
		at, rr = append(at, t), append(rr, next)
	}
	return at, rr
}

// tachogram is McSharry's RR process: the sum of two Gaussian spectral peaks,
// Mayer waves at 0.1 Hz and respiration, with random phases; mean 0, variance 1.
func (y rhythm) tachogram(r *rand.Rand) func(t float64) float64 {
	const lines, width = 9, 0.01
	type line struct{ f, a, phase float64 }
	var all []line
	total := 0.0
	for _, peak := range []struct{ f, power float64 }{{0.1, y.balance}, {y.breath, 1}} {
		for k := range lines {
			d := (float64(k) - lines/2) * 0.6 * width
			l := line{peak.f + d, math.Sqrt(peak.power * bell(d, width)), 2 * math.Pi * r.Float64()}
			total += l.a * l.a / 2
			all = append(all, l)
		}
	}
	scale := 1 / math.Sqrt(total)
	return func(t float64) float64 {
		sum := 0.0
		for _, l := range all {
			sum += l.a * math.Cos(2*math.Pi*l.f*t+l.phase)
		}
		return scale * sum
	}
}
