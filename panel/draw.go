package panel

import (
	"bytes"
	"fmt"
	"image"
	"math"

	"consilium/clinical"
	"consilium/explain"
	"consilium/fault"
	"consilium/imaging"
	"consilium/intake"
	"consilium/registry"
	"consilium/signal"
)

// pictureSide is the longer side of the picture under a heat map, in pixels.
const pictureSide = 560

// draw lays a map over what the model saw of an item, and gives PNG bytes with
// the caption for a page.
func draw(a *agent, item intake.Item, m explain.Map, f clinical.Finding, label, method string) (png []byte, caption string, err error) {
	card := a.bundle.Card
	c := explain.Caption{Label: label, Probability: probability(f, label), Method: method, Model: f.Model + "@" + f.Version, Source: f.Input, Synthetic: f.Synthetic}
	if card.Synthetic {
		c.Note = "The model learnt from synthetic data only."
	}
	img, err := layOver(a, item, m, c)
	if err != nil {
		return nil, "", err
	}
	var b bytes.Buffer
	if err := explain.WritePNG(&b, img); err != nil {
		return nil, "", err
	}
	return b.Bytes(), fmt.Sprintf("What speaks for %q in this input, by %s. It explains the model, not the disease.", label, method), nil
}

func probability(f clinical.Finding, label string) float64 {
	for _, o := range f.Outcomes {
		if o.Name == label {
			return o.Probability
		}
	}
	return math.NaN()
}

func layOver(a *agent, item intake.Item, m explain.Map, c explain.Caption) (image.Image, error) {
	in := a.bundle.Card.Input
	switch a.bundle.Card.Kind {
	case clinical.KindImage, clinical.KindVolume:
		seen, err := seen(*item.Image, in)
		if err != nil {
			return nil, err
		}
		return explain.Picture(seen, m, c)
	case clinical.KindECG:
		return explain.ECG(explain.ECGInput{Leads: in.Leads, Rate: in.Rate, Values: a.into}, m, c)
	case clinical.KindSound:
		return explain.Sound(explain.SoundInput{Wave: wave(*item.Recording, in), Mel: a.into, Frames: in.Shape[0], Bands: in.Mels, Seconds: in.Seconds}, m, c)
	}
	return nil, fault.New(fault.ModelUnsupported, fmt.Sprintf("there is no picture of %s", a.bundle.Card.Kind), "use --method off")
}

// seen is the part of a picture that becomes the model's tensor, at a size for
// people: the same cut, by the same code, with more pixels.
func seen(img clinical.Image, in registry.Input) (clinical.Image, error) {
	rows, columns := in.Shape[len(in.Shape)-2], in.Shape[len(in.Shape)-1]
	scale := float64(pictureSide) / float64(max(rows, columns))
	s := imaging.Spec{Channels: img.Channels, Depth: img.Frames, Height: max(1, int(scale*float64(rows))), Width: max(1, int(scale*float64(columns)))}
	plane := s.Height * s.Width
	planar := make([]float32, img.Channels*img.Frames*plane)
	resize := imaging.Tensor
	if img.Frames > 1 {
		resize = imaging.Volume
	}
	if err := resize(img, s, planar); err != nil {
		return img, err
	}
	out := img
	out.Rows, out.Columns, out.Low, out.High = s.Height, s.Width, 0, 1
	out.Pixels = make([]float32, len(planar))
	pixels := img.Frames * plane
	for c := range img.Channels {
		for i := range pixels {
			out.Pixels[i*img.Channels+c] = planar[c*pixels+i]
		}
	}
	return out, nil
}

// wave is the stretch of a sound that signal.LogMel takes: the loudest window,
// in the middle of silence when the recording is shorter.
func wave(rec clinical.Recording, in registry.Input) []float32 {
	x := mono(rec)
	clip := make([]float32, int(math.Ceil(in.Seconds*rec.Rate)))
	from, to := signal.Loudest(x, len(clip))
	copy(clip[(len(clip)-(to-from))/2:], x[from:to])
	return clip
}

// mono averages the channels and takes off what is constant.
func mono(rec clinical.Recording) []float32 {
	x := make([]float32, len(rec.Channels[0].Samples))
	mean := float32(0)
	for _, c := range rec.Channels {
		for i, v := range c.Samples {
			x[i] += v / float32(len(rec.Channels))
			mean += v / float32(len(rec.Channels)*len(x))
		}
	}
	for i := range x {
		x[i] -= mean
	}
	return x
}
