package synthetic

import (
	"fmt"
	"math"
	"math/rand/v2"

	"consilium/clinical"
)

// FundusTruth is what is known about a generated fundus photograph.
type FundusTruth struct {
	Grade         int // 0..4, in the manner of the international retinopathy scale
	Microaneurysm int // counts of drawn lesions
	Haemorrhages  int
	Exudates      int
	CottonWool    int
	NewVessels    bool
}

// Fundus draws a colour photograph of a retina, size x size (16..2048), RGB,
// 0..255, with disc, vessels, macula and the lesions of a retinopathy grade
// (0 none .. 4 proliferative; International Clinical Diabetic Retinopathy scale,
// Wilkinson et al., Ophthalmology 110:1677, 2003). SYNTHETIC.
func Fundus(seed uint64, size, grade int) (clinical.Image, FundusTruth) {
	grade = min(max(grade, 0), 4)
	r := source(seed, fmt.Sprintf("fundus/%d", grade))
	id := fmt.Sprintf("synthetic-%d", seed)
	patient := person(r, id)
	e := newEye(r, grade)
	size = min(max(size, 16), 2048)
	img := clinical.Image{
		Source: id, Format: "synthetic", Modality: "OP", BodyPart: "EYE", Frames: 1, Rows: size, Columns: size,
		Channels: 3, High: 255, Pixels: make([]float32, size*size*3), Patient: patient, Synthetic: true,
	}
	sub := max(1, 128/size)
	step := 2 / float64(size*sub)
	for y := range size {
		for x := range size {
			var sum vector
			for k := range sub * sub {
				u := -1 + (float64(x*sub+k%sub)+0.5)*step
				v := -1 + (float64(y*sub+k/sub)+0.5)*step
				sum = sum.plus(e.colour(u, v))
			}
			for c := range 3 {
				shot := e.grain * r.NormFloat64() / float64(sub)
				img.Pixels[(y*size+x)*3+c] = float32(math.Round(255 * min(max(sum[c]/float64(sub*sub)+shot, 0), 1)))
			}
		}
	}
	return img, e.truth
}

// spot is one lesion: a dark or bright blot.
type spot struct {
	u, v, size, stretch float64
	tint                vector // added at its centre
}

type eye struct {
	truth  FundusTruth
	side   float64 // disc to the right (1) or left (-1)
	tone   vector
	fabric texture
	spots  []spot
	light  float64
	grain  float64
}

func newEye(r *rand.Rand, grade int) eye {
	e := eye{side: 1, fabric: texture(r.Uint64()), light: around(r, 1, 0.12), grain: between(r, 0.005, 0.025),
		tone: vector{around(r, 0.74, 0.06), around(r, 0.36, 0.05), around(r, 0.16, 0.03)}}
	if chance(r, 0.5) {
		e.side = -1
	}
	t := &e.truth
	t.Grade = grade
	if grade >= 1 {
		t.Microaneurysm = 2 + r.IntN(5*grade)
	}
	if grade >= 2 {
		t.Haemorrhages = 2 + r.IntN(7*(grade-1))
		t.Exudates = r.IntN(12)
	}
	if grade >= 3 {
		t.CottonWool = 1 + r.IntN(4)
	}
	t.NewVessels = grade == 4
	dark, bright, pale := vector{-0.30, -0.22, -0.08}, vector{0.22, 0.40, 0.18}, vector{0.16, 0.28, 0.26}
	e.scatter(r, t.Microaneurysm, 0.010, 0.018, dark)
	e.scatter(r, t.Haemorrhages, 0.022, 0.060, dark)
	e.scatter(r, t.Exudates, 0.012, 0.032, bright)
	e.scatter(r, t.CottonWool, 0.045, 0.075, pale)
	return e
}

func (e *eye) scatter(r *rand.Rand, n int, small, large float64, tint vector) {
	for range n {
		a, d := 2*math.Pi*r.Float64(), 0.80*math.Sqrt(r.Float64())
		e.spots = append(e.spots, spot{d * math.Cos(a), d * math.Sin(a), between(r, small, large), between(r, 0.7, 1.4), tint})
	}
}

// colour is the retina's red, green and blue at a point.
func (e *eye) colour(u, v float64) vector {
	d := math.Hypot(u, v)
	if d > 0.97 {
		return vector{0.01, 0.01, 0.01}
	}
	c := e.tone.times(e.light * (1 - 0.35*d*d) * (1 + 0.10*e.fabric.clouds(4*u, 4*v, 4)))
	macula := bell(math.Hypot(u+0.10*e.side, v), 0.13)
	c = c.plus(vector{-0.16, -0.12, -0.05}.times(macula))
	blood := e.vessels(u, v)
	c = c.plus(vector{-0.26, -0.20, -0.07}.times(blood))
	disc := 1 - smoothstep(0.085, 0.125, math.Hypot(u-0.52*e.side, 1.1*v))
	cup := bell(math.Hypot(u-0.54*e.side, v), 0.045)
	c = c.plus(vector{0.20, 0.34, 0.24}.times(disc * (1 - 0.5*blood))).plus(vector{0.04, 0.12, 0.14}.times(cup))
	for _, s := range e.spots {
		x, y := (u-s.u)/s.stretch, (v-s.v)*s.stretch
		if q := (x*x + y*y) / (s.size * s.size); q < 6 {
			ragged := q + 0.8*e.fabric.clouds(25*u, 25*v, 2)
			c = c.plus(s.tint.times(1 - smoothstep(0.6, 2.0, ragged)))
		}
	}
	return c.times(1 - smoothstep(0.93, 0.97, d))
}

// vessels are two arcades that leave the disc, arch around the macula and
// branch; new vessels are a tangle at the disc.
func (e *eye) vessels(u, v float64) float64 {
	x := 0.52 - u*e.side // distance from the disc towards the macula
	y := math.Abs(v)
	wobble := 0.05 * e.fabric.clouds(3*u, 3*v, 2)
	arcade := math.Abs(y-0.50*math.Sqrt(max(x, 0)+0.002)-wobble) - 0.014/(1+0.8*math.Abs(x))
	nasal := math.Abs(y-0.75*math.Sqrt(max(-x, 0))-wobble) - 0.010
	dark := 0.0
	if x >= 0 {
		dark = 1 - smoothstep(0, 0.016, arcade)
	} else {
		dark = 1 - smoothstep(0, 0.014, nasal)
	}
	far := smoothstep(0.14, 0.35, math.Hypot(u+0.10*e.side, v)) // the macula has none
	dark = max(dark, 0.45*far*smoothstep(0.6, 0.95, e.fabric.threads(2.2*u, 2.2*v, 3)))
	if e.truth.NewVessels {
		near := bell(math.Hypot(u-0.50*e.side, v-0.05), 0.20)
		dark = max(dark, near*smoothstep(0.45, 0.8, e.fabric.threads(12*u, 12*v, 3)))
	}
	return dark
}
