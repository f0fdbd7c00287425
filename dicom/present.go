package dicom

import (
	"fmt"
	"math"
	"strings"

	"consilium/clinical"
)

// maxValue bounds what rescale and window may make of 32-bit values.
const maxValue = 1e20

// Image decodes the object's image, all frames, as Read describes.
func (o *Object) Image() (clinical.Image, error) {
	p, err := o.pixels()
	if err != nil {
		return clinical.Image{}, err
	}
	return o.present(p)
}

// present turns stored values into the picture that a viewer would show.
func (o *Object) present(p *pixels) (clinical.Image, error) {
	img := clinical.Image{
		Source:    o.name,
		Format:    "DICOM",
		Modality:  o.Text(Modality),
		BodyPart:  o.Text(BodyPartExamined),
		Frames:    p.frames,
		Rows:      p.rows,
		Columns:   p.columns,
		Channels:  p.channels,
		Pixels:    make([]float32, p.count()),
		Patient:   o.Patient(),
		Synthetic: o.Synthetic(),
	}
	var err error
	switch {
	case p.channels == 1 && (p.photometric == "MONOCHROME1" || p.photometric == "MONOCHROME2"):
		err = o.grey(p, &img)
	case p.channels == 3 && p.photometric == "RGB":
		p.colour(&img)
	case p.channels == 3 && p.allocated == 8 && strings.HasPrefix(p.photometric, "YBR_FULL"):
		p.colour(&img)
		rgb(img.Pixels)
	default:
		err = unsupported(o.name, "photometric interpretation %q with %d samples of %d bits a pixel", p.photometric, p.channels, p.allocated)
	}
	// The range must hold the values as float32 has them (32-bit files round).
	img.Low, img.High = float64(float32(img.Low)), float64(float32(img.High))
	return img, err
}

// grey applies the modality transformation (rescale), the VOI window, and
// turns MONOCHROME1 over.
func (o *Object) grey(p *pixels, img *clinical.Image) error {
	if o.Has(ModalityLUTSequence) {
		return unsupported(o.name, "a modality lookup table")
	}
	slope, intercept := 1.0, 0.0
	if s, given := o.Float(RescaleSlope); given {
		slope = s
	}
	if i, given := o.Float(RescaleIntercept); given {
		intercept = i
	}
	if slope == 0 {
		return malformed(o.name, "the rescale slope is 0")
	}
	low, high := p.limits()
	low, high = low*slope+intercept, high*slope+intercept
	if slope < 0 {
		low, high = high, low
	}
	if from, to, given := o.window(); given {
		low, high = from, to
	}
	if !(float32(high) > float32(low)) || math.Abs(low) > maxValue || math.Abs(high) > maxValue {
		return malformed(o.name, fmt.Sprintf("grey values in %v..%v", low, high))
	}
	img.Low, img.High = low, high
	turn := p.photometric == "MONOCHROME1"
	for i := range img.Pixels {
		v := min(max(float64(p.at(i))*slope+intercept, low), high)
		if turn {
			v = low + high - v
		}
		img.Pixels[i] = float32(v)
	}
	return nil
}

// window is the range of the file's first VOI window: PS3.3 C.11.2.1.2 for
// LINEAR (which is half a value narrower on both sides) and C.11.2.1.3 for
// LINEAR_EXACT. A sigmoid is not linear and is left to the full range.
func (o *Object) window() (low, high float64, given bool) {
	centre, c := o.Float(WindowCenter)
	width, w := o.Float(WindowWidth)
	if !c || !w {
		return 0, 0, false
	}
	switch o.Text(VOILUTFunction) {
	case "", "LINEAR":
		if width <= 1 {
			return 0, 0, false
		}
		return centre - 0.5 - (width-1)/2, centre - 0.5 + (width-1)/2, true
	case "LINEAR_EXACT":
		if width <= 0 {
			return 0, 0, false
		}
		return centre - width/2, centre + width/2, true
	}
	return 0, 0, false
}

// colour takes the components as they are.
func (p *pixels) colour(img *clinical.Image) {
	img.Low, img.High = p.limits()
	for i := range img.Pixels {
		img.Pixels[i] = float32(p.at(i))
	}
}

// rgb converts YBR_FULL to RGB in place, PS3.3 C.7.6.3.1.2.
func rgb(pixels []float32) {
	for i := 0; i+2 < len(pixels); i += 3 {
		y, cb, cr := pixels[i], pixels[i+1]-128, pixels[i+2]-128
		pixels[i] = byteRange(y + 1.402*cr)
		pixels[i+1] = byteRange(y - 0.344136*cb - 0.714136*cr)
		pixels[i+2] = byteRange(y + 1.772*cb)
	}
}

func byteRange(v float32) float32 { return min(max(v, 0), 255) }
