package synthetic

import "math"

// texture is value noise: smooth random fields without storing them. The same
// seed and point give the same value.
type texture uint64

// lattice is a hash of a grid point to -1..1 (the finalizer of SplitMix64).
func (t texture) lattice(x, y, z int) float64 {
	h := uint64(t) ^ uint64(x)*0x9e3779b97f4a7c15 ^ uint64(y)*0xc2b2ae3d27d4eb4f ^ uint64(z)*0x165667b19e3779f9
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return float64(int64(h^h>>31)) / (1 << 63)
}

// at interpolates the lattice in the plane; z picks the layer.
func (t texture) at(x, y float64, z int) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	i, j := int(fx), int(fy)
	a, b := smoothstep(0, 1, x-fx), smoothstep(0, 1, y-fy)
	top := t.lattice(i, j, z)*(1-a) + t.lattice(i+1, j, z)*a
	low := t.lattice(i, j+1, z)*(1-a) + t.lattice(i+1, j+1, z)*a
	return top*(1-b) + low*b
}

// clouds is octaves of noise at doubling frequency and halving height, about -1..1.
func (t texture) clouds(x, y float64, octaves int) float64 {
	sum, height := 0.0, 0.55
	for o := range octaves {
		sum += height * t.at(x, y, o)
		x, y, height = 2*x+17.3, 2*y-5.1, height/2
	}
	return sum
}

// threads are ridges of noise: branching lines, like vessels; 0..1.
func (t texture) threads(x, y float64, octaves int) float64 {
	sum, height := 0.0, 0.6
	for o := range octaves {
		r := 1 - min(6*math.Abs(t.at(x, y, 64+o)), 1)
		sum += height * r
		x, y, height = 1.9*x+3.7, 1.9*y+9.2, 0.6*height
	}
	return sum
}
