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
