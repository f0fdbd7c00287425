package knowledge

import (
	"math"
	"math/rand/v2"
)

// table is a matrix of parameters with the running sums of squared gradients
// that Adagrad divides by (Duchi 2011).
type table struct {
	name   string
	rows   int
	width  int
	value  []float32
	square []float32
}

// newTable draws parameters from a normal distribution.
func newTable(name string, rows, width int, deviation float64, rng *rand.Rand) *table {
	t := &table{name, rows, width, make([]float32, rows*width), make([]float32, rows*width)}
	for i := range t.value {
		t.value[i] = float32(rng.NormFloat64() * deviation)
	}
	return t
}

func (t *table) row(i int) []float32 { return t.value[i*t.width:][:t.width] }

// descend takes one step of Adagrad on one row.
func (t *table) descend(i int, gradient []float32, rate float32) {
	value, square := t.row(i), t.square[i*t.width:][:t.width]
	for k, g := range gradient {
		square[k] += g * g
		value[k] -= rate * g / (float32(math.Sqrt(float64(square[k]))) + 1e-10)
	}
}

// exp32 is e to the x for x at or below 0 and a little above, to 1 in 100,000: a softmax
// over thousands of candidates spends its time here. Coefficients are the Taylor
// series of 2 to the f on -0.5..0.5.
func exp32(x float32) float32 {
	if x < -87 {
		return 0
	}
	y := x * 1.44269504
	n := float32(int32(y+128.5) - 128)
	f := y - n
	p := float32(1.5403530e-4)
	p = p*f + 1.3333558e-3
	p = p*f + 9.6181291e-3
	p = p*f + 5.5504109e-2
	p = p*f + 2.4022651e-1
	p = p*f + 6.9314718e-1
	p = p*f + 1
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}
