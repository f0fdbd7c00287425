package explain

import (
	"fmt"
	"math"

	"consilium/clinical"
	"consilium/fault"
)

// Baseline makes the uninformative example that an explanation compares with.
type Baseline func(kind clinical.Kind, shape []int, input []float32) []float32

// Black gives every value of channel c the value perChannel[c], or 0. For a
// picture that was standardised, pass (0 - mean) / std of each channel.
func Black(perChannel ...float32) Baseline {
	return func(kind clinical.Kind, shape []int, input []float32) []float32 {
		out, l := make([]float32, len(input)), layoutOf(kind, shape)
		for i := range out {
			if c := l.channelOf(i); c < len(perChannel) {
				out[i] = perChannel[c]
			}
		}
		return out
	}
}

// Mean gives every value its channel's mean over the example: no edge, no event.
func Mean() Baseline {
	return func(kind clinical.Kind, shape []int, input []float32) []float32 {
		l := layoutOf(kind, shape)
		if l.channel < 0 { // columns of a table have nothing in common
			return make([]float32, len(input))
		}
		sums := make([]float64, l.channels())
		for i, v := range input {
			sums[l.channelOf(i)] += float64(v)
		}
		out, n := make([]float32, len(input)), len(input)/l.channels()
		for i := range out {
			out[i] = float32(sums[l.channelOf(i)] / float64(n))
		}
		return out
	}
}

// Blur smooths along space and time until no detail is left: a Gaussian whose
// deviation is a tenth of each axis.
func Blur() Baseline {
	return func(kind clinical.Kind, shape []int, input []float32) []float32 {
		l := layoutOf(kind, shape)
		out := append([]float32{}, input...)
		if l.channel < 0 {
			return make([]float32, len(input))
		}
		for a := range shape {
			if a != l.channel {
				out = smooth(out, shape, a, max(1, float64(shape[a])/10))
			}
		}
		return out
	}
}

// smooth convolves one axis with a Gaussian; the edge value continues outside.
func smooth(x []float32, shape []int, axis int, sigma float64) []float32 {
	radius := int(math.Ceil(3 * sigma))
	kernel, sum := make([]float64, 2*radius+1), 0.0
	for i := range kernel {
		d := float64(i-radius) / sigma
		kernel[i] = math.Exp(-d * d / 2)
		sum += kernel[i]
	}
	inner, n := 1, shape[axis]
	for _, d := range shape[axis+1:] {
		inner *= d
	}
	out := make([]float32, len(x))
	for i := range x {
		at := i / inner % n
		base := i - at*inner
		v := 0.0
		for k, w := range kernel {
			v += w * float64(x[base+min(max(at+k-radius, 0), n-1)*inner])
		}
		out[i] = float32(v / sum)
	}
	return out
}

// ParseBaseline knows "black", "mean" and "blur". Errors: USAGE.
func ParseBaseline(name string) (Baseline, error) {
	switch name {
	case "black":
		return Black(), nil
	case "mean":
		return Mean(), nil
	case "blur":
		return Blur(), nil
	}
	return nil, fault.New(fault.Usage, fmt.Sprintf("unknown baseline %q", name), "use black, mean or blur")
}
