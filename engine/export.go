package engine

import (
	"bytes"

	onnxbackend "github.com/gomlx/compute-onnx"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"consilium/fault"
)

// Export writes a computation as an ONNX model with a free batch. Build gets one node [batch, shape...] a
// named input and gives the named outputs; weights must be constants in it. It needs ONNX Runtime, which
// checks the graph.
func Export(library string, inputs []Port, outputs []string, build func(in []*graph.Node) []*graph.Node) (model []byte, err error) {
	b, err := Training(BackendONNX, library)
	if err != nil {
		return nil, err
	}
	backend := b.(*onnxbackend.Backend)
	backend.SetKeepModelProto(true)
	defer backend.SetKeepModelProto(false)
	var buf bytes.Buffer
	tryErr := Try(func() {
		var exec *graph.Exec
		if exec, err = graph.NewExec(b, build); err != nil {
			return
		}
		var s []shapes.Shape
		var names []string
		for _, p := range inputs {
			s = append(s, shapes.Make(dtypes.Float32, append([]int{markerBatch}, p.Shape...)...))
			names = append(names, p.Name)
		}
		var g *graph.Graph
		if g, err = exec.Compile(s...); err == nil {
			err = onnxbackend.SaveModel(b, g.Executable(), &buf, names, outputs)
		}
		exec.Finalize()
	})
	if tryErr != nil {
		return nil, tryErr
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.EngineFailed, "the network could not be exported to ONNX", "please report it with the network's name")
	}
	return freeBatch(buf.Bytes())
}
