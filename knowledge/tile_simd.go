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

// exponentials replaces values by weight times e to the value less top, and gives
// their sum: eight at a time by the polynomial of exp32.
func exponentials(values []float32, top, weight float32) float64 {
	if !archsimd.X86.AVX2() || !archsimd.X86.FMA() {
		return exponentialsPortable(values, top, weight)
	}
	var lanes [8]float32
	whole := len(values) &^ 7
	exponentialLanes(&lanes, values[:whole], top, weight)
	total := exponentialsPortable(values[whole:], top, weight)
	for _, s := range lanes {
		total += float64(s)
	}
	return total
}

// exponentialLanes is a function of its own so that no scalar float lives in its
// loop: the compiler moves those by SSE instructions, and each change between SSE and
// AVX costs tens of cycles.
//
//go:noinline
func exponentialLanes(lanes *[8]float32, values []float32, top, weight float32) {
	shift, heavy := archsimd.BroadcastFloat32x8(top), archsimd.BroadcastFloat32x8(weight)
	scale, low := archsimd.BroadcastFloat32x8(1.44269504), archsimd.BroadcastFloat32x8(-87)
	c6, c5 := archsimd.BroadcastFloat32x8(1.5403530e-4), archsimd.BroadcastFloat32x8(1.3333558e-3)
	c4, c3 := archsimd.BroadcastFloat32x8(9.6181291e-3), archsimd.BroadcastFloat32x8(5.5504109e-2)
	c2, c1 := archsimd.BroadcastFloat32x8(2.4022651e-1), archsimd.BroadcastFloat32x8(6.9314718e-1)
	one, bias := archsimd.BroadcastFloat32x8(1), archsimd.BroadcastInt32x8(127)
	var sums archsimd.Float32x8
	for len(values) >= 8 {
		v := (*[8]float32)(values)
		y := archsimd.LoadFloat32x8(v).Sub(shift).Max(low).Mul(scale)
		n := y.RoundToEven()
		f := y.Sub(n)
		p := c6.MulAdd(f, c5).MulAdd(f, c4).MulAdd(f, c3).MulAdd(f, c2).MulAdd(f, c1).MulAdd(f, one)
		power := n.ConvertToInt32().Add(bias).ShiftAllLeft(23).AsFloat32x8()
		e := p.Mul(power).Mul(heavy)
		e.Store(v)
		sums = sums.Add(e)
		values = values[8:]
	}
	sums.Store(lanes)
	archsimd.ClearAVXUpperBits()
}
