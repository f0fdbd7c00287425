package puregoonnx_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/engine/puregoonnx"
)

// trial is a random model of one operator, with its inputs.
type trial struct {
	*rapid.T
	graph  *onnxtest.Graph
	inputs map[string]engine.Tensor
	names  int
}

// value adds an input with random values in a range.
func (tr *trial) value(lo, hi float32, shape ...int) string {
	name := tr.fresh("in")
	if len(shape) == 0 { // sessions have no scalars at their border
		inner := tr.value(lo, hi, 1)
		tr.graph.Node("Squeeze", []string{inner}, []string{name}, nil)
		return name
	}
	tr.graph.Input(name, shape...)
	tr.inputs[name] = engine.Tensor{Shape: shape, Data: tr.numbers(lo, hi, engine.Size(shape))}
	return name
}

func (tr *trial) numbers(lo, hi float32, n int) []float32 {
	// A drawn seed, then a cheap generator: drawing every value would make big tensors slow.
	x := rapid.Uint64().Draw(tr.T, "seed")
	v := make([]float32, n)
	for i := range v {
		x = x*6364136223846793005 + 1442695040888963407
		v[i] = lo + (hi-lo)*float32(x>>40)/float32(1<<24)
	}
	return v
}

func (tr *trial) weights(lo, hi float32, shape ...int) string {
	name := tr.fresh("w")
	tr.graph.Weights(name, shape, tr.numbers(lo, hi, engine.Size(shape)))
	return name
}

func (tr *trial) integers(v ...int) string {
	name, data := tr.fresh("i"), make([]int64, len(v))
	for i, x := range v {
		data[i] = int64(x)
	}
	tr.graph.Integers(name, data...)
	return name
}

func (tr *trial) fresh(prefix string) string {
	tr.names++
	return fmt.Sprintf("%s%d", prefix, tr.names)
}

func (tr *trial) between(lo, hi int) int { return rapid.IntRange(lo, hi).Draw(tr.T, "n") }
func (tr *trial) coin() bool             { return rapid.Bool().Draw(tr.T, "coin") }
func (tr *trial) pick(s ...string) string {
	return rapid.SampledFrom(s).Draw(tr.T, "pick")
}

func (tr *trial) shape(lowRank, highRank int) []int {
	s := make([]int, tr.between(lowRank, highRank))
	for i := range s {
		s[i] = tr.between(1, 5)
	}
	return s
}

// out adds the operator and declares its one float output, with a leading 1 since it may be a scalar.
func (tr *trial) out(op string, attributes map[string]any, inputs ...string) {
	tr.graph.Node(op, inputs, []string{"result"}, attributes)
	tr.graph.Node("Unsqueeze", []string{"result", tr.integers(0)}, []string{"y"}, nil).OutputOfAnyShape("y")
}

// outAsFloat does the same for an operator that gives integers or booleans.
func (tr *trial) outAsFloat(op string, attributes map[string]any, inputs ...string) {
	tr.graph.Node(op, inputs, []string{"raw"}, attributes)
	tr.out("Cast", map[string]any{"to": 1}, "raw")
}

type attributes = map[string]any

// trials has one random model a name. Every operator of the table has a trial: TestEveryOperatorIsCompared holds that.
var trials = map[string]func(tr *trial){}

