package aggregate

import (
	"testing"
)

func BenchmarkFold(b *testing.B) {
	const n = 1 << 20
	var s sum
	s.reset(n)
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i%100) / 100
	}
	b.SetBytes(4 * n)
	for b.Loop() {
		fold(s.high, s.low, 0.3, v)
	}
}

func BenchmarkUsable(b *testing.B) {
	const n = 1 << 20
	v := make([]float32, n)
	b.SetBytes(4 * n)
	for b.Loop() {
		usable(v, MostValue)
	}
}
