package explain

import (
	"image"
	"testing"
)

// spots is a map of one channel with rectangles of a value.
func spots(rows, columns int, at map[image.Rectangle]float32) Map {
	m := Map{Shape: []int{1, rows, columns}, Values: make([]float32, rows*columns)}
	for r, v := range at {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				m.Values[y*columns+x] = v
			}
		}
	}
	return m
}

func TestRegionsAreBoxesAroundTheEvidence(t *testing.T) {
	big, small := image.Rect(4, 6, 12, 14), image.Rect(24, 20, 29, 25)
	got := Regions(spots(32, 32, map[image.Rectangle]float32{big: 1, small: 1, image.Rect(0, 30, 2, 32): -5}), 3)
	if len(got) != 2 {
		t.Fatalf("%d regions: %+v", len(got), got)
	}
	for i, want := range []image.Rectangle{big, small} {
		r := image.Rect(got[i].Left, got[i].Top, got[i].Right, got[i].Bottom)
		if r != want { // smoothing with half a maximum as threshold keeps a flat spot's edges
			t.Errorf("region %d is %v, want %v", i, r, want)
		}
	}
	if got[0].Weight <= got[1].Weight || got[0].Weight+got[1].Weight > 1 {
		t.Errorf("weights %v and %v", got[0].Weight, got[1].Weight)
	}
	for _, r := range got {
		if len(r.Inside) != (r.Right-r.Left)*(r.Bottom-r.Top) {
			t.Errorf("%d marks for the box %+v", len(r.Inside), r)
		}
	}
	if got := Regions(spots(8, 8, nil), 3); got != nil {
		t.Errorf("an empty map has regions: %v", got)
	}
	if got := Regions(Map{Shape: []int{4, 9}, Values: make([]float32, 36)}, 3); got != nil {
		t.Errorf("the map of a signal has regions: %v", got)
	}
}

func TestOverlayIsClearOutsideTheView(t *testing.T) {
	m := spots(8, 8, map[image.Rectangle]float32{image.Rect(2, 2, 6, 6): 1})
	o := Overlay(m, image.Rect(0, 0, 120, 80), image.Rect(20, 0, 100, 80))
	for _, c := range []struct {
		x, y  int
		clear bool
	}{{5, 40, true}, {110, 40, true}, {60, 40, false}, {21, 1, true}} {
		if a := o.NRGBAAt(c.x, c.y).A; (a < 8) != c.clear {
			t.Errorf("opacity %d at %d,%d", a, c.x, c.y)
		}
	}
	if Overlay(Map{Shape: []int{1, 2, 8, 8}, Values: make([]float32, 128)}, image.Rect(0, 0, 8, 8), image.Rect(0, 0, 8, 8)) != nil {
		t.Error("a volume's map has an overlay")
	}
}
