package train

import (
	"github.com/gomlx/compute-onnx/support/protos"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"google.golang.org/protobuf/proto"

	"consilium/fault"
	"consilium/nn"
	"consilium/registry"
)

// Affine brings an input to the scale that a network was trained on: (x - Shift) * Scale, value by value.
// Nil lists mean that the input is on that scale already.
type Affine struct{ Shift, Scale []float32 }

// Before puts the affine map in front of a network that takes examples of a shape.
func (a Affine) Before(net nn.Network, shape []int) nn.Network {
	if a.Scale == nil {
		return net
	}
	dims := append([]int{1}, shape...)
	return func(b *nn.Build, x *graph.Node) (logits, features *graph.Node) {
		constant := func(v []float32) *graph.Node {
			return graph.ConstTensor(x.Graph(), tensors.FromFlatDataAndDimensions(v, dims...))
		}
		return net(b, graph.Mul(graph.Sub(x, constant(a.Shift)), constant(a.Scale)))
	}
}

// Headed is a frozen graph with one dense layer on top.
type Headed struct {
	Body    []byte    // ONNX with one float32 input and one output, the features
	Shape   []int     // of one example, as the bundle takes it
	Native  []int     // of one example, as the body takes it
	Affine  Affine    // of the input
	Weights []float32 // [classes, features], then [classes]
	Classes int
}

// WithHead writes body and head as one ONNX graph with a bundle's ports. Errors: MODEL_MALFORMED, MODEL_SHAPE, MODEL_UNSUPPORTED.
func WithHead(h Headed) ([]byte, error) {
	if _, err := registry.Inspect(h.Body); err != nil {
		return nil, err
	}
	m := &protos.ModelProto{}
	if err := proto.Unmarshal(h.Body, m); err != nil {
		return nil, fault.Wrap(err, fault.ModelMalformed, "the body cannot be read", "propose the job with another body")
	}
	width := len(h.Weights)/h.Classes - 1
	inputs := realInputs(m.Graph)
	if len(inputs) != 1 || len(m.Graph.Output) != 1 || width < 1 || len(h.Weights) != h.Classes*(width+1) {
		return nil, fault.New(fault.ModelShape, "the body does not have one input and one output", "export a graph that takes one input and gives the features")
	}
	in := inputs[0].GetType().GetTensorType()
	if in.GetElemType() != int32(protos.TensorProto_FLOAT) {
		return nil, fault.New(fault.ModelUnsupported, "the body takes integers", "export it with a float32 input")
	}
	batch := int64(-1)
	if d := in.GetShape().GetDim(); len(d) > 0 && d[0].GetDimValue() > 0 {
		batch = d[0].GetDimValue()
	}
	features := "body/" + m.Graph.Output[0].Name
	rename(m.Graph)
	m.IrVersion = max(m.IrVersion, 4) // before, every weight had to be listed as an input too
	front := h.front(m.Graph, "body/"+inputs[0].Name)
	m.Graph.Initializer = append(m.Graph.Initializer, floats("head/w", h.Weights[:h.Classes*width], h.Classes, width),
		floats("head/b", h.Weights[h.Classes*width:], h.Classes))
	m.Graph.Node = append(append(front, m.Graph.Node...),
		&protos.NodeProto{OpType: "Flatten", Name: "head/flatten", Input: []string{features}, Output: []string{"head/flat"},
			Attribute: []*protos.AttributeProto{{Name: "axis", Type: protos.AttributeProto_INT, I: 1}}},
		&protos.NodeProto{OpType: "Gemm", Name: "head/gemm", Input: []string{"head/flat", "head/w", "head/b"}, Output: []string{registry.PortLogits},
			Attribute: []*protos.AttributeProto{{Name: "transB", Type: protos.AttributeProto_INT, I: 1}}})
	m.Graph.Input = []*protos.ValueInfoProto{port(registry.PortInput, batch, h.Shape)}
	m.Graph.Output = []*protos.ValueInfoProto{port(registry.PortLogits, batch, []int{h.Classes})}
	m.Graph.ValueInfo, m.Graph.QuantizationAnnotation = nil, nil // hints that the runtime infers itself
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "body and head could not be written as one", "")
	}
	return out, nil
}

// front brings the bundle's input to the scale and the shape that the body wants.
func (h Headed) front(g *protos.GraphProto, to string) []*protos.NodeProto {
	var nodes []*protos.NodeProto
	last := registry.PortInput
	add := func(op, with, out string) {
		nodes = append(nodes, &protos.NodeProto{OpType: op, Name: "head/" + op, Input: []string{last, with}, Output: []string{out}})
		last = out
	}
	if h.Affine.Scale != nil {
		g.Initializer = append(g.Initializer, floats("head/shift", h.Affine.Shift, h.Shape...), floats("head/scale", h.Affine.Scale, h.Shape...))
		add("Sub", "head/shift", "head/shifted")
		add("Mul", "head/scale", "head/scaled")
	}
	dims := []int64{-1}
	for _, d := range h.Native {
		dims = append(dims, int64(d))
	}
	g.Initializer = append(g.Initializer, &protos.TensorProto{Name: "head/shape", DataType: int32(protos.TensorProto_INT64), Dims: []int64{int64(len(dims))}, Int64Data: dims})
	add("Reshape", "head/shape", to)
	return nodes
}

// realInputs leaves out the weights that old graphs list among the inputs.
func realInputs(g *protos.GraphProto) []*protos.ValueInfoProto {
	weights := map[string]bool{}
	for _, t := range g.Initializer {
		weights[t.Name] = true
	}
	var out []*protos.ValueInfoProto
	for _, in := range g.Input {
		if !weights[in.Name] {
			out = append(out, in)
		}
	}
	return out
}

// rename keeps the body's names apart from those of a bundle.
func rename(g *protos.GraphProto) {
	list := func(names []string) {
		for i, n := range names {
			if n != "" { // an optional input left out
				names[i] = "body/" + n
			}
		}
	}
	for _, n := range g.Node {
		list(n.Input)
		list(n.Output)
		n.Name = "body/" + n.Name
	}
	for _, t := range g.Initializer {
		t.Name = "body/" + t.Name
	}
}

func floats(name string, values []float32, shape ...int) *protos.TensorProto {
	t := &protos.TensorProto{Name: name, DataType: int32(protos.TensorProto_FLOAT), FloatData: values}
	for _, d := range shape {
		t.Dims = append(t.Dims, int64(d))
	}
	return t
}

func port(name string, batch int64, shape []int) *protos.ValueInfoProto {
	first := &protos.TensorShapeProto_Dimension{Value: &protos.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}}
	if batch > 0 {
		first.Value = &protos.TensorShapeProto_Dimension_DimValue{DimValue: batch}
	}
	dims := []*protos.TensorShapeProto_Dimension{first}
	for _, d := range shape {
		dims = append(dims, &protos.TensorShapeProto_Dimension{Value: &protos.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	return &protos.ValueInfoProto{Name: name, Type: &protos.TypeProto{Value: &protos.TypeProto_TensorType{TensorType: &protos.TypeProto_Tensor{
		ElemType: int32(protos.TensorProto_FLOAT), Shape: &protos.TensorShapeProto{Dim: dims},
	}}}}
}
