package knowledge

import "math"

// exp32 is e to the x for x at or below 0 and a little above, to 1 in 100,000: a softmax
// over thousands of candidates spends its time here. Coefficients are the Taylor
// series of 2 to the f on -0.5..0.5.
func exp32(x float32) float32 {
	if x < -87 {
		return 0
	}
	y := x * 1.44269504
	n := float32(int32(y+128.5) - 128)
	f := y - n
	p := float32(1.5403530e-4)
	p = p*f + 1.3333558e-3
	p = p*f + 9.6181291e-3
	p = p*f + 5.5504109e-2
	p = p*f + 2.4022651e-1
	p = p*f + 6.9314718e-1
	p = p*f + 1
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}

// exponentialsPortable replaces values by weight times e to the value less top, and gives their sum.
func exponentialsPortable(values []float32, top, weight float32) float64 {
	sum := 0.0
	for j, v := range values {
		v = weight * exp32(v-top)
		values[j] = v
		sum += float64(v)
	}
	return sum
}
