// Package onnxtest builds small ONNX models for tests, so that no binary
// model file has to be kept.
package onnxtest

import (
	"fmt"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

// Graph collects the parts of a model. Build gives the bytes.
type Graph struct {
	opset int64
	graph protos.GraphProto
}

// New starts a model at an ONNX opset.
func New(opset int) *Graph {
	g := &Graph{opset: int64(opset)}
	g.graph.Name = "test"
	return g
}

// Input declares a float32 input; a dimension of -1 is free.
func (g *Graph) Input(name string, shape ...int) *Graph {
	g.graph.Input = append(g.graph.Input, value(name, protos.TensorProto_FLOAT, shape))
	return g
}

// InputOfIntegers declares an int64 input.
func (g *Graph) InputOfIntegers(name string, shape ...int) *Graph {
	g.graph.Input = append(g.graph.Input, value(name, protos.TensorProto_INT64, shape))
	return g
}

// Output declares a float32 output.
func (g *Graph) Output(name string, shape ...int) *Graph {
	g.graph.Output = append(g.graph.Output, value(name, protos.TensorProto_FLOAT, shape))
	return g
}

// OutputOfAnyShape declares a float32 output whose shape is left to inference.
func (g *Graph) OutputOfAnyShape(name string) *Graph {
	v := value(name, protos.TensorProto_FLOAT, nil)
	v.GetType().GetTensorType().Shape = nil
	g.graph.Output = append(g.graph.Output, v)
	return g
}

// Weights adds a float32 initialiser.
func (g *Graph) Weights(name string, shape []int, data []float32) *Graph {
	g.graph.Initializer = append(g.graph.Initializer, &protos.TensorProto{
		Name: name, Dims: dims(shape),
		DataType: int32(protos.TensorProto_FLOAT), FloatData: data,
	})
	return g
}

// Integers adds an int64 initialiser of rank 1.
func (g *Graph) Integers(name string, data ...int64) *Graph {
	g.graph.Initializer = append(g.graph.Initializer, &protos.TensorProto{
		Name: name, Dims: []int64{int64(len(data))},
		DataType: int32(protos.TensorProto_INT64), Int64Data: data,
	})
	return g
}

// Node adds an operator of the standard domain. Attributes are int, float32, string, []int, []float32 or []string.
func (g *Graph) Node(op string, inputs, outputs []string, attributes map[string]any) *Graph {
	n := &protos.NodeProto{
		OpType: op, Name: fmt.Sprintf("%s_%d", op, len(g.graph.Node)),
		Input: inputs, Output: outputs,
	}
	for name, v := range attributes {
		n.Attribute = append(n.Attribute, attribute(name, v))
	}
	g.graph.Node = append(g.graph.Node, n)
	return g
}

// Build serialises the model. A model that cannot be serialised is a defect of the test: it panics.
func (g *Graph) Build() []byte {
	data, err := proto.Marshal(g.Proto())
	if err != nil {
		panic(err)
	}
	return data
}

// Proto gives the model as a protobuf message.
func (g *Graph) Proto() *protos.ModelProto {
	return &protos.ModelProto{
		IrVersion:   8,
		OpsetImport: []*protos.OperatorSetIdProto{{Domain: "", Version: g.opset}},
		Graph:       &g.graph,
	}
}

func attribute(name string, v any) *protos.AttributeProto {
	a := &protos.AttributeProto{Name: name}
	set := func(t protos.AttributeProto_AttributeType) { a.Type = t }
	switch v := v.(type) {
	case int:
		a.I = int64(v)
		set(protos.AttributeProto_INT)
	case float32:
		a.F = v
		set(protos.AttributeProto_FLOAT)
	case string:
		a.S = []byte(v)
		set(protos.AttributeProto_STRING)
	case []int:
		a.Ints = dims(v)
		set(protos.AttributeProto_INTS)
	case []float32:
		a.Floats = v
		set(protos.AttributeProto_FLOATS)
	case []string:
		for _, e := range v {
			a.Strings = append(a.Strings, []byte(e))
		}
		set(protos.AttributeProto_STRINGS)
	case *protos.TensorProto:
		a.T = v
		set(protos.AttributeProto_TENSOR)
	default:
		panic(fmt.Sprintf("attribute %s of type %T", name, v))
	}
	return a
}

func value(name string, kind protos.TensorProto_DataType, shape []int) *protos.ValueInfoProto {
	s := &protos.TensorShapeProto{}
	for i, d := range shape {
		dim := &protos.TensorShapeProto_Dimension{Value: &protos.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}}
		if d < 0 {
			dim.Value = &protos.TensorShapeProto_Dimension_DimParam{DimParam: fmt.Sprintf("free_%d", i)}
		}
		s.Dim = append(s.Dim, dim)
	}
	return &protos.ValueInfoProto{Name: name, Type: &protos.TypeProto{Value: &protos.TypeProto_TensorType{
		TensorType: &protos.TypeProto_Tensor{ElemType: int32(kind), Shape: s},
	}}}
}

func dims(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, d := range shape {
		out[i] = int64(d)
	}
	return out
}
