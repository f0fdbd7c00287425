package dicom

import (
	"fmt"
	"image"
	"math"

	"consilium/fault"
)

// Render draws one frame, from 0, with 8 bits a channel for viewers and
// thumbnails: *image.Gray, or *image.NRGBA for colour. A nil window stands for
// the frame's own VOI transformation, else for the range that its values take.
// Windows apply to grey frames only.
func (o *Object) Render(frame int, w *Window) (image.Image, error) {
	if w != nil && !w.valid() {
		return nil, fault.New(fault.Usage, fmt.Sprintf("a window of width %v, function %q", w.Width, w.Function), "choose a width above 1, and LINEAR, LINEAR_EXACT or SIGMOID")
	}
	if n := o.NumberOfFrames(); n > 0 && (frame < 0 || frame >= n) {
		return nil, fault.New(fault.NotFound, fmt.Sprintf("%s: frame %d of %d", o.name, frame+1, n), "ask for a frame that it has")
	}
	p, err := o.decode(frame, 1)
	if err != nil {
		return nil, err
	}
	if p.grey() {
		return o.renderGrey(p, frame, w)
	}
	img, err := o.present(p)
	if err != nil {
		return nil, err
	}
	out := image.NewNRGBA(image.Rect(0, 0, p.Columns, p.Rows))
	scale := 255 / (img.High - img.Low)
	for i := range p.Rows * p.Columns {
		for c := range 3 {
			out.Pix[4*i+c] = uint8(math.Round((float64(img.Pixels[3*i+c]) - img.Low) * scale))
		}
		out.Pix[4*i+3] = 255
	}
	return out, nil
}

func (o *Object) renderGrey(p *pixels, frame int, w *Window) (image.Image, error) {
	s, err := o.shown(p, frame)
	if err != nil {
		return nil, err
	}
	if _, own := o.Window(frame); w == nil && !own && s.voi == nil {
		s.low, s.high = s.modality.taken(p)
	}
	out := image.NewGray(image.Rect(0, 0, p.Columns, p.Rows))
	for i := range out.Pix {
		v := s.modality.apply(p.value(i))
		switch {
		case w != nil:
			v = w.apply(v)
		case s.window != nil:
			v = s.window.apply(v)
		default:
			if s.voi != nil {
				v = s.voi.at(v)
			}
			v = min(max((v-s.low)/(s.high-s.low), 0), 1)
		}
		if p.Photometric == "MONOCHROME1" {
			v = 1 - v
		}
		out.Pix[i] = uint8(math.Round(v * 255))
	}
	return out, nil
}

// taken is the range that the values take after the transformation.
func (m *modality) taken(p *pixels) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range p.count() {
		if v := m.apply(p.value(i)); v-v == 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if !(high > low) {
		return low, low + 1
	}
	return low, high
}
