package train

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"consilium/dataset"
	"consilium/engine"
)

// batch is what one step sees.
type batch struct {
	x, target, importance []float32
	labels                []int
	err                   error
}

// feeder turns a split into batches. Order and variation depend on (seed, epoch, place) only, so that a
// resumed run sees the same bytes; reading runs one batch ahead of the computation and never further.
type feeder struct {
	set     dataset.Set
	cfg     Config
	info    dataset.Info
	weights []float64 // of each class
}

// order is the shuffled list of examples of an epoch.
func (f *feeder) order(epoch int) []int {
	n := f.set.Len(dataset.Train)
	r := rand.New(rand.NewPCG(f.cfg.Seed, uint64(epoch)<<1|1))
	p := r.Perm(n)
	if f.cfg.PerEpoch > 0 && f.cfg.PerEpoch < n {
		p = p[:f.cfg.PerEpoch]
	}
	return p
}

// stepsPerEpoch drops the last partial batch (its noisy gradient would count as much as a full one), unless it is the only one.
func (f *feeder) stepsPerEpoch() int {
	n := f.set.Len(dataset.Train)
	if f.cfg.PerEpoch > 0 {
		n = min(n, f.cfg.PerEpoch)
	}
	return max(n/f.cfg.Batch, 1)
}

// stream sends the batches of an epoch from a given step on; it stops when ctx ends.
func (f *feeder) stream(ctx context.Context, epoch, from int) <-chan batch {
	out := make(chan batch, 1)
	go func() {
		defer close(out)
		order := f.order(epoch)
		for s := from; s < f.stepsPerEpoch(); s++ {
			members := make([]int, f.cfg.Batch)
			for i := range members {
				members[i] = order[(s*f.cfg.Batch+i)%len(order)]
			}
			b := f.read(members, epoch, s)
			select {
			case out <- b:
			case <-ctx.Done():
				return
			}
			if b.err != nil {
				return
			}
		}
	}()
	return out
}

func (f *feeder) read(members []int, epoch, step int) batch {
	size, classes := engine.Size(f.info.Shape), len(f.info.Labels)
	n := len(members)
	b := batch{x: make([]float32, n*size), target: make([]float32, n*classes), importance: make([]float32, n), labels: make([]int, n)}
	var wg sync.WaitGroup
	var once sync.Once
	workers := min(runtime.GOMAXPROCS(0), n)
	for w := range workers {
		wg.Go(func() {
			scratch := make([]float32, size)
			for i := w; i < n; i += workers {
				x := b.x[i*size : (i+1)*size]
				s, err := f.set.Read(dataset.Train, members[i], x)
				if err != nil {
					once.Do(func() { b.err = err })
					return
				}
				r := rand.New(rand.NewPCG(f.cfg.Seed^0x9e3779b97f4a7c15, uint64(epoch)<<40|uint64(step)<<16|uint64(i)))
				f.cfg.Augment.apply(r, f.info.Kind, f.info.Shape, x, scratch)
				b.labels[i] = s.Label
				smooth := float32(f.cfg.Loss.Smoothing)
				for k := range classes {
					b.target[i*classes+k] = smooth / float32(classes)
				}
				b.target[i*classes+s.Label] += 1 - smooth
				b.importance[i] = float32(f.weights[s.Label])
			}
		})
	}
	wg.Wait()
	return b
}

// ClassWeights are inverse frequencies to the power Balance, scaled to a mean of 1 over the examples.
func ClassWeights(counts []int, balance float64) []float64 {
	w := make([]float64, len(counts))
	var total, sum float64
	for _, c := range counts {
		total += float64(c)
	}
	for k, c := range counts {
		if c > 0 {
			w[k] = math.Pow(total/(float64(len(counts))*float64(c)), balance)
			sum += w[k] * float64(c)
		}
	}
	for k := range w {
		w[k] *= total / sum
	}
	return w
}
