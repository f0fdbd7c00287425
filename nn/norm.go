package nn

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
)

const epsilon = 1e-5

// GroupNorm normalises groups of channels within each example (Wu and He 2018). It has no batch
// statistics: what federated sites need, and the same in training and inference.
func (b *Build) GroupNorm(name string, x *Node, groups int) (y *Node) {
	dims := x.Shape().Dimensions
	c := dims[1]
	b.In(name, func() {
		gain := b.Weight("gain", OneInit, false, c)
		bias := b.Weight("bias", ZeroInit, false, c)
		z := Reshape(x, dims[0], groups, c/groups*product(dims[2:]))
		y = Reshape(standardise(z), dims...)
		y = Add(Mul(y, perChannel(gain, x.Rank())), perChannel(bias, x.Rank()))
	})
	return y
}

// standardise brings the last axis to mean 0 and variance 1. The gradient is written out,
// dx = (v - mean(v) - y mean(v y)) / sigma: half the passes over memory of the one that autodiff finds.
func standardise(x *Node) *Node {
	last := x.Rank() - 1
	var y, inv, v *Node
	x = IdentityWithCustomGradient(x, func(_, _ *Node) *Node {
		mean := ReduceAndKeep(v, ReduceMean, last)
		slope := ReduceAndKeep(Mul(v, y), ReduceMean, last)
		return Mul(Sub(Sub(v, mean), Mul(y, slope)), inv)
	})
	d := Sub(x, StopGradient(ReduceAndKeep(x, ReduceMean, last)))
	inv = StopGradient(Inverse(Sqrt(AddScalar(ReduceAndKeep(Mul(d, d), ReduceMean, last), epsilon))))
	y = Mul(d, inv)
	// The output only notes its gradient; what autodiff then hands to x is replaced above.
	return IdentityWithCustomGradient(y, func(_, g *Node) *Node { v = g; return g })
}
