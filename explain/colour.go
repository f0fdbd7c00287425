package explain

import (
	"image/color"
	"math"
	"slices"
)

// palette is a colour scale through evenly spaced anchors.
type palette []color.NRGBA

// warmth is matplotlib's inferno: perceptually uniform, and readable without colour vision.
var warmth = palette{{0, 0, 4, 255}, {31, 12, 72, 255}, {85, 15, 109, 255}, {136, 34, 106, 255}, {186, 54, 85, 255},
	{227, 89, 51, 255}, {249, 140, 10, 255}, {249, 201, 50, 255}, {252, 255, 164, 255}}

// balance is ColorBrewer's RdBu reversed: blue speaks against, red for.
var balance = palette{{5, 48, 97, 255}, {33, 102, 172, 255}, {67, 147, 195, 255}, {146, 197, 222, 255}, {247, 247, 247, 255},
	{244, 165, 130, 255}, {214, 96, 77, 255}, {178, 24, 43, 255}, {103, 0, 31, 255}}

// at gives the colour at t in 0..1.
func (p palette) at(t float64) color.NRGBA {
	t = min(max(t, 0), 1) * float64(len(p)-1)
	i := min(int(t), len(p)-2)
	f := t - float64(i)
	mix := func(a, b uint8) uint8 { return uint8(float64(a)*(1-f) + float64(b)*f + 0.5) }
	return color.NRGBA{mix(p[i].R, p[i+1].R), mix(p[i].G, p[i+1].G), mix(p[i].B, p[i+1].B), 255}
}

// scale turns map values into colours whose opacity grows with the magnitude.
type scale struct {
	top    float64 // the magnitude that gets full colour
	signed bool
}

// strength of the strongest colour, so that the picture stays visible beneath.
const strength = 0.62

// newScale takes the 99.5th percentile of the magnitudes as full colour: a
// single outlier must not hide everything else.
func newScale(values []float32) scale {
	magnitudes := make([]float64, len(values))
	s := scale{}
	negative, positive := 0.0, 0.0
	for i, v := range values {
		magnitudes[i] = math.Abs(float64(v))
		negative, positive = max(negative, -float64(v)), max(positive, float64(v))
	}
	if len(values) > 0 {
		slices.Sort(magnitudes)
		s.top = magnitudes[int(0.995*float64(len(values)-1))]
		if s.top == 0 {
			s.top = magnitudes[len(magnitudes)-1]
		}
	}
	s.signed = negative > 0.02*positive
	return s
}

// level is the value in -1..1.
func (s scale) level(v float64) float64 {
	if s.top == 0 {
		return 0
	}
	return min(max(v/s.top, -1), 1)
}

// colour of a value, with its opacity.
func (s scale) colour(v float64) color.NRGBA {
	l := s.level(v)
	c := warmth.at(0.25 + 0.75*l) // the scale's black end would darken the picture
	if s.signed {
		c = balance.at((l + 1) / 2)
	}
	c.A = uint8(255*strength*math.Pow(math.Abs(l), 0.8) + 0.5)
	return c
}

// onPaper is the colour for light backgrounds, where a scale that ends in light
// yellow would fade: one hue for each sign, and only the opacity grows.
func (s scale) onPaper(v float64) color.NRGBA {
	l := s.level(v)
	c := color.NRGBA{226, 88, 18, 0}
	if l < 0 {
		c = color.NRGBA{33, 102, 172, 0}
	}
	c.A = uint8(255*strength*math.Pow(math.Abs(l), 0.8) + 0.5)
	return c
}

// solid is the colour without transparency, for the colour bar.
func (s scale) solid(l float64) color.NRGBA {
	c := s.colour(l * s.top)
	if s.top == 0 {
		c = white
	}
	// Over mid-grey, as it looks on a film.
	a := float64(c.A) / 255
	mix := func(v uint8) uint8 { return uint8(float64(v)*a + 120*(1-a) + 0.5) }
	return color.NRGBA{mix(c.R), mix(c.G), mix(c.B), 255}
}

// readingOnPaper says in words what the colours of onPaper mean.
func (s scale) readingOnPaper(label string) string {
	switch {
	case s.top == 0:
		return emptyReading
	case s.signed:
		return "Orange speaks for " + label + ", blue against it; the stronger the colour, the more it matters."
	}
	return "Orange marks what speaks for " + label + "; the stronger, the more it matters."
}

const emptyReading = "No part of the input stands out: the map is empty."

// reading says in words what the colours of a picture mean.
func (s scale) reading(label string) string {
	switch {
	case s.top == 0:
		return emptyReading
	case s.signed:
		return "Red speaks for " + label + ", blue against it; the stronger the colour, the more it matters."
	}
	return "Colour marks what speaks for " + label + "; the brighter, the more it matters."
}
