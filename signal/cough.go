package signal

import "math"

// Segment is a part of a recording in samples, From inclusive, To exclusive.
type Segment struct{ From, To int }

// Coughs finds bursts for marking: a hysteresis comparator on the signal's power
// as in COUGHVID (Orlandic, Teijeiro & Atienza, Sci Data 8:156, 2021). A burst
// starts where the 10 ms power exceeds twice the recording's mean power, ends
// where it stays below a tenth of it for 50 ms, lasts at least 80 ms, and is
// widened by 50 ms on both sides. It marks loud bursts; whether a burst is a cough it
// cannot say.
func Coughs(x []float32, rate float64) []Segment {
	step := int(math.Round(0.01 * rate))
	if step < 1 || len(x) < step {
		return nil
	}
	power := make([]float64, len(x)/step)
	mean := 0.0
	for i := range power {
		for _, v := range x[i*step : (i+1)*step] {
			power[i] += float64(v) * float64(v)
		}
		mean += power[i]
	}
	mean /= float64(len(power))
	if mean == 0 {
		return nil
	}
	var out []Segment
	add := func(from, to int) { // in steps
		if to-from < 8 {
			return
		}
		s := Segment{max(from-5, 0) * step, min((to+5)*step, len(x))}
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = s.To
			return
		}
		out = append(out, s)
	}
	start, quiet := -1, 0
	for i, p := range power {
		switch {
		case start < 0 && p > 2*mean:
			start, quiet = i, 0
		case start >= 0 && p < 0.1*mean:
			if quiet++; quiet == 5 {
				add(start, i-4)
				start = -1
			}
		default:
			quiet = 0
		}
	}
	if start >= 0 {
		add(start, len(power)-quiet)
	}
	return out
}
