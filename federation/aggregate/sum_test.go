package aggregate

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func bytesOf(v []float32) []byte {
	var out []byte
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// All ways of folding give the same to the last bit, for every length and any numbers.
func TestFoldsAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 600).Draw(rt, "n")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		w := r.Float64()
		var sums [4]sum
		for i := range sums {
			sums[i].reset(n)
		}
		for range 3 {
			v := normals(r, n, math.Pow(10, float64(r.IntN(12)-8)))
			foldPortable(sums[0].high, sums[0].low, w, v)
			fold(sums[1].high, sums[1].low, w, v)
			foldBytesPortable(sums[2].high, sums[2].low, w, bytesOf(v))
			foldBytes(sums[3].high, sums[3].low, w, bytesOf(v))
			if a := largestPortable(v); a != largest(v) || a != largestBytes(bytesOf(v)) || a != largestBytesPortable(bytesOf(v)) {
				rt.Fatal("the largest differ")
			}
		}
		for i, s := range sums {
			if !same(s.high, sums[0].high) || !same(s.low, sums[0].low) {
				rt.Fatal(i)
			}
		}
	})
}

// NaN and infinity are found wherever they stand.
func TestLargestFindsNaN(t *testing.T) {
	for n := 1; n < 40; n++ {
		for at := range n {
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -math.MaxFloat32} {
				v := make([]float32, n)
				v[at] = float32(bad)
				if usable(v, MostValue) || largestBytes(bytesOf(v)) <= math.Float32bits(MostValue) {
					t.Fatal(n, at, bad)
				}
			}
		}
	}
}

// The sum is exact up to the grid: as good as arithmetic without rounding, with a thousand sites.
func TestSumIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 1))
	var s sum
	s.reset(8)
	want := make([]*big.Float, 8)
	for i := range want {
		want[i] = new(big.Float).SetPrec(400)
	}
	for range 1000 {
		v, w := normals(r, 8, 1), float64(1+r.IntN(1<<20))/(1<<20)
		s.add(w, v)
		for i, x := range v {
			term := new(big.Float).SetPrec(400).SetFloat64(w * float64(x)) // exact: 21 and 24 bits
			want[i].Add(want[i], term)
		}
	}
	for i := range want {
		exact, _ := want[i].Float64()
		if off := math.Abs(s.at(i) - exact); off > 1000*0x1p-43 {
			t.Fatal(off)
		}
	}
}

// The order of terms does not show in any of the 49 bits, though the terms are of very different size. (In the 24 of
// the result it would hardly ever show, whatever the sum did.)
func TestOrderDoesNotShow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		var one, other sum
		one.reset(50)
		other.reset(50)
		v, w := make([][]float32, 30), make([]float64, 30)
		for i := range v {
			v[i], w[i] = normals(r, 50, math.Pow(10, float64(-r.IntN(6)))), r.Float64()
			one.add(w[i], v[i])
		}
		for _, i := range r.Perm(len(v)) {
			other.add(w[i], v[i])
		}
		if !same(one.high, other.high) || !same(one.low, other.low) {
			rt.Fatal("the order shows")
		}
	})
}

// BenchmarkFold is the innermost loop on one core, in cache.
func BenchmarkFold(b *testing.B) {
	v := normals(rand.New(rand.NewPCG(15, 1)), 1<<14, 1)
	text := bytesOf(v)
	var s sum
	s.reset(len(v))
	for name, work := range map[string]func(){
		"floats":   func() { fold(s.high, s.low, 0.5, v) },
		"bytes":    func() { foldBytes(s.high, s.low, 0.5, text) },
		"portable": func() { foldPortable(s.high, s.low, 0.5, v) },
		"usable":   func() { largestBytes(text) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				work()
			}
		})
	}
}

// Parts are cut so that each number is met once.
func TestBlocksCoverAll(t *testing.T) {
	for _, n := range []int{0, 1, 7, 1 << 15, 1<<15 + 1, 100_003} {
		met := make([]byte, n)
		blocks(n, func(from, to int) {
			for i := from; i < to; i++ {
				met[i]++
			}
		})
		for i, m := range met {
			if m != 1 {
				t.Fatal(n, i, m)
			}
		}
	}
}
