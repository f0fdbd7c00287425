package knowledge

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func randoms(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

func TestProductAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, k, n := rapid.IntRange(1, 37).Draw(t, "m"), rapid.IntRange(1, 600).Draw(t, "k"), rapid.IntRange(1, 37).Draw(t, "n")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		a, b := dense(randoms(rng, m*k), m, k), dense(randoms(rng, k*n), k, n)
		if rapid.Bool().Draw(t, "transposed") {
			a = dense(a.data, k, m).transposed()
			b = dense(b.data, n, k).transposed()
		}
		c := make([]float32, m*n)
		c[0] = 3
		var w multiplier
		w.add(c, a, b)
		for i := range m {
			for j := range n {
				want := 0.0
				for l := range k {
					want += float64(a.data[i*a.down+l*a.over]) * float64(b.data[l*b.down+j*b.over])
				}
				if i+j == 0 {
					want += 3
				}
				if math.Abs(want-float64(c[i*n+j])) > 1e-3 {
					t.Fatalf("c[%d,%d] = %g, want %g", i, j, c[i*n+j], want)
				}
			}
		}
	})
}

func TestTileAgainstPortable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	a, b := randoms(rng, 50*tileRows), randoms(rng, 50*tileCols)
	var fast, plain [tileRows * tileCols]float32
	tile(&fast, a, b)
	tilePortable(&plain, a, b)
	for i := range fast {
		if math.Abs(float64(fast[i]-plain[i])) > 1e-4 {
			t.Fatalf("sum %d: %g, portable %g", i, fast[i], plain[i])
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y, c := dense(randoms(rng, 256*128), 256, 128), dense(randoms(rng, 2048*128), 2048, 128), make([]float32, 256*2048)
	var w multiplier
	for b.Loop() {
		w.add(c, x, y.transposed())
	}
	b.ReportMetric(2*256*128*2048*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gflop/s")
}
