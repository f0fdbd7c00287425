package train

import (
	"context"

	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"consilium/dataset"
	"consilium/engine"
	"consilium/fault"
	"consilium/nn"
)

// predictBatch is the batch of validation passes: large enough to be fast, small enough to be flat in memory.
const predictBatch = 64

// Logits runs the network over a split, without augmentation, dropout or batch statistics.
func (m *Model) Logits(ctx context.Context, set dataset.Set, split dataset.Split) (logits [][]float64, labels []int, err error) {
	if err := m.compilePredict(); err != nil {
		return nil, nil, err
	}
	size, n := engine.Size(m.input), set.Len(split)
	weights := m.uploaded()
	for from := 0; from < n; from += predictBatch {
		if ctx.Err() != nil {
			return nil, nil, fault.Wrap(ctx.Err(), fault.Interrupted, "stopped while measuring", "run the command again")
		}
		x := make([]float32, predictBatch*size) // always a whole batch: one compiled graph
		count := min(predictBatch, n-from)
		for i := range count {
			s, err := set.Read(split, from+i, x[i*size:(i+1)*size])
			if err != nil {
				return nil, nil, err
			}
			labels = append(labels, s.Label)
		}
		out, err := m.predictOnce(x, weights)
		if err != nil {
			return nil, nil, err
		}
		for i := range count {
			row := make([]float64, m.classes)
			for k := range row {
				row[k] = float64(out[i*m.classes+k])
			}
			logits = append(logits, row)
		}
	}
	return logits, labels, nil
}

// LogitsAt runs the network at given weights over n examples in x, without dropout or batch statistics.
func (m *Model) LogitsAt(weights, x []float32, n int) ([]float32, error) {
	if err := m.compilePredict(); err != nil {
		return nil, err
	}
	size := engine.Size(m.input)
	if len(weights) != m.Layout.Size || n < 0 || len(x) != n*size {
		return nil, fault.New(fault.ModelShape, "weights or examples do not have the network's shape", "they belong to another network")
	}
	at := tensors.FromFlatDataAndDimensions(weights, len(weights))
	defer at.MustFinalizeAll()
	out := make([]float32, 0, n*m.classes)
	for from := 0; from < n; from += predictBatch {
		part := make([]float32, predictBatch*size) // always a whole batch: one compiled graph
		count := min(predictBatch, n-from)
		copy(part, x[from*size:(from+count)*size])
		got, err := m.predictOnce(part, at)
		if err != nil {
			return nil, err
		}
		out = append(out, got[:count*m.classes]...)
	}
	return out, nil
}

// uploaded is the current weight vector as the graph's input.
func (m *Model) uploaded() *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(m.Weights, len(m.Weights))
}

func (m *Model) compilePredict() (err error) {
	if m.predict != nil {
		return nil
	}
	tryErr := engine.Try(func() {
		m.predict, err = NewExec(m.backend, func(in []*Node) []*Node {
			logits, _ := m.net(nn.WithFlat(m.Layout, in[1], nil, false, m.native), in[0])
			return []*Node{logits}
		})
	})
	if tryErr != nil {
		return tryErr
	}
	return err
}

func (m *Model) predictOnce(x []float32, weights *tensors.Tensor) (out []float32, err error) {
	tryErr := engine.Try(func() {
		var got []*tensors.Tensor
		in := tensors.FromFlatDataAndDimensions(x, append([]int{predictBatch}, m.input...)...)
		defer in.MustFinalizeAll() // native memory: the collector does not see how large it is
		if got, err = m.predict.Call(in, weights); err == nil {
			defer got[0].MustFinalizeAll()
			out, err = tensors.CopyFlatData[float32](got[0])
		}
	})
	if tryErr != nil {
		return nil, tryErr
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.EngineFailed, "the network could not be run", "run `consilium doctor`")
	}
	return out, nil
}
