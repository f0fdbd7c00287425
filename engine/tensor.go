// Package engine decides which compute backend runs, and is the only package
// that knows ONNX Runtime and the GoMLX backends.
package engine

// Tensor is a dense float32 array in row-major order.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Size is the number of elements that a shape holds.
func Size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Port is a named input or output of a model; a dimension of -1 is free.
type Port struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}
