package explain

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/fault"
)

// planted is faint noise with one bright spot, whose centre is returned as a position.
func planted(n toy, seed uint64) (input []float32, place int) {
	rng := rand.New(rand.NewPCG(seed, 7))
	l := layoutOf(n.kind, n.shape)
	places := l.positions()
	input = make([]float32, engine.Size(n.shape))
	for i := range input {
		input[i] = float32(0.02 * rng.NormFloat64())
	}
	centre := make([]int, len(places))
	for i, d := range places {
		centre[i] = d/4 + rng.IntN(d/2)
		place = place*d + centre[i]
	}
	total := engine.Size(places)
	for p := range total {
		rest, near := p, true
		for i := len(places) - 1; i >= 0; i-- {
			near = near && abs(rest%places[i]-centre[i]) <= 1
			rest /= places[i]
		}
		for c := 0; near && c < l.channels(); c++ {
			input[l.at(p, c, total)] = 1.5
		}
	}
	return input, place
}

func abs(x int) int { return max(x, -x) }

// TestConformance is the suite that every explainer must pass on every kind of input.
func TestConformance(t *testing.T) {
	for _, n := range toys() {
		m := open(t, n.network())
		for _, method := range m.Methods() {
			t.Run(fmt.Sprintf("%s/%s", n.kind, method), func(t *testing.T) {
				e, err := New(method, m, nil)
				if err != nil {
					t.Fatal(err)
				}
				conform(t, e, n)
			})
		}
		if len(m.Methods()) != 3 {
			t.Errorf("%s: methods %v", n.kind, m.Methods())
		}
	}
}

func conform(t *testing.T, e Explainer, n toy) {
	input, place := planted(n, 1)
	before := slices.Clone(input)
	first, err := e.Explain(t.Context(), input, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.Shape, n.shape) || len(first.Values) != len(input) || finite(first.Values, "") != nil {
		t.Fatalf("map of shape %v with %d values", first.Shape, len(first.Values))
	}
	if !slices.Equal(input, before) {
		t.Error("the input was changed")
	}
	if again, err := e.Explain(t.Context(), input, 1); err != nil || !slices.Equal(again.Values, first.Values) {
		t.Errorf("a second run differs: %v", err)
	}
	flat := first.Positions(n.kind)
	if d := distance(flat, place); d > float64(slices.Max(flat.Shape))/5 {
		t.Errorf("the spot lies %.1f places away from the strongest evidence", d)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Explain(stopped, input, 1); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("stopped: %v", err)
	}
	nan := slices.Clone(input)
	nan[3] = float32(math.NaN())
	for want, call := range map[fault.Code]func() (Map, error){
		fault.ModelShape:     func() (Map, error) { return e.Explain(t.Context(), input[1:], 1) },
		fault.Usage:          func() (Map, error) { return e.Explain(t.Context(), input, 2) },
		fault.InputNotFinite: func() (Map, error) { return e.Explain(t.Context(), nan, 1) },
	} {
		if _, err := call(); fault.CodeOf(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// distance from the centre of the strongest values (at least 95% of the maximum) to a place.
func distance(m Map, place int) float64 {
	top := slices.Max(m.Values)
	sums, n := make([]float64, len(m.Shape)), 0.0
	each := func(p int, f func(axis, x int)) {
		for i := len(m.Shape) - 1; i >= 0; i-- {
			f(i, p%m.Shape[i])
			p /= m.Shape[i]
		}
	}
	for p, v := range m.Values {
		if v >= 0.95*top {
			each(p, func(axis, x int) { sums[axis] += float64(x) })
			n++
		}
	}
	d := 0.0
	each(place, func(axis, x int) { d = math.Hypot(d, sums[axis]/n-float64(x)) })
	return d
}

// linear has logits = W' input + b on a table, and its gradient.
func linear(w []float32, columns int) Network {
	forward := func(g *onnxtest.Graph) *onnxtest.Graph {
		return g.Input("input", -1, columns).Weights("w", []int{columns, 2}, w).Weights("b", []int{2}, []float32{0.3, -0.2}).
			Node("Gemm", []string{"input", "w", "b"}, []string{"logits"}, nil)
	}
	g := forward(onnxtest.New(17)).Output("logits", -1, 2)
	d := forward(onnxtest.New(17).Input("class", -1, 2))
	d.Node("Transpose", []string{"w"}, []string{"wt"}, nil).Node("MatMul", []string{"class", "wt"}, []string{"input_gradient"}, nil)
	d.OutputOfAnyShape("logits").OutputOfAnyShape("input_gradient")
	return Network{Kind: clinical.KindTable, Model: g.Build(), Gradient: d.Build()}
}

func TestLinearModelsAreExplainedExactly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		columns := rapid.IntRange(1, 9).Draw(rt, "columns")
		number := rapid.Float32Range(-2, 2)
		w := rapid.SliceOfN(number, 2*columns, 2*columns).Draw(rt, "w")
		input := rapid.SliceOfN(number, columns, columns).Draw(rt, "input")
		class := rapid.IntRange(0, 1).Draw(rt, "class")
		m := open(t, linear(w, columns))
		integrated, c, err := (&IntegratedGradients{Model: m, Steps: 3}).Attribute(t.Context(), input, class)
		if err != nil {
			rt.Fatal(err)
		}
		occluded, err := (&Occlusion{Model: m, Kind: m.Kind}).Explain(t.Context(), input, class)
		if err != nil {
			rt.Fatal(err)
		}
		for i, x := range input {
			if want := w[2*i+class] * x; math.Abs(float64(integrated.Values[i]-want)) > 1e-4 {
				rt.Errorf("integrated gradients %d: %v, want %v", i, integrated.Values[i], want)
			}
			// Of two classes, the log-odds are the difference of the logits.
			if want := (w[2*i+class] - w[2*i+1-class]) * x; math.Abs(float64(occluded.Values[i]-want)) > 1e-4 {
				rt.Errorf("occlusion %d: %v, want %v", i, occluded.Values[i], want)
			}
		}
		if math.Abs(c.Sum-c.Difference) > 1e-4 {
			rt.Errorf("completeness %+v", c)
		}
	})
}

