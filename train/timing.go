package train

import (
	"context"
	"time"

	"consilium/dataset"
	"consilium/engine"
	"consilium/fault"
	"consilium/zoo"
)

// StepTimes runs training steps of a network on a fixed random batch, as bench/peer/train_step.py does in
// PyTorch: forward, loss, backward, AdamW. The first steps are warm-up and are not returned.
func StepTimes(ctx context.Context, backend, library, arch string, input []int, classes, batchSize, steps int) ([]time.Duration, int, error) {
	a, err := zoo.Get(arch)
	if err != nil {
		return nil, 0, err
	}
	cfg := Config{Arch: arch, Epochs: 1, Batch: batchSize, Rate: 1e-3, Decay: 0.01, Average: 0.99, Seed: 1}
	b, err := engine.Training(backend, library)
	if err != nil {
		return nil, 0, err
	}
	m, err := NewModel(b, a.Build(classes), input, classes, 1)
	if err != nil {
		return nil, 0, err
	}
	if err := m.compileStep(cfg.Loss); err != nil {
		return nil, 0, err
	}
	r := &run{cfg: cfg, model: m, feed: &feeder{cfg: cfg, info: dataset.Info{Shape: input}}}
	if err := r.restore(); err != nil {
		return nil, 0, err
	}
	one := fixedBatch(input, classes, batchSize)
	const warmUp = 3
	var times []time.Duration
	for i := range steps + warmUp {
		if ctx.Err() != nil {
			return nil, 0, fault.Wrap(ctx.Err(), fault.Interrupted, "stopped while timing", "run the command again")
		}
		start := time.Now()
		if _, err := r.one(one, steps); err != nil {
			return nil, 0, err
		}
		if i >= warmUp {
			times = append(times, time.Since(start))
		}
	}
	return times, m.Layout.Size, nil
}

func fixedBatch(input []int, classes, n int) batch {
	b := batch{x: make([]float32, n*engine.Size(input)), target: make([]float32, n*classes), importance: make([]float32, n)}
	for i := range b.x {
		b.x[i] = float32((i*7919)%1009) / 1009
	}
	for i := range n {
		b.target[i*classes+i%classes] = 1
		b.importance[i] = 1
	}
	return b
}

// Fresh exports a network with weights as they are drawn, for timing; it gives the number of weights too.
func Fresh(ctx context.Context, arch string, input []int, classes int, library string) (model []byte, size int, err error) {
	a, err := zoo.Get(arch)
	if err != nil {
		return nil, 0, err
	}
	b, err := engine.Training(engine.BackendONNX, library)
	if err != nil {
		return nil, 0, err
	}
	m, err := NewModel(b, a.Build(classes), input, classes, 1)
	if err != nil {
		return nil, 0, err
	}
	model, err = m.exportModel(library)
	return model, m.Layout.Size, err
}
