// Package train fits the networks of zoo to data sets: loop, losses, augmentation, checkpoints that
// resume bit for bit, calibration, evaluation, and the bundle that comes out.
package train

import (
	"math/rand/v2"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"consilium/engine"
	"consilium/nn"
)

// Model is a network with its weights and the compiled graphs that train and run it.
type Model struct {
	Layout  *nn.Layout
	Weights []float32
	net     nn.Network
	input   []int // shape of one example
	classes int
	masks   []nn.Mask
	backend compute.Backend
	native  bool
	step    *Exec
	predict *Exec

	gradient *Exec
}

// NewModel declares a network on a backend. Weights are drawn from seed.
func NewModel(backend compute.Backend, net nn.Network, input []int, classes int, seed uint64) (*Model, error) {
	m := &Model{net: net, input: input, classes: classes, backend: backend, native: backend.Name() != "go" && backend.Name() != "SimpleGo"}
	err := engine.Try(func() {
		g := NewGraph(backend, "declare")
		m.Layout, m.masks = nn.Declare(g, net, input)
		g.Finalize()
	})
	if err != nil {
		return nil, err
	}
	m.Weights = m.Layout.Initial(seed)
	return m, nil
}

// optimiser is AdamW (Loshchilov and Hutter 2019) on the flat weight vector.
type optimiser struct {
	mean, square *tensors.Tensor
	weights      *tensors.Tensor
	decay        *tensors.Tensor
}

const (
	beta1, beta2, adamEpsilon = 0.9, 0.999, 1e-8
	clipNorm                  = 1.0 // of the whole gradient
)

// decayInput is the place of the decay mask among the step's inputs: the one tensor that is used again.
const decayInput = 7

// compileStep builds one training step: forward, loss, backward, clip, AdamW.
// Inputs: x [B, ...], target [B, K], weight of each example [B], scalars [lr, decay, 1/(1-b1^t), 1/(1-b2^t)],
// weights, moments, decay mask, dropout masks. Outputs: loss, weights, moments.
func (m *Model) compileStep(loss Loss) error {
	if m.step != nil {
		return nil
	}
	var err error
	tryErr := engine.Try(func() {
		m.step, err = NewExec(m.backend, func(in []*Node) []*Node {
			x, target, importance, hyper, flat, mean, square, decay := in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]
			b := nn.WithFlat(m.Layout, flat, in[8:], true, m.native)
			logits, _ := m.net(b, x)
			value := loss.graph(logits, target, importance)
			grad, moves := m.gradients(value, b)
			scalar := func(i int) *Node { return Reshape(SliceAxis(hyper, 0, AxisElem(i)), 1) }
			norm := Reshape(Sqrt(AddScalar(ReduceAllSum(Mul(grad, grad)), 1e-12)), 1)
			grad = Mul(grad, MinScalar(MulScalar(Inverse(norm), clipNorm), 1))
			mean = Add(MulScalar(mean, beta1), MulScalar(grad, 1-beta1))
			square = Add(MulScalar(square, beta2), MulScalar(Mul(grad, grad), 1-beta2))
			update := Div(Mul(mean, scalar(2)), AddScalar(Sqrt(Mul(square, scalar(3))), adamEpsilon))
			update = Add(update, Mul(Mul(flat, decay), scalar(1)))
			flat = Sub(flat, Mul(update, scalar(0)))
			if moves != nil {
				flat = Add(flat, moves)
			}
			return []*Node{Reshape(value, 1), flat, mean, square}
		})
	})
	if tryErr != nil {
		return tryErr
	}
	return err
}

// gradients gives the flat gradient of the loss, and the flat change of running statistics (nil when there are none).
func (m *Model) gradients(loss *Node, b *nn.Build) (grad, moves *Node) {
	var trained []*Node
	for i, p := range m.Layout.Params {
		if !p.State {
			trained = append(trained, b.Weights[i])
		}
	}
	found := Gradient(loss, trained...)
	var grads, changes []*Node
	for i, p := range m.Layout.Params {
		still := Zeros(loss.Graph(), shapes.Make(dtypes.Float32, p.Size()))
		move, ok := b.Moves[i]
		if ok {
			move = Reshape(move, p.Size())
		} else {
			move = still
		}
		changes = append(changes, move)
		if p.State {
			grads = append(grads, still)
			continue
		}
		grads = append(grads, Reshape(found[0], p.Size()))
		found = found[1:]
	}
	if len(b.Moves) > 0 {
		moves = joined(changes)
	}
	return joined(grads), moves
}

func joined(parts []*Node) *Node {
	if len(parts) == 1 {
		return parts[0]
	}
	return Concatenate(parts, 0)
}

// drawMasks fills the dropout masks for a batch.
func (m *Model) drawMasks(r *rand.Rand, batch int) []*tensors.Tensor {
	var out []*tensors.Tensor
	for _, mask := range m.masks {
		data := make([]float32, batch*engine.Size(mask.Shape))
		keep := float32(1 / (1 - mask.Rate))
		for i := range data {
			if r.Float64() >= mask.Rate {
				data[i] = keep
			}
		}
		out = append(out, tensors.FromFlatDataAndDimensions(data, append([]int{batch}, mask.Shape...)...))
	}
	return out
}