func TestCompletenessGrowsWithSteps(t *testing.T) {
	n := toys()[0]
	m := open(t, n.network())
	input, _ := planted(n, 3)
	last := math.Inf(1)
	for _, steps := range []int{1, 4, 16, 40} {
		_, c, err := (&IntegratedGradients{Model: m, Steps: steps, Baseline: Black()}).Attribute(t.Context(), input, 1)
		if err != nil {
			t.Fatal(err)
		}
		if c.Error > last+1e-5 {
			t.Errorf("%d steps: error %v after %v", steps, c.Error, last)
		}
		last = c.Error
	}
	if last > 1e-3 {
		t.Errorf("error %v after 40 steps", last)
	}
}

func TestChunksDoNotChangeTheMap(t *testing.T) {
	n := toys()[2]
	m := open(t, n.network())
	input, _ := planted(n, 5)
	var maps []Map
	for _, batch := range []int{1, 7, 64} {
		m.Batch = batch
		for _, method := range []string{MethodIntegrated, MethodOcclusion} {
			e, _ := New(method, m, nil)
			one, err := e.Explain(t.Context(), input, 0)
			if err != nil {
				t.Fatal(err)
			}
			maps = append(maps, one)
		}
	}
	for i := 2; i < len(maps); i++ {
		for j, v := range maps[i].Values {
			if math.Abs(float64(v-maps[i%2].Values[j])) > 1e-5 {
				t.Fatalf("value %d differs between batches: %v and %v", j, v, maps[i%2].Values[j])
			}
		}
	}
}

