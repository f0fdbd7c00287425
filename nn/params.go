// Package nn holds the layers that GoMLX lacks or builds slowly on CPU: convolution of any rank
// with a gradient that both CPU backends can run, group and batch norm, squeeze-excite,
// MobileNetV3 blocks, bidirectional GRU and attention pooling.
//
// Tensors are channels first: [batch, channels, spatial...].
package nn

import (
	"math"
	"math/rand/v2"
)

// Param is one weight of a network: a named slice of the flat weight vector.
type Param struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Offset int    `json:"offset"`
	Decay  bool   `json:"decay"`           // weight decay applies (not to biases and norms)
	State  bool   `json:"state,omitempty"` // not trained: running statistics
	init   Init
}

// Size is the number of values in the parameter.
func (p Param) Size() int { return product(p.Shape) }

// Layout lists all parameters of a network. Weights live in ONE flat vector, so that the optimiser is
// ten operations whatever the network's depth, a checkpoint is one array, and a federated update is one sum.
type Layout struct {
	Params []Param `json:"params"`
	Size   int     `json:"size"`
	index  map[string]int
}

// Init fills a fresh weight; fanIn and fanOut follow He et al. 2015.
type Init func(r *rand.Rand, into []float32, fanIn, fanOut int)

// HeNormal draws from N(0, 2/fanIn): for layers followed by a rectifier-like activation.
func HeNormal(r *rand.Rand, into []float32, fanIn, _ int) {
	s := math.Sqrt(2 / float64(max(fanIn, 1)))
	for i := range into {
		into[i] = float32(r.NormFloat64() * s)
	}
}

// Glorot draws from U(-a, a), a = sqrt(6/(fanIn+fanOut)): for gates and output layers.
func Glorot(r *rand.Rand, into []float32, fanIn, fanOut int) {
	a := math.Sqrt(6 / float64(max(fanIn+fanOut, 1)))
	for i := range into {
		into[i] = float32((r.Float64()*2 - 1) * a)
	}
}

// ZeroInit leaves the weight at 0.
func ZeroInit(_ *rand.Rand, into []float32, _, _ int) { clear(into) }

// OneInit sets the weight to 1.
func OneInit(_ *rand.Rand, into []float32, _, _ int) {
	for i := range into {
		into[i] = 1
	}
}

// Initial draws a fresh weight vector; the same seed gives the same bytes.
func (l *Layout) Initial(seed uint64) []float32 {
	w := make([]float32, l.Size)
	for i, p := range l.Params {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		fanOut, fanIn := fans(p.Shape)
		p.init(r, w[p.Offset:p.Offset+p.Size()], fanIn, fanOut)
	}
	return w
}

// DecayMask is 1 where weight decay applies.
func (l *Layout) DecayMask() []float32 {
	m := make([]float32, l.Size)
	for _, p := range l.Params {
		if p.Decay {
			OneInit(nil, m[p.Offset:p.Offset+p.Size()], 0, 0)
		}
	}
	return m
}

// fans of a weight laid out [out, in, kernel...].
func fans(shape []int) (fanOut, fanIn int) {
	if len(shape) < 2 {
		return 1, product(shape)
	}
	k := product(shape[2:])
	return shape[0] * k, shape[1] * k
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
