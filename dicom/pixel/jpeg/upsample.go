package jpeg

// assemble brings every component to full size and the samples of a pixel side
// by side. Sampling by two is undone as libjpeg does it by default (jdsample.c): the
// nearer sample counts three quarters, the farther one a quarter; rounding alternates.
func (d *decoder) assemble() []uint16 {
	rows, columns, n := d.want.Rows, d.want.Columns, len(d.components)
	out := make([]uint16, rows*columns*n)
	line := make([]int32, columns+16)
	sums := make([]int32, columns+16)
	for i, c := range d.components {
		h, v := d.hMax/c.h, d.vMax/c.v
		for y := range rows {
			row := c.row(y / v)
			to := out[y*columns*n+i:]
			switch {
			case h == 1 && v == 1:
				for x := range columns {
					to[x*n] = row[x]
				}
				continue
			case h == 2 && v == 1 && c.width > 2:
				for x, s := range row[:c.width] {
					sums[x] = int32(s)
				}
				spread(line, sums[:c.width], 2, 1, 2)
			case h == 2 && v == 2 && c.width > 2:
				for x, s := range c.row(y/2 + y%2*2 - 1)[:c.width] {
					sums[x] = 3*int32(row[x]) + int32(s)
				}
				spread(line, sums[:c.width], 4, 8, 7)
			case h == 1 && v == 2:
				for x, s := range c.row(y/2 + y%2*2 - 1)[:c.width] {
					line[x] = (3*int32(row[x]) + int32(s) + 1 + int32(y%2)) >> 2
				}
			default: // repeated
				for x := range columns {
					line[x] = int32(row[x/h])
				}
			}
			for x := range columns {
				to[x*n] = uint16(line[x])
			}
		}
	}
	return out
}

// row is a line of the component's plane; the first and the last one go on beyond it.
func (c *component) row(y int) []uint16 {
	y = min(max(y, 0), c.height-1)
	return c.plane[y*c.stride:][:c.stride]
}

// spread doubles a line. The left one of a pair is rounded by left, the right one by right.
func spread(out, in []int32, shift uint, left, right int32) {
	last := len(in) - 1
	for x, v := range in {
		a, b := in[max(x-1, 0)], in[min(x+1, last)]
		out[2*x] = (3*v + a + left) >> shift
		out[2*x+1] = (3*v + b + right) >> shift
	}
}
