package imaging

import (
	"fmt"
	"math"

	"consilium/clinical"
	"consilium/fault"
)

// VOI is the linear value-of-interest function of DICOM PS3.3 C.11.2.1.2.1 with
// output 0..1: a window of given centre and width (width at least 1). Note the
// standard's half-pixel: centre 2048, width 4096 maps 0..4095 to 0..1.
func VOI(x, centre, width float64) float64 {
	c, w := centre-0.5, width-1
	switch {
	case x <= c-w/2:
		return 0
	case x > c+w/2:
		return 1
	}
	return (x-c)/w + 0.5
}

// Window applies the linear VOI function to a copy of the image; the result's
// range is 0..1. Width below 1 or values that are not finite are USAGE errors.
func Window(img clinical.Image, centre, width float64) (clinical.Image, error) {
	if !(width >= 1) || math.IsInf(width, 0) || math.IsNaN(centre) || math.IsInf(centre, 0) {
		return clinical.Image{}, fault.New(fault.Usage,
			fmt.Sprintf("window centre %v, width %v", centre, width), "width must be at least 1 (PS3.3 C.11.2.1.2)")
	}
	out := make([]float32, len(img.Pixels))
	for i, v := range img.Pixels {
		out[i] = float32(VOI(float64(v), centre, width))
	}
	img.Pixels, img.Low, img.High = out, 0, 1
	return img, nil
}
