package aggregate

import (
	"encoding/binary"
	"math"
)

// foldPortable adds w*v to a sum in two parts.
func foldPortable(high, low []float32, w float64, v []float32) {
	high, low = high[:len(v)], low[:len(v)]
	for i, x := range v {
		t := float64(high[i]) + float64(low[i]) + ((float64(w*float64(x)) + grid) - grid)
		h := float32(t)
		high[i], low[i] = h, float32(t-float64(h))
	}
}

// foldBytesPortable does so with floats that are still bytes.
func foldBytesPortable(high, low []float32, w float64, v []byte) {
	var part [256]float32
	for len(high) > 0 {
		n := min(len(part), len(high))
		for i := range n {
			part[i] = math.Float32frombits(binary.LittleEndian.Uint32(v[4*i:]))
		}
		foldPortable(high[:n], low[:n], w, part[:n])
		high, low, v = high[n:], low[n:], v[4*n:]
	}
}

// largestPortable gives the bits of the largest absolute value; those of infinity and NaN are above all others.
func largestPortable(v []float32) uint32 {
	most := uint32(0)
	for _, x := range v {
		most = max(most, math.Float32bits(x)&^(1<<31))
	}
	return most
}

func largestBytesPortable(v []byte) uint32 {
	most := uint32(0)
	for ; len(v) >= 4; v = v[4:] {
		most = max(most, binary.LittleEndian.Uint32(v)&^(1<<31))
	}
	return most
}
