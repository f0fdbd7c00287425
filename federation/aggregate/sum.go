package aggregate

import (
	"math"
	"runtime"
	"sync"
)

// sum is a running sum of many vectors. A value is kept as two float32, high and low part, which together hold 49
// bits: twice a model in memory, and the result can be handed over in the memory of the high part.
//
// Every term is first rounded to a multiple of 2^-42. As long as a coordinate stays below 128 all additions are then
// exact, and the sum is the same to the last bit in whatever order the terms come. Beyond 128 it is as good as any
// 49-bit sum: only there the order may show, 25 bits below the last bit of float32.
type sum struct {
	high, low []float32
}

// grid rounds to multiples of 2^-42 when it is added and taken away again.
const grid = 3 << 9

func (s *sum) reset(size int) {
	if s.high == nil {
		s.high = make([]float32, size)
	} else {
		clear(s.high)
	}
	if s.low == nil {
		s.low = make([]float32, size)
	} else {
		clear(s.low)
	}
}

// add adds w*v.
func (s *sum) add(w float64, v []float32) {
	blocks(len(v), func(from, to int) { fold(s.high[from:to], s.low[from:to], w, v[from:to]) })
}

// addBytes adds w*v to the values from at on, v being floats in little endian.
func (s *sum) addBytes(at int, w float64, v []byte) {
	n := len(v) / 4
	high, low := s.high[at:at+n], s.low[at:at+n]
	blocks(n, func(from, to int) { foldBytes(high[from:to], low[from:to], w, v[4*from:4*to]) })
}

// addSum adds v as it is.
func (s *sum) addSum(v []float64) {
	blocks(len(v), func(from, to int) { fold64(s.high[from:to], s.low[from:to], v[from:to]) })
}

// at gives one value.
func (s *sum) at(i int) float64 { return float64(s.high[i]) + float64(s.low[i]) }

// applied gives global + rate*sum in the memory of the sum's high part. The sum gives its memory up.
func (s *sum) applied(global []float32, rate float64) []float32 {
	out := s.high
	blocks(len(out), func(from, to int) {
		for i := from; i < to; i++ {
			out[i] = float32(float64(global[i]) + float64(rate*s.at(i)))
		}
	})
	s.high, s.low = nil, nil
	return out
}

func fold64(high, low []float32, v []float64) {
	high, low = high[:len(v)], low[:len(v)]
	for i, x := range v {
		t := float64(high[i]) + float64(low[i]) + ((x + grid) - grid)
		h := float32(t)
		high[i], low[i] = h, float32(t-float64(h))
	}
}

// usable says whether all numbers are at most that large; NaN and infinity are not.
func usable(v []float32, most float32) bool { return largest(v) <= math.Float32bits(most) }

// blocks runs over 0..n in as many parts as there are processors. The parts do not depend on each other, so their
// number does not show in the result.
func blocks(n int, work func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n>>15+1)
	if parts <= 1 {
		work(0, n)
		return
	}
	step := (n + parts - 1) / parts
	var wait sync.WaitGroup
	for from := step; from < n; from += step {
		wait.Go(func() { work(from, min(from+step, n)) })
	}
	work(0, min(step, n))
	wait.Wait()
}
