package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"consilium/engine"
)

// layers under test: a network that ends in some tensor; the loss is a fixed random projection of it.
var layers = []struct {
	name  string
	input []int
	net   func(b *Build, x *Node) *Node
}{
	{"conv1x1", []int{4, 5, 5}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 6, Kernel: 1, Bias: true}) }},
	{"conv1x1s2", []int{4, 6, 6}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 6, Kernel: 1, Stride: 2}) }},
	{"conv3", []int{3, 6, 5}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 4, Kernel: 3}) }},
	{"conv3s2 even", []int{3, 6, 6}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 4, Kernel: 3, Stride: 2}) }},
	{"conv3s2 odd", []int{3, 7, 5}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 4, Kernel: 3, Stride: 2}) }},
	{"conv5s3", []int{2, 8, 9}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 3, Kernel: 5, Stride: 3}) }},
	{"depthwise3", []int{4, 5, 6}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 4, Kernel: 3, Groups: 4}) }},
	{"depthwise5s2", []int{4, 7, 8}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 4, Kernel: 5, Stride: 2, Groups: 4}) }},
	{"grouped3", []int{4, 5, 6}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 6, Kernel: 3, Groups: 2}) }},
	{"grouped3s2", []int{4, 6, 5}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 6, Kernel: 3, Stride: 2, Groups: 2}) }},
	{"conv1d", []int{3, 17}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 4, Kernel: 7, Stride: 4}) }},
	{"depthwise1d", []int{4, 11}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 4, Kernel: 9, Stride: 2, Groups: 4}) }},
	{"conv3d", []int{2, 4, 5, 4}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 3, Kernel: 3, Stride: 2}) }},
	{"depthwise3d", []int{2, 4, 4, 3}, func(b *Build, x *Node) *Node { return b.Conv("c", x, Conv{Out: 2, Kernel: 3, Groups: 2}) }},
	{"group norm", []int{6, 4, 3}, func(b *Build, x *Node) *Node { return b.GroupNorm("n", x, 3) }},
	{"batch norm", []int{3, 4, 3}, func(b *Build, x *Node) *Node { return b.BatchNorm("n", x) }},
	{"hard-swish", []int{3, 4}, func(_ *Build, x *Node) *Node { return HardSwish(MulScalar(x, 3)) }},
	{"hard-sigmoid", []int{3, 4}, func(_ *Build, x *Node) *Node { return HardSigmoid(MulScalar(x, 3)) }},
	{"relu", []int{3, 4}, func(_ *Build, x *Node) *Node { return ReLU(x) }},
	{"squeeze-excite", []int{8, 3, 3}, func(b *Build, x *Node) *Node { return b.SqueezeExcite("se", x, 4) }},
	{"dense", []int{5, 7}, func(b *Build, x *Node) *Node { return b.Dense("d", x, 3) }},
	{"gru", []int{5, 3}, func(b *Build, x *Node) *Node { return b.BiGRU("g", x, 4) }},
	{"attention pool", []int{5, 6}, func(b *Build, x *Node) *Node { return b.AttentionPool("a", x, 4) }},
	{"inverted residual", []int{8, 6, 6}, func(b *Build, x *Node) *Node {
		return b.InvertedResidual("i", x, Inverted{Kernel: 3, Expand: 16, Out: 8, Stride: 1, SE: true})
	}},
	{"basic block", []int{8, 6, 6}, func(b *Build, x *Node) *Node { return b.Basic("b", x, 16, 2) }},
}

// TestGradients compares the gradient of every layer, with respect to its input and all its weights, with
// central differences, on both CPU backends and with both ways of computing a convolution.
func TestGradients(t *testing.T) {
	for _, name := range []string{engine.BackendONNX, engine.BackendGo} {
		backend, err := engine.Training(name, "")
		if err != nil {
			t.Logf("backend %s is not here: %v", name, err)
			continue
		}
		for _, native := range []bool{true, false} {
			if name == engine.BackendGo && native {
				continue // the Go backend always runs the lowered form
			}
			for _, l := range layers {
				t.Run(fmt.Sprintf("%s/native=%v/%s", name, native, l.name), func(t *testing.T) {
					if err := engine.Try(func() { checkGradient(t, backend, native, l.input, l.net) }); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
	}
}

func checkGradient(t *testing.T, backend compute.Backend, native bool, input []int, net func(*Build, *Node) *Node) {
	const batch = 2
	def := func(b *Build, x *Node) (*Node, *Node) { y := net(b, x); return y, y }
	layout, _ := Declare(NewGraph(backend, "d"), def, input)
	r := rand.New(rand.NewPCG(7, 7))
	normal := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	x, w := normal(batch*product(input)), layout.Initial(3)
	for i, v := range normal(len(w)) { // so that biases are not 0 and gains not 1
		w[i] += 0.2 * v
	}
	if len(w) == 0 {
		w = []float32{0}
	}
	var projection []float32
	exec, err := NewExec(backend, func(in []*Node) []*Node {
		b := WithFlat(layout, in[1], nil, true, native)
		y := net(b, in[0])
		if projection == nil {
			projection = normal(y.Shape().Size())
		}
		p := Reshape(ConstTensor(y.Graph(), tensors.FromFlatDataAndDimensions(projection, len(projection))), y.Shape().Dimensions...)
		loss := ReduceAllSum(Mul(y, p))
		wrt := []*Node{in[0]}
		for i, p := range layout.Params {
			if !p.State {
				wrt = append(wrt, b.Weights[i])
			}
		}
		out := Gradient(loss, wrt...)
		return append([]*Node{Reshape(loss, 1)}, out...)
	})
	if err != nil {
		t.Fatal(err)
	}
	dims := append([]int{batch}, input...)
	run := func() []*tensors.Tensor {
		out, err := exec.Call(tensors.FromFlatDataAndDimensions(x, dims...), tensors.FromFlatDataAndDimensions(w, len(w)))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	grads := run()[1:]
	slope := func(values []float32, i int, h float32) float64 {
		old := values[i]
		values[i] = old + h
		up := tensors.MustCopyFlatData[float32](run()[0])[0]
		values[i] = old - h
		down := tensors.MustCopyFlatData[float32](run()[0])[0]
		values[i] = old
		return float64(up-down) / float64(2*h)
	}
	check := func(what string, values, grad []float32) {
		const tries = 12
		kinks := 0
		for range tries {
			i := r.IntN(len(values))
			want := slope(values, i, 1e-2)
			tolerance := 0.02 * (1 + math.Abs(want))
			if math.Abs(want-slope(values, i, 4e-3)) > tolerance/2 {
				kinks++ // the step crosses the corner of a rectifier: there is no slope to compare with
				continue
			}
			if got := float64(grad[i]); math.Abs(got-want) > tolerance {
				t.Errorf("%s[%d]: gradient %.5f, by differences %.5f", what, i, got, want)
			}
		}
		if kinks > tries*2/3 {
			t.Errorf("%s: %d of %d places could not be compared", what, kinks, tries)
		}
	}
	check("input", x, tensors.MustCopyFlatData[float32](grads[0]))
	i := 1
	for _, p := range layout.Params {
		if !p.State {
			check(p.Name, w[p.Offset:p.Offset+p.Size()], tensors.MustCopyFlatData[float32](grads[i]))
			i++
		}
	}
}
