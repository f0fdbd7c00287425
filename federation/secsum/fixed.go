package secsum

import (
	"fmt"
	"math"

	"consilium/fault"
	"consilium/federation/secsum/internal/run"
)

// Fixed turns values into 32-bit integers and a sum of such integers back. Scale is the largest power of two with
// which the sum of all sites stays below 2^31: so scaling itself is exact, and a value is off by at most half a
// unit, 1/(2*Scale), whatever the other sites do. With a bound of 1 a unit is 2^-26 for 23 sites and 2^-24 for 100.
type Fixed struct {
	Scale float64 // units in 1
	Most  int32   // largest magnitude of one site's integer
	Bound float64 // ditto as a value
}

// NewFixed chooses the scale for values up to bound of so many sites. Errors: USAGE.
func NewFixed(bound float64, sites int) (Fixed, error) {
	if !(bound >= run.MinBound && bound <= run.MaxBound) || sites < 1 || sites > run.MaxSites {
		return Fixed{}, fault.New(fault.Usage, fmt.Sprintf("no fixed point for values up to %g of %d sites", bound, sites), "set a bound of order 1")
	}
	share := float64(math.MaxInt32 / sites)
	scale := math.Ldexp(1, math.Ilogb(share/bound))
	for bound*scale > share { // Ilogb of a rounded quotient may be one too many
		scale /= 2
	}
	return Fixed{Scale: scale, Most: int32(math.RoundToEven(bound * scale)), Bound: bound}, nil
}

// Quantise rounds to the nearest integer, halves to the even one, cuts what is beyond the bound, and says how many
// values that were. Errors: INPUT_NOT_FINITE.
func (f Fixed) Quantise(values []float32) (q []int32, cut int, err error) {
	q = make([]int32, len(values))
	for i, v := range values {
		x := float64(v)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, 0, fault.New(fault.InputNotFinite, fmt.Sprintf("value %d of the vector to be summed is NaN or infinite", i),
				"lower the plan's rate, or look at the site's data")
		}
		if math.Abs(x) > f.Bound {
			x = math.Copysign(f.Bound, x)
			cut++
		}
		q[i] = int32(math.RoundToEven(x * f.Scale))
	}
	return q, cut, nil
}

// Value turns an integer, or a sum of them, back. It is exact.
func (f Fixed) Value(sum int32) float64 { return float64(sum) / f.Scale }
