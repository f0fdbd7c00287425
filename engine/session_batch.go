package engine

import (
	"context"
	"fmt"

	"consilium/fault"
)

// DefaultBatch is the chunk that RunBatches takes when batch is 0: at this size
// the cost of a call no longer matters, and memory stays small.
const DefaultBatch = 32

// RunBatches runs n examples through the model's input of the given name, in
// chunks of at most batch (0: DefaultBatch), so that memory does not grow with
// n. fill writes example i, in port order without the batch dimension; each
// receives the outputs of every chunk, whose first example is number first, in
// order. A model with a fixed batch gets chunks of that size, the last one
// padded with zeros and trimmed. Errors are those of Run, fill and each.
func (s *Session) RunBatches(ctx context.Context, input string, n int,
	fill func(i int, into []float32) error, batch int,
	each func(first int, outputs map[string]Tensor) error) error {
	shape, fixed, err := s.exampleShape(input)
	if err != nil {
		return err
	}
	if batch <= 0 {
		batch = DefaultBatch
	}
	if fixed > 0 {
		batch = fixed
	} else {
		batch = min(batch, max(n, 1))
	}
	size := Size(shape)
	full := append([]int{batch}, shape...)
	if err := checkSize(input, full); err != nil {
		return err
	}
	buffer := make([]float32, batch*size)
	for first := 0; first < n; first += batch {
		count := min(batch, n-first)
		for i := range count {
			if err := fill(first+i, buffer[i*size:(i+1)*size]); err != nil {
				return err
			}
		}
		rows := count
		if fixed > 0 {
			clear(buffer[count*size:])
			rows = fixed
		}
		full[0] = rows
		outputs, err := s.Run(ctx, map[string]Tensor{input: {Shape: full, Data: buffer[:rows*size]}})
		if err != nil {
			return err
		}
		if err := each(first, trim(outputs, rows, count)); err != nil {
			return err
		}
	}
	return nil
}

// exampleShape gives the shape of one example, and the batch when it is fixed (else 0).
func (s *Session) exampleShape(input string) (shape []int, fixed int, err error) {
	if len(s.inputs) != 1 {
		return nil, 0, fault.New(fault.ModelShape, fmt.Sprintf("the model has %d inputs", len(s.inputs)), "batching needs a model with one input")
	}
	p := s.inputs[0]
	if p.Name != input {
		return nil, 0, fault.New(fault.ModelShape, fmt.Sprintf("the model has no input %q", input), fmt.Sprintf("its input is %q", p.Name))
	}
	if len(p.Shape) < 2 {
		return nil, 0, fault.New(fault.ModelShape, fmt.Sprintf("input %q of shape %v has no batch dimension", input, p.Shape), anotherModelHint)
	}
	for _, d := range p.Shape[1:] {
		if d < 0 {
			return nil, 0, fault.New(fault.ModelShape, fmt.Sprintf("input %q of shape %v has a free dimension besides the batch", input, p.Shape), "export the model with a fixed example shape")
		}
	}
	return p.Shape[1:], max(p.Shape[0], 0), nil
}

// trim cuts padding rows off outputs that carry the batch dimension.
func trim(outputs map[string]Tensor, rows, count int) map[string]Tensor {
	if rows == count {
		return outputs
	}
	for name, t := range outputs {
		if len(t.Shape) > 0 && t.Shape[0] == rows {
			t.Data = t.Data[:len(t.Data)/rows*count]
			t.Shape = append([]int{count}, t.Shape[1:]...)
			outputs[name] = t
		}
	}
	return outputs
}
