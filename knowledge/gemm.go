package knowledge

// Matrix products in float32, as training needs them: one thread, any strides.
// The tiling is Goto and van de Geijn's (2008): a panel of b stays in the first
// cache while tiles of a stream past it.

const (
	tileRows  = 4
	tileCols  = 16
	depthStep = 256 // terms of the sum at a time: a panel of 16 KB
)

// matrix is a view of float32 with strides, so that a transpose costs nothing.
type matrix struct {
	data       []float32
	rows, cols int
	down, over int // distance between rows, between columns
}

// dense views row-major data.
func dense(data []float32, rows, cols int) matrix {
	return matrix{data[:rows*cols], rows, cols, cols, 1}
}

func (m matrix) transposed() matrix { return matrix{m.data, m.cols, m.rows, m.over, m.down} }

// multiplier keeps the packing buffers between products. Not for concurrent use.
type multiplier struct {
	tiles, panel []float32
}

// add computes c += a b. c is dense, a.rows by b.cols.
func (w *multiplier) add(c []float32, a, b matrix) {
	var acc [tileRows * tileCols]float32
	tiles := (a.rows + tileRows - 1) / tileRows
	for from := 0; from < a.cols; from += depthStep {
		depth := min(depthStep, a.cols-from)
		w.pack(a, from, depth, tiles)
		for left := 0; left < b.cols; left += tileCols {
			w.packPanel(b, from, depth, left)
			width := min(tileCols, b.cols-left)
			for t := range tiles {
				tile(&acc, w.tiles[t*depth*tileRows:(t+1)*depth*tileRows], w.panel[:depth*tileCols])
				for i := range min(tileRows, a.rows-t*tileRows) {
					row := c[(t*tileRows+i)*b.cols+left:][:width]
					for j, v := range acc[i*tileCols:][:width] {
						row[j] += v
					}
				}
			}
		}
	}
}

// pack copies columns of a so that the rows of one tile lie side by side, with zeros below the last row.
func (w *multiplier) pack(a matrix, from, depth, tiles int) {
	w.tiles = sized(w.tiles, tiles*depth*tileRows)
	for t := range tiles {
		out := w.tiles[t*depth*tileRows:]
		for i := range tileRows {
			row := t*tileRows + i
			if row >= a.rows {
				for k := range depth {
					out[k*tileRows+i] = 0
				}
				continue
			}
			at := row*a.down + from*a.over
			for k := range depth {
				out[k*tileRows+i] = a.data[at]
				at += a.over
			}
		}
	}
}

// packPanel copies columns of b side by side, with zeros right of the last.
func (w *multiplier) packPanel(b matrix, from, depth, left int) {
	w.panel = sized(w.panel, depth*tileCols)
	width := min(tileCols, b.cols-left)
	for k := range depth {
		out := w.panel[k*tileCols:][:tileCols]
		at := (from+k)*b.down + left*b.over
		for j := range width {
			out[j] = b.data[at]
			at += b.over
		}
		clear(out[width:])
	}
}

// sized gives a slice of length n, of old memory when that is enough.
func sized(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// tilePortable multiplies a packed tile by a packed panel.
func tilePortable(acc *[tileRows * tileCols]float32, a, b []float32) {
	clear(acc[:])
	for len(b) >= tileCols && len(a) >= tileRows {
		row := (*[tileCols]float32)(b)
		for i, v := range (*[tileRows]float32)(a) {
			out := (*[tileCols]float32)(acc[i*tileCols:])
			for j := range row {
				out[j] += v * row[j]
			}
		}
		a, b = a[tileRows:], b[tileCols:]
	}
}
