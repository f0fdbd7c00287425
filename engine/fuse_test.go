package engine

import (
	"context"
	"encoding/binary"
	"math"
	"testing"

	onnx "github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

func scalarConstant(name string, v float32) *onnx.TensorProto {
	raw := make([]byte, 4)
	binary.LittleEndian.PutUint32(raw, math.Float32bits(v))
	return &onnx.TensorProto{Name: name, DataType: int32(onnx.TensorProto_FLOAT), RawData: raw}
}

func port(name string) *onnx.ValueInfoProto {
	dim := &onnx.TensorShapeProto_Dimension{Value: &onnx.TensorShapeProto_Dimension_DimValue{DimValue: 7}}
	return &onnx.ValueInfoProto{Name: name, Type: &onnx.TypeProto{Value: &onnx.TypeProto_TensorType{TensorType: &onnx.TypeProto_Tensor{
		ElemType: int32(onnx.TensorProto_FLOAT), Shape: &onnx.TensorShapeProto{Dim: []*onnx.TensorShapeProto_Dimension{dim}}}}}}
}

// gateGraph spells a hard sigmoid in four operators and two identities; high is the upper bound.
func gateGraph(high float32) *onnx.ModelProto {
	node := func(op, out string, in ...string) *onnx.NodeProto {
		return &onnx.NodeProto{OpType: op, Input: in, Output: []string{out}}
	}
	return &onnx.ModelProto{IrVersion: 9, OpsetImport: []*onnx.OperatorSetIdProto{{Version: 21}}, Graph: &onnx.GraphProto{
		Name:        "gate",
		Input:       []*onnx.ValueInfoProto{port("x")},
		Output:      []*onnx.ValueInfoProto{port("y")},
		Initializer: []*onnx.TensorProto{scalarConstant("sixth", float32(1.0/6)), scalarConstant("half", 0.5), scalarConstant("zero", 0), scalarConstant("one", high)},
		Node: []*onnx.NodeProto{node("Identity", "x1", "x"), node("Mul", "a", "x1", "sixth"), node("Add", "b", "half", "a"),
			node("Max", "c", "b", "zero"), node("Identity", "c1", "c"), node("Min", "y", "one", "c1"), node("Exp", "unused", "b")},
	}}
}

func TestSimplifyKeepsTheFunction(t *testing.T) {
	for _, c := range []struct {
		high  float32
		nodes int // that remain
	}{{1, 1}, {2, 4}} {
		before, after := gateGraph(c.high), gateGraph(c.high)
		simplify(after.Graph)
		if len(after.Graph.Node) != c.nodes {
			t.Errorf("bound %g: %d nodes, want %d", c.high, len(after.Graph.Node), c.nodes)
		}
		x := Tensor{Shape: []int{7}, Data: []float32{-9, -3, -1, 0, 1, 3, 12}}
		var got [2][]float32
		for i, m := range []*onnx.ModelProto{before, after} {
			data, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			s, err := OpenSession(data, Options{Backend: BackendGo})
			if err != nil {
				t.Fatal(err)
			}
			out, err := s.Run(context.Background(), map[string]Tensor{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			got[i] = out["y"].Data
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range got[0] {
			if math.Abs(float64(got[0][i]-got[1][i])) > 1e-6 {
				t.Errorf("bound %g: at %g it was %g and is %g", c.high, x.Data[i], got[0][i], got[1][i])
			}
		}
	}
}

func TestABatchThatCannotBeFreedIsRefused(t *testing.T) {
	raw := make([]byte, 8)
	binary.LittleEndian.PutUint64(raw, markerBatch)
	m := gateGraph(1)
	m.Graph.Initializer = append(m.Graph.Initializer, &onnx.TensorProto{Name: "n", Dims: []int64{1}, DataType: int32(onnx.TensorProto_INT64), RawData: raw})
	m.Graph.Node = append(m.Graph.Node[:5], &onnx.NodeProto{OpType: "Tile", Input: []string{"c1", "n"}, Output: []string{"y"}})
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := freeBatch(data); err == nil {
		t.Error("a Tile by the batch went through")
	}
}
