package puregoonnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gomlx/compute-onnx/support/protos"
)

// decodeTensor reads an initialiser or a constant, from its typed fields or
// from raw little-endian bytes (onnx.proto, TensorProto).
func decodeTensor(t *protos.TensorProto) (*array, error) {
	shape := make([]int, len(t.GetDims()))
	for i, d := range t.GetDims() {
		if d < 0 || d > maxValues {
			return nil, fmt.Errorf("dimension %d", d)
		}
		shape[i] = int(d)
	}
	n, err := count(shape)
	if err != nil {
		return nil, err
	}
	if err := holds(t, n); err != nil {
		return nil, err
	}
	switch protos.TensorProto_DataType(t.GetDataType()) {
	case protos.TensorProto_FLOAT:
		return decodeFloats(t, shape, t.GetFloatData(), 4, func(b []byte) float32 {
			return math.Float32frombits(binary.LittleEndian.Uint32(b))
		})
	case protos.TensorProto_DOUBLE:
		return decodeFloats(t, shape, t.GetDoubleData(), 8, func(b []byte) float32 {
			return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		})
	case protos.TensorProto_INT64:
		return decodeInts(t, shape, integer, t.GetInt64Data(), 8, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
	case protos.TensorProto_INT32:
		return decodeInts(t, shape, integer, t.GetInt32Data(), 4, func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) })
	case protos.TensorProto_BOOL:
		return decodeInts(t, shape, boolean, t.GetInt32Data(), 1, func(b []byte) int64 { return int64(b[0]) })
	}
	return nil, fmt.Errorf("element type %s", protos.TensorProto_DataType(t.GetDataType()))
}

// holds checks, before anything is allocated, that the tensor carries n values.
func holds(t *protos.TensorProto, n int) error {
	width := map[protos.TensorProto_DataType]int{
		protos.TensorProto_FLOAT: 4, protos.TensorProto_DOUBLE: 8, protos.TensorProto_INT64: 8,
		protos.TensorProto_INT32: 4, protos.TensorProto_BOOL: 1,
	}[protos.TensorProto_DataType(t.GetDataType())]
	typed := len(t.GetFloatData()) + len(t.GetDoubleData()) + len(t.GetInt64Data()) + len(t.GetInt32Data())
	if raw := len(t.GetRawData()); raw != n*width && (raw != 0 || typed != n) {
		return fmt.Errorf("%d values are declared, %d bytes and %d values are there", n, raw, typed)
	}
	return nil
}

func decodeFloats[T float32 | float64](t *protos.TensorProto, shape []int, typed []T, width int, read func([]byte) float32) (*array, error) {
	a, err := newArray(float, shape...)
	if err != nil {
		return nil, err
	}
	if raw := t.GetRawData(); len(raw) > 0 {
		for i := range a.f {
			a.f[i] = read(raw[i*width:])
		}
		return a, nil
	}
	if len(typed) != len(a.f) {
		return nil, fmt.Errorf("%d values of %d", len(typed), len(a.f))
	}
	for i, v := range typed {
		a.f[i] = float32(v)
	}
	return a, nil
}

func decodeInts[T int32 | int64](t *protos.TensorProto, shape []int, k kind, typed []T, width int, read func([]byte) int64) (*array, error) {
	a, err := newArray(k, shape...)
	if err != nil {
		return nil, err
	}
	if raw := t.GetRawData(); len(raw) > 0 {
		for i := range a.i {
			a.i[i] = read(raw[i*width:])
		}
		return a, nil
	}
	if len(typed) != len(a.i) {
		return nil, fmt.Errorf("%d values of %d", len(typed), len(a.i))
	}
	for i, v := range typed {
		a.i[i] = int64(v)
	}
	return a, nil
}
