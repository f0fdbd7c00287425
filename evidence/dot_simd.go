//go:build goexperiment.simd && amd64

package evidence

import "simd/archsimd"

// dot is the inner product of equally long rows, a multiple of lane: 16 products a step.
var dot = func() func([]int16, []int8) int32 {
	if archsimd.X86.AVX2() {
		return dotAVX2
	}
	return dotPortable
}()

func dotAVX2(q []int16, row []int8) int32 {
	var sum archsimd.Int32x8
	for i := 0; i+lane <= len(row); i += lane {
		x := archsimd.LoadInt16x16Slice(q[i : i+lane])
		y := archsimd.LoadInt8x16Slice(row[i : i+lane]).ExtendToInt16()
		sum = sum.Add(x.DotProductPairs(y))
	}
	var parts [8]int32
	sum.Store(&parts)
	archsimd.ClearAVXUpperBits() // else the SSE code that follows is slowed down
	return parts[0] + parts[1] + parts[2] + parts[3] + parts[4] + parts[5] + parts[6] + parts[7]
}
