//go:build amd64 && goexperiment.simd

package knowledge

import "simd/archsimd"

// tile multiplies a packed tile by a packed panel: eight sums of eight lanes stay in registers.
func tile(acc *[tileRows * tileCols]float32, a, b []float32) {
	if !archsimd.X86.AVX2() || !archsimd.X86.FMA() {
		tilePortable(acc, a, b)
		return
	}
	var c00, c01, c10, c11, c20, c21, c30, c31 archsimd.Float32x8
	for len(b) >= tileCols && len(a) >= tileRows {
		left, right := archsimd.LoadFloat32x8((*[8]float32)(b)), archsimd.LoadFloat32x8((*[8]float32)(b[8:]))
		v := (*[tileRows]float32)(a)
		x := archsimd.BroadcastFloat32x8(v[0])
		c00, c01 = x.MulAdd(left, c00), x.MulAdd(right, c01)
		x = archsimd.BroadcastFloat32x8(v[1])
		c10, c11 = x.MulAdd(left, c10), x.MulAdd(right, c11)
		x = archsimd.BroadcastFloat32x8(v[2])
		c20, c21 = x.MulAdd(left, c20), x.MulAdd(right, c21)
		x = archsimd.BroadcastFloat32x8(v[3])
		c30, c31 = x.MulAdd(left, c30), x.MulAdd(right, c31)
		a, b = a[tileRows:], b[tileCols:]
	}
	for i, c := range [...]archsimd.Float32x8{c00, c01, c10, c11, c20, c21, c30, c31} {
		c.Store((*[8]float32)(acc[8*i:]))
	}
	archsimd.ClearAVXUpperBits()
}
