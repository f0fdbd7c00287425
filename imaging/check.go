package imaging

import (
	"fmt"
	"math"

	"consilium/clinical"
	"consilium/fault"
)

// Limits bounds the pictures that are taken. Zero fields use the defaults.
type Limits struct {
	MinSide   int // shortest side in pixels; default 16
	MaxSide   int // longest side; default 16384
	MaxPixels int // frames x rows x columns; default 1<<28
}

func (l Limits) orDefault() Limits {
	if l.MinSide == 0 {
		l.MinSide = 16
	}
	if l.MaxSide == 0 {
		l.MaxSide = 16384
	}
	if l.MaxPixels == 0 {
		l.MaxPixels = 1 << 28
	}
	return l
}

// Check refuses a picture that no model should answer for: contradictory or
// extreme dimensions (INPUT_MALFORMED, INPUT_RANGE, INPUT_TOO_LARGE), values
// that are not finite (INPUT_NOT_FINITE) or outside Low..High (INPUT_RANGE), or
// all the same (INPUT_FLAT).
func Check(img clinical.Image, l Limits) error {
	l = l.orDefault()
	if err := checkShape(img); err != nil {
		return err
	}
	short, long := min(img.Rows, img.Columns), max(img.Rows, img.Columns)
	if short < l.MinSide {
		return fault.New(fault.InputRange, fmt.Sprintf("%s is %dx%d pixels, too small to judge", img.Source, img.Columns, img.Rows),
			fmt.Sprintf("give a picture of at least %d pixels a side", l.MinSide))
	}
	if long > l.MaxSide || len(img.Pixels)/img.Channels > l.MaxPixels {
		return fault.New(fault.InputTooLarge, fmt.Sprintf("%s is %dx%dx%d", img.Source, img.Frames, img.Rows, img.Columns),
			fmt.Sprintf("limits are %d pixels a side and %d in all", l.MaxSide, l.MaxPixels))
	}
	return checkValues(img)
}

// checkShape makes sure that the fields agree with each other.
func checkShape(img clinical.Image) error {
	bad := func(what string) error {
		return fault.New(fault.InputMalformed, img.Source+": "+what, "export the image again")
	}
	const most = 1 << 20 // a side beyond this is a broken header; products stay inside int64
	switch {
	case img.Frames < 1 || img.Rows < 1 || img.Columns < 1:
		return bad(fmt.Sprintf("dimensions %dx%dx%d", img.Frames, img.Rows, img.Columns))
	case img.Frames > most || img.Rows > most || img.Columns > most:
		return bad(fmt.Sprintf("dimensions %dx%dx%d", img.Frames, img.Rows, img.Columns))
	case img.Channels != 1 && img.Channels != 3:
		return bad(fmt.Sprintf("%d channels, only grey (1) and RGB (3) are known", img.Channels))
	case int64(len(img.Pixels)) != int64(img.Frames)*int64(img.Rows)*int64(img.Columns)*int64(img.Channels):
		return bad(fmt.Sprintf("%d values for %dx%dx%dx%d", len(img.Pixels), img.Frames, img.Rows, img.Columns, img.Channels))
	case !(img.High > img.Low) || math.IsInf(img.High-img.Low, 0) || math.IsInf(1/(img.High-img.Low), 0):
		return bad(fmt.Sprintf("value range %v..%v", img.Low, img.High))
	}
	return nil
}

func checkValues(img clinical.Image) error {
	lo, hi := img.Pixels[0], img.Pixels[0]
	for _, v := range img.Pixels {
		if v-v != 0 { // NaN and infinities only
			return fault.New(fault.InputNotFinite, img.Source+" holds NaN or infinite pixels", "export the image again")
		}
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	slack := 1e-5 * (img.High - img.Low) // float32 rounding after rescale
	if float64(lo) < img.Low-slack || float64(hi) > img.High+slack {
		return fault.New(fault.InputRange,
			fmt.Sprintf("%s: pixels %v..%v are outside its declared range %v..%v", img.Source, lo, hi, img.Low, img.High),
			"check rescale slope, bit depth and window of the export")
	}
	if lo == hi {
		return fault.New(fault.InputFlat, fmt.Sprintf("%s is blank: every pixel is %v", img.Source, lo), "give the exposed image")
	}
	return nil
}

// Range is what a model was trained on, as its card states it: the bounds of
// every tensor value, and of the tensor's mean (equal values switch that off).
type Range struct {
	Low, High         float64
	MeanLow, MeanHigh float64
}

// Check refuses a tensor outside the range (INPUT_RANGE). The bound on the mean
// catches what single values cannot: inverted, blank or wrongly windowed input.
func (r Range) Check(tensor []float32) error {
	sum := 0.0
	for i, v := range tensor {
		x := float64(v)
		if !(x >= r.Low && x <= r.High) {
			return fault.New(fault.InputRange, fmt.Sprintf("value %v at %d is outside %v..%v", v, i, r.Low, r.High),
				"this model was not trained on such input")
		}
		sum += x
	}
	mean := sum / float64(max(len(tensor), 1))
	if r.MeanLow != r.MeanHigh && (mean < r.MeanLow || mean > r.MeanHigh) {
		return fault.New(fault.InputRange,
			fmt.Sprintf("mean %.3g is outside %.3g..%.3g, what this model was trained on", mean, r.MeanLow, r.MeanHigh),
			"check window, inversion and body part")
	}
	return nil
}
