package engine

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"

	"consilium/fault"
)

// Limits on a model and on what flows through it.
const (
	MaxModelBytes    = 1 << 30 // 1 GiB of ONNX
	MaxTensorValues  = 1 << 28 // 1 GiB of float32 in one input
	maxPorts         = 64
	maxRank          = 8
	oldestOpset      = 7
	newestOpset      = 26
	anotherModelHint = "export the network as a float32 ONNX classifier"
)

// signature is what a model takes and gives.
type signature struct {
	inputs, outputs []Port
}

// decodeModel parses ONNX bytes and refuses what could reach outside of them.
func decodeModel(model []byte) (*protos.ModelProto, error) {
	if len(model) == 0 {
		return nil, fault.New(fault.ModelMalformed, "the ONNX model is empty", "check the file")
	}
	if len(model) > MaxModelBytes {
		return nil, fault.New(fault.ModelMalformed,
			fmt.Sprintf("the ONNX model has %d bytes, the limit is %d", len(model), MaxModelBytes), "use a smaller model")
	}
	m := new(protos.ModelProto)
	if err := proto.Unmarshal(model, m); err != nil {
		return nil, fault.Wrap(err, fault.ModelMalformed, "these bytes are not an ONNX model", "check the file")
	}
	if m.Graph == nil || len(m.Graph.Node) == 0 {
		return nil, fault.New(fault.ModelMalformed, "the ONNX model has no graph", "check the file")
	}
	for _, t := range m.Graph.Initializer {
		if t.GetDataLocation() == protos.TensorProto_EXTERNAL {
			return nil, fault.New(fault.ModelUnsupported,
				"the weights of this model lie in another file", "export it with the weights inside the ONNX file")
		}
	}
	return m, checkOpset(m)
}

func checkOpset(m *protos.ModelProto) error {
	for _, o := range m.OpsetImport {
		if o.GetDomain() != "" && o.GetDomain() != "ai.onnx" {
			continue // whether its operators are known is the backend's to say
		}
		if v := o.GetVersion(); v < oldestOpset || v > newestOpset {
			return fault.New(fault.ModelOpset, fmt.Sprintf("the model uses ONNX opset %d", v),
				fmt.Sprintf("export it with an opset from %d to %d", oldestOpset, newestOpset))
		}
	}
	return nil
}

// readSignature lists the inputs that are not weights, and the float32 outputs.
func readSignature(m *protos.ModelProto) (signature, error) {
	var s signature
	if len(m.Graph.Input) > maxPorts+len(m.Graph.Initializer) || len(m.Graph.Output) > maxPorts {
		return s, fault.New(fault.ModelShape, "the model has too many inputs or outputs", anotherModelHint)
	}
	weights := make(map[string]bool, len(m.Graph.Initializer))
	for _, t := range m.Graph.Initializer {
		weights[t.GetName()] = true
	}
	for _, v := range m.Graph.Input {
		if weights[v.GetName()] {
			continue
		}
		port, ok := floatPort(v)
		if !ok {
			return s, fault.New(fault.ModelShape, fmt.Sprintf("input %q is not a float32 tensor", v.GetName()), anotherModelHint)
		}
		s.inputs = append(s.inputs, port)
	}
	for _, v := range m.Graph.Output {
		if port, ok := floatPort(v); ok {
			s.outputs = append(s.outputs, port)
		}
	}
	if len(s.inputs) == 0 || len(s.outputs) == 0 {
		return s, fault.New(fault.ModelShape, "the model has no float32 input or no float32 output", anotherModelHint)
	}
	return s, nil
}

// floatPort reads a value's name and shape; ok is false for anything but a
// float32 tensor of bounded rank, and for scalars, which no batch has.
func floatPort(v *protos.ValueInfoProto) (p Port, ok bool) {
	t := v.GetType().GetTensorType()
	if t == nil || t.GetElemType() != int32(protos.TensorProto_FLOAT) {
		return p, false
	}
	p = Port{Name: v.GetName(), Shape: []int{}}
	if rank := len(t.GetShape().GetDim()); rank > maxRank || rank == 0 && t.Shape != nil {
		return p, false
	}
	for _, d := range t.GetShape().GetDim() {
		n := -1
		if x := d.GetDimValue(); x > 0 && x <= MaxTensorValues {
			n = int(x)
		}
		p.Shape = append(p.Shape, n)
	}
	return p, true
}

// order checks the inputs against their ports and puts them into port order.
func (s signature) order(inputs map[string]Tensor) ([]Tensor, error) {
	for name := range inputs {
		if !slices.ContainsFunc(s.inputs, func(p Port) bool { return p.Name == name }) {
			return nil, fault.New(fault.ModelShape, fmt.Sprintf("the model has no input %q", name), "use the names that Inputs gives")
		}
	}
	ordered := make([]Tensor, len(s.inputs))
	for i, p := range s.inputs {
		t, ok := inputs[p.Name]
		if !ok {
			return nil, fault.New(fault.ModelShape, fmt.Sprintf("input %q is missing", p.Name), "give every input that Inputs lists")
		}
		if err := p.fits(t); err != nil {
			return nil, err
		}
		ordered[i] = t
	}
	return ordered, nil
}

// fits checks a tensor against a port.
func (p Port) fits(t Tensor) error {
	if err := checkSize(p.Name, t.Shape); err != nil {
		return err
	}
	wrong := len(t.Shape) != len(p.Shape) || len(t.Data) != Size(t.Shape)
	for i := 0; !wrong && i < len(p.Shape); i++ {
		wrong = p.Shape[i] > 0 && p.Shape[i] != t.Shape[i]
	}
	if wrong {
		return fault.New(fault.ModelShape,
			fmt.Sprintf("input %q has shape %v with %d values, the model wants %v", p.Name, t.Shape, len(t.Data), p.Shape),
			"-1 stands for any size")
	}
	return nil
}

// checkSize refuses shapes that are empty or beyond MaxTensorValues, without overflow.
func checkSize(name string, shape []int) error {
	n := 1
	for _, d := range shape {
		if d <= 0 {
			return fault.New(fault.ModelShape, fmt.Sprintf("input %q has an empty dimension in %v", name, shape), "give at least one example")
		}
		if n > MaxTensorValues/d {
			return fault.New(fault.InputTooLarge, fmt.Sprintf("input %q of shape %v exceeds %d values", name, shape, MaxTensorValues), "use smaller batches")
		}
		n *= d
	}
	return nil
}

func clonePorts(ports []Port) []Port {
	out := make([]Port, len(ports))
	for i, p := range ports {
		out[i] = Port{Name: p.Name, Shape: slices.Clone(p.Shape)}
	}
	return out
}
