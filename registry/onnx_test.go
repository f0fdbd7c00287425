package registry_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute-onnx/support/protos"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/fault"
	"consilium/registry"
)

func TestInspectDescribesAModel(t *testing.T) {
	got, err := registry.Inspect(linear().Build())
	if err != nil {
		t.Fatal(err)
	}
	want := registry.Description{
		IR: 8, Opset: 17, Parameters: 8, Operators: map[string]int{"Flatten": 1, "MatMul": 1},
		Inputs:  []engine.Port{{Name: "input", Shape: []int{-1, 1, 2, 2}}},
		Outputs: []engine.Port{{Name: "logits", Shape: []int{-1, 2}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if names := got.OperatorNames(); !slices.Equal(names, []string{"Flatten", "MatMul"}) {
		t.Error(names)
	}
}

// spoilt changes the linear model and gives its bytes.
func spoilt(t testing.TB, spoil func(*protos.ModelProto)) []byte {
	t.Helper()
	m := linear().Proto()
	spoil(m)
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestInspectRefuses(t *testing.T) {
	external := []*protos.StringStringEntryProto{{Key: "location", Value: "../../secret"}}
	attribute := func(a *protos.AttributeProto) func(*protos.ModelProto) {
		return func(m *protos.ModelProto) { m.Graph.Node[0].Attribute = append(m.Graph.Node[0].Attribute, a) }
	}
	for name, c := range map[string]struct {
		spoil func(*protos.ModelProto)
		code  fault.Code
	}{
		"weights in another file":      {func(m *protos.ModelProto) { m.Graph.Initializer[0].ExternalData = external }, fault.ModelUnsupported},
		"weights said to be elsewhere": {func(m *protos.ModelProto) { m.Graph.Initializer[0].DataLocation = protos.TensorProto_EXTERNAL }, fault.ModelUnsupported},
		"an attribute in another file": {attribute(&protos.AttributeProto{Name: "value", T: &protos.TensorProto{ExternalData: external}}), fault.ModelUnsupported},
		"attributes in another file":   {attribute(&protos.AttributeProto{Name: "value", Tensors: []*protos.TensorProto{{ExternalData: external}}}), fault.ModelUnsupported},
		"sparse weights":               {func(m *protos.ModelProto) { m.Graph.SparseInitializer = []*protos.SparseTensorProto{{}} }, fault.ModelUnsupported},
		"a sparse attribute":           {attribute(&protos.AttributeProto{Name: "value", SparseTensor: &protos.SparseTensorProto{}}), fault.ModelUnsupported},
		"functions":                    {func(m *protos.ModelProto) { m.Functions = []*protos.FunctionProto{{Name: "f"}} }, fault.ModelUnsupported},
		"training":                     {func(m *protos.ModelProto) { m.TrainingInfo = []*protos.TrainingInfoProto{{}} }, fault.ModelUnsupported},
		"runtime settings":             {func(m *protos.ModelProto) { m.MetadataProps = []*protos.StringStringEntryProto{{Key: "ort_config"}} }, fault.ModelUnsupported},
		"a loop":                       {func(m *protos.ModelProto) { m.Graph.Node[0].OpType = "Loop" }, fault.ModelOpset},
		"a graph in an attribute":      {attribute(&protos.AttributeProto{Name: "body", G: &protos.GraphProto{}}), fault.ModelOpset},
		"an operator nobody knows":     {func(m *protos.ModelProto) { m.Graph.Node[0].OpType = "Fly" }, fault.ModelOpset},
		"a vendor's loader":            {func(m *protos.ModelProto) { n := m.Graph.Node[0]; n.Domain, n.OpType = "com.microsoft", "EPContext" }, fault.ModelOpset},
		"a vendor not imported":        {func(m *protos.ModelProto) { n := m.Graph.Node[0]; n.Domain, n.OpType = "com.microsoft", "Gelu" }, fault.ModelMalformed},
		"another domain":               {func(m *protos.ModelProto) { m.Graph.Node[0].Domain = "my.company" }, fault.ModelOpset},
		"an old opset":                 {func(m *protos.ModelProto) { m.OpsetImport[0].Version = 8 }, fault.ModelOpset},
		"a new opset":                  {func(m *protos.ModelProto) { m.OpsetImport[0].Version = 99 }, fault.ModelOpset},
		"no opset":                     {func(m *protos.ModelProto) { m.OpsetImport = nil }, fault.ModelOpset},
		"two opsets": {func(m *protos.ModelProto) {
			m.OpsetImport = append(m.OpsetImport, &protos.OperatorSetIdProto{Domain: "ai.onnx", Version: 18})
		}, fault.ModelMalformed},
		"a new IR":                     {func(m *protos.ModelProto) { m.IrVersion = 99 }, fault.ModelOpset},
		"no graph":                     {func(m *protos.ModelProto) { m.Graph = nil }, fault.ModelMalformed},
		"a value from nowhere":         {func(m *protos.ModelProto) { m.Graph.Node[0].Input[0] = "ghost" }, fault.ModelMalformed},
		"a cycle":                      {func(m *protos.ModelProto) { m.Graph.Node[0].Input[0] = "logits" }, fault.ModelMalformed},
		"a value made twice":           {func(m *protos.ModelProto) { m.Graph.Node[1].Output[0] = "flat" }, fault.ModelMalformed},
		"an output that nothing makes": {func(m *protos.ModelProto) { m.Graph.Output[0].Name = "ghost" }, fault.ModelMalformed},
		"too few weights":              {func(m *protos.ModelProto) { m.Graph.Initializer[0].Dims = []int64{1 << 20, 64} }, fault.ModelMalformed},
		"more weights than can be":     {func(m *protos.ModelProto) { m.Graph.Initializer[0].Dims = []int64{1 << 40, 1 << 40} }, fault.ModelMalformed},
		"a negative dimension":         {func(m *protos.ModelProto) { m.Graph.Initializer[0].Dims = []int64{-4, -2} }, fault.ModelMalformed},
		"weights in two fields":        {func(m *protos.ModelProto) { m.Graph.Initializer[0].RawData = make([]byte, 32) }, fault.ModelMalformed},
		"strings":                      {func(m *protos.ModelProto) { m.Graph.Initializer[0].DataType = int32(protos.TensorProto_STRING) }, fault.ModelUnsupported},
		"the same weights twice":       {func(m *protos.ModelProto) { m.Graph.Initializer = append(m.Graph.Initializer, m.Graph.Initializer[0]) }, fault.ModelMalformed},
		"an integer input": {func(m *protos.ModelProto) {
			m.Graph.Input[0].Type.GetTensorType().ElemType = int32(protos.TensorProto_INT64)
		}, fault.ModelShape},
		"an input without a shape": {func(m *protos.ModelProto) { m.Graph.Input[0].Type.GetTensorType().Shape = nil }, fault.ModelShape},
		"an input without a type":  {func(m *protos.ModelProto) { m.Graph.Input[0].Type = nil }, fault.ModelShape},
		"no output":                {func(m *protos.ModelProto) { m.Graph.Output = nil }, fault.ModelShape},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := registry.Inspect(spoilt(t, c.spoil))
			wantCode(t, err, c.code)
		})
	}
}

func TestInspectRefusesEncodings(t *testing.T) {
	good := linear().Build()
	nested := []byte{}
	for range 100 { // TypeProto.sequence_type.elem_type.sequence_type ...
		nested = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), nested)
		nested = protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), nested)
	}
	value := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), nested)
	graph := protowire.AppendBytes(protowire.AppendTag(nil, 11, protowire.BytesType), value)
	numbers := protowire.AppendBytes(protowire.AppendTag(nil, 7, protowire.BytesType), make([]byte, 17<<20)) // TensorProto.int64_data: a byte each, eight in memory
	packed := protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), numbers)
	model := func(graph []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(bytes.Clone(good), 7, protowire.BytesType), graph)
	}
	for name, c := range map[string]struct {
		model []byte
		says  string // which check it was that refused
	}{
		"empty":                     {nil, "empty"},
		"text":                      {[]byte("not an onnx file at all"), "not a sound ONNX file"},
		"cut off":                   {good[:len(good)-3], "unexpected EOF"},
		"deep nesting":              {model(graph), "nests deeper"},
		"a million empty operators": {model(bytes.Repeat([]byte{0x0a, 0}, 1_000_000)), "parts"},
		"seventeen million numbers": {model(packed), "numbers"},
		"an unknown field":          {append(bytes.Clone(good), protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1)...), "unknown field 999"},
		"a group":                   {append(bytes.Clone(good), 7<<3|3, 7<<3|4), "group"},
		"the mark of ORT format":    {append([]byte{0x12, 6, 'a', 'b', 'O', 'R', 'T', 'M'}, good...), "ORT format"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := registry.Inspect(c.model)
			wantCode(t, err, fault.ModelMalformed)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

// FuzzInspect: whatever the bytes are, Inspect ends with a description or a coded error.
func FuzzInspect(f *testing.F) {
	f.Add(linear().Build())
	f.Add(gradient().Build())
	f.Add(onnxtest.New(11).Input("x", -1, 3).Output("y", -1, 3).Node("Softmax", []string{"x"}, []string{"y"}, map[string]any{"axis": 1}).Build())
	f.Add([]byte{0x12, 6, 'a', 'b', 'O', 'R', 'T', 'M'})
	f.Fuzz(func(t *testing.T, model []byte) {
		d, err := registry.Inspect(model)
		if err != nil {
			if code := fault.CodeOf(err); code == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		if len(d.Inputs) == 0 || len(d.Outputs) == 0 || d.Parameters < 0 {
			t.Fatalf("a model without ports: %+v", d)
		}
		if _, err := registry.Adopt(model, []byte(importCard)); fault.CodeOf(err) == fault.Internal {
			t.Fatal(err)
		}
	})
}
