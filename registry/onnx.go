package registry

import (
	"bytes"
	"fmt"
	"sort"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"

	"consilium/engine"
	"consilium/fault"
)

// Description is what an ONNX file says about itself, read without running it.
type Description struct {
	IR         int            `json:"ir"`
	Opset      int            `json:"opset"` // of the standard operators
	Producer   string         `json:"producer,omitempty"`
	Inputs     []engine.Port  `json:"inputs"` // float32, without the weights; -1 is a free dimension
	Outputs    []engine.Port  `json:"outputs"`
	Parameters int            `json:"parameters"` // floating-point values among the weights, biases and statistics
	Operators  map[string]int `json:"operators"`  // how often each is used; "com.microsoft.Gelu" for a vendor's
}

// Input gives the input of that name.
func (d Description) Input(name string) (engine.Port, bool) { return portNamed(d.Inputs, name) }

// Output gives the output of that name.
func (d Description) Output(name string) (engine.Port, bool) { return portNamed(d.Outputs, name) }

func portNamed(ports []engine.Port, name string) (engine.Port, bool) {
	for _, p := range ports {
		if p.Name == name {
			return p, true
		}
	}
	return engine.Port{}, false
}

// Inspect reads an ONNX file without running it and refuses whatever could
// reach outside of it or is no plain computation: data in other files,
// functions, control flow, operators that are not on the list. Source of the
// rules: ONNX IR specification, https://onnx.ai/onnx/repo-docs/IR.html.
// Errors: MODEL_MALFORMED, MODEL_OPSET, MODEL_SHAPE, MODEL_UNSUPPORTED.
// It does not bound what the graph computes: that is for the limits of the run.
func Inspect(model []byte) (Description, error) {
	m, err := decodeONNX(model)
	if err != nil {
		return Description{}, err
	}
	return describe(m)
}

// decodeONNX parses the bytes within the limits.
func decodeONNX(model []byte) (*protos.ModelProto, error) {
	if len(model) == 0 {
		return nil, malformed("it is empty")
	}
	if len(model) > MaxModelBytes {
		return nil, malformed("it has %d bytes, the limit is %d", len(model), MaxModelBytes)
	}
	if len(model) >= 8 && bytes.Equal(model[4:8], []byte("ORTM")) {
		// ONNX Runtime would take these bytes for its own FlatBuffers format, whatever protobuf says.
		return nil, malformed("it carries the mark of the ORT format")
	}
	m := new(protos.ModelProto)
	if err := new(scan).check(model, m.ProtoReflect().Descriptor(), 0); err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(model, m); err != nil {
		return nil, malformed("%v", err)
	}
	return m, nil
}

// describe checks a decoded model and collects what it says about itself.
func describe(m *protos.ModelProto) (Description, error) {
	d := Description{IR: int(m.IrVersion), Producer: m.ProducerName, Operators: map[string]int{}}
	if err := refuseReach(m); err != nil {
		return d, err
	}
	opsets, err := checkOpsets(m)
	if err != nil {
		return d, err
	}
	d.Opset = int(opsets[standardDomain])
	weights, err := checkWeights(m.Graph, &d)
	if err != nil {
		return d, err
	}
	if err := checkPorts(m.Graph, weights, &d); err != nil {
		return d, err
	}
	return d, checkNodes(m.Graph, opsets, weights, &d)
}

// refuseReach refuses the parts of a model that are more than one plain graph.
func refuseReach(m *protos.ModelProto) error {
	const export = "export the network as one plain graph for inference"
	switch {
	case m.Graph == nil || len(m.Graph.Node) == 0:
		return malformed("it has no graph")
	case len(m.Functions) > 0:
		return fault.New(fault.ModelUnsupported, "the ONNX model defines functions of its own", export)
	case len(m.TrainingInfo) > 0:
		return fault.New(fault.ModelUnsupported, "the ONNX model carries training graphs", export)
	case len(m.Configuration) > 0:
		return fault.New(fault.ModelUnsupported, "the ONNX model is spread over several devices", export)
	case len(m.Graph.SparseInitializer) > 0:
		return fault.New(fault.ModelUnsupported, "the ONNX model has sparse weights", "store the weights densely")
	}
	for _, p := range m.MetadataProps {
		if p.Key == "ort_config" { // ONNX Runtime can take session settings from here
			return fault.New(fault.ModelUnsupported, "the ONNX model carries settings for its runtime", "remove the metadata entry ort_config")
		}
	}
	return nil
}