func TestOcclusionNeedsNoGradient(t *testing.T) {
	n := toys()[0].network()
	n.Gradient = nil
	m := open(t, n)
	if got := m.Methods(); !slices.Equal(got, []string{MethodOcclusion}) {
		t.Errorf("methods %v", got)
	}
	for _, method := range []string{MethodGradCAM, MethodIntegrated} {
		if _, err := New(method, m, nil); fault.CodeOf(err) != fault.ModelUnsupported {
			t.Errorf("%s: %v", method, err)
		}
	}
	if _, err := New("tea-leaves", m, nil); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestWindowsAreChecked(t *testing.T) {
	m := open(t, toys()[2].network())
	input := make([]float32, 300)
	for _, c := range []struct {
		window, stride []int
		want           fault.Code
	}{
		{[]int{1}, nil, fault.Usage},
		{[]int{1, 101}, nil, fault.Usage},
		{[]int{0, 5}, nil, fault.Usage},
		{[]int{1, 5}, []int{1, 6}, fault.Usage},
		{[]int{1, 5}, []int{1, 0}, fault.Usage},
	} {
		if _, err := (&Occlusion{Model: m, Kind: m.Kind, Window: c.window, Stride: c.stride}).Explain(t.Context(), input, 0); fault.CodeOf(err) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := newGrid(clinical.KindImage, []int{1, 1000, 1000}, []int{1, 1, 1}, nil); fault.CodeOf(err) != fault.InputTooLarge {
		t.Error(err)
	}
}

func TestWindowsCoverEverything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var shape, window, stride []int
		for range rapid.IntRange(1, 4).Draw(rt, "rank") {
			d := rapid.IntRange(1, 9).Draw(rt, "size")
			w := rapid.IntRange(1, d).Draw(rt, "window")
			shape, window, stride = append(shape, d), append(window, w), append(stride, rapid.IntRange(1, w).Draw(rt, "stride"))
		}
		g, err := newGrid(clinical.KindImage, shape, window, stride)
		if err != nil {
			rt.Fatal(err)
		}
		seen := make([]bool, engine.Size(shape))
		for n := range g.count {
			visited := 0
			g.visit(n, func(at int) { seen[at] = true; visited++ })
			if visited != engine.Size(window) {
				rt.Fatalf("window %d has %d values", n, visited)
			}
		}
		if slices.Contains(seen, false) {
			rt.Fatal("something is never covered")
		}
	})
}

func TestProgressEndsAtItsTotal(t *testing.T) {
	m := open(t, toys()[0].network())
	for _, method := range []string{MethodIntegrated, MethodOcclusion} {
		done, total := 0, -1
		e, _ := New(method, m, func(d, n int) {
			if d <= done {
				t.Errorf("%s: progress goes from %d to %d", method, done, d)
			}
			done, total = d, n
		})
		if _, err := e.Explain(t.Context(), make([]float32, engine.Size(m.Shape())), 0); err != nil {
			t.Fatal(err)
		}
		if done != total {
			t.Errorf("%s: %d of %d", method, done, total)
		}
	}
}

func TestBaselines(t *testing.T) {
	input := []float32{1, 2, 3, 4, 10, 20, 30, 40}
	for name, want := range map[string][]float32{
		"black": {0, 0, 0, 0, 0, 0, 0, 0},
		"mean":  {2.5, 2.5, 2.5, 2.5, 25, 25, 25, 25},
	} {
		b, err := ParseBaseline(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := b(clinical.KindECG, []int{2, 4}, input); !slices.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	blurred := Blur()(clinical.KindECG, []int{2, 4}, input)
	if blurred[0] <= 1 || blurred[3] >= 4 || blurred[4] < 10 {
		t.Errorf("blur: %v", blurred)
	}
	if got := Mean()(clinical.KindSound, []int{4, 2}, input); !slices.Equal(got[:2], []float32{11, 16.5}) {
		t.Errorf("mean of sound goes by band: %v", got)
	}
	if _, err := ParseBaseline("plaid"); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestSingleLogitIsASigmoid(t *testing.T) {
	if p := probability([]float32{0}, 0); p != 0.5 {
		t.Errorf("p = %v", p)
	}
	if p := probability([]float32{1, 2, 3}, 2); math.Abs(p-0.66524) > 1e-4 {
		t.Errorf("softmax = %v", p)
	}
}
