package privacy

import (
	cryptorand "crypto/rand"
	"fmt"
	"math"
	"math/rand/v2"

	"consilium/fault"

	"github.com/google/differential-privacy/go/v3/noise"
)

// The library of google/differential-privacy does not take a standard deviation, only a budget that it derives one
// from. So one budget is fixed, which has no meaning of its own but that its standard deviation is known and is found
// quickly; values are brought to that scale, noise is added there on the library's grid, and the outcome is scaled back.
// The scaling before only changes the unit, and the one after is computed from the noisy value alone: the library's
// protection against what floating point betrays (Mironov, CCS 2012) stands.
const (
	libraryEpsilon = 1e-9
	libraryDelta   = 0.5
)

var (
	librarySource = noise.Gaussian()
	librarySigma  = noise.SigmaForGaussian(1, 1, libraryEpsilon, libraryDelta)
)

// Noise adds Gaussian noise of a standard deviation above 0 to every number, from the operating system's randomness.
// It is for what leaves: a sum at the hub. The library is thorough and slow, some microseconds a number.
// When it fails nothing may leave: v is as before when an argument was wrong, and zero otherwise.
// Errors: USAGE, INPUT_NOT_FINITE, INTERNAL.
func Noise(v []float64, stddev float64) error {
	if !(stddev > 0) || math.IsInf(stddev, 0) || math.IsInf(librarySigma/stddev, 0) {
		return fault.New(fault.Usage, fmt.Sprintf("noise of standard deviation %g", stddev), "use multiplier x clip, above 0")
	}
	up, down := librarySigma/stddev, stddev/librarySigma
	for _, x := range v {
		if y := x * up; math.IsNaN(y) || math.IsInf(y, 0) {
			return fault.New(fault.InputNotFinite, "a number that noise should cover is NaN, infinite or beyond all noise", "clip before noise is added")
		}
	}
	for i, x := range v {
		y, err := librarySource.AddNoiseFloat64(x*up, 1, 1, libraryEpsilon, libraryDelta)
		if y *= down; err != nil || math.IsNaN(y) || math.IsInf(y, 0) {
			clear(v)
			return fault.New(fault.Internal, "noise could not be added", "nothing was released; report it")
		}
		v[i] = y
	}
	return nil
}

// StepNoise is Noise for the inner steps of DP-SGD, which nobody sees one by one: seventy times faster here. Each number
// gets half the sum of four normal numbers from a cryptographic generator. One alone could be read off the low bits of
// the outcome; four cannot be told apart (Holohan and Braghin, "Secure random sampling in differential privacy",
// ESORICS 2021). A nil generator means Generator(); give another one in tests only. Errors: USAGE, INPUT_NOT_FINITE;
// v is then as before.
func StepNoise[F float32 | float64](v []F, stddev float64, r *rand.Rand) error {
	if !(stddev > 0) || math.IsInf(stddev, 0) {
		return fault.New(fault.Usage, fmt.Sprintf("noise of standard deviation %g", stddev), "use multiplier x clip, above 0")
	}
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fault.New(fault.InputNotFinite, "a number that noise should cover is NaN or infinite", "clip before noise is added")
		}
	}
	if r == nil {
		r = Generator()
	}
	for i, x := range v {
		a, b := normals(r)
		c, d := normals(r)
		v[i] = F(float64(x) + stddev*0.5*(a+b+c+d))
	}
	return nil
}

// normals draws two independent normal numbers (Box and Muller 1958). The generator of math/rand has 32 bits of
// resolution in its normal numbers; these have 53.
func normals(r *rand.Rand) (a, b float64) {
	radius := math.Sqrt(-2 * math.Log(1-r.Float64()))
	b, a = math.Sincos(2 * math.Pi * r.Float64())
	return a * radius, b * radius
}

// Clip cuts v in place to an L2 norm of at most bound and gives the norm before. A vector that holds NaN or infinity
// becomes zero, and so does any when bound is not a number above 0: the caller sees it by the norm, and what leaves
// is harmless.
func Clip(v []float32, bound float64) (norm float64) { return ClipGroup([][]float32{v}, bound) }

// ClipGroup is Clip for one contribution that lies in several pieces: the norm is that of all of them together.
func ClipGroup(pieces [][]float32, bound float64) (norm float64) {
	square := 0.0
	for _, v := range pieces {
		for _, x := range v {
			square += float64(x) * float64(x)
		}
	}
	norm = math.Sqrt(square)
	switch {
	case math.IsNaN(norm) || math.IsInf(norm, 0) || !(bound > 0):
		for _, v := range pieces {
			clear(v)
		}
	case norm > bound:
		by := bound / norm * (1 - 0x1p-22) // rounding to 32 bits must not lift the norm above the bound again
		for _, v := range pieces {
			for i, x := range v {
				v[i] = float32(float64(x) * by)
			}
		}
	}
	return norm
}

// Generator gives a generator seeded by the operating system: ChaCha8, which cannot be told from chance.
func Generator() *rand.Rand {
	var seed [32]byte
	_, _ = cryptorand.Read(seed[:]) // never fails: it ends the program instead
	return rand.New(rand.NewChaCha8(seed))
}

// Poisson draws each of n examples with probability q, independently; the indexes come in order. The batch's size
// varies, and may be 0: the privacy figures rest on that. A nil generator means Generator(): an outsider who can guess
// the draw loses the gain of sampling, so give another one in tests only.
func Poisson(n int, q float64, r *rand.Rand) []int {
	if r == nil {
		r = Generator()
	}
	var drawn []int
	for i := range n {
		if q >= 1 || r.Float64() < q {
			drawn = append(drawn, i)
		}
	}
	return drawn
}
