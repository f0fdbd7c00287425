package nn

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Build is one pass over a network's definition. The same definition is run to declare the weights,
// to build the training graph, and to build the graph that is exported; Build says which it is.
type Build struct {
	Training bool // dropout and batch statistics are on
	Native   bool // convolution as the backend's own operator; otherwise lowered to matrix products
	Fused    bool // normalisation as one operator of the backend: fewer steps, and no gradient

	graph   *Graph
	layout  *Layout
	declare bool
	flat    *Node     // weights as a graph input
	fixed   []float32 // or as constants, for export
	scope   string
	Weights []*Node       // in layout order, as used by this graph; what gradients are taken of
	Masks   []Mask        // dropout masks that the caller feeds, in order
	Moves   map[int]*Node // changes of running statistics, by parameter index
	noise   []*Node
}

// Mask is a dropout mask that the training loop draws: 0 or 1/(1-Rate).
type Mask struct {
	Shape []int // without the batch
	Rate  float64
}

// Network is a definition: from the input [B, ...] to logits [B, K] and the last feature map
// [B, C, spatial...] that Grad-CAM looks at.
type Network func(b *Build, x *Node) (logits, features *Node)

// Declare finds out which weights and masks a network has for an input shape (with any batch size).
func Declare(g *Graph, net Network, input []int) (*Layout, []Mask) {
	b := &Build{graph: g, layout: &Layout{index: map[string]int{}}, declare: true, Training: true, Native: true}
	x := zeros(g, append([]int{2}, input...)...)
	net(b, x)
	return b.layout, b.Masks
}

// WithFlat builds on weights that are a graph input, and dropout masks that are inputs too.
func WithFlat(l *Layout, flat *Node, masks []*Node, training, native bool) *Build {
	b := &Build{graph: flat.Graph(), layout: l, flat: flat, noise: masks, Training: training, Native: native}
	b.Weights = make([]*Node, len(l.Params))
	for i, p := range l.Params {
		b.Weights[i] = Reshape(SliceAxis(flat, 0, AxisRange(p.Offset, p.Offset+p.Size())), p.Shape...)
	}
	return b
}

// WithConstants builds with weights baked in, for export.
func WithConstants(g *Graph, l *Layout, flat []float32, native bool) *Build {
	return &Build{graph: g, layout: l, fixed: flat, Native: native}
}

// zeros is a zero tensor of float32.
func zeros(g *Graph, dims ...int) *Node { return Zeros(g, shapes.Make(dtypes.Float32, dims...)) }

// In runs f with name appended to the scope of weight names.
func (b *Build) In(name string, f func()) {
	old := b.scope
	b.scope = old + name + "/"
	f()
	b.scope = old
}

// Weight declares or fetches a weight in the current scope. Shapes are [out, in, kernel...].
func (b *Build) Weight(name string, init Init, decay bool, shape ...int) *Node {
	return b.fetch(Param{Name: b.scope + name, Shape: shape, Decay: decay, init: init}).node
}

// State is a value that is kept with the weights but not trained.
type State struct {
	index int
	node  *Node
}

// State declares or fetches a running statistic.
func (b *Build) State(name string, init Init, shape ...int) State {
	return b.fetch(Param{Name: b.scope + name, Shape: shape, State: true, init: init})
}

// statMomentum is the share of the newest batch in a running statistic.
const statMomentum = 0.1

// Track moves a running statistic towards its value in this batch; the training step applies it.
func (b *Build) Track(s State, batch *Node) {
	if b.declare {
		return
	}
	if b.Moves == nil {
		b.Moves = map[int]*Node{}
	}
	b.Moves[s.index] = MulScalar(Sub(batch, s.node), statMomentum)
}

func (b *Build) fetch(p Param) State {
	if b.declare {
		if _, ok := b.layout.index[p.Name]; ok {
			panic(fmt.Errorf("weight %q declared twice", p.Name))
		}
		b.layout.index[p.Name] = len(b.layout.Params)
		p.Offset = b.layout.Size
		b.layout.Params = append(b.layout.Params, p)
		b.layout.Size += product(p.Shape)
		return State{node: zeros(b.graph, p.Shape...)}
	}
	i, ok := b.layout.index[p.Name]
	if !ok {
		panic(fmt.Errorf("weight %q was not declared", p.Name))
	}
	if b.fixed != nil {
		q := b.layout.Params[i]
		return State{i, ConstTensor(b.graph, tensors.FromFlatDataAndDimensions(b.fixed[q.Offset:q.Offset+q.Size()], q.Shape...))}
	}
	return State{i, b.Weights[i]}
}

// Dropout multiplies by a mask that the training loop draws (so that a resumed run draws the same one).
func (b *Build) Dropout(x *Node, rate float64) *Node {
	if !b.Training || rate == 0 {
		return x
	}
	if b.declare {
		b.Masks = append(b.Masks, Mask{Shape: x.Shape().Dimensions[1:], Rate: rate})
		return x
	}
	mask := b.noise[0]
	b.noise = b.noise[1:]
	return Mul(x, mask)
}
