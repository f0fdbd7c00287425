// Package puregoonnx evaluates ONNX models in Go alone: the engine's way out on
// a machine without ONNX Runtime. It knows the float32 operators of image,
// signal and table classifiers, checks every shape, and bounds memory; it is
// written for clarity first and for speed second.
package puregoonnx

import (
	"context"
	"fmt"

	"github.com/gomlx/compute-onnx/support/protos"

	"consilium/fault"
)

// Limits on what a model may ask for.
const (
	maxRank   = 8
	maxValues = 1 << 27 // in one array: 512 MiB of float32
	maxLive   = 1 << 28 // in all arrays alive at one moment
	maxNodes  = 100_000
	maxPorts  = 4096 // inputs or outputs of one node
)

// Tensor is an input or output of a model: float32, row-major.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Program is a compiled model. It is safe for concurrent Run.
type Program struct {
	steps           []step
	constants       []*array // by slot; nil where a value is computed
	inputs, outputs []int    // slots
	threads         int
}

// step is one node with its operator, the slots it reads and writes, and the slots that die after it.
type step struct {
	node     *node
	operator operator
	in, out  []int // -1: an optional input or output that is left out
	dead     []int
}

// Compile prepares a model whose inputs and outputs Run will exchange in the
// given order. threads bounds the goroutines that share one operator's work.
// Errors: MODEL_OPSET for operators that are not known, MODEL_MALFORMED.
func Compile(m *protos.ModelProto, inputs, outputs []string, threads int) (*Program, error) {
	c := compiler{slots: map[string]int{}, program: &Program{threads: max(threads, 1)}, opset: opsetOf(m)}
	if len(m.GetGraph().GetNode()) > maxNodes {
		return nil, fault.New(fault.ModelUnsupported, fmt.Sprintf("the model has more than %d operators", maxNodes), "use a smaller model")
	}
	for _, t := range m.GetGraph().GetInitializer() {
		a, err := decodeTensor(t)
		if err != nil {
			return nil, fault.Wrap(err, fault.ModelMalformed, fmt.Sprintf("weights %q cannot be read", t.GetName()), "check the file")
		}
		c.define(t.GetName(), a)
	}
	for _, name := range inputs {
		c.program.inputs = append(c.program.inputs, c.define(name, nil))
	}
	for _, n := range m.GetGraph().GetNode() {
		if err := c.add(n); err != nil {
			return nil, err
		}
	}
	for _, name := range outputs {
		slot, ok := c.slots[name]
		if !ok {
			return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("nothing computes output %q", name), "check the file")
		}
		c.program.outputs = append(c.program.outputs, slot)
	}
	c.program.markDead()
	return c.program, nil
}

func opsetOf(m *protos.ModelProto) int {
	for _, o := range m.GetOpsetImport() {
		if o.GetDomain() == "" || o.GetDomain() == "ai.onnx" {
			return int(o.GetVersion())
		}
	}
	return 1
}

type compiler struct {
	slots   map[string]int
	program *Program
	opset   int
}

// define gives a name a new slot.
func (c *compiler) define(name string, constant *array) int {
	slot := len(c.program.constants)
	c.program.constants = append(c.program.constants, constant)
	c.slots[name] = slot
	return slot
}

// add compiles one node. Nodes stand in topological order, as ONNX demands.
func (c *compiler) add(n *protos.NodeProto) error {
	op, ok := operators[n.GetOpType()]
	if d := n.GetDomain(); !ok || (d != "" && d != "ai.onnx") {
		return fault.New(fault.ModelOpset, fmt.Sprintf("operator %q is not known to the evaluator in Go", n.GetOpType()),
			"install ONNX Runtime: run `make setup`")
	}
	if len(n.GetInput()) > maxPorts || len(n.GetOutput()) > maxPorts {
		return fault.New(fault.ModelMalformed, fmt.Sprintf("node %q has too many inputs or outputs", n.GetName()), "check the file")
	}
	s := step{node: newNode(n, c.opset), operator: op}
	for _, name := range n.GetInput() {
		slot := -1
		if name != "" {
			if slot, ok = c.slots[name]; !ok {
				return fault.New(fault.ModelMalformed, fmt.Sprintf("nothing computes %q, which node %q reads", name, n.GetName()), "check the file")
			}
		}
		s.in = append(s.in, slot)
	}
	for _, name := range n.GetOutput() {
		slot := -1
		if name != "" {
			slot = c.define(name, nil)
		}
		s.out = append(s.out, slot)
	}
	c.program.steps = append(c.program.steps, s)
	return nil
}

// markDead notes at each step which values nobody reads any more.
func (p *Program) markDead() {
	alive := make([]bool, len(p.constants))
	for i, a := range p.constants {
		alive[i] = a != nil // weights stay
	}
	for _, slot := range p.outputs {
		alive[slot] = true
	}
	for i := len(p.steps) - 1; i >= 0; i-- {
		s := &p.steps[i]
		for _, slots := range [][]int{s.in, s.out} {
			for _, slot := range slots {
				if slot >= 0 && !alive[slot] {
					alive[slot] = true
					s.dead = append(s.dead, slot)
				}
			}
		}
	}
}

// Run evaluates the program. It returns ctx's error soon after ctx ends, and
// ENGINE_FAILED when the values do not fit the operators.
func (p *Program) Run(ctx context.Context, inputs []Tensor) (outputs []Tensor, err error) {
	if len(inputs) != len(p.inputs) {
		return nil, fault.New(fault.Internal, "wrong number of inputs", "")
	}
	values := make([]*array, len(p.constants))
	copy(values, p.constants)
	for i, t := range inputs {
		values[p.inputs[i]] = &array{kind: float, shape: t.Shape, f: t.Data}
	}
	live := 0
	for i := range p.steps {
		s := &p.steps[i]
		results, err := s.run(ctx, values, p.threads)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fault.Wrap(err, fault.EngineFailed, fmt.Sprintf("operator %s (%s) failed", s.node.op, s.node.name), "check that the input fits the model")
		}
		for j, slot := range s.out {
			if slot >= 0 {
				values[slot] = results[j]
				live += results[j].size()
			}
		}
		for _, slot := range s.dead {
			live -= values[slot].size()
			values[slot] = nil
		}
		if live > maxLive {
			return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("the computation needs more than %d values at once", maxLive), "use smaller batches")
		}
	}
	for _, slot := range p.outputs {
		a := values[slot]
		if a.kind != float {
			return nil, fault.New(fault.ModelShape, "an output is not float32", "export the network as a float32 ONNX classifier")
		}
		outputs = append(outputs, Tensor{Shape: append([]int{}, a.shape...), Data: append([]float32{}, a.f...)})
	}
	return outputs, nil
}

// run evaluates one step. A panic of an operator is the mark of a model that is
// wrong in a way no check foresaw: it becomes an error here and nowhere else.
func (s *step) run(ctx context.Context, values []*array, threads int) (results []*array, err error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	c := &call{node: s.node, ctx: ctx, threads: threads, outputs: len(s.out)}
	for _, slot := range s.in {
		var a *array
		if slot >= 0 {
			a = values[slot]
		}
		c.in = append(c.in, a)
	}
	if err := s.operator.accepts(c.in); err != nil {
		return nil, err
	}
	results, err = s.operator.evaluate(c)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil { // an operator that was stopped leaves rubbish
		return nil, ctx.Err()
	}
	for j, slot := range s.out {
		if slot >= 0 && (j >= len(results) || results[j] == nil) {
			return nil, fmt.Errorf("optional output %d is not supported", j)
		}
	}
	return results, nil
}
