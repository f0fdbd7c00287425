package local

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"

	"consilium/dataset"
	"consilium/federation"
	"consilium/train"
)

// descent is one run of local SGD. Its order of examples depends on (seed, site, round) only.
type descent struct {
	w          []float32 // trained in place
	round      int       // of the order
	steps      int
	rate       float64
	momentum   float64
	importance []float64 // of each class; nil = 1
	anchor     []float32 // pulled towards it, with strength mu
	mu         float64
	shift      []float32            // added to every gradient: SCAFFOLD's c - c_i
	noise      *mechanism           // DP-SGD
	after      func(done int) error // after every step
	which      []int                // the examples
}

// perEpoch is how many steps a pass over n examples takes. A last batch that is not full is filled up from the
// start of the pass: a small one would be as loud as a full one.
func perEpoch(plan federation.Plan, n int) int {
	b := min(plan.Batch, n)
	return (n + b - 1) / b
}

// steps is how many steps one round takes with n examples.
func steps(plan federation.Plan, n int) int {
	s := plan.Epochs * perEpoch(plan, n)
	if plan.Steps > 0 {
		s = min(s, plan.Steps)
	}
	return s
}

// seeded draws from (seed, site, purpose): sites that were given one seed still differ.
func (l *Learner) seeded(round, epoch int) *rand.Rand {
	h := sha256.New()
	h.Write([]byte("consilium local order v1\n" + l.o.Site))
	for _, v := range []uint64{l.o.Seed, uint64(round), uint64(epoch)} {
		h.Write(binary.LittleEndian.AppendUint64(nil, v))
	}
	sum := h.Sum(nil)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])))
}

// batches gives the members of each step, in order.
func (l *Learner) batches(round int, which []int) func(step int) []int {
	per, size := perEpoch(l.job.Plan, len(which)), min(l.job.Plan.Batch, len(which))
	var order []int
	last := -1
	return func(step int) []int {
		if epoch := step / per; epoch != last {
			order, last = l.seeded(round, epoch).Perm(len(which)), epoch
		}
		out := make([]int, size)
		for i := range out {
			out[i] = which[order[(step%per*size+i)%len(order)]]
		}
		return out
	}
}

// descend runs the steps, and gives the mean training loss (0 under DP-SGD, whose steps tell none).
func (l *Learner) descend(ctx context.Context, d descent) (trained float64, err error) {
	speed, grad := make([]float32, len(d.w)), make([]float32, len(d.w))
	next := l.batches(d.round, d.which)
	for s := range d.steps {
		if ctx.Err() != nil {
			return 0, interrupted(ctx)
		}
		var loss float64
		if d.noise != nil {
			err = l.privateGradient(ctx, d, grad)
		} else {
			loss, err = l.plainGradient(ctx, d, next(s), grad)
		}
		if err != nil {
			return 0, err
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return 0, diverged()
		}
		trained += loss / float64(d.steps)
		d.step(speed, grad)
		if d.after != nil {
			if err := d.after(s + 1); err != nil {
				return 0, err
			}
		}
	}
	for _, v := range d.w {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return 0, diverged()
		}
	}
	return trained, nil
}

// step moves the weights. What does not depend on examples (pull, shift, momentum) comes after noise and clipping.
func (d *descent) step(speed, grad []float32) {
	mu, rate, momentum := float32(d.mu), float32(d.rate), float32(d.momentum)
	for i, g := range grad {
		if d.anchor != nil {
			g += mu * (d.w[i] - d.anchor[i])
		}
		if d.shift != nil {
			g += d.shift[i]
		}
		speed[i] = momentum*speed[i] + g
		d.w[i] -= rate * speed[i]
	}
}

func (l *Learner) plainGradient(ctx context.Context, d descent, members []int, grad []float32) (float64, error) {
	x, labels, err := l.own.read(ctx, dataset.Train, members)
	if err != nil {
		return 0, err
	}
	var importance []float32
	if d.importance != nil {
		importance = make([]float32, len(labels))
		for i, label := range labels {
			importance[i] = float32(d.importance[label])
		}
	}
	return l.net.Gradient(d.w, x, labels, importance, grad)
}

// importance is the weight of each class; nil when all examples count alike.
func (l *Learner) importance(which []int) []float64 {
	if l.job.Plan.Balance == 0 {
		return nil
	}
	counts := l.own.counts(dataset.Train, which)
	if len(l.job.Plan.Prior) == len(counts) {
		counts = l.job.Plan.Prior // all sites then descend on one and the same balanced loss
	}
	return train.ClassWeights(counts, l.job.Plan.Balance)
}

// told makes a progress callback safe to call.
func told(progress func(done, all int), from, all int) func(int) error {
	return func(done int) error {
		if progress != nil {
			progress(from+done, all)
		}
		return nil
	}
}
