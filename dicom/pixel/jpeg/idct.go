package jpeg

// The inverse DCT of libjpeg's jidctint.c ("islow"): the algorithm of Loeffler,
// Ligtenberg and Moschytz in fixed point, columns first. To agree with libjpeg
// in every bit, it rounds where libjpeg rounds.

const (
	fix   = 13 // fractional bits of the constants
	c0298 = 2446
	c0390 = 3196
	c0541 = 4433
	c0765 = 6270
	c0899 = 7373
	c1175 = 9633
	c1501 = 12299
	c1847 = 15137
	c1961 = 16069
	c2053 = 16819
	c2562 = 20995
	c3072 = 25172
)

// kept is the number of fractional bits between the passes.
func kept(bits int) int {
	if bits == 8 {
		return 2
	}
	return 1
}

// inverseDCT turns dequantised coefficients into samples of the given number of bits.
func inverseDCT(block *[64]int32, out []uint16, stride, bits int) {
	between := kept(bits)
	shift := fix - between
	round := int32(1) << (shift - 1)
	for i := range 8 {
		b := block[i:]
		if b[8]|b[16]|b[24]|b[32]|b[40]|b[48]|b[56] == 0 {
			v := b[0] << between
			b[0], b[8], b[16], b[24], b[32], b[40], b[48], b[56] = v, v, v, v, v, v, v, v
			continue
		}
		e, o := butterfly(b[0], b[8], b[16], b[24], b[32], b[40], b[48], b[56])
		for k := range 4 {
			b[8*k] = (e[k] + o[k] + round) >> shift
			b[8*(7-k)] = (e[k] - o[k] + round) >> shift
		}
	}
	shift = fix + between + 3
	round = 1 << (shift - 1)
	centre, top := int32(1)<<(bits-1), int32(1)<<bits-1
	for i := range 8 {
		b, line := block[8*i:8*i+8:8*i+8], out[i*stride:i*stride+8:i*stride+8]
		e, o := butterfly(b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7])
		for k := range 4 {
			line[k] = uint16(min(max((e[k]+o[k]+round)>>shift+centre, 0), top))
			line[7-k] = uint16(min(max((e[k]-o[k]+round)>>shift+centre, 0), top))
		}
	}
}

// butterfly does eight coefficients: outputs k and 7-k are even[k] plus and minus odd[k].
func butterfly(i0, i1, i2, i3, i4, i5, i6, i7 int32) (even, odd [4]int32) {
	z := (i2 + i6) * c0541
	t2, t3 := z-i6*c1847, z+i2*c0765
	t0, t1 := (i0+i4)<<fix, (i0-i4)<<fix
	even = [4]int32{t0 + t3, t1 + t2, t1 - t2, t0 - t3}

	z1, z2, z3, z4 := i7+i1, i5+i3, i7+i3, i5+i1
	z5 := (z3 + z4) * c1175
	z1, z2 = -z1*c0899, -z2*c2562
	z3, z4 = z5-z3*c1961, z5-z4*c0390
	odd = [4]int32{i1*c1501 + z1 + z4, i3*c3072 + z2 + z3, i5*c2053 + z2 + z4, i7*c0298 + z1 + z3}
	return even, odd
}

// fillBlock is inverseDCT for a block that is constant.
func fillBlock(block *[64]int32, out []uint16, stride, bits int) {
	between := kept(bits)
	shift := between + 3
	v := (block[0]<<between + 1<<(shift-1)) >> shift
	v = min(max(v+1<<(bits-1), 0), int32(1)<<bits-1)
	for y := range 8 {
		line := out[y*stride : y*stride+8 : y*stride+8]
		for x := range line {
			line[x] = uint16(v)
		}
	}
}
