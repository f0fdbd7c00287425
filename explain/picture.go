package explain

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
)

// Sides of a drawn picture, in pixels.
const (
	minSide = 320
	maxSide = 640
	gap     = 12
	barSide = 14
	barText = 62
)

// Picture draws a film or photograph beside itself with the map laid over it; of
// a volume, the three planes through the strongest place. The map must come
// from the whole picture, as package imaging resizes it. Errors: MODEL_SHAPE,
// INPUT_MALFORMED when pixels and size differ.
func Picture(img clinical.Image, m Map, c Caption) (image.Image, error) {
	if len(img.Pixels) != img.Frames*img.Rows*img.Columns*img.Channels || len(img.Pixels) == 0 || img.Channels != 1 && img.Channels != 3 {
		return nil, fault.New(fault.InputMalformed, "the picture's pixels do not fit its size", "")
	}
	if len(m.Values) != engine.Size(m.Shape) || len(m.Values) == 0 {
		return nil, fault.New(fault.ModelShape, fmt.Sprintf("a map of shape %v with %d values", m.Shape, len(m.Values)), "")
	}
	switch {
	case len(m.Shape) == 3 && img.Frames == 1:
		flat := m.Positions(clinical.KindImage)
		s := newScale(flat.Values)
		return compose([]pair{{photograph(img, 0), paint(flat.Values, flat.Shape[0], flat.Shape[1], s)}}, []string{""}, s, c), nil
	case len(m.Shape) == 4:
		return planes(img, m.Positions(clinical.KindVolume), c), nil
	}
	return nil, fault.New(fault.ModelShape, fmt.Sprintf("a map of %v does not lie on a picture of %d frames", m.Shape, img.Frames), "")
}

// pair is a picture and the map that lies over it; sizes may differ.
type pair struct{ below, above image.Image }

// photograph turns one frame into 8-bit colours over the encoding's range.
func photograph(img clinical.Image, frame int) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, img.Columns, img.Rows))
	base := frame * img.Rows * img.Columns * img.Channels
	for i := range img.Rows * img.Columns {
		at := base + i*img.Channels
		r := brightness(img, at)
		g, b := r, r
		if img.Channels == 3 {
			g, b = brightness(img, at+1), brightness(img, at+2)
		}
		out.SetNRGBA(i%img.Columns, i/img.Columns, color.NRGBA{r, g, b, 255})
	}
	return out
}

// brightness of one value in 0..255.
func brightness(img clinical.Image, at int) uint8 {
	t := (float64(img.Pixels[at]) - img.Low) / max(img.High-img.Low, 1e-12)
	return uint8(255*min(max(t, 0), 1) + 0.5)
}

// paint colours a map.
func paint(values []float32, rows, columns int, s scale) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, columns, rows))
	for i, v := range values {
		out.SetNRGBA(i%columns, i/columns, s.colour(float64(v)))
	}
	return out
}

// planes cuts a volume and its map through the strongest place of the map.
func planes(img clinical.Image, m Map, c Caption) image.Image {
	s := newScale(m.Values)
	best := 0
	for i, v := range m.Values {
		if v > m.Values[best] {
			best = i
		}
	}
	d, h, w := m.Shape[0], m.Shape[1], m.Shape[2]
	place := [3]int{best / (h * w), best / w % h, best % w}
	var pairs []pair
	var names []string
	for axis, name := range []string{"axial", "coronal", "sagittal"} {
		rows, columns := [3]int{h, d, d}[axis], [3]int{w, w, h}[axis]
		mapAt := func(r, k int) int {
			switch axis {
			case 0:
				return (place[0]*h+r)*w + k
			case 1:
				return (r*h+place[1])*w + k
			}
			return (r*h+k)*w + place[2]
		}
		values := make([]float32, rows*columns)
		for i := range values {
			values[i] = m.Values[mapAt(i/columns, i%columns)]
		}
		pairs = append(pairs, pair{section(img, axis, place[axis], m.Shape[axis]), paint(values, rows, columns, s)})
		names = append(names, fmt.Sprintf("%s, %d of %d", name, place[axis]+1, m.Shape[axis]))
	}
	return compose(pairs, names, s, c)
}

