package engine

import (
	"github.com/gomlx/compute-onnx/support/protos"

	"consilium/fault"
)

// openGo compiles a model for the evaluator in Go.
func openGo(*protos.ModelProto, signature, int) (runner, error) {
	return nil, fault.New(fault.EngineMissing, "the evaluator in Go does not read this model", "install ONNX Runtime: run `make setup`")
}