// checkOpsets gives the version of each operator domain that the model imports.
func checkOpsets(m *protos.ModelProto) (map[string]int64, error) {
	if m.IrVersion < minIR || m.IrVersion > maxIR {
		return nil, fault.New(fault.ModelOpset, fmt.Sprintf("the file uses ONNX IR version %d", m.IrVersion),
			fmt.Sprintf("export it with an IR version from %d to %d", minIR, maxIR))
	}
	opsets := make(map[string]int64)
	for _, o := range m.OpsetImport {
		domain := domainName(o.Domain)
		if _, twice := opsets[domain]; twice {
			return nil, malformed("it imports operator domain %q twice", domain)
		}
		opsets[domain] = o.Version
	}
	if v := opsets[standardDomain]; v < MinOpset || v > MaxOpset {
		return nil, fault.New(fault.ModelOpset, fmt.Sprintf("the model uses ONNX opset %d", v),
			fmt.Sprintf("export it with an opset from %d to %d", MinOpset, MaxOpset))
	}
	return opsets, nil
}

// checkNodes checks operators, attributes, and that every value is made before it is used.
func checkNodes(g *protos.GraphProto, opsets map[string]int64, known map[string]bool, d *Description) error {
	for _, p := range d.Inputs {
		known[p.Name] = true
	}
	for _, n := range g.Node {
		if err := checkOperator(n, opsets, d); err != nil {
			return err
		}
		for _, name := range n.Input {
			if name != "" && !known[name] { // an empty name is an optional input left out
				return malformed("operator %s reads %q, which nothing before it makes", n.OpType, name)
			}
		}
		for _, name := range n.Output {
			if name == "" {
				continue
			}
			if known[name] {
				return malformed("the value %q is made twice", name)
			}
			known[name] = true
		}
	}
	for _, p := range d.Outputs {
		if !known[p.Name] {
			return malformed("nothing makes the output %q", p.Name)
		}
	}
	return nil
}

// checkOperator refuses an operator that is not on the list, or that carries a graph or data from elsewhere.
func checkOperator(n *protos.NodeProto, opsets map[string]int64, d *Description) error {
	domain := domainName(n.Domain)
	name := n.OpType
	if domain != standardDomain {
		name = domain + "." + n.OpType
	}
	if !allowedOperators[domain][n.OpType] || n.Overload != "" {
		return fault.New(fault.ModelOpset, fmt.Sprintf("the operator %q is not allowed in a model", name),
			"export the network without it; docs/bundle.md lists what is allowed")
	}
	if _, ok := opsets[domain]; !ok {
		return malformed("it uses %s but does not import its operator domain", name)
	}
	d.Operators[name]++
	for _, a := range n.Attribute {
		switch {
		case a.G != nil || len(a.Graphs) > 0:
			return fault.New(fault.ModelOpset, fmt.Sprintf("operator %s carries a graph of its own", name), "export the network without control flow")
		case a.SparseTensor != nil || len(a.SparseTensors) > 0:
			return fault.New(fault.ModelUnsupported, fmt.Sprintf("operator %s carries a sparse tensor", name), "store the values densely")
		case a.RefAttrName != "":
			return malformed("%s refers to an attribute of a function", name)
		}
		for _, t := range append(a.Tensors, a.T) {
			if t == nil {
				continue
			}
			if err := checkTensor(t, name+"."+a.Name); err != nil {
				return err
			}
			d.count(t)
		}
	}
	return nil
}

// OperatorNames lists the operators that a model uses, sorted.
func (d Description) OperatorNames() []string {
	names := make([]string, 0, len(d.Operators))
	for name := range d.Operators {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
