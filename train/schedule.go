package train

import "math"

// rate is linear warm-up followed by cosine decay to 1% of the peak (Loshchilov and Hutter 2017).
func (c Config) rate(step, total int) float64 {
	warm := int(c.WarmUp * float64(total))
	if step < warm {
		return c.Rate * float64(step+1) / float64(warm)
	}
	t := float64(step-warm) / float64(max(total-warm, 1))
	return c.Rate * (0.01 + 0.99*0.5*(1+math.Cos(math.Pi*min(t, 1))))
}