func init() {
	// Opening sessions is slow: fewer trials by default, any number by -rapid.checks.
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	for _, op := range []string{"Abs", "Neg", "Ceil", "Floor", "Sign", "Exp", "Sin", "Cos", "Erf", "Tanh", "Sigmoid", "Softplus",
		"Softsign", "Relu", "HardSwish", "HardSigmoid", "LeakyRelu", "Elu", "Identity", "Dropout"} {
		trials[op] = func(tr *trial) { tr.out(op, nil, tr.value(-4, 4, tr.shape(0, 4)...)) }
	}
	trials["Round"] = func(tr *trial) { tr.out("Round", nil, tr.value(-4, 4, tr.shape(1, 2)...)) }
	trials["Gelu"] = func(tr *trial) {
		tr.out("Gelu", attributes{"approximate": tr.pick("none", "tanh")}, tr.value(-4, 4, tr.shape(1, 3)...))
	}
	for _, op := range []string{"Sqrt", "Log", "Reciprocal"} {
		trials[op] = func(tr *trial) { tr.out(op, nil, tr.value(0.1, 9, tr.shape(1, 3)...)) }
	}
	trials["HardSigmoid with attributes"] = func(tr *trial) {
		tr.out("HardSigmoid", attributes{"alpha": float32(0.3), "beta": float32(0.4)}, tr.value(-4, 4, tr.shape(1, 3)...))
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "PRelu"} {
		trials[op] = func(tr *trial) {
			a, b := tr.broadcastable(op == "PRelu")
			lo := float32(-3)
			if op == "Div" || op == "Pow" {
				lo = 0.2
			}
			tr.out(op, nil, tr.value(lo, 3, a...), tr.value(lo, 3, b...))
		}
	}
	for _, op := range []string{"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"} {
		trials[op] = func(tr *trial) {
			a, b := tr.broadcastable(false)
			x, y := tr.value(-2, 2, a...), tr.value(-2, 2, b...)
			tr.graph.Node("Floor", []string{x}, []string{"fx"}, nil).Node("Floor", []string{y}, []string{"fy"}, nil)
			tr.outAsFloat(op, nil, "fx", "fy")
		}
	}
	for _, op := range []string{"And", "Or", "Xor"} {
		trials[op] = func(tr *trial) {
			a, b := tr.broadcastable(false)
			tr.graph.Node("Greater", []string{tr.value(-1, 1, a...), tr.weights(0, 0)}, []string{"p"}, nil)
			tr.graph.Node("Greater", []string{tr.value(-1, 1, b...), tr.weights(0, 0)}, []string{"q"}, nil)
			tr.outAsFloat(op, nil, "p", "q")
		}
	}
	trials["Not"] = func(tr *trial) {
		tr.graph.Node("Greater", []string{tr.value(-1, 1, tr.shape(1, 3)...), tr.weights(0, 0)}, []string{"p"}, nil)
		tr.outAsFloat("Not", nil, "p")
	}
	trials["Where"] = func(tr *trial) {
		a, b := tr.broadcastable(false)
		tr.graph.Node("Greater", []string{tr.value(-1, 1, a...), tr.weights(0, 0)}, []string{"p"}, nil)
		tr.out("Where", nil, "p", tr.value(-1, 1, b...), tr.weights(-1, 1))
	}
	trials["Clip"] = func(tr *trial) {
		tr.out("Clip", nil, tr.value(-4, 4, tr.shape(1, 3)...), tr.weights(-1, -1), tr.weights(2, 2))
	}
	trials["Cast"] = func(tr *trial) {
		tr.outAsFloat("Cast", attributes{"to": rapid.SampledFrom([]int{6, 7, 9, 11}).Draw(tr.T, "to")}, tr.value(-4, 4, tr.shape(1, 3)...))
	}
	productTrials()
	windowTrials()
	reductionTrials()
	normaliseTrials()
	layoutTrials()
	recurrentTrials()
}

// broadcastable draws two shapes that broadcast; with oneWay, the second to the first.
func (tr *trial) broadcastable(oneWay bool) (a, b []int) {
	full := tr.shape(1, 4)
	a, b = slices.Clone(full), slices.Clone(full)
	for i := range full {
		switch tr.between(0, 3) {
		case 0:
			b[i] = 1
		case 1:
			if !oneWay {
				a[i] = 1
			}
		}
	}
	b = b[tr.between(0, len(b)):]
	return a, b
}

