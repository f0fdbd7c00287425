package aggregate

import (
	"math"
	"runtime"
	"slices"
	"sync"
)

// tile is how many parameters are looked at together: a cache line of each update.
const tile = 16

// columns is the global weights and, for each parameter, the mean of the updates' values without the cut lowest and
// the cut highest ones. With all but one or two cut it is the median.
func (k *kept) columns(rows [][]float32, cut int) []float32 {
	n := len(rows)
	out := make([]float32, k.size)
	blocks(k.size, func(from, to int) {
		keys := make([]int32, n*tile)
		for at := from; at < to; at += tile {
			width := min(tile, to-at)
			for i, row := range rows {
				for j, x := range row[at : at+width] {
					keys[j*n+i] = key(x)
				}
			}
			for j := range width {
				column := keys[j*n : (j+1)*n]
				slices.Sort(column)
				t := 0.0
				for _, x := range column[cut : n-cut] {
					t += float64(value(x))
				}
				t /= float64(n - 2*cut)
				out[at+j] = float32(float64(k.global[at+j]) + float64(k.plan.ServerRate*t))
			}
		}
	})
	return out
}

// key makes an integer of a float that sorts as it does, and faster.
func key(x float32) int32 {
	b := int32(math.Float32bits(x))
	return b ^ int32(uint32(b>>31)>>1)
}

func value(k int32) float32 { return math.Float32frombits(uint32(k ^ int32(uint32(k>>31)>>1))) }

// distances gives the squared distance of each update from each other. It goes through the parameters in blocks that
// stay in the cache, and adds them in the same order whatever the number of processors.
func distances(rows [][]float32) [][]float64 {
	n := len(rows)
	far := make([][]float64, n)
	for i := range far {
		far[i] = make([]float64, n)
	}
	parts := min(runtime.GOMAXPROCS(0), n)
	var wait sync.WaitGroup
	for part := range parts {
		wait.Go(func() {
			const block = 2048
			for from := 0; from < len(rows[0]); from += block {
				to := min(from+block, len(rows[0]))
				for i := part; i < n; i += parts {
					for j := i + 1; j < n; j++ {
						far[i][j] += apart(rows[i][from:to], rows[j][from:to])
					}
				}
			}
		})
	}
	wait.Wait()
	for i := range far {
		for j := range i {
			far[i][j] = far[j][i]
		}
	}
	return far
}

func apart(a, b []float32) float64 {
	b = b[:len(a)]
	var s, t float64
	i := 0
	for ; i+1 < len(a); i += 2 {
		x, y := float64(a[i])-float64(b[i]), float64(a[i+1])-float64(b[i+1])
		s += float64(x * x)
		t += float64(y * y)
	}
	if i < len(a) {
		x := float64(a[i]) - float64(b[i])
		s += float64(x * x)
	}
	return s + t
}
