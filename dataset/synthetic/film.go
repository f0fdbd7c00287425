package synthetic

import (
	"fmt"
	"math"
	"math/rand/v2"

	"consilium/clinical"
)

// FilmHigh is the white of generated films: 12 bits, as a flat detector gives.
const FilmHigh = 4095

// FilmTruth is what is known about a generated chest film.
type FilmTruth struct {
	Pneumonia bool
	Severity  float64 // how much of the lung's air the consolidation takes at its centre, 0..1
	Mask      []bool  // consolidated pixels, row by row
}

// Film draws a frontal chest film of size x size pixels (16..2048), grey,
// MONOCHROME2, 0..FilmHigh. SYNTHETIC. Film density is linear in the X-ray's path
// through tissue (the straight part of the Hurter-Driffield curve), so paths add:
// wall, lungs, mediastinum, heart, diaphragm, ribs, vessels, and for pneumonia
// one or more patches in which fluid replaces air. Patches may be faint.
func Film(seed uint64, size int, pneumonia bool) (clinical.Image, FilmTruth) {
	r := source(seed, fmt.Sprintf("film/%v", pneumonia))
	return film(r, fmt.Sprintf("synthetic-%d", seed), min(max(size, 16), 2048), pneumonia)
}

func film(r *rand.Rand, id string, size int, pneumonia bool) (clinical.Image, FilmTruth) {
	patient := person(r, id)
	c := newThorax(r, pneumonia)
	img := clinical.Image{
		Source: id, Format: "synthetic", Modality: "DX", BodyPart: "CHEST", Frames: 1, Rows: size, Columns: size,
		Channels: 1, High: FilmHigh, Pixels: make([]float32, size*size), Patient: patient, Synthetic: true,
	}
	truth := FilmTruth{Pneumonia: pneumonia, Severity: c.density, Mask: make([]bool, size*size)}
	sub := max(1, 96/size) // small films are drawn finer and averaged
	step := 2 / float64(size*sub)
	grain := c.grain / float64(sub)
	for y := range size {
		for x := range size {
			sum, ill := 0.0, 0.0
			for k := range sub * sub {
				u := -1 + (float64(x*sub+k%sub)+0.5)*step
				v := -1 + (float64(y*sub+k/sub)+0.5)*step
				path, fluid := c.path(u, v)
				sum, ill = sum+path, ill+fluid
			}
			n := float64(sub * sub)
			v := c.expose(sum/n + grain*r.NormFloat64())
			img.Pixels[y*size+x] = float32(math.Round(FilmHigh * v))
			truth.Mask[y*size+x] = ill/n > 0.06
		}
	}
	return img, truth
}

// thorax is one patient's thorax in film coordinates: u to the image's right (the
// patient's left), v down, both -1..1.
type thorax struct {
	tilt, shiftU, shiftV, scale float64

	apex, base, dome        float64 // heights of lung apex, diaphragm, and its dome
	inner, outerTop, outer  float64 // medial and lateral lung borders
	heartU, heartV          float64
	heartW, heartH          float64
	ribs, ribStep, ribShift float64
	markings                float64 // vessels
	neck                    bool    // air beside the neck is on the film
	fabric                  texture

	patches []patch
	density float64
	haze    float64 // interstitial pattern

	gain, offset, gamma, grain float64
}

// patch is a consolidation.
type patch struct{ u, v, size, stretch float64 }

func newThorax(r *rand.Rand, pneumonia bool) thorax {
	c := thorax{
		tilt: around(r, 0, 0.04), shiftU: around(r, 0, 0.05), shiftV: around(r, 0, 0.05), scale: around(r, 1, 0.06),
		apex: around(r, -0.78, 0.05), base: around(r, 0.52, 0.07), dome: around(r, 0.12, 0.03),
		inner: around(r, 0.19, 0.025), outerTop: around(r, 0.46, 0.04), outer: around(r, 0.90, 0.05),
		heartU: around(r, 0.13, 0.03), heartV: around(r, 0.26, 0.05), heartW: around(r, 0.42, 0.05), heartH: around(r, 0.40, 0.04),
		ribs: between(r, 0.03, 0.10), ribStep: around(r, 0.155, 0.012), ribShift: r.Float64(),
		markings: between(r, 0.05, 0.14), neck: chance(r, 0.4), fabric: texture(r.Uint64()),
		gain: around(r, 1, 0.08), offset: around(r, -0.03, 0.03), gamma: around(r, 1, 0.10), grain: between(r, 0.006, 0.03),
	}
	if pneumonia {
		c.sicken(r)
	} else if chance(r, 0.25) { // busy but healthy: bronchial markings, shallow breath
		c.haze = between(r, 0.02, 0.08)
		c.base -= between(r, 0, 0.08)
	}
	return c
}

// sicken places one lobar patch, or several small ones with interstitial haze.
func (c *thorax) sicken(r *rand.Rand) {
	c.density = min(max(around(r, 0.60, 0.22), 0.12), 0.98)
	n, size := 1, between(r, 0.20, 0.42)
	if chance(r, 0.4) {
		n, size = 2+r.IntN(3), between(r, 0.10, 0.20)
		c.haze = between(r, 0.03, 0.14)
	}
	for range n {
		side := 1.0
		if chance(r, 0.55) {
			side = -1
		}
		s := between(r, 0.25, 0.90) // from apex to base
		in, out := c.borders(side, c.apex+s*(c.base-c.apex))
		c.patches = append(c.patches, patch{
			u: side * (in + between(r, 0.2, 0.75)*(out-in)), v: c.apex + s*(c.base-c.apex),
			size: size * around(r, 1, 0.15), stretch: between(r, 0.7, 1.4),
		})
	}
}

