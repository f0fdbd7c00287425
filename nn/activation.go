package nn

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
)

// The gradients of the piecewise activations are written out: autodiff builds them from Sign and
// several products, which cost more than the convolutions around them.

// HardSigmoid is clip(x/6 + 1/2, 0, 1) (Howard et al. 2019, MobileNetV3).
func HardSigmoid(x *Node) *Node {
	var v *Node
	x = IdentityWithCustomGradient(x, func(x, _ *Node) *Node {
		return Where(inside(x), MulScalar(v, 1.0/6), ZerosLike(v))
	})
	return IdentityWithCustomGradient(gate(x), func(_, g *Node) *Node { v = g; return g })
}

// HardSwish is x * HardSigmoid(x) (Howard et al. 2019).
func HardSwish(x *Node) *Node {
	var v, h *Node
	x = IdentityWithCustomGradient(x, func(x, _ *Node) *Node {
		return Mul(v, Where(inside(x), AddScalar(MulScalar(x, 1.0/3), 0.5), h))
	})
	h = gate(x)
	return IdentityWithCustomGradient(Mul(x, h), func(_, g *Node) *Node { v = g; return g })
}

func gate(x *Node) *Node { return ClipScalar(AddScalar(MulScalar(x, 1.0/6), 0.5), 0, 1) }

func inside(x *Node) *Node { return LessThan(Abs(x), ScalarLike(x, 3)) }

// ScalarLike is a constant of x's type that broadcasts.
func ScalarLike(x *Node, v float64) *Node { return Scalar(x.Graph(), x.DType(), v) }

// ReLU is max(x, 0).
func ReLU(x *Node) *Node {
	var v *Node
	x = IdentityWithCustomGradient(x, func(x, _ *Node) *Node {
		return Where(GreaterThan(x, ScalarLike(x, 0)), v, ZerosLike(v))
	})
	return IdentityWithCustomGradient(MaxScalar(x, 0), func(_, g *Node) *Node { v = g; return g })
}

// Dense is a linear layer on the last axis: [..., in] -> [..., out].
func (b *Build) Dense(name string, x *Node, out int) (y *Node) {
	dims := x.Shape().Dimensions
	in := dims[len(dims)-1]
	b.In(name, func() {
		w := b.Weight("w", Glorot, true, out, in)
		bias := b.Weight("b", ZeroInit, false, out)
		z := x
		if len(dims) > 2 {
			z = Reshape(x, product(dims[:len(dims)-1]), in)
		}
		y = Add(Dot(z, Transpose(w, 0, 1)).Product(), Reshape(bias, 1, out))
		if len(dims) > 2 {
			y = Reshape(y, append(append([]int{}, dims[:len(dims)-1]...), out)...)
		}
	})
	return y
}

// GlobalPool averages over all spatial axes: [B, C, spatial...] -> [B, C].
func GlobalPool(x *Node) *Node {
	dims := x.Shape().Dimensions
	return ReduceMean(Reshape(x, dims[0], dims[1], product(dims[2:])), 2)
}

// SqueezeExcite weighs channels by a gate computed from their means (Hu et al. 2018, hard-sigmoid gate as in MobileNetV3).
func (b *Build) SqueezeExcite(name string, x *Node, reduce int) (y *Node) {
	dims := x.Shape().Dimensions
	c := dims[1]
	b.In(name, func() {
		g := ReLU(b.Dense("squeeze", GlobalPool(x), c/reduce))
		g = HardSigmoid(b.Dense("excite", g, c))
		shape := repeat(1, x.Rank())
		shape[0], shape[1] = dims[0], c
		y = Mul(x, Reshape(g, shape...))
	})
	return y
}
