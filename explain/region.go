package explain

import (
	"cmp"
	"slices"

	"consilium/clinical"
)

// Region is a box around a place of a picture that the answer rests on, in
// positions of the map: Left <= x < Right, Top <= y < Bottom.
type Region struct {
	Left, Top, Right, Bottom int
	Weight                   float64 // share of all positive evidence, 0..1
	Inside                   []bool  // which positions of the box belong to it, row by row
}

// Regions finds the connected places where the map of a picture, smoothed a
// little, exceeds half of its maximum: heaviest first, at most limit. Places that
// carry less than a twentieth of the evidence are left out.
func Regions(m Map, limit int) []Region {
	flat := m.Positions(clinical.KindImage)
	if len(flat.Shape) != 2 {
		return nil
	}
	rows, columns := flat.Shape[0], flat.Shape[1]
	x := smooth(smooth(flat.Values, flat.Shape, 0, 1), flat.Shape, 1, 1)
	top, total := float32(0), 0.0
	for _, v := range x {
		top = max(top, v)
		total += float64(max(v, 0))
	}
	if top <= 0 {
		return nil
	}
	var out []Region
	seen := make([]bool, len(x))
	for i := range x {
		if seen[i] || x[i] < top/2 {
			continue
		}
		places, weight := flood(x, seen, i, rows, columns, top/2)
		if weight /= total; weight >= 0.05 {
			out = append(out, enclose(places, columns, weight))
		}
	}
	slices.SortStableFunc(out, func(a, b Region) int { return cmp.Compare(b.Weight, a.Weight) })
	return out[:min(len(out), limit)]
}

// flood collects the positions above the threshold that touch position i.
func flood(x []float32, seen []bool, i, rows, columns int, threshold float32) (places []int, weight float64) {
	stack := []int{i}
	seen[i] = true
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		places = append(places, at)
		weight += float64(x[at])
		r, c := at/columns, at%columns
		for _, n := range [4][2]int{{r - 1, c}, {r + 1, c}, {r, c - 1}, {r, c + 1}} {
			if n[0] < 0 || n[0] >= rows || n[1] < 0 || n[1] >= columns {
				continue
			}
			if k := n[0]*columns + n[1]; !seen[k] && x[k] >= threshold {
				seen[k] = true
				stack = append(stack, k)
			}
		}
	}
	return places, weight
}

func enclose(places []int, columns int, weight float64) Region {
	r := Region{Left: columns, Top: places[0] / columns, Weight: weight}
	for _, p := range places {
		y, x := p/columns, p%columns
		r.Left, r.Right = min(r.Left, x), max(r.Right, x+1)
		r.Top, r.Bottom = min(r.Top, y), max(r.Bottom, y+1)
	}
	width := r.Right - r.Left
	r.Inside = make([]bool, width*(r.Bottom-r.Top))
	for _, p := range places {
		r.Inside[(p/columns-r.Top)*width+p%columns-r.Left] = true
	}
	return r
}
