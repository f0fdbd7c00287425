package mp3

import "math"

// power43 is n^(4/3) for the values without a long escape.
var power43 = func() (p [64]float64) {
	for n := range p {
		p[n] = math.Pow(float64(n), 4./3)
	}
	return p
}()

// pretab is added to the scale factors of long bands under preemphasis.
var pretab = [22]int{11: 1, 1, 1, 1, 2, 2, 3, 3, 3, 2}

// dequantise turns quantised lines into spectral amplitudes,
// ISO/IEC 11172-3 2.4.3.4.7.
func dequantise(g *granule, bands []band, scale *scaleFactors, quantised *[lines]int32, used int, into *[lines]float32) {
	step := 0.5
	if g.coarse {
		step = 1
	}
	for i, b := range bands {
		if b.start >= used {
			continue
		}
		factor := 0
		if i < maxBands {
			factor = scale.value[i]
		}
		exponent := float64(g.gain-210) / 4
		if b.window < 0 {
			if g.preemphasis {
				factor += pretab[i]
			}
		} else {
			exponent -= 2 * float64(g.subGain[b.window])
		}
		gain := math.Exp2(exponent - step*float64(factor))
		for k := b.start; k < b.end; k++ {
			into[k] = float32(gain * signedPower(quantised[k]))
		}
	}
}

func signedPower(v int32) float64 {
	a := v
	if a < 0 {
		a = -a
	}
	p := 0.
	if int(a) < len(power43) {
		p = power43[a]
	} else {
		p = math.Cbrt(float64(a))
		p *= p
		p *= p
	}
	if v < 0 {
		return -p
	}
	return p
}

// joinStereo undoes mid/side and intensity coding, 2.4.3.4.9 and 13818-3
// 2.4.3.2. The right channel's scale factors are the intensity positions.
func joinStereo(h header, right *granule, bands []band, position *scaleFactors, l, r *[lines]float32) {
	top := [3]int{-1, -1, -1} // per window, the last band where the right channel has data
	for i, b := range bands {
		for _, v := range r[b.start:b.end] {
			if v != 0 {
				top[max(b.window, 0)] = i
				break
			}
		}
	}
	hasLong := bands[0].window < 0
	if hasLong { // long bands, or both: one limit for all
		m := max(top[0], top[1], top[2])
		top = [3]int{m, m, m}
	}
	last := 1 // bands at the top that have no position of their own
	if right.blockType == 2 {
		last = 3
	}
	for i, b := range bands {
		at, legal := i, true
		limit := top[max(b.window, 0)]
		if i >= len(bands)-last { // they take the position of the band below
			at = i - last
		}
		pos := position.value[at]
		legal = !position.illegal[at]
		if at != i && limit >= at { // the band below is not intensity coded
			pos, legal = 0, true
			if !h.low() {
				pos = 3
			}
		}
		switch {
		case h.intensity() && i > limit && legal:
			kl, kr := pan(h, pos, right.scaleCompress&1)
			for k := b.start; k < b.end; k++ {
				l[k], r[k] = l[k]*kl, l[k]*kr
			}
		case h.midSide():
			const half = math.Sqrt2 / 2
			for k := b.start; k < b.end; k++ {
				l[k], r[k] = (l[k]+r[k])*half, (l[k]-r[k])*half
			}
		}
	}
}

// pan gives the two channels' shares at an intensity position.
func pan(h header, pos, scale int) (l, r float32) {
	if !h.low() {
		if pos == 6 { // tan(pi/2)
			return 1, 0
		}
		ratio := math.Tan(float64(pos) * math.Pi / 12)
		return float32(ratio / (1 + ratio)), float32(1 / (1 + ratio))
	}
	k := float32(math.Exp2(-float64((pos+1)/2) / 4 * float64(1+scale)))
	if pos%2 == 1 {
		return k, 1
	}
	return 1, k
}

// reorder interleaves the three windows of short bands line by line, as the
// inverse transform wants them.
func reorder(bands []band, x *[lines]float32) {
	var copied [lines]float32
	for i := 0; i < len(bands); i++ {
		if bands[i].window != 0 {
			continue
		}
		start, width := bands[i].start, bands[i].end-bands[i].start
		copy(copied[:3*width], x[start:])
		for k := range width {
			for w := range 3 {
				x[start+3*k+w] = copied[w*width+k]
			}
		}
	}
}

// Butterflies against aliasing between subbands, table 3-B.9.
var aliasSine, aliasCosine = func() (ca, cs [8]float32) {
	for i, c := range [8]float64{-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037} {
		root := math.Sqrt(1 + c*c)
		ca[i], cs[i] = float32(c/root), float32(1/root)
	}
	return ca, cs
}()

func reduceAlias(g *granule, x *[lines]float32) {
	edges := 31
	if g.blockType == 2 {
		edges = 0
		if g.mixed {
			edges = 1
		}
	}
	for sb := 1; sb <= edges; sb++ {
		for i := range 8 {
			lo, hi := x[18*sb-1-i], x[18*sb+i]
			x[18*sb-1-i] = lo*aliasCosine[i] - hi*aliasSine[i]
			x[18*sb+i] = hi*aliasCosine[i] + lo*aliasSine[i]
		}
	}
}
