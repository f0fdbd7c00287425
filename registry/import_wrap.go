package registry

import (
	"slices"

	"github.com/gomlx/compute-onnx/support/protos"

	"consilium/engine"
)

// wrap is how an imported graph becomes one with a bundle's ports: in front a
// transposition when it wants channels last, behind it what turns its answer
// into logits of every label. The nodes between stay as they are.
type wrap struct {
	input, output engine.Port
	shape         []int // of one example, channels first
	channelsLast  bool
	probabilities bool
}

// native is the shape of one example as the original wants it.
func (w wrap) native() []int {
	if !w.channelsLast || len(w.shape) < 2 {
		return w.shape
	}
	return slices.Concat(w.shape[1:], w.shape[:1])
}

// imported goes before every name of the original graph, so that none of them meets one of ours.
const imported = "imported/"

// smallest keeps the logarithm of a probability of zero finite.
const smallest = 1e-7

// apply rewrites the model.
func (w wrap) apply(m *protos.ModelProto) {
	g := m.Graph
	prefixNames(g)
	m.IrVersion = max(m.IrVersion, 4) // before, every weight had to be listed as an input too
	scores := imported + w.output.Name
	g.Node = slices.Concat(w.front(), g.Node, w.back(g, scores))
	g.Input = []*protos.ValueInfoProto{floatValue(PortInput, w.input.Shape[0], w.shape...)}
	g.Output = []*protos.ValueInfoProto{floatValue(PortLogits, w.output.Shape[0], max(w.output.Shape[1], 2))}
	g.ValueInfo = nil              // shapes of inner values are a hint that the runtime infers itself
	g.QuantizationAnnotation = nil // likewise
}

// prefixNames renames every value of the graph.
func prefixNames(g *protos.GraphProto) {
	prefix := func(list []string) {
		for i, name := range list {
			if name != "" { // an optional input left out
				list[i] = imported + name
			}
		}
	}
	for _, n := range g.Node {
		prefix(n.Input)
		prefix(n.Output)
		n.Name = imported + n.Name
	}
	for _, t := range g.Initializer {
		t.Name = imported + t.Name
	}
}

// front passes "input" on to the original, in its layout.
func (w wrap) front() []*protos.NodeProto {
	to := imported + w.input.Name
	rank := int64(len(w.input.Shape))
	if !w.channelsLast || rank < 3 {
		return []*protos.NodeProto{node("Identity", []string{PortInput}, to)}
	}
	order := []int64{0}
	for axis := int64(2); axis < rank; axis++ {
		order = append(order, axis)
	}
	return []*protos.NodeProto{node("Transpose", []string{PortInput}, to, integers("perm", append(order, 1)...))}
}

// back turns the original's answer into logits. The softmax of log p is p
// itself. One value for two labels is the second label's: its logit beside a logit of zero gives the same sigmoid.
func (w wrap) back(g *protos.GraphProto, scores string) []*protos.NodeProto {
	var nodes []*protos.NodeProto
	add := func(op, to string, inputs []string, attributes ...*protos.AttributeProto) string {
		nodes = append(nodes, node(op, inputs, to, attributes...))
		return to
	}
	single := w.output.Shape[1] == 1
	if w.probabilities {
		g.Initializer = append(g.Initializer, scalar("smallest", smallest), scalar("one", 1))
		if single {
			rest := add("Sub", "rest", []string{"one", scores})
			scores = add("Concat", "pair", []string{rest, scores}, integer("axis", 1))
		}
		clipped := add("Clip", "clipped", []string{scores, "smallest", "one"})
		add("Log", PortLogits, []string{clipped})
		return nodes
	}
	if !single {
		add("Identity", PortLogits, []string{scores})
		return nodes
	}
	zero := add("Sub", "zero", []string{scores, scores})
	add("Concat", PortLogits, []string{zero, scores}, integer("axis", 1))
	return nodes
}

func node(op string, inputs []string, output string, attributes ...*protos.AttributeProto) *protos.NodeProto {
	return &protos.NodeProto{OpType: op, Name: op + "/" + output, Input: inputs, Output: []string{output}, Attribute: attributes}
}

func integer(name string, value int64) *protos.AttributeProto {
	return &protos.AttributeProto{Name: name, Type: protos.AttributeProto_INT, I: value}
}

func integers(name string, values ...int64) *protos.AttributeProto {
	return &protos.AttributeProto{Name: name, Type: protos.AttributeProto_INTS, Ints: values}
}

func scalar(name string, value float32) *protos.TensorProto {
	return &protos.TensorProto{Name: name, DataType: int32(protos.TensorProto_FLOAT), FloatData: []float32{value}}
}

// floatValue describes a float32 tensor [batch, shape...]; -1 is free.
func floatValue(name string, batch int, shape ...int) *protos.ValueInfoProto {
	dims := make([]*protos.TensorShapeProto_Dimension, 0, len(shape)+1)
	for _, size := range slices.Concat([]int{batch}, shape) {
		d := &protos.TensorShapeProto_Dimension{Value: &protos.TensorShapeProto_Dimension_DimValue{DimValue: int64(size)}}
		if size == -1 {
			d.Value = &protos.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}
		}
		dims = append(dims, d)
	}
	return &protos.ValueInfoProto{Name: name, Type: &protos.TypeProto{Value: &protos.TypeProto_TensorType{TensorType: &protos.TypeProto_Tensor{
		ElemType: int32(protos.TensorProto_FLOAT), Shape: &protos.TensorShapeProto{Dim: dims},
	}}}}
}
