package registry

import (
	"fmt"

	"github.com/gomlx/compute-onnx/support/protos"

	"consilium/engine"
	"consilium/fault"
)

// Limits on the tensors of a model.
const (
	maxRank        = 8
	maxDimension   = 1 << 31
	maxTensorCells = 1 << 28
	maxPorts       = 16
)

// checkWeights checks every initialiser and gives their names.
func checkWeights(g *protos.GraphProto, d *Description) (map[string]bool, error) {
	names := make(map[string]bool, len(g.Initializer))
	for _, t := range g.Initializer {
		if t.Name == "" || names[t.Name] {
			return nil, malformed("two weights are named %q", t.Name)
		}
		names[t.Name] = true
		if err := checkTensor(t, t.Name); err != nil {
			return nil, err
		}
		d.count(t)
	}
	return names, nil
}

// count adds the floating-point values of a stored tensor to the parameters.
func (d *Description) count(t *protos.TensorProto) {
	switch protos.TensorProto_DataType(t.DataType) {
	case protos.TensorProto_FLOAT, protos.TensorProto_DOUBLE, protos.TensorProto_FLOAT16, protos.TensorProto_BFLOAT16:
		d.Parameters += int(cells(t.Dims))
	}
}

// checkTensor refuses data that lies elsewhere, is no number, or is not as long as its shape says.
func checkTensor(t *protos.TensorProto, where string) error {
	if len(t.ExternalData) > 0 || t.DataLocation != protos.TensorProto_DEFAULT {
		return fault.New(fault.ModelUnsupported, fmt.Sprintf("the data of %q lies in another file", where),
			"save the model with its weights inside the ONNX file")
	}
	if t.Segment != nil || len(t.Dims) > maxRank {
		return malformed("the tensor %q has %d dimensions or comes in segments", where, len(t.Dims))
	}
	want := cells(t.Dims)
	if want < 0 {
		return malformed("the tensor %q has the shape %v", where, t.Dims)
	}
	width, stored, ok := storage(t)
	if !ok {
		return fault.New(fault.ModelUnsupported,
			fmt.Sprintf("the tensor %q has the data type %s", where, protos.TensorProto_DataType(t.DataType)),
			"export the network with numbers of 8 to 64 bits")
	}
	have, fields := int64(stored), 0
	for _, n := range []int{len(t.RawData), len(t.FloatData), len(t.DoubleData), len(t.Int32Data), len(t.Int64Data), len(t.Uint64Data), len(t.StringData)} {
		if n > 0 {
			fields++
		}
	}
	if len(t.RawData) > 0 {
		have, want = int64(len(t.RawData)), want*width
	}
	if have != want || fields > 1 {
		return malformed("the tensor %q of shape %v holds %d values or bytes where %d belong", where, t.Dims, have, want)
	}
	return nil
}

// storage gives the bytes of one value in raw form, and how many values the
// typed field holds. Packed types below 8 bits are not read.
func storage(t *protos.TensorProto) (width int64, stored int, ok bool) {
	switch protos.TensorProto_DataType(t.DataType) {
	case protos.TensorProto_FLOAT:
		return 4, len(t.FloatData), true
	case protos.TensorProto_DOUBLE:
		return 8, len(t.DoubleData), true
	case protos.TensorProto_INT64:
		return 8, len(t.Int64Data), true
	case protos.TensorProto_UINT64:
		return 8, len(t.Uint64Data), true
	case protos.TensorProto_UINT32:
		return 4, len(t.Uint64Data), true
	case protos.TensorProto_INT32:
		return 4, len(t.Int32Data), true
	case protos.TensorProto_FLOAT16, protos.TensorProto_BFLOAT16, protos.TensorProto_INT16, protos.TensorProto_UINT16:
		return 2, len(t.Int32Data), true
	case protos.TensorProto_INT8, protos.TensorProto_UINT8, protos.TensorProto_BOOL:
		return 1, len(t.Int32Data), true
	}
	return 0, 0, false
}

// cells is the number of values of a shape, or -1 beyond the limits.
func cells(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		if d < 0 || d > maxDimension {
			return -1
		}
		if n *= d; n > maxTensorCells {
			return -1
		}
	}
	return n
}

// checkPorts collects the inputs that are not weights, and the outputs.
func checkPorts(g *protos.GraphProto, weights map[string]bool, d *Description) error {
	seen := make(map[string]bool)
	collect := func(values []*protos.ValueInfoProto, into *[]engine.Port) error {
		for _, v := range values {
			p, err := port(v)
			if err != nil {
				return err
			}
			if seen[p.Name] || len(*into) == maxPorts {
				return fault.New(fault.ModelShape, fmt.Sprintf("the port %q comes twice, or there are more than %d", p.Name, maxPorts), classifierHint)
			}
			seen[p.Name] = true
			*into = append(*into, p)
		}
		return nil
	}
	var inputs []*protos.ValueInfoProto
	for _, v := range g.Input {
		if !weights[v.Name] { // before IR 4 weights were listed as inputs too
			inputs = append(inputs, v)
		}
	}
	if err := collect(inputs, &d.Inputs); err != nil {
		return err
	}
	if err := collect(g.Output, &d.Outputs); err != nil {
		return err
	}
	if len(d.Inputs) == 0 || len(d.Outputs) == 0 {
		return fault.New(fault.ModelShape, "the model has no input or no output", classifierHint)
	}
	return nil
}

const classifierHint = "export the network as a float32 classifier: one input [batch, ...], one output [batch, classes]"

// port reads the name and shape of a float32 tensor that goes in or out.
func port(v *protos.ValueInfoProto) (engine.Port, error) {
	p := engine.Port{Name: v.Name}
	if v.Name == "" {
		return p, malformed("a port has no name")
	}
	tensor := v.GetType().GetTensorType()
	if tensor == nil || protos.TensorProto_DataType(tensor.ElemType) != protos.TensorProto_FLOAT {
		return p, fault.New(fault.ModelShape, fmt.Sprintf("the port %q is not a float32 tensor", v.Name), classifierHint)
	}
	if tensor.Shape == nil || len(tensor.Shape.Dim) == 0 || len(tensor.Shape.Dim) > maxRank {
		return p, fault.New(fault.ModelShape, fmt.Sprintf("the port %q does not state a shape of 1 to %d dimensions", v.Name, maxRank), classifierHint)
	}
	for _, dim := range tensor.Shape.Dim {
		fixed, ok := dim.Value.(*protos.TensorShapeProto_Dimension_DimValue)
		if !ok {
			p.Shape = append(p.Shape, -1)
			continue
		}
		if fixed.DimValue < 1 || fixed.DimValue > maxTensorCells {
			return p, fault.New(fault.ModelShape, fmt.Sprintf("the port %q has a dimension of %d", v.Name, fixed.DimValue), classifierHint)
		}
		p.Shape = append(p.Shape, int(fixed.DimValue))
	}
	return p, nil
}