func productTrials() {
	trials["Gemm"] = func(tr *trial) {
		m, k, n := tr.between(1, 9), tr.between(1, 9), tr.between(1, 9)
		a, b, ta, tb := []int{m, k}, []int{k, n}, tr.between(0, 1), tr.between(0, 1)
		if ta == 1 {
			a = []int{k, m}
		}
		if tb == 1 {
			b = []int{n, k}
		}
		in := []string{tr.value(-1, 1, a...), tr.weights(-1, 1, b...)}
		if tr.coin() {
			in = append(in, tr.weights(-1, 1, rapid.SampledFrom([][]int{{n}, {1, n}, {m, n}, {m, 1}, {1}}).Draw(tr.T, "c")...))
		}
		tr.out("Gemm", attributes{"transA": ta, "transB": tb, "alpha": float32(0.5), "beta": float32(1.5)}, in...)
	}
	trials["MatMul"] = func(tr *trial) {
		m, k, n := tr.between(1, 70), tr.between(1, 70), tr.between(1, 70)
		shapes := rapid.SampledFrom([][2][]int{{{m, k}, {k, n}}, {{3, m, k}, {k, n}}, {{2, 3, m, k}, {3, k, n}}, {{2, 1, m, k}, {1, 3, k, n}},
			{{k}, {k, n}}, {{m, k}, {k}}, {{k}, {k}}, {{2, m, k}, {k}}, {{k}, {2, k, n}}}).Draw(tr.T, "shapes")
		tr.out("MatMul", nil, tr.value(-1, 1, shapes[0]...), tr.value(-1, 1, shapes[1]...))
	}
	trials["Einsum"] = func(tr *trial) {
		eq := tr.pick("ij,jk->ik", "bij,bjk->bik", "bij,bkj->bik", "ij,kj->ki", "bhqd,bhkd->bhqk", "i,j->ij", "ij->ji", "ij->i", "bi,bi->b", "bij,j->bi", "ijk,kl->l")
		size := map[rune]int{}
		var in []string
		shape := []int{}
		for _, r := range eq {
			if r == ',' || r == '-' {
				in = append(in, tr.value(-1, 1, shape...))
				shape = []int{}
				if r == '-' {
					break
				}
				continue
			}
			if size[r] == 0 {
				size[r] = tr.between(1, 5)
			}
			shape = append(shape, size[r])
		}
		tr.out("Einsum", attributes{"equation": eq}, in...)
	}
}

