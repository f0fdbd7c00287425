package puregoonnx

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gomlx/compute-onnx/support/protos"
)

// operators is the table of what the evaluator knows, of ONNX's standard domain.
var operators = map[string]operator{
	// Products.
	"Conv":   {"ff?f", single(conv)},
	"Gemm":   {"ff?f", single(gemm)},
	"MatMul": {"ff", single(matMul)},
	"Einsum": {"f*", single(einsum)},

	// Two operands.
	"Add":   {"nn", arithmetic(func(x, y float32) float32 { return x + y }, func(x, y int64) int64 { return x + y })},
	"Sub":   {"nn", arithmetic(func(x, y float32) float32 { return x - y }, func(x, y int64) int64 { return x - y })},
	"Mul":   {"nn", arithmetic(func(x, y float32) float32 { return x * y }, func(x, y int64) int64 { return x * y })},
	"Div":   {"nn", divide},
	"Pow":   {"ff", arithmetic(func(x, y float32) float32 { return float32(math.Pow(float64(x), float64(y))) }, nil)},
	"Min":   {"n*", arithmetic(func(x, y float32) float32 { return min(x, y) }, func(x, y int64) int64 { return min(x, y) })},
	"Max":   {"n*", arithmetic(func(x, y float32) float32 { return max(x, y) }, func(x, y int64) int64 { return max(x, y) })},
	"Sum":   {"f*", arithmetic(func(x, y float32) float32 { return x + y }, nil)},
	"PRelu": {"ff", single(parametricRelu)},

	// Conditions.
	"Equal":          {"aa", comparison(func(x, y float32) bool { return x == y }, func(x, y int64) bool { return x == y })},
	"Greater":        {"nn", comparison(func(x, y float32) bool { return x > y }, func(x, y int64) bool { return x > y })},
	"GreaterOrEqual": {"nn", comparison(func(x, y float32) bool { return x >= y }, func(x, y int64) bool { return x >= y })},
	"Less":           {"nn", comparison(func(x, y float32) bool { return x < y }, func(x, y int64) bool { return x < y })},
	"LessOrEqual":    {"nn", comparison(func(x, y float32) bool { return x <= y }, func(x, y int64) bool { return x <= y })},
	"And":            {"bb", comparison(nil, func(x, y int64) bool { return x&y != 0 })},
	"Or":             {"bb", comparison(nil, func(x, y int64) bool { return x|y != 0 })},
	"Xor":            {"bb", comparison(nil, func(x, y int64) bool { return x != y })},
	"Not":            {"b", signed(nil, func(x int64) int64 { return 1 - x })},
	"Where":          {"baa", single(where)},

	// One operand.
	"Abs":         {"n", signed(double(math.Abs), func(x int64) int64 { return max(x, -x) })},
	"Neg":         {"n", signed(func(x float32) float32 { return -x }, func(x int64) int64 { return -x })},
	"Ceil":        {"f", unary(double(math.Ceil))},
	"Floor":       {"f", unary(double(math.Floor))},
	"Round":       {"f", unary(double(math.RoundToEven))},
	"Sign":        {"f", unary(sign)},
	"Reciprocal":  {"f", unary(func(x float32) float32 { return 1 / x })},
	"Sqrt":        {"f", unary(double(math.Sqrt))},
	"Exp":         {"f", unary(double(math.Exp))},
	"Log":         {"f", unary(double(math.Log))},
	"Sin":         {"f", unary(double(math.Sin))},
	"Cos":         {"f", unary(double(math.Cos))},
	"Erf":         {"f", unary(double(math.Erf))},
	"Tanh":        {"f", unary(tanh)},
	"Sigmoid":     {"f", unary(sigmoid)},
	"Softplus":    {"f", unary(double(func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }))},
	"Softsign":    {"f", unary(func(x float32) float32 { return x / (1 + float32(math.Abs(float64(x)))) })},
	"Relu":        {"f", unary(func(x float32) float32 { return max(x, 0) })},
	"HardSwish":   {"f", unary(func(x float32) float32 { return x * clamp(x/6+0.5, 0, 1) })},
	"HardSigmoid": {"f", unaryWith(hardSigmoid)},
	"LeakyRelu":   {"f", unaryWith(leakyRelu)},
	"Elu":         {"f", unaryWith(elu)},
	"Gelu":        {"f", unaryWith(gelu)},
	"Clip":        {"f?ff", single(clip)},
	"Cast":        {"a", single(cast)},

	// Pooling and reduction.
	"MaxPool":           {"f", single(maxPool)},
	"AveragePool":       {"f", single(averagePool)},
	"GlobalAveragePool": {"f", globalPool(mean)},
	"GlobalMaxPool":     {"f", globalPool(largest)},
	"ReduceSum":         {"n?i", reduction(0, add, keep)},
	"ReduceMean":        {"f?i", reduction(0, add, func(v float64, n int) float64 { return v / float64(n) })},
	"ReduceMax":         {"n?i", reduction(math.Inf(-1), math.Max, keep)},
	"ReduceMin":         {"n?i", reduction(math.Inf(1), math.Min, keep)},
	"ReduceProd":        {"n?i", reduction(1, func(acc, v float64) float64 { return acc * v }, keep)},
	"ReduceSumSquare":   {"f?i", reduction(0, addSquare, keep)},
	"ReduceL2":          {"f?i", reduction(0, addSquare, func(v float64, _ int) float64 { return math.Sqrt(v) })},
	"Softmax":           {"f", softmax(false)},
	"LogSoftmax":        {"f", softmax(true)},
	"ArgMax":            {"f", argmax(func(a, b float32) bool { return a > b })},
	"ArgMin":            {"f", argmax(func(a, b float32) bool { return a < b })},

	// Normalisation and recurrence.
	"BatchNormalization":    {"fffff", single(batchNormalization)},
	"InstanceNormalization": {"fff", single(instanceNormalization)},
	"GroupNormalization":    {"fff", single(groupNormalization)},
	"LayerNormalization":    {"ff?f", single(layerNormalization)},
	"GRU":                   {"fff?fif", gru},
	"LSTM":                  {"fff?fifff", lstm},

	// Layout.
	"Identity":        {"a", single(identity)},
	"Dropout":         {"f?fb", single(identity)},
	"Reshape":         {"a?i", single(reshape)},
	"Flatten":         {"a", single(flatten)},
	"Squeeze":         {"a?i", single(squeeze)},
	"Unsqueeze":       {"a?i", single(unsqueeze)},
	"Transpose":       {"a", single(transpose)},
	"Concat":          {"a*", single(concat)},
	"Split":           {"a?i", split},
	"Slice":           {"a?iiii", single(slice)},
	"Gather":          {"ai", single(gather)},
	"Shape":           {"a", single(shapeOf)},
	"Expand":          {"ai", single(expand)},
	"Tile":            {"ai", single(tile)},
	"Pad":             {"f?ifi", single(pad)},
	"Constant":        {"", single(constant)},
	"ConstantOfShape": {"i", single(constantOfShape)},
	"Range":           {"nnn", single(rangeOf)},
}

