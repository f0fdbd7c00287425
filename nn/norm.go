package nn

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
)

const epsilon = 1e-5

// GroupNorm normalises groups of channels within each example (Wu and He 2018). It has no batch
// statistics: what federated sites need, and the same in training and inference.
//
// Memory traffic is its cost, so it is written as one affine map a channel, y = x a + c, and its gradient
// from two sums a channel, s1 = sum v and s2 = sum v x: with g = gain v and xhat = (x - m) inv,
// dx = inv (g - mean g - xhat mean(g xhat)) is again v and x times small factors.
func (b *Build) GroupNorm(name string, x *Node, groups int) (y *Node) {
	dims := x.Shape().Dimensions
	batch, c, size := dims[0], dims[1], product(dims[2:])
	per := c / groups
	count := float64(per * size)
	b.In(name, func() {
		gain := b.Weight("gain", OneInit, false, c)
		bias := b.Weight("bias", ZeroInit, false, c)
		if b.Fused {
			z := BackendFusedLayerNorm(Reshape(x, batch, groups, per*size), []int{2}, epsilon, nil, nil)
			z = Add(Mul(z3(z, batch, c, size), Reshape(gain, 1, c, 1)), Reshape(bias, 1, c, 1))
			y = Reshape(z, dims...)
			return
		}
		var v, m, inv, s1, s2 *Node // statistics are [B, G, 1]; sums are [B, G, per]
		gains := func(w *Node) *Node { return Reshape(w, 1, groups, per) }
		perGroup := func(s *Node) *Node { return ReduceAndKeep(s, ReduceSum, 2) }
		sums := func() {
			if s1 == nil {
				s1 = Reshape(ReduceSum(v, 2), batch, groups, per)
				s2 = Reshape(ReduceSum(Mul(v, z3(x, batch, c, size)), 2), batch, groups, per)
			}
		}
		w := IdentityWithCustomGradient(gain, func(_, _ *Node) *Node {
			sums()
			return Reshape(ReduceSum(Mul(Sub(s2, Mul(s1, m)), inv), 0), c)
		})
		o := IdentityWithCustomGradient(bias, func(_, _ *Node) *Node { sums(); return Reshape(ReduceSum(s1, 0), c) })
		in := IdentityWithCustomGradient(x, func(x, _ *Node) *Node {
			sums()
			g1 := MulScalar(perGroup(Mul(s1, gains(gain))), 1/count)
			g2 := MulScalar(perGroup(Mul(Mul(Sub(s2, Mul(s1, m)), inv), gains(gain))), 1/count)
			slope := Neg(Mul(Mul(inv, inv), g2))
			rest := Neg(Add(Mul(inv, g1), Mul(slope, m)))
			wide := func(s *Node) *Node { // a group's number for each of its channels
				return Reshape(BroadcastToDims(s, batch, groups, per), batch, c, 1)
			}
			dv := Mul(v, Reshape(Mul(inv, gains(gain)), batch, c, 1))
			dx := Add(Mul(z3(x, batch, c, size), wide(slope)), wide(rest))
			return Reshape(Add(dv, dx), dims...)
		})
		z := z3(in, batch, c, size)
		fixed := StopGradient(Reshape(z, batch, groups, per*size))
		m = ReduceAndKeep(fixed, ReduceMean, 2)
		d := Sub(fixed, m)
		inv = Inverse(Sqrt(AddScalar(ReduceAndKeep(Mul(d, d), ReduceMean, 2), epsilon)))
		a := Mul(inv, gains(w))
		shift := Sub(gains(o), Mul(m, a))
		z = Add(Mul(z, Reshape(a, batch, c, 1)), Reshape(shift, batch, c, 1))
		y = Reshape(IdentityWithCustomGradient(z, func(_, g *Node) *Node { v = g; return g }), dims...)
	})
	return y
}

// z3 flattens the spatial axes: [B, C, S].
func z3(x *Node, batch, c, size int) *Node { return Reshape(x, batch, c, size) }

// BatchNorm normalises each channel over the batch (Ioffe and Szegedy 2015). Running statistics live in the
// weight vector as state: not trained, updated by the step, used in inference.
func (b *Build) BatchNorm(name string, x *Node) (y *Node) {
	rank := x.Rank()
	c := x.Shape().Dimensions[1]
	over := []int{0}
	for i := 2; i < rank; i++ {
		over = append(over, i)
	}
	b.In(name, func() {
		gain := perChannel(b.Weight("gain", OneInit, false, c), rank)
		bias := perChannel(b.Weight("bias", ZeroInit, false, c), rank)
		mean := b.State("mean", ZeroInit, c)
		variance := b.State("variance", OneInit, c)
		if b.Training {
			batchMean := StopGradient(ReduceMean(x, over...))
			d := Sub(StopGradient(x), perChannel(batchMean, rank))
			b.Track(mean, batchMean)
			b.Track(variance, ReduceMean(Mul(d, d), over...))
			y = standardise(x, over...)
		} else {
			inv := Inverse(Sqrt(AddScalar(variance.node, epsilon)))
			y = Mul(Sub(x, perChannel(mean.node, rank)), perChannel(inv, rank))
		}
		y = Add(Mul(y, gain), bias)
	})
	return y
}

// standardise brings x to mean 0 and variance 1 over some axes. The gradient is written out,
// dx = (v - mean(v) - y mean(v y)) / sigma: half the passes over memory of the one that autodiff finds.
func standardise(x *Node, over ...int) *Node {
	var y, inv, v *Node
	x = IdentityWithCustomGradient(x, func(_, _ *Node) *Node {
		mean := ReduceAndKeep(v, ReduceMean, over...)
		slope := ReduceAndKeep(Mul(v, y), ReduceMean, over...)
		return Mul(Sub(Sub(v, mean), Mul(y, slope)), inv)
	})
	d := Sub(x, StopGradient(ReduceAndKeep(x, ReduceMean, over...)))
	inv = StopGradient(Inverse(Sqrt(AddScalar(ReduceAndKeep(Mul(d, d), ReduceMean, over...), epsilon))))
	y = Mul(d, inv)
	// The output only notes its gradient; what autodiff then hands to x is replaced above.
	return IdentityWithCustomGradient(y, func(_, g *Node) *Node { v = g; return g })
}
