package calibration

import "math"

// Range of the temperature that is searched. Perfectly separated validation
// data push it to the lower end: a sharper claim is never made.
const (
	MinTemperature = 0.1
	MaxTemperature = 1000
)

// fitTemperature minimises the negative log-likelihood of logits/T over T. In
// the inverse temperature b it is convex, with the rising derivative
// sum(E[z] - z[label]) under softmax(b z), so bisection finds the one root.
func fitTemperature(logits [][]float64, labels []int) Map {
	slope := func(b float64) float64 {
		sum := 0.0
		for i, z := range logits {
			for j, p := range softmax(z, 1/b) {
				sum += p * (z[j] - z[labels[i]])
			}
		}
		return sum
	}
	low, high := math.Log(1/float64(MaxTemperature)), math.Log(1/MinTemperature)
	atLow, atHigh := slope(math.Exp(low)), slope(math.Exp(high))
	switch {
	case atLow == 0 && atHigh == 0: // logits that say nothing
		return Map{Method: Temperature, Temperature: 1}
	case atHigh <= 0:
		return Map{Method: Temperature, Temperature: MinTemperature}
	case atLow >= 0:
		return Map{Method: Temperature, Temperature: MaxTemperature}
	}
	for range 60 {
		middle := (low + high) / 2
		if slope(math.Exp(middle)) < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return Map{Method: Temperature, Temperature: math.Exp(-(low + high) / 2)}
}
