package engine

import (
	"encoding/binary"
	"fmt"
	"math"

	onnx "github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"

	"consilium/fault"
)

// markerBatch is the batch that graphs are exported with. It is a prime that no layer of ours has as a
// size, so every dimension that it divides comes from the batch.
const markerBatch = 997

// freeBatch makes the batch of an exported ONNX graph free: the exporter writes static shapes only, and a
// diagnosis runs one example or a hundred. Dimensions divisible by the marker become symbolic in the graph's
// inputs and outputs, -1 in Reshape, 1 in Expand (which keeps the data's own), and "to the end" in Slice.
// Anything else that holds the marker is refused, so that a new operator cannot slip through.
func freeBatch(model []byte) ([]byte, error) {
	m := &onnx.ModelProto{}
	if err := proto.Unmarshal(model, m); err != nil || m.Graph == nil {
		return nil, fault.Wrap(err, fault.Internal, "the exported graph cannot be read back", "please report it")
	}
	g := m.Graph
	simplify(g)
	f := &batchFreer{graph: g, constants: map[string]*onnx.TensorProto{}}
	for _, t := range g.Initializer {
		f.constants[t.Name] = t
	}
	for _, n := range g.Node {
		if err := f.node(n); err != nil {
			return nil, err
		}
	}
	if err := f.sweep(); err != nil {
		return nil, err
	}
	freePorts(g.Input)
	freePorts(g.Output)
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the exported graph cannot be written", "please report it")
	}
	return out, nil
}

type batchFreer struct {
	graph     *onnx.GraphProto
	constants map[string]*onnx.TensorProto
	made      map[string]string // old constant and role -> new constant
}

func (f *batchFreer) node(n *onnx.NodeProto) error {
	for i, name := range n.Input {
		t, ok := f.constants[name]
		if !ok || t.DataType != int32(onnx.TensorProto_INT64) {
			continue
		}
		values, marked := int64s(t)
		if !marked {
			continue
		}
		var with int64
		switch {
		case n.OpType == "Reshape" && i == 1:
			with = -1
		case n.OpType == "Expand" && i == 1:
			with = 1
		case n.OpType == "Slice" && i == 2:
			with = math.MaxInt64
		default:
			return fault.New(fault.Internal, fmt.Sprintf("operator %s fixes the batch in input %d", n.OpType, i), "please report it")
		}
		count := 0
		for j, v := range values {
			if v > 0 && v%markerBatch == 0 {
				values[j] = with
				count++
			}
		}
		if with == -1 && count > 1 {
			return fault.New(fault.Internal, "a Reshape has the batch in two places", "please report it")
		}
		n.Input[i] = f.constant(name+n.OpType, t, values)
	}
	return nil
}

// constant adds a replaced constant once.
func (f *batchFreer) constant(key string, like *onnx.TensorProto, values []int64) string {
	if name, ok := f.made[key]; ok {
		return name
	}
	raw := make([]byte, 8*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint64(raw[8*i:], uint64(v))
	}
	t := &onnx.TensorProto{Name: key + "_free", Dims: like.Dims, DataType: like.DataType, RawData: raw}
	f.graph.Initializer = append(f.graph.Initializer, t)
	if f.made == nil {
		f.made = map[string]string{}
	}
	f.made[key] = t.Name
	return t.Name
}

// sweep drops constants that nothing reads and folds those that repeat one row for every example.
func (f *batchFreer) sweep() error {
	used := map[string]bool{}
	for _, n := range f.graph.Node {
		for _, i := range n.Input {
			used[i] = true
		}
	}
	var kept []*onnx.TensorProto
	for _, t := range f.graph.Initializer {
		if !used[t.Name] {
			continue
		}
		for _, d := range t.Dims {
			if d > 0 && d%markerBatch == 0 {
				return fault.New(fault.Internal, "constant "+t.Name+" has the batch as a size", "please report it")
			}
		}
		t.DocString = ""
		kept = append(kept, t)
	}
	f.graph.Initializer = kept
	return nil
}

func int64s(t *onnx.TensorProto) (values []int64, marked bool) {
	for i := 0; i+8 <= len(t.RawData); i += 8 {
		v := int64(binary.LittleEndian.Uint64(t.RawData[i:]))
		values = append(values, v)
		marked = marked || (v > 0 && v%markerBatch == 0)
	}
	return values, marked
}

func freePorts(ports []*onnx.ValueInfoProto) {
	for _, p := range ports {
		shape := p.GetType().GetTensorType().GetShape()
		for _, d := range shape.GetDim() {
			if v := d.GetDimValue(); v > 0 && v%markerBatch == 0 {
				d.Value = &onnx.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}
			}
		}
	}
}
