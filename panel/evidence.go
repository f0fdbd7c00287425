package panel

import (
	"image"

	"consilium/clinical"
	"consilium/explain"
	"consilium/imaging"
	"consilium/intake"
	"consilium/registry"
	"consilium/signal"
)

// Limits of what is told of one map.
const (
	maxPlaces   = 3    // regions or segments
	overlaySide = 1024 // longer side of an overlay, in pixels
)

// view is the part of the item's picture that became the tensor.
func view(card registry.Card, img *clinical.Image) image.Rectangle {
	in := card.Input.Shape
	return imaging.Spec{Height: in[len(in)-2], Width: in[len(in)-1]}.View(img.Rows, img.Columns)
}

// overlay is the map alone, over the whole picture; nil for everything but a
// picture.
func overlay(card registry.Card, item intake.Item, m explain.Map) image.Image {
	if card.Kind != clinical.KindImage || item.Image == nil {
		return nil
	}
	img := item.Image
	scale := min(1, overlaySide/float64(max(img.Rows, img.Columns)))
	cut := view(card, img)
	size := func(r image.Rectangle) image.Rectangle {
		return image.Rect(int(scale*float64(r.Min.X)), int(scale*float64(r.Min.Y)), int(scale*float64(r.Max.X)+0.5), int(scale*float64(r.Max.Y)+0.5))
	}
	if over := explain.Overlay(m, size(image.Rect(0, 0, img.Columns, img.Rows)), size(cut)); over != nil {
		return over
	}
	return nil // and not an interface that holds nil
}

// regions puts the places of a picture's map into the picture's own pixels.
func regions(card registry.Card, item intake.Item, m explain.Map) []clinical.Region {
	if card.Kind != clinical.KindImage || item.Image == nil || len(m.Shape) != 3 {
		return nil
	}
	cut := view(card, item.Image)
	dy, dx := float64(cut.Dy())/float64(m.Shape[1]), float64(cut.Dx())/float64(m.Shape[2])
	var out []clinical.Region
	for _, r := range explain.Regions(m, maxPlaces) {
		out = append(out, clinical.Region{
			X: float64(cut.Min.X) + dx*float64(r.Left), Y: float64(cut.Min.Y) + dy*float64(r.Top),
			Width: dx * float64(r.Right-r.Left), Height: dy * float64(r.Bottom-r.Top), Weight: r.Weight,
		})
	}
	return out
}

// segments puts the stretches of a signal's map into the recording's own time.
func segments(card registry.Card, item intake.Item, m explain.Map) []clinical.Segment {
	if item.Recording == nil || len(m.Shape) != 2 {
		return nil
	}
	in := card.Input
	rec := *item.Recording
	lasts := float64(len(rec.Channels[0].Samples)) / rec.Rate
	var rate, offset float64 // positions a second; where the tensor begins in the recording
	width := 1
	switch card.Kind {
	case clinical.KindECG: // leads x samples: the middle of the recording
		rate = in.Rate
		offset, width = (lasts-in.Seconds)/2, int(0.1*in.Rate)
	case clinical.KindSound: // frames x bands: the loudest stretch
		rate = float64(m.Shape[0]) / in.Seconds
		offset = soundOffset(rec, in)
	default:
		return nil
	}
	var out []clinical.Segment
	for _, s := range explain.Segments(m.Positions(card.Kind).Values, width, maxPlaces) {
		start, end := max(0, offset+float64(s.From)/rate), min(lasts, offset+float64(s.To)/rate)
		if end > start {
			out = append(out, clinical.Segment{Start: start, End: end, Weight: s.Weight})
		}
	}
	return out
}

// soundOffset is where the stretch that signal.LogMel takes begins, in seconds;
// negative when the recording is shorter and silence was put around it.
func soundOffset(rec clinical.Recording, in registry.Input) float64 {
	x := mono(rec)
	want := int(in.Seconds * rec.Rate)
	if len(x) < want {
		return -float64(want-len(x)) / 2 / rec.Rate
	}
	from, _ := signal.Loudest(x, want)
	return float64(from) / rec.Rate
}
