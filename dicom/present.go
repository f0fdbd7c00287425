package dicom

import (
	"fmt"
	"math"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// Image decodes the object's image, all frames, as a viewer would show it.
//
// Grey values come after the modality transformation (rescale or table, by
// frame where the frames differ) and with MONOCHROME1 turned over, so that
// High is white. With a VOI window, Low..High is its range (of several frames,
// the range of all their windows) and the values are clipped to it; after a
// SIGMOID they run 0..1, after a VOI table 0 to its largest entry. Without a
// window Low..High is the range that BitsStored allows, or that floating-point
// values take. Colour, from a palette too, comes as RGB.
//
// Overlays, ICC profiles and pixel padding are not applied. A 60 s deadline
// bounds the decoding (TIMEOUT).
func (o *Object) Image() (clinical.Image, error) {
	p, err := o.decode(0, max(1, o.NumberOfFrames()))
	if err != nil {
		return clinical.Image{}, err
	}
	return o.present(p)
}

func (o *Object) present(p *pixels) (clinical.Image, error) {
	img := clinical.Image{
		Source:    o.name,
		Format:    "DICOM",
		Modality:  o.Text(Modality),
		BodyPart:  o.Text(BodyPartExamined),
		Frames:    p.frames,
		Rows:      p.Rows,
		Columns:   p.Columns,
		Channels:  p.Samples,
		Pixels:    make([]float32, p.count()),
		Patient:   o.Patient(),
		Synthetic: o.Synthetic(),
	}
	var err error
	if p.grey() {
		err = o.grey(p, &img)
	} else {
		err = o.colour(p, &img)
	}
	// The range must hold the values as float32 has them (32-bit files round).
	img.Low, img.High = float64(float32(img.Low)), float64(float32(img.High))
	return img, err
}

// grey says whether the pixels are grey values; floating-point pixels always are.
func (p *pixels) grey() bool {
	return p.Samples == 1 && (p.float || p.Photometric == "MONOCHROME1" || p.Photometric == "MONOCHROME2")
}

// shown is how the grey values of one frame are shown.
type shown struct {
	modality  *modality
	low, high float64 // of the result
	window    *Window // of a sigmoid
	voi       *table
}

// shown reads the transformations of a frame.
func (o *Object) shown(p *pixels, frame int) (s shown, err error) {
	if s.modality, err = o.modality(frame, p.Signed); err != nil {
		return s, err
	}
	s.low, s.high = s.modality.span(p.limits())
	if p.float && s.high == s.low {
		s.high = s.low + 1 // a constant image
	}
	w, given := o.Window(frame)
	voi := o.group(frame, FrameVOILUTSequence).Items(VOILUTSequence)
	switch {
	case given && w.Function == "SIGMOID":
		s.window, s.low, s.high = &w, 0, 1
	case given:
		s.low, s.high = w.Range()
	case len(voi) > 0:
		s.voi, err = voi[0].table(LUTDescriptor, LUTData, p.Signed || s.low < 0)
		if err != nil {
			return s, err
		}
		s.low, s.high = 0, s.voi.top()
	}
	if !(float32(s.high) > float32(s.low)) || math.Abs(s.low) > maxValue || math.Abs(s.high) > maxValue {
		return s, malformed(o.name, fmt.Sprintf("grey values in %v..%v", s.low, s.high))
	}
	return s, nil
}

// grey applies the modality transformation, the VOI transformation, and turns
// MONOCHROME1 over.
func (o *Object) grey(p *pixels, img *clinical.Image) error {
	frames := make([]shown, p.frames)
	img.Low, img.High = math.Inf(1), math.Inf(-1)
	for f := range frames {
		var err error
		if frames[f], err = o.shown(p, f); err != nil {
			return err
		}
		img.Low, img.High = min(img.Low, frames[f].low), max(img.High, frames[f].high)
	}
	size := p.Rows * p.Columns
	for i := range img.Pixels {
		s := &frames[i/size]
		stored := p.value(i)
		if p.float && stored-stored != 0 {
			return fault.New(fault.InputNotFinite, o.name+": pixels that are not finite", "export it with finite values")
		}
		v := s.modality.apply(stored)
		switch {
		case s.window != nil:
			v = s.window.apply(v)
		case s.voi != nil:
			v = s.voi.at(v)
		}
		v = min(max(v, s.low), s.high)
		if p.Photometric == "MONOCHROME1" {
			v = img.Low + img.High - v
		}
		img.Pixels[i] = float32(v)
	}
	return nil
}

// colour brings every colour space into RGB.
func (o *Object) colour(p *pixels, img *clinical.Image) error {
	img.Low, img.High = p.limits()
	switch {
	case p.Samples == 1 && p.Photometric == "PALETTE COLOR":
		return o.throughPalette(p, img)
	case p.Samples == 3 && p.Photometric == "RGB":
	case p.Samples == 3 && p.BitsStored == 8 && !p.Signed && strings.HasPrefix(p.Photometric, "YBR_"):
	default:
		return unsupported(o.name, "photometric interpretation %q with %d samples of %d bits a pixel", p.Photometric, p.Samples, p.BitsAllocated)
	}
	for i := range img.Pixels {
		img.Pixels[i] = float32(p.at(i))
	}
	switch {
	case strings.HasPrefix(p.Photometric, "YBR_PARTIAL"):
		partialToRGB(img.Pixels)
	case p.Photometric != "RGB":
		fullToRGB(img.Pixels)
	}
	return nil
}

func (o *Object) throughPalette(p *pixels, img *clinical.Image) error {
	colours, err := o.palette(p.Signed)
	if err != nil {
		return err
	}
	if int64(p.count())*3 > MaxPixels {
		return tooLarge(o.name, "%d colour values, the limit is %d", p.count()*3, MaxPixels)
	}
	img.Channels, img.Low, img.High = 3, 0, colours[0].top()
	img.Pixels = make([]float32, 3*p.count())
	for i := range p.count() {
		v := float64(p.at(i))
		for c := range 3 {
			img.Pixels[3*i+c] = float32(colours[c].at(v))
		}
	}
	return nil
}

// fullToRGB converts YBR_FULL to RGB in place, PS3.3 C.7.6.3.1.2.
func fullToRGB(pixels []float32) {
	for i := 0; i+2 < len(pixels); i += 3 {
		y, cb, cr := pixels[i], pixels[i+1]-128, pixels[i+2]-128
		pixels[i] = byteRange(y + 1.402*cr)
		pixels[i+1] = byteRange(y - 0.344136*cb - 0.714136*cr)
		pixels[i+2] = byteRange(y + 1.772*cb)
	}
}

// partialToRGB converts YBR_PARTIAL, whose luma runs 16..235 and chroma 16..240 (retired).
func partialToRGB(pixels []float32) {
	for i := 0; i+2 < len(pixels); i += 3 {
		y, cb, cr := 1.164384*(pixels[i]-16), pixels[i+1]-128, pixels[i+2]-128
		pixels[i] = byteRange(y + 1.596027*cr)
		pixels[i+1] = byteRange(y - 0.391762*cb - 0.812968*cr)
		pixels[i+2] = byteRange(y + 2.017232*cb)
	}
}

func byteRange(v float32) float32 { return min(max(v, 0), 255) }
