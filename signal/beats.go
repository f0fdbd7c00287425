package signal

import (
	"math"
	"slices"
)

const (
	refractory = 0.20 // seconds in which no second beat can follow
	tWave      = 0.36 // seconds in which a flatter second wave is a T wave
)

// RPeaks finds heart beats in one lead and gives the sample of each R peak (the
// largest deflection of the QRS complex), in order. It follows Pan & Tompkins,
// IEEE TBME 32:230, 1985 (band-pass, slope, square, moving integral, two adaptive
// thresholds, search back) but looks at the whole recording: filters have no delay.
// rate is in Hz, at least 50; less, or under one second, finds nothing.
func RPeaks(x []float32, rate float64) []int {
	if !(rate >= 50) || float64(len(x)) < rate {
		return nil
	}
	band := slices.Clone(x)
	ZeroPhase(band, int(rate), HighPass(5, rate), LowPass(min(18, 0.4*rate), rate))
	energy := slopeEnergy(band, rate)
	tops := localMaxima(energy, int(refractory*rate))
	beats := pick(tops, energy, band, rate)
	for i, b := range beats {
		beats[i] = largest(band, b-int(0.1*rate), b+int(0.1*rate)+1)
	}
	return apart(beats, band, int(refractory*rate))
}

// HeartRate is 60 over the median RR interval, in beats a minute; 0 below two beats.
func HeartRate(peaks []int, rate float64) float64 {
	if len(peaks) < 2 {
		return 0
	}
	rr := make([]int, len(peaks)-1)
	for i := range rr {
		rr[i] = peaks[i+1] - peaks[i]
	}
	slices.Sort(rr)
	median := float64(rr[len(rr)/2]+rr[(len(rr)-1)/2]) / 2
	return 60 * rate / median
}

// slopeEnergy is the squared slope, averaged over 150 ms around each sample.
func slopeEnergy(x []float32, rate float64) []float64 {
	n := len(x)
	sum := make([]float64, n+1)
	for i := range n {
		d := 0.0
		if i >= 2 && i+2 < n { // five-point derivative
			d = float64(2*x[i+2] + x[i+1] - x[i-1] - 2*x[i-2])
		}
		sum[i+1] = sum[i] + d*d
	}
	half := max(int(0.075*rate), 1)
	out := make([]float64, n)
	for i := range out {
		from, to := max(i-half, 0), min(i+half+1, n)
		out[i] = (sum[to] - sum[from]) / float64(2*half+1)
	}
	return out
}

// localMaxima gives the positions that are largest within gap on both sides.
func localMaxima(x []float64, gap int) []int {
	var tops []int
	for i, v := range x {
		if v <= 0 {
			continue
		}
		if n := len(tops); n > 0 && i-tops[n-1] < gap {
			if v > x[tops[n-1]] {
				tops[n-1] = i
			}
			continue
		}
		if i == 0 || x[i-1] < v {
			tops = append(tops, i)
		}
	}
	// The climb towards a top is not a top of its own.
	return slices.DeleteFunc(tops, func(i int) bool {
		return i+1 < len(x) && x[i+1] > x[i]
	})
}

// pick runs the two adaptive thresholds over the candidate tops.
func pick(tops []int, energy []float64, band []float32, rate float64) []int {
	signal, noise := learn(tops, energy, rate)
	var beats []int
	skipped := -1 // best candidate since the last beat that was below the threshold
	interval := 0.0
	accept := func(i int, weight float64) {
		if n := len(beats); n > 0 {
			rr := float64(i - beats[n-1])
			if interval == 0 {
				interval = rr
			}
			interval += 0.125 * (min(max(rr, 0.5*interval), 1.6*interval) - interval)
		}
		signal += weight * (energy[i] - signal)
		beats = append(beats, i)
		skipped = -1
	}
	for _, i := range tops {
		threshold := noise + 0.25*(signal-noise)
		last := -1
		if n := len(beats); n > 0 {
			last = beats[n-1]
		}
		if skipped >= 0 && interval > 0 && last >= 0 && float64(i-last) > 1.66*interval {
			accept(skipped, 0.25)
			last = beats[len(beats)-1]
		}
		isT := last >= 0 && float64(i-last) < tWave*rate && steepest(band, i, rate) < 0.5*steepest(band, last, rate)
		if energy[i] > threshold && !isT {
			accept(i, 0.125)
			continue
		}
		if !isT && energy[i] > threshold/2 && (skipped < 0 || energy[i] > energy[skipped]) {
			skipped = i
		}
		noise += 0.125 * (min(energy[i], signal) - noise)
	}
	return beats
}

// learn sets the first levels: the median of the largest top in each of the
// first two-second pieces, so that one artefact does not set the scale.
func learn(tops []int, energy []float64, rate float64) (signal, noise float64) {
	piece := 2 * rate
	var best []float64
	for _, i := range tops {
		k := int(float64(i) / piece)
		if k >= 5 {
			break
		}
		for len(best) <= k {
			best = append(best, 0)
		}
		best[k] = max(best[k], energy[i])
	}
	if len(best) == 0 {
		return 0, 0
	}
	slices.Sort(best)
	signal = best[len(best)/2]
	return signal, 0.05 * signal
}

// steepest is the largest slope within 75 ms of i.
func steepest(x []float32, i int, rate float64) float64 {
	half := int(0.075 * rate)
	best := 0.0
	for j := max(i-half, 1); j < min(i+half, len(x)); j++ {
		best = max(best, math.Abs(float64(x[j]-x[j-1])))
	}
	return best
}

// largest is where |x| is largest in from..to.
func largest(x []float32, from, to int) int {
	from, to = max(from, 0), min(to, len(x))
	best := from
	for i := from; i < to; i++ {
		if abs(x[i]) > abs(x[best]) {
			best = i
		}
	}
	return best
}

func abs(v float32) float32 {
	if v < 0 {
		return -v
	}
	return v
}

// apart keeps the larger of two beats that ended up closer than gap.
func apart(beats []int, x []float32, gap int) []int {
	var out []int
	for _, b := range beats {
		if n := len(out); n > 0 && b-out[n-1] < gap {
			if abs(x[b]) > abs(x[out[n-1]]) {
				out[n-1] = b
			}
			continue
		}
		out = append(out, b)
	}
	return out
}
