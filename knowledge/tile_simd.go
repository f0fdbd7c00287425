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
	fill := archsimd.BroadcastFloat32x8
	shift, scale, low := fill(top), fill(1.44269504), fill(-87)
	c6, c5, c4 := fill(1.5403530e-4), fill(1.3333558e-3), fill(9.6181291e-3)
	c3, c2, c1, one := fill(5.5504109e-2), fill(2.4022651e-1), fill(6.9314718e-1), fill(1)
	heavy, bias := fill(weight), archsimd.BroadcastInt32x8(127)
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
	var lanes [8]float32
	sums.Store(&lanes)
	archsimd.ClearAVXUpperBits()
	total := exponentialsPortable(values, top, weight)
	for _, s := range lanes {
		total += float64(s)
	}
	return total
}
