package explain

import (
	"testing"

	"consilium/clinical"
	"consilium/engine"
	"consilium/engine/onnxtest"
)

// toy is a network whose gradient is known in closed form: features are
// tanh(input), logits their mean over space times a matrix.
type toy struct {
	kind    clinical.Kind
	shape   []int
	weights []float32 // channels x 2
}

func (n toy) channels() int { return layoutOf(n.kind, n.shape).channels() }

// features adds the nodes up to "features" [B, C, space...] and gives the axes of space.
func (n toy) features(g *onnxtest.Graph) (space []int) {
	g.Input("input", append([]int{-1}, n.shape...)...).Node("Tanh", []string{"input"}, []string{"t"}, nil)
	if n.kind == clinical.KindSound {
		g.Node("Transpose", []string{"t"}, []string{"features"}, map[string]any{"perm": []int{0, 2, 1}})
	} else {
		g.Node("Identity", []string{"t"}, []string{"features"}, nil)
	}
	for i := range n.shape[1:] {
		space = append(space, i+2)
	}
	g.Weights("w", []int{n.channels(), 2}, n.weights)
	g.Node("ReduceMean", []string{"features"}, []string{"mean"}, map[string]any{"axes": space, "keepdims": 0})
	g.Node("MatMul", []string{"mean", "w"}, []string{"logits"}, nil)
	return space
}

func (n toy) network() Network {
	g := onnxtest.New(17)
	n.features(g)
	return Network{Kind: n.kind, Model: g.Output("logits", -1, 2).Build(), Gradient: n.gradient()}
}

func (n toy) gradient() []byte {
	g := onnxtest.New(17).Input("class", -1, 2)
	space := n.features(g)
	places := engine.Size(n.shape) / n.channels()
	g.Node("Transpose", []string{"w"}, []string{"wt"}, nil)
	g.Node("MatMul", []string{"class", "wt"}, []string{"channel"}, nil)
	axes := make([]int64, len(space))
	for i, a := range space {
		axes[i] = int64(a)
	}
	g.Integers("axes", axes...).Node("Unsqueeze", []string{"channel", "axes"}, []string{"tall"}, nil)
	g.Weights("n", nil, []float32{float32(places)}).Node("Div", []string{"tall", "n"}, []string{"each"}, nil)
	g.Node("Shape", []string{"features"}, []string{"size"}, nil).Node("Expand", []string{"each", "size"}, []string{"features_gradient"}, nil)
	// d tanh = 1 - tanh^2
	g.Weights("one", nil, []float32{1}).Node("Mul", []string{"features", "features"}, []string{"square"}, nil)
	g.Node("Sub", []string{"one", "square"}, []string{"slope"}, nil)
	if n.kind == clinical.KindSound {
		g.Node("Mul", []string{"features_gradient", "slope"}, []string{"turned"}, nil)
		g.Node("Transpose", []string{"turned"}, []string{"input_gradient"}, map[string]any{"perm": []int{0, 2, 1}})
	} else {
		g.Node("Mul", []string{"features_gradient", "slope"}, []string{"input_gradient"}, nil)
	}
	for _, name := range []string{"logits", "input_gradient", "features", "features_gradient"} {
		g.OutputOfAnyShape(name)
	}
	return g.Build()
}

// toys has one network a kind of input.
func toys() []toy {
	weights := func(channels int) []float32 {
		w := make([]float32, 2*channels)
		for c := range channels {
			w[2*c], w[2*c+1] = (-40-float32(c))/float32(channels), (50+10*float32(c%3))/float32(channels)
		}
		return w
	}
	return []toy{
		{clinical.KindImage, []int{4, 14, 14}, weights(4)},
		{clinical.KindVolume, []int{1, 10, 10, 10}, weights(1)},
		{clinical.KindECG, []int{3, 100}, weights(3)},
		{clinical.KindSound, []int{60, 8}, weights(8)},
	}
}

func open(t testing.TB, n Network) *Model {
	t.Helper()
	o := engine.Options{Backend: engine.BackendGo, Threads: 1}
	session, err := engine.OpenSession(n.Model, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	var gradient *engine.Session
	if n.Gradient != nil {
		if gradient, err = engine.OpenSession(n.Gradient, o); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { gradient.Close() })
	}
	m, err := NewModel(n.Kind, session, gradient)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