// window draws the attributes of a sliding window over rank axes, and input sizes it fits in.
func (tr *trial) window(rank int, pooling bool) (kernel, sizes []int, a attributes) {
	var strides, dilations, begin, end []int
	for range rank {
		k, d := tr.between(1, 4), tr.between(1, 2)
		limit := 2
		if pooling {
			limit = k - 1 // a pooling window must not lie in the padding alone
			d = 1
		}
		kernel, strides, dilations = append(kernel, k), append(strides, tr.between(1, 3)), append(dilations, d)
		begin, end = append(begin, tr.between(0, min(limit, 2))), append(end, tr.between(0, min(limit, 2)))
		sizes = append(sizes, tr.between((k-1)*d+1, 9))
	}
	a = attributes{"kernel_shape": kernel, "strides": strides}
	if !pooling {
		a["dilations"] = dilations
	}
	choices := []string{"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}
	if pooling && slices.ContainsFunc(kernel, func(k int) bool { return k < slices.Max(strides) }) {
		choices = choices[:2] // ONNX Runtime pads by a negative amount when a stride exceeds its window
	}
	switch auto := tr.pick(choices...); auto {
	case "NOTSET":
		a["pads"] = append(begin, end...)
	default:
		a["auto_pad"] = auto
		a["dilations"] = slices.Repeat([]int{1}, rank)
	}
	return kernel, sizes, a
}

func windowTrials() {
	for rank := 1; rank <= 3; rank++ {
		trials[fmt.Sprintf("Conv %d-D", rank)] = func(tr *trial) {
			kernel, sizes, a := tr.window(rank, false)
			group := tr.between(1, 3)
			in, out := tr.between(1, 3)*group, tr.between(1, 3)*group
			if tr.coin() { // depthwise
				group, out = in, in*tr.between(1, 2)
			}
			a["group"] = group
			x := tr.value(-1, 1, append([]int{tr.between(1, 3), in}, sizes...)...)
			w := tr.weights(-1, 1, append([]int{out, in / group}, kernel...)...)
			if tr.coin() {
				tr.out("Conv", a, x, w, tr.weights(-1, 1, out))
			} else {
				tr.out("Conv", a, x, w)
			}
		}
		for _, op := range []string{"MaxPool", "AveragePool"} {
			trials[fmt.Sprintf("%s %d-D", op, rank)] = func(tr *trial) {
				_, sizes, a := tr.window(rank, true)
				delete(a, "dilations")
				if _, auto := a["auto_pad"]; !auto && tr.coin() {
					a["ceil_mode"] = 1
				}
				if op == "AveragePool" {
					a["count_include_pad"] = tr.between(0, 1)
				}
				tr.out(op, a, tr.value(-1, 1, append([]int{tr.between(1, 2), tr.between(1, 3)}, sizes...)...))
			}
		}
	}
	trials["Conv wide"] = func(tr *trial) { // enough patches for several blocks
		tr.out("Conv", attributes{"pads": []int{1, 1, 1, 1}}, tr.value(-1, 1, 1, 24, 80, 80), tr.weights(-1, 1, 3, 24, 3, 3))
	}
	for _, op := range []string{"GlobalAveragePool", "GlobalMaxPool"} {
		trials[op] = func(tr *trial) { tr.out(op, nil, tr.value(-1, 1, tr.shape(3, 5)...)) }
	}
}

func reductionTrials() {
	for _, op := range []string{"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL2"} {
		trials[op] = func(tr *trial) {
			shape := tr.shape(1, 4)
			in := []string{tr.value(-1, 1, shape...)}
			if tr.coin() {
				in = append(in, tr.integers(tr.axes(len(shape))...))
			}
			tr.out(op, attributes{"keepdims": tr.between(0, 1)}, in...)
		}
	}
	for _, op := range []string{"Softmax", "LogSoftmax"} {
		trials[op] = func(tr *trial) {
			shape := tr.shape(1, 4)
			tr.out(op, attributes{"axis": tr.between(-len(shape), len(shape)-1)}, tr.value(-9, 9, shape...))
		}
	}
	for _, op := range []string{"ArgMax", "ArgMin"} {
		trials[op] = func(tr *trial) {
			shape := tr.shape(1, 4)
			tr.graph.Node("Floor", []string{tr.value(-2, 2, shape...)}, []string{"f"}, nil) // ties
			tr.outAsFloat(op, attributes{"axis": tr.between(-len(shape), len(shape)-1), "keepdims": tr.between(0, 1), "select_last_index": tr.between(0, 1)}, "f")
		}
	}
}

// axes draws some distinct axes of a rank, some of them counted from the end.
func (tr *trial) axes(rank int) []int {
	var axes []int
	for i := range rank {
		switch tr.between(0, 2) {
		case 0:
			axes = append(axes, i)
		case 1:
			axes = append(axes, i-rank)
		}
	}
	if len(axes) == 0 {
		axes = []int{0}
	}
	return axes
}

func normaliseTrials() {
	trials["BatchNormalization"] = func(tr *trial) {
		shape := tr.shape(2, 5)
		c := shape[1]
		tr.out("BatchNormalization", nil, tr.value(-1, 1, shape...), tr.weights(-1, 1, c), tr.weights(-1, 1, c), tr.weights(-1, 1, c), tr.weights(0.1, 2, c))
	}
	trials["InstanceNormalization"] = func(tr *trial) {
		shape := tr.shape(3, 5)
		tr.out("InstanceNormalization", attributes{"epsilon": float32(1e-3)}, tr.value(-1, 1, shape...), tr.weights(-1, 1, shape[1]), tr.weights(-1, 1, shape[1]))
	}
	trials["GroupNormalization"] = func(tr *trial) {
		shape, groups := tr.shape(3, 5), tr.between(1, 3)
		shape[1] = groups * tr.between(1, 3)
		tr.out("GroupNormalization", attributes{"num_groups": groups, "epsilon": float32(1e-3)}, tr.value(-1, 1, shape...), tr.weights(-1, 1, shape[1]), tr.weights(-1, 1, shape[1]))
	}
	trials["LayerNormalization"] = func(tr *trial) {
		shape := tr.shape(1, 4)
		a := tr.between(0, len(shape)-1)
		tr.out("LayerNormalization", attributes{"axis": a, "epsilon": float32(1e-3)}, tr.value(-1, 1, shape...), tr.weights(-1, 1, shape[a:]...), tr.weights(-1, 1, shape[a:]...))
	}
}

func recurrentTrials() {
	for op, gates := range map[string]int{"GRU": 3, "LSTM": 4} {
		trials[op] = func(tr *trial) {
			steps, batch, inputs, hidden := tr.between(1, 6), tr.between(1, 4), tr.between(1, 5), tr.between(1, 6)
			direction, dirs := tr.pick("forward", "reverse", "bidirectional"), 1
			if direction == "bidirectional" {
				dirs = 2
			}
			in := []string{tr.value(-1, 1, steps, batch, inputs), tr.weights(-1, 1, dirs, gates*hidden, inputs), tr.weights(-1, 1, dirs, gates*hidden, hidden)}
			if tr.coin() {
				in = append(in, tr.weights(-1, 1, dirs, 2*gates*hidden), "", tr.weights(-1, 1, dirs, batch, hidden))
			}
			a := attributes{"hidden_size": hidden, "direction": direction}
			outputs := []string{"y", "h"}
			if op == "GRU" {
				a["linear_before_reset"] = tr.between(0, 1)
			} else {
				outputs = append(outputs, "c")
			}
			tr.graph.Node(op, in, outputs, a)
			for _, name := range outputs {
				tr.graph.OutputOfAnyShape(name)
			}
		}
	}
}

// TestEveryOperatorIsCompared keeps the trials complete.
func TestEveryOperatorIsCompared(t *testing.T) {
	for _, op := range puregoonnx.Operators() {
		found := false
		for name := range trials {
			found = found || name == op || strings.HasPrefix(name, op+" ")
		}
		if !found {
			t.Errorf("%s is not compared with ONNX Runtime", op)
		}
	}
}

func TestAgainstONNXRuntime(t *testing.T) {
	if _, err := engine.FindLibrary(""); err != nil {
		t.Skip(err)
	}
	for name, build := range trials {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				tr := &trial{T: rt, graph: onnxtest.New(21), inputs: map[string]engine.Tensor{}}
				build(tr)
				compare(rt, tr)
			})
		})
	}
}

func compare(t *rapid.T, tr *trial) {
	model := tr.graph.Build()
	want, err := evaluate(model, engine.BackendONNX, tr.inputs)
	if err != nil {
		t.Fatalf("ONNX Runtime refuses: %v", err)
	}
	got, err := evaluate(model, engine.BackendGo, tr.inputs)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		g := got[name]
		if !slices.Equal(g.Shape, w.Shape) || len(g.Data) != len(w.Data) {
			t.Fatalf("%s has shape %v, ONNX Runtime gives %v", name, g.Shape, w.Shape)
		}
		for i, v := range w.Data {
			if d := math.Abs(float64(g.Data[i] - v)); !(d <= 2e-4*max(1, math.Abs(float64(v)))) && g.Data[i] != v {
				t.Fatalf("%s[%d] = %v, ONNX Runtime gives %v", name, i, g.Data[i], v)
			}
		}
	}
}

func evaluate(model []byte, backend string, inputs map[string]engine.Tensor) (map[string]engine.Tensor, error) {
	s, err := engine.OpenSession(model, engine.Options{Backend: backend, Threads: 2})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Run(context.Background(), inputs)
}
