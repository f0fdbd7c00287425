package engine

import (
	"fmt"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"

	"consilium/fault"
)

// floatPorts gives integer inputs (the token numbers of a text encoder) the one type that a Session
// exchanges: the port becomes float32, and a Cast stands behind it. float32 holds every integer up to
// 2^24, far above any vocabulary. It reports whether the model was changed.
func floatPorts(m *protos.ModelProto) (changed bool, err error) {
	weights := make(map[string]bool, len(m.Graph.Initializer))
	for _, t := range m.Graph.Initializer {
		weights[t.GetName()] = true
	}
	var casts []*protos.NodeProto
	renamed := map[string]string{}
	for _, v := range m.Graph.Input {
		t := v.GetType().GetTensorType()
		if t == nil || weights[v.GetName()] {
			continue
		}
		kind := t.GetElemType()
		if kind != int32(protos.TensorProto_INT64) && kind != int32(protos.TensorProto_INT32) {
			continue
		}
		t.ElemType = int32(protos.TensorProto_FLOAT)
		name := v.GetName() + "/integers"
		renamed[v.GetName()] = name
		casts = append(casts, &protos.NodeProto{OpType: "Cast", Name: name, Input: []string{v.GetName()}, Output: []string{name},
			Attribute: []*protos.AttributeProto{{Name: "to", Type: protos.AttributeProto_INT, I: int64(kind)}}})
	}
	if len(casts) == 0 {
		return false, nil
	}
	for _, n := range m.Graph.Node {
		for _, a := range n.Attribute {
			if a.G != nil || len(a.Graphs) > 0 { // a graph inside may read the input by its old name
				return false, fault.New(fault.ModelUnsupported, fmt.Sprintf("a model with integer inputs has the branching operator %q", n.GetOpType()),
					"export it without If and Loop")
			}
		}
		for i, name := range n.Input {
			if other, ok := renamed[name]; ok {
				n.Input[i] = other
			}
		}
	}
	m.Graph.Node = append(casts, m.Graph.Node...)
	return true, nil
}

// withFloatPorts is floatPorts for a model and its bytes.
func withFloatPorts(m *protos.ModelProto, model []byte) ([]byte, error) {
	changed, err := floatPorts(m)
	if err != nil || !changed {
		return model, err
	}
	out, err := proto.Marshal(m)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the model cannot be written back", "please report it")
	}
	return out, nil
}