// borders gives the medial and lateral border of a lung (side -1 is the image's
// left) at height v.
func (c *thorax) borders(side, v float64) (inner, outer float64) {
	s := min(max((v-c.apex)/(c.base-c.apex), 0), 1.2)
	outer = c.outerTop + (c.outer-c.outerTop)*math.Pow(s, 0.75)
	return c.inner - 0.03*s*side, outer
}

// lung is the depth of air at a point, 0..1.
func (c *thorax) lung(u, v float64) float64 {
	side := 1.0
	if u < 0 {
		side = -1
	}
	x := math.Abs(u)
	inner, outer := c.borders(side, v)
	t := (x - inner) / (outer - inner)
	if t <= 0 || t >= 1 || v < c.apex-0.05 {
		return 0
	}
	middle := (x - 0.5*(inner+outer)) / (0.5 * (outer - inner))
	floor := c.base + 0.02*side + 0.10*middle*math.Abs(middle) - c.dome*(1-middle*middle)
	roof := c.apex + 0.22*middle*middle
	depth := math.Pow(4*t*(1-t), 0.40)
	return depth * smoothstep(roof-0.02, roof+0.16, v) * (1 - smoothstep(floor-0.035, floor+0.02, v))
}

// heart is the depth of the heart's shadow, 0..1.
func (c *thorax) heart(u, v float64) float64 {
	const tilt = 0.5 // the apex points down and to the patient's left
	s, k := math.Sincos(tilt)
	x, y := u-c.heartU, v-c.heartV
	x, y = (k*x+s*y)/c.heartW, (k*y-s*x)/(0.80*c.heartH)
	return math.Sqrt(max(1-x*x-y*y, 0))
}

// bones are ribs (behind, falling outwards, and in front, rising), collar bones and spine.
func (c *thorax) bones(u, v float64) float64 {
	x := math.Abs(u)
	ridge := func(phase, width float64) float64 {
		_, f := math.Modf(phase + 100)
		return bell(f-0.5, width)
	}
	_, side := c.borders(1, v)
	cage := smoothstep(0.10, 0.22, x) * (1 - smoothstep(side, side+0.10, x)) *
		smoothstep(c.apex-0.06, c.apex+0.06, v) * (1 - smoothstep(c.base-0.15, c.base+0.15, v))
	back := ridge((v-0.10*x-0.42*x*x)/c.ribStep+c.ribShift, 0.17)
	front := ridge((v+0.45*x)/(1.25*c.ribStep)+0.4*c.ribShift, 0.20) * smoothstep(0.3, 0.6, x)
	collar := bell(v-(c.apex+0.16-0.20*(x-0.15)), 0.028) * smoothstep(0.08, 0.15, x) * (1 - smoothstep(0.70, 0.85, x))
	spine := bell(u, 0.085) * (1 + 0.12*math.Cos(2*math.Pi*v/0.13))
	return c.ribs*cage*(back+0.5*front) + 0.09*collar + 0.13*spine
}

// path is the depth of tissue along the ray, and the part of it that is fluid in
// diseased lung.
func (c *thorax) path(u, v float64) (total, fluid float64) {
	s, k := math.Sincos(c.tilt)
	u, v = (k*u+s*v)/c.scale-c.shiftU, (k*v-s*u)/c.scale-c.shiftV
	air := c.lung(u, v)
	heart := c.heart(u, v)
	wall := 0.60 + 0.15*smoothstep(c.base-0.25, c.base+0.25, v)
	wall *= 1 - 0.45*smoothstep(c.outer+0.06, c.outer+0.35, math.Abs(u))
	if c.neck { // shoulders slope away from the neck
		wall *= 1 - 0.9*smoothstep(0.0, 0.14, c.apex-0.06-0.30*(math.Abs(u)-0.5)*(math.Abs(u)-0.5)-v)*smoothstep(0.28, 0.42, math.Abs(u))
	}
	mediastinum := bell(u-0.02, 0.17) * (0.10 + 0.04*smoothstep(-0.6, 0.2, v))
	total = wall + mediastinum + c.bones(u, v) + 0.12*heart*(1-smoothstep(c.base-0.2, c.base+0.05, v)) + 0.03*c.fabric.clouds(3*u, 3*v, 3)
	if air == 0 {
		return total, 0
	}
	air *= 1 - 0.80*math.Sqrt(heart)
	hilum := bell(math.Abs(u)-c.inner-0.06, 0.16) * bell(v+0.02, 0.26)
	vessels := c.fabric.threads(5*u, 5*v, 3) * (0.35 + 1.3*hilum) * c.markings
	fluid = air * (c.consolidation(u, v) + c.haze*(0.5+c.fabric.threads(9*u, 9*v, 2)))
	total += -0.36*air + air*(vessels+0.08*hilum) + 0.36*fluid
	return total, 0.36 * fluid
}

// consolidation is the part of the air that fluid replaces, with ragged edges.
func (c *thorax) consolidation(u, v float64) float64 {
	left := 1.0
	for i, p := range c.patches {
		x, y := (u-p.u)/p.stretch, (v-p.v)*p.stretch
		d := math.Sqrt(x*x+y*y) / p.size
		if d > 1.9 {
			continue
		}
		ragged := d + 0.85*c.fabric.clouds(5*u+float64(9*i), 5*v, 4)
		left *= 1 - c.density*(1-smoothstep(0.25, 1.25, ragged))
	}
	return 1 - left
}

// expose is the film's answer, 0..1.
func (c *thorax) expose(path float64) float64 {
	v := 0.5 + c.gain*1.02*(path-0.52) + c.offset
	return math.Pow(min(max(v, 0), 1), c.gamma)
}
