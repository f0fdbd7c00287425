package engine

import (
	"encoding/binary"
	"math"

	onnx "github.com/gomlx/compute-onnx/support/protos"
)

// simplify makes an exported graph shorter without changing what it computes: identities are skipped, the four
// operators that spell a hard sigmoid become HardSigmoid, and what nothing reads is dropped. Small networks at
// batch 1 spend their time on the number of operators, not on arithmetic.
func simplify(g *onnx.GraphProto) {
	s := &simplifier{graph: g, made: map[string]*onnx.NodeProto{}, constants: map[string]*onnx.TensorProto{}}
	for _, t := range g.Initializer {
		s.constants[t.Name] = t
	}
	for _, n := range g.Node {
		for _, o := range n.Output {
			s.made[o] = n
		}
	}
	for _, n := range g.Node {
		for i, name := range n.Input {
			n.Input[i] = s.source(name)
		}
	}
	for _, n := range g.Node {
		s.hardSigmoid(n)
	}
	s.prune()
}

type simplifier struct {
	graph     *onnx.GraphProto
	made      map[string]*onnx.NodeProto // by the name of an output
	constants map[string]*onnx.TensorProto
}

// source follows identities back to where a value is made.
func (s *simplifier) source(name string) string {
	for n := s.made[name]; n != nil && n.OpType == "Identity"; n = s.made[name] {
		name = n.Input[0]
	}
	return name
}

// scalar is the value of a float constant with one element.
func (s *simplifier) scalar(name string) (float32, bool) {
	t, ok := s.constants[name]
	if !ok || t.DataType != int32(onnx.TensorProto_FLOAT) || len(t.RawData) != 4 {
		return 0, false
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(t.RawData)), true
}

// peel gives the other operand when name is made by op with a constant of that value.
func (s *simplifier) peel(name, op string, value float32) (string, bool) {
	n := s.made[name]
	if n == nil || n.OpType != op || len(n.Input) != 2 {
		return "", false
	}
	for i, in := range n.Input {
		if v, ok := s.scalar(in); ok && v == value {
			return n.Input[1-i], true
		}
	}
	return "", false
}

// hardSigmoid turns min(max(x/6 + 1/2, 0), 1), in either order of min and max, into HardSigmoid.
func (s *simplifier) hardSigmoid(n *onnx.NodeProto) {
	if len(n.Output) != 1 {
		return
	}
	inner, ok := s.peel(n.Output[0], "Min", 1)
	if ok {
		inner, ok = s.peel(inner, "Max", 0)
	} else if inner, ok = s.peel(n.Output[0], "Max", 0); ok {
		inner, ok = s.peel(inner, "Min", 1)
	}
	if ok {
		inner, ok = s.peel(inner, "Add", 0.5)
	}
	if ok {
		inner, ok = s.peel(inner, "Mul", float32(1.0/6))
	}
	if !ok {
		return
	}
	n.OpType, n.Input = "HardSigmoid", []string{inner}
	n.Attribute = []*onnx.AttributeProto{
		{Name: "alpha", Type: onnx.AttributeProto_FLOAT, F: float32(1.0 / 6)},
		{Name: "beta", Type: onnx.AttributeProto_FLOAT, F: 0.5},
	}
}

// prune keeps the nodes that the outputs depend on; constants are swept by freeBatch.
func (s *simplifier) prune() {
	needed := map[*onnx.NodeProto]bool{}
	var visit func(name string)
	visit = func(name string) {
		n := s.made[name]
		if n == nil || needed[n] {
			return
		}
		needed[n] = true
		for _, in := range n.Input {
			visit(in)
		}
	}
	for _, o := range s.graph.Output {
		visit(o.Name)
	}
	var kept []*onnx.NodeProto
	for _, n := range s.graph.Node {
		if needed[n] {
			kept = append(kept, n)
		}
	}
	s.graph.Node = kept
}
