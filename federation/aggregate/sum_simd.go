//go:build goexperiment.simd && amd64

package aggregate

import "simd/archsimd"

var (
	fold         = foldPortable
	foldBytes    = foldBytesPortable
	largest      = largestPortable
	largestBytes = largestBytesPortable
)

func init() {
	if archsimd.X86.AVX2() {
		fold, foldBytes, largest, largestBytes = foldAVX2, foldBytesAVX2, largestAVX2, largestBytesAVX2
	}
}

// foldAVX2 does what foldPortable does, to the last bit, four numbers at a time.
func foldAVX2(high, low []float32, w float64, v []float32) {
	scale, round := archsimd.BroadcastFloat64x4(w), archsimd.BroadcastFloat64x4(grid)
	n := len(v)
	high, low = high[:n], low[:n]
	i := 0
	for ; i <= n-4; i += 4 {
		x := archsimd.LoadFloat32x4Slice(v[i : i+4]).ConvertToFloat64().Mul(scale).Add(round).Sub(round)
		a, b := high[i:i+4], low[i:i+4]
		t := archsimd.LoadFloat32x4Slice(a).ConvertToFloat64().Add(archsimd.LoadFloat32x4Slice(b).ConvertToFloat64()).Add(x)
		h := t.ConvertToFloat32()
		h.StoreSlice(a)
		t.Sub(h.ConvertToFloat64()).ConvertToFloat32().StoreSlice(b)
	}
	archsimd.ClearAVXUpperBits() // else the SSE code that follows is slowed down
	foldPortable(high[i:], low[i:], w, v[i:])
}

func foldBytesAVX2(high, low []float32, w float64, v []byte) {
	scale, round := archsimd.BroadcastFloat64x4(w), archsimd.BroadcastFloat64x4(grid)
	n := len(high)
	low, v = low[:n], v[:4*n]
	i := 0
	for ; i <= n-4; i += 4 {
		x := archsimd.LoadUint8x16Slice(v[4*i : 4*i+16]).AsFloat32x4().ConvertToFloat64().Mul(scale).Add(round).Sub(round)
		a, b := high[i:i+4], low[i:i+4]
		t := archsimd.LoadFloat32x4Slice(a).ConvertToFloat64().Add(archsimd.LoadFloat32x4Slice(b).ConvertToFloat64()).Add(x)
		h := t.ConvertToFloat32()
		h.StoreSlice(a)
		t.Sub(h.ConvertToFloat64()).ConvertToFloat32().StoreSlice(b)
	}
	archsimd.ClearAVXUpperBits()
	foldBytesPortable(high[i:], low[i:], w, v[4*i:])
}

func largestAVX2(v []float32) uint32 {
	mask := archsimd.BroadcastUint32x8(1<<31 - 1)
	var most archsimd.Uint32x8
	for len(v) >= 8 {
		most = most.Max(archsimd.LoadFloat32x8Slice(v).AsUint32x8().And(mask))
		v = v[8:]
	}
	return max(highest(most), largestPortable(v))
}

func largestBytesAVX2(v []byte) uint32 {
	mask := archsimd.BroadcastUint32x8(1<<31 - 1)
	var most archsimd.Uint32x8
	for len(v) >= 32 {
		most = most.Max(archsimd.LoadUint8x32Slice(v).AsUint32x8().And(mask))
		v = v[32:]
	}
	return max(highest(most), largestBytesPortable(v))
}

func highest(v archsimd.Uint32x8) uint32 {
	var parts [8]uint32
	v.Store(&parts)
	archsimd.ClearAVXUpperBits()
	most := uint32(0)
	for _, x := range parts {
		most = max(most, x)
	}
	return most
}
