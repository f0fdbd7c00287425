package synthetic

import (
	"fmt"
	"math"
	"math/rand/v2"

	"consilium/clinical"
)

// Hounsfield range of generated volumes.
const (
	NoduleLow  = -1024
	NoduleHigh = 1023
)

// Attenuation is a nodule's density class (Fleischner Society's terms).
type Attenuation int

// The three classes.
const (
	Solid Attenuation = iota
	PartSolid
	GroundGlass
)

// NoduleTruth is what is known about a generated nodule.
type NoduleTruth struct {
	Suspicious  bool
	Diameter    float64 // mm
	Attenuation Attenuation
	Spiculation float64 // 0 smooth .. 1 spiculated
	Calcified   bool
	Mask        []bool // voxels of the nodule
}

// Nodule draws a cube of lung of size voxels a side (8..128) at 1 mm, in
// Hounsfield units, with vessels, wall in some, and a nodule near its centre.
// SYNTHETIC. Suspicious nodules tend to be larger, spiculated and part-solid,
// others small, smooth, and at times calcified, the features of the Brock model
// (McWilliams et al., NEJM 369:910, 2013); the classes overlap.
func Nodule(seed uint64, size int, suspicious bool) (clinical.Image, NoduleTruth) {
	r := source(seed, fmt.Sprintf("nodule/%v", suspicious))
	return nodule(r, fmt.Sprintf("synthetic-%d", seed), min(max(size, 8), 128), suspicious)
}

func nodule(r *rand.Rand, id string, size int, suspicious bool) (clinical.Image, NoduleTruth) {
	patient := person(r, id)
	l := newLesion(r, float64(size), suspicious)
	img := clinical.Image{
		Source: id, Format: "synthetic", Modality: "CT", BodyPart: "CHEST", Frames: size, Rows: size, Columns: size,
		Channels: 1, Low: NoduleLow, High: NoduleHigh, Pixels: make([]float32, size*size*size), Patient: patient, Synthetic: true,
	}
	truth := l.truth
	truth.Mask = make([]bool, len(img.Pixels))
	i := 0
	for z := range size {
		for y := range size {
			for x := range size {
				p := vector{float64(x), float64(y), float64(z)}
				hu, inside := l.at(p)
				hu += l.grain * r.NormFloat64()
				img.Pixels[i] = float32(math.Round(min(max(hu, NoduleLow), NoduleHigh)))
				truth.Mask[i] = inside
				i++
			}
		}
	}
	return img, truth
}

// lesion is a nodule and the lung around it.
type lesion struct {
	truth   NoduleTruth
	centre  vector
	radius  float64
	flat    vector // half axes as parts of the radius
	core    float64
	fabric  texture
	vessels []tube
	pleura  float64 // x beyond which there is chest wall; out of the cube for most
	grain   float64
}

// tube is a vessel: a line through at, along unit vector dir.
type tube struct {
	at, dir vector
	radius  float64
}

func newLesion(r *rand.Rand, size float64, suspicious bool) lesion {
	t := NoduleTruth{Suspicious: suspicious, Diameter: math.Exp(around(r, math.Log(7.5), 0.32)), Spiculation: r.Float64() * r.Float64()}
	if suspicious {
		t.Diameter = math.Exp(around(r, math.Log(14), 0.32))
		t.Spiculation = math.Sqrt(r.Float64())
	}
	t.Diameter = min(max(t.Diameter, 4), 0.8*size)
	switch u := r.Float64(); {
	case suspicious && u < 0.35, !suspicious && u < 0.08:
		t.Attenuation = PartSolid
	case u > 0.85:
		t.Attenuation = GroundGlass
	}
	t.Calcified = !suspicious && t.Attenuation == Solid && chance(r, 0.25)
	l := lesion{
		truth: t, radius: t.Diameter / 2, core: between(r, 0.35, 0.6), fabric: texture(r.Uint64()),
		flat: vector{around(r, 1, 0.08), around(r, 1, 0.08), around(r, 1, 0.08)}, pleura: 2 * size, grain: between(r, 12, 40),
	}
	for k := range 3 {
		l.centre[k] = size/2 - 0.5 + around(r, 0, 0.04*size)
	}
	if chance(r, 0.25) {
		l.pleura = size * between(r, 0.78, 0.95)
	}
	for range 3 + r.IntN(4) {
		d := vector{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		d = d.times(1 / math.Sqrt(d[0]*d[0]+d[1]*d[1]+d[2]*d[2]))
		l.vessels = append(l.vessels, tube{vector{size * r.Float64(), size * r.Float64(), size * r.Float64()}, d, between(r, 0.5, 1.6)})
	}
	return l
}

// at gives the density at a point in HU, and whether it is nodule.
func (l *lesion) at(p vector) (hu float64, inside bool) {
	hu = -860 + 45*l.fabric.clouds(0.15*p[0]+0.09*p[2], 0.15*p[1]-0.07*p[2], 2)
	for _, t := range l.vessels {
		if away := t.distance(p) - t.radius; away < 0.7 {
			hu = max(hu, -860+900*soft(away))
		}
	}
	if p[0] > l.pleura {
		hu = 40
	}
	d := vector{(p[0] - l.centre[0]) / l.flat[0], (p[1] - l.centre[1]) / l.flat[1], (p[2] - l.centre[2]) / l.flat[2]}
	dist := math.Sqrt(d[0]*d[0] + d[1]*d[1] + d[2]*d[2])
	if dist > 2*l.radius+2 {
		return hu, false
	}
	edge := dist - l.radius*l.margin(d, dist)
	part := soft(edge)
	return hu + part*max(l.density(dist)-hu, 0), part > 0.5
}

// margin moves the edge with the direction: lobes for every nodule, spikes for
// spiculated ones.
func (l *lesion) margin(d vector, dist float64) float64 {
	if dist == 0 {
		return 1
	}
	a, b := math.Atan2(d[1], d[0]), math.Acos(min(max(d[2]/dist, -1), 1))
	lobes := 0.12 * l.fabric.at(1.2*a+20, 1.5*b, 8)
	spikes := math.Pow(max(l.fabric.at(4*a+40, 5*b, 9), 0), 2)
	return 1 + lobes + 0.9*l.truth.Spiculation*spikes
}

func (l *lesion) density(dist float64) float64 {
	switch l.truth.Attenuation {
	case GroundGlass:
		return -560
	case PartSolid:
		return -560 + 600*soft(dist-l.core*l.radius)
	}
	if l.truth.Calcified {
		return 40 + 360*soft(dist-0.6*l.radius)
	}
	return 40
}

// soft is the partial volume of a voxel at a signed distance from an edge.
func soft(d float64) float64 { return 1 - smoothstep(-0.7, 0.7, d) }

func (t tube) distance(p vector) float64 {
	d := p.plus(t.at.times(-1))
	along := d[0]*t.dir[0] + d[1]*t.dir[1] + d[2]*t.dir[2]
	return math.Sqrt(max(d[0]*d[0]+d[1]*d[1]+d[2]*d[2]-along*along, 0))
}