// section cuts the original volume at the place that corresponds to index of n.
func section(img clinical.Image, axis, index, n int) image.Image {
	sizes := [3]int{img.Frames, img.Rows, img.Columns}
	at := min(int((float64(index)+0.5)*float64(sizes[axis])/float64(n)), sizes[axis]-1)
	if axis == 0 {
		return photograph(img, at)
	}
	cut := clinical.Image{Frames: 1, Rows: img.Frames, Columns: img.Columns, Channels: img.Channels, Low: img.Low, High: img.High}
	if axis == 2 {
		cut.Columns = img.Rows
	}
	for f := range img.Frames {
		for k := range cut.Columns {
			r, col := at, k
			if axis == 2 {
				r, col = k, at
			}
			i := ((f*img.Rows+r)*img.Columns + col) * img.Channels
			cut.Pixels = append(cut.Pixels, img.Pixels[i:i+img.Channels]...)
		}
	}
	return photograph(cut, 0)
}

// compose lays out the pairs (pictures above, overlays beside or below), the colour bar and the caption.
func compose(pairs []pair, names []string, s scale, c Caption) image.Image {
	sizes, across := make([]image.Point, len(pairs)), 0
	limit := maxSide
	if len(pairs) > 1 {
		limit = minSide
	}
	tallest := 0
	for i, p := range pairs {
		sizes[i] = drawnSize(p.below.Bounds().Size(), limit)
		across += sizes[i].X + gap
		tallest = max(tallest, sizes[i].Y)
	}
	rows, head := 1, 0
	width := 2*across + barText
	if len(pairs) > 1 { // originals above, overlays below
		rows, width, head = 2, across+barText, 20
	}
	width += 2*margin + barSide
	text := c.layOut(width, s.reading(c.Label))
	height := text.top() + margin + head + rows*tallest + (rows-1)*gap + margin/2 + text.height()
	out := newCanvas(width, height)
	x, y := margin, text.top()+margin+head
	for i, p := range pairs {
		if names[i] != "" {
			out.text(x, y-7, style{13, false}, grey, names[i])
		}
		first := image.Rectangle{image.Pt(x, y), image.Pt(x, y).Add(sizes[i])}
		second := first.Add(image.Pt(sizes[i].X+gap, 0))
		if rows == 2 {
			second = first.Add(image.Pt(0, tallest+gap))
		}
		for _, r := range []image.Rectangle{first, second} {
			draw.CatmullRom.Scale(out, r, p.below, p.below.Bounds(), draw.Src, nil)
		}
		draw.BiLinear.Scale(out, second, p.above, p.above.Bounds(), draw.Over, nil)
		x += sizes[i].X + gap
		if rows == 1 {
			x += sizes[i].X + gap
		}
	}
	out.bar(image.Rect(x, y, x+barSide, y+rows*tallest+(rows-1)*gap), s)
	text.draw(out, height-text.height()-margin/4)
	return out
}

// drawnSize enlarges a small picture by a whole factor and shrinks a large one, keeping its aspect.
func drawnSize(p image.Point, limit int) image.Point {
	long := max(p.X, p.Y)
	f := math.Ceil(float64(minSide) / float64(long))
	if long > limit {
		f = float64(limit) / float64(long)
	}
	return image.Pt(max(1, int(float64(p.X)*f)), max(1, int(float64(p.Y)*f)))
}

// bar draws the colour scale with words at its ends.
func (c *canvas) bar(r image.Rectangle, s scale) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		l := 1 - float64(y-r.Min.Y)/float64(max(r.Dy()-1, 1))
		if s.signed {
			l = 2*l - 1
		}
		c.fill(image.Rect(r.Min.X, y, r.Max.X, y+1), s.solid(l))
	}
	c.frame(r, grey)
	label, x := style{12, false}, r.Max.X+6
	c.text(x, r.Min.Y+11, label, grey, "for")
	if s.signed {
		c.text(x, (r.Min.Y+r.Max.Y)/2+4, label, grey, "neutral")
		c.text(x, r.Max.Y-3, label, grey, "against")
	} else {
		c.text(x, r.Max.Y-3, label, grey, "neutral")
	}
}
