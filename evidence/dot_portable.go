package evidence

// dotPortable is the inner product of equally long rows, a multiple of lane.
// It cannot overflow up to MaxDimensions: 127 * 8191 * 2048 < 2^31.
func dotPortable(q []int16, row []int8) int32 {
	var a, b, c, d int32
	for i := 0; i+4 <= len(row); i += 4 {
		x, y := q[i:i+4:i+4], row[i:i+4:i+4]
		a += int32(x[0]) * int32(y[0])
		b += int32(x[1]) * int32(y[1])
		c += int32(x[2]) * int32(y[2])
		d += int32(x[3]) * int32(y[3])
	}
	return a + b + c + d
}
