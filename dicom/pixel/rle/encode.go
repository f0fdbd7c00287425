package rle

import (
	"encoding/binary"

	"consilium/dicom/pixel/raster"
)

// Encode packs a frame's samples, side by side and little endian, as Decode
// gives them. Runs do not cross rows, of columns pixels each (PS3.5 G.3.1).
func Encode(pixels []byte, columns int, s Shape) ([]byte, error) {
	n := s.segments()
	if n < 1 || n > maxSegments || columns < 1 || s.Pixels < 1 || s.Pixels%columns != 0 || len(pixels) != s.Pixels*n {
		return nil, raster.Malformed(codec, "%d bytes are not rows of %d pixels of %d bytes", len(pixels), columns, n)
	}
	out := make([]byte, headerSize, headerSize+len(pixels)/2)
	binary.LittleEndian.PutUint32(out, uint32(n))
	row := make([]byte, columns)
	for i := range n {
		binary.LittleEndian.PutUint32(out[4+4*i:], uint32(len(out)))
		for at := i/s.Bytes*s.Bytes + s.Bytes - 1 - i%s.Bytes; at < len(pixels); {
			for x := range row {
				row[x] = pixels[at]
				at += n
			}
			out = appendPacked(out, row)
		}
		if len(out)%2 == 1 { // segments have even length
			out = append(out, 0)
		}
	}
	return out, nil
}

// appendPacked appends the row as runs of 2 to 128 equal bytes and literals of 1 to 128. Two
// equal bytes inside a literal stay there: a run would save nothing.
func appendPacked(out, row []byte) []byte {
	const longest = 128
	for at := 0; at < len(row); {
		run := 1
		for run < longest && at+run < len(row) && row[at+run] == row[at] {
			run++
		}
		if run > 1 {
			out = append(out, byte(257-run), row[at])
			at += run
			continue
		}
		end := at + 1
		for end < len(row) && end-at < longest && !(end+2 < len(row) && row[end] == row[end+1] && row[end] == row[end+2]) {
			end++
		}
		out = append(out, byte(end-at-1))
		out = append(out, row[at:end]...)
		at = end
	}
	return out
}
