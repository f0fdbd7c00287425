// Package synthetic generates recordings and pictures with known truth: 12-lead
// ECGs, coughs, chest films, fundus photographs and lung nodules.
//
// SYNTHETIC: nothing here was recorded from a patient. The generators serve
// tests, demonstrations and models that say so; a figure measured on them says
// nothing about patients. Everything they make carries Synthetic = true and
// clinical.SyntheticNotice. The same seed gives the same bytes.
package synthetic

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"consilium/clinical"
)

// source makes the generator of one example from a seed and what it is for.
func source(seed uint64, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// between draws uniformly.
func between(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// around draws a normal value that stays within three deviations.
func around(r *rand.Rand, mean, sd float64) float64 {
	return mean + sd*min(max(r.NormFloat64(), -3), 3)
}

// chance is true with probability p.
func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// bell is the Gaussian of height one.
func bell(x, width float64) float64 { return math.Exp(-x * x / (2 * width * width)) }

// smoothstep rises from 0 at lo to 1 at hi.
func smoothstep(lo, hi, x float64) float64 {
	t := min(max((x-lo)/(hi-lo), 0), 1)
	return t * t * (3 - 2*t)
}

// person is the invented patient of one example.
func person(r *rand.Rand, id string) clinical.Patient {
	sex := "F"
	if chance(r, 0.5) {
		sex = "M"
	}
	return clinical.Patient{ID: id, Sex: sex, Age: fmt.Sprintf("%03dY", int(between(r, 25, 85))), Synthetic: true}
}
