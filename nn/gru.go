package nn

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
)

// BiGRU runs a gated recurrent unit over x [B, T, C] in both directions and joins the states: [B, T, 2H].
// The reset gate acts after the recurrent product (as in cuDNN, PyTorch, and ONNX with linear_before_reset=1).
func (b *Build) BiGRU(name string, x *Node, hidden int) (y *Node) {
	b.In(name, func() {
		forward := b.gru("forward", x, hidden, false)
		backward := b.gru("backward", x, hidden, true)
		y = Concatenate([]*Node{forward, backward}, 2)
	})
	return y
}

func (b *Build) gru(name string, x *Node, hidden int, reverse bool) (y *Node) {
	dims := x.Shape().Dimensions
	batch, steps := dims[0], dims[1]
	b.In(name, func() {
		input := b.Dense("input", x, 3*hidden) // W x + b for reset, update and candidate, all steps at once
		u := Transpose(b.Weight("recurrent", Glorot, true, 3*hidden, hidden), 0, 1)
		c := Reshape(b.Weight("candidate_bias", ZeroInit, false, hidden), 1, hidden)
		gates := unstack(input)
		h := zeros(x.Graph(), batch, hidden)
		states := make([]*Node, steps)
		for i := range steps {
			t := i
			if reverse {
				t = steps - 1 - i
			}
			h = gruStep(gates[t], h, u, c, hidden)
			states[t] = Reshape(h, batch, 1, hidden)
		}
		y = Concatenate(states, 1)
	})
	return y
}

// gruStep: r = s(Wr x + Ur h), z = s(Wz x + Uz h), n = tanh(Wn x + r (Un h + c)), h' = n + z (h - n).
func gruStep(in, h, u, c *Node, hidden int) *Node {
	rec := Dot(h, u).Product()
	rz := Sigmoid(Add(columns(in, 0, 2*hidden), columns(rec, 0, 2*hidden)))
	r, z := columns(rz, 0, hidden), columns(rz, hidden, 2*hidden)
	n := Tanh(Add(columns(in, 2*hidden, 3*hidden), Mul(r, Add(columns(rec, 2*hidden, 3*hidden), c))))
	return Add(n, Mul(z, Sub(h, n)))
}

func columns(x *Node, from, to int) *Node { return SliceAxis(x, 1, AxisRange(from, to)) }

// unstack cuts x [B, T, C] into T nodes [B, C]. The gradient is one concatenation; autodiff would add up
// T tensors of x's size.
func unstack(x *Node) []*Node {
	dims := x.Shape().Dimensions
	grads := make([]*Node, dims[1])
	x = IdentityWithCustomGradient(x, func(_, _ *Node) *Node {
		parts := make([]*Node, len(grads))
		for i, g := range grads {
			parts[i] = Reshape(g, dims[0], 1, dims[2])
		}
		return Concatenate(parts, 1)
	})
	out := make([]*Node, dims[1])
	for i := range out {
		step := Reshape(SliceAxis(x, 1, AxisElem(i)), dims[0], dims[2])
		out[i] = IdentityWithCustomGradient(step, func(_, v *Node) *Node { grads[i] = v; return v })
	}
	return out
}

// AttentionPool averages x [B, T, C] over time with learned weights (Bahdanau-style score, softmax over T).
func (b *Build) AttentionPool(name string, x *Node, hidden int) (pooled *Node) {
	dims := x.Shape().Dimensions
	b.In(name, func() {
		score := b.Dense("score", Tanh(b.Dense("key", x, hidden)), 1) // [B, T, 1]
		weights := Softmax(Reshape(score, dims[0], dims[1]), 1)
		pooled = ReduceSum(Mul(x, Reshape(weights, dims[0], dims[1], 1)), 1)
	})
	return pooled
}