// Operators lists the names of the operators that are known.
func Operators() []string { return slices.Sorted(maps.Keys(operators)) }

func add(acc, v float64) float64       { return acc + v }
func addSquare(acc, v float64) float64 { return acc + v*v }
func keep(v float64, _ int) float64    { return v }

func sign(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func hardSigmoid(n *node) func(float32) float32 {
	alpha, beta := n.float("alpha", 0.2), n.float("beta", 0.5)
	return func(x float32) float32 { return clamp(alpha*x+beta, 0, 1) }
}

func leakyRelu(n *node) func(float32) float32 {
	alpha := n.float("alpha", 0.01)
	return func(x float32) float32 {
		if x < 0 {
			return alpha * x
		}
		return x
	}
}

func elu(n *node) func(float32) float32 {
	alpha := float64(n.float("alpha", 1))
	return func(x float32) float32 {
		if x < 0 {
			return float32(alpha * math.Expm1(float64(x)))
		}
		return x
	}
}

// cast converts between the three kinds; to float16 it would lose what a caller relies on, so that is refused.
func cast(c *call) (*array, error) {
	x, to := c.in[0], float
	switch protos.TensorProto_DataType(c.int("to", 0)) {
	case protos.TensorProto_FLOAT, protos.TensorProto_DOUBLE:
	case protos.TensorProto_INT64, protos.TensorProto_INT32:
		to = integer
	case protos.TensorProto_BOOL:
		to = boolean
	default:
		return nil, fmt.Errorf("cast to %s is not supported", protos.TensorProto_DataType(c.int("to", 0)))
	}
	out, err := newArray(to, x.shape...)
	if err != nil {
		return nil, err
	}
	for i := range x.size() {
		switch {
		case to == float && x.kind == float:
			out.f[i] = x.f[i]
		case to == float:
			out.f[i] = float32(x.i[i])
		case to == boolean && x.kind == float:
			out.i[i] = truth(x.f[i] != 0)
		case to == boolean:
			out.i[i] = truth(x.i[i] != 0)
		case x.kind == float:
			out.i[i] = int64(x.f[i])
		default:
			out.i[i] = x.i[i]
		}
	}
	return out, nil
}
