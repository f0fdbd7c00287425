package explain

import (
	"image"

	xdraw "golang.org/x/image/draw"

	"consilium/clinical"
)

// Overlay paints the map of a picture alone, transparent where nothing stands
// out, so that a viewer can lay it over the picture. at is where on a canvas of
// that size the network's view lies; the rest stays clear. nil when the map is
// not one of a picture.
func Overlay(m Map, canvas image.Rectangle, at image.Rectangle) *image.NRGBA {
	flat := m.Positions(clinical.KindImage)
	if len(flat.Shape) != 2 {
		return nil
	}
	small := paint(flat.Values, flat.Shape[0], flat.Shape[1], newScale(flat.Values))
	out := image.NewNRGBA(canvas)
	xdraw.CatmullRom.Scale(out, at, small, small.Bounds(), xdraw.Src, nil)
	return out
}
