// Package bench measures speed: inference of the shipped models as a user meets it, from file content to
// probability, and training steps of the zoo's networks as their PyTorch peers run them.
package bench

import (
	"context"
	"slices"
	"time"

	"consilium/engine"
	"consilium/fault"
	"consilium/registry"
	"consilium/train"
)

// Timing is one measured case; times are in milliseconds.
type Timing struct {
	Net        string  `json:"net"`
	Mode       string  `json:"mode"` // "train" or "infer"
	Batch      int     `json:"batch"`
	Backend    string  `json:"backend"`
	Threads    int     `json:"threads,omitempty"`
	Parameters int     `json:"parameters,omitempty"`
	Calls      int     `json:"calls"`
	Median     float64 `json:"median_ms"`
	P10        float64 `json:"p10_ms"`
	P90        float64 `json:"p90_ms"`
	P99        float64 `json:"p99_ms"`
}

func summary(t Timing, times []time.Duration) Timing {
	slices.Sort(times)
	at := func(q float64) float64 {
		return float64(times[min(int(q*float64(len(times))), len(times)-1)].Microseconds()) / 1e3
	}
	t.Calls, t.Median, t.P10, t.P90, t.P99 = len(times), at(0.5), at(0.1), at(0.9), at(0.99)
	return t
}

// Net is a network with the input of one example.
type Net struct {
	Arch    string
	Input   []int
	Classes int
}

// Nets are the networks that have a peer in bench/peer/nets.py.
var Nets = []Net{
	{"cnn5", []int{1, 28, 28}, 2}, {"mobilenet2d", []int{1, 28, 28}, 2}, {"resnet2d", []int{1, 28, 28}, 2},
	{"resnet3d", []int{1, 28, 28, 28}, 2}, {"mobilenet-ecg", []int{12, 5000}, 6}, {"gru-cough", []int{250, 64}, 2},
}

// Options say how long and where to measure.
type Options struct {
	Engine  engine.Options
	Batches []int
	For     time.Duration // each case
	Only    string        // one network
}

func (o Options) nets() ([]Net, error) {
	if o.Only == "" {
		return Nets, nil
	}
	for _, n := range Nets {
		if n.Arch == o.Only {
			return []Net{n}, nil
		}
	}
	return nil, fault.New(fault.Usage, "no benchmark for the network "+o.Only, "leave --net out to see all")
}

// Infer times networks with fresh weights (speed does not depend on their values), exported as a trained one would be.
func Infer(ctx context.Context, o Options, each func(Timing)) error {
	nets, err := o.nets()
	if err != nil {
		return err
	}
	for _, n := range nets {
		model, size, err := train.Fresh(ctx, n.Arch, n.Input, n.Classes, o.Engine.Library)
		if err != nil {
			return err
		}
		for _, b := range o.Batches {
			t, err := Session(ctx, model, n.Input, b, o)
			if err != nil {
				return err
			}
			t.Net, t.Parameters = n.Arch, size
			each(t)
		}
	}
	return nil
}

// Session times one ONNX model at a batch size, for at least 10 calls.
func Session(ctx context.Context, model []byte, input []int, batch int, o Options) (Timing, error) {
	s, err := engine.OpenSession(model, o.Engine)
	if err != nil {
		return Timing{}, err
	}
	defer s.Close()
	if err := s.Warm(ctx, batch); err != nil {
		return Timing{}, err
	}
	x := engine.Tensor{Shape: append([]int{batch}, input...), Data: make([]float32, batch*engine.Size(input))}
	for i := range x.Data {
		x.Data[i] = float32((i*7919)%1009) / 1009
	}
	var times []time.Duration
	for end := time.Now().Add(o.For); len(times) < 10 || time.Now().Before(end); {
		start := time.Now()
		if _, err := s.Run(ctx, map[string]engine.Tensor{registry.PortInput: x}); err != nil {
			return Timing{}, err
		}
		times = append(times, time.Since(start))
	}
	return summary(Timing{Mode: "infer", Batch: batch, Backend: s.Backend(), Threads: o.Engine.Threads}, times[min(len(times)/10, 5):]), nil
}

// Steps times training steps at batch 64.
func Steps(ctx context.Context, o Options, each func(Timing)) error {
	const batch, count = 64, 12
	nets, err := o.nets()
	if err != nil {
		return err
	}
	for _, n := range nets {
		times, size, err := train.StepTimes(ctx, o.Engine.Backend, o.Engine.Library, n.Arch, n.Input, n.Classes, batch, count)
		if err != nil {
			return err
		}
		each(summary(Timing{Net: n.Arch, Mode: "train", Batch: batch, Backend: o.Engine.Backend, Parameters: size}, times))
	}
	return nil
}
