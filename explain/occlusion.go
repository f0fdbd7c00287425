package explain

import (
	"context"
	"fmt"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
)

// maxWindows bounds the positions of the sliding window, and so the time.
const maxWindows = 1 << 16

// occlusionChunk is how many windows are predicted between two reports.
const occlusionChunk = 64

// Occlusion covers one window after another with the baseline and notes how
// much the log-odds of the class fall (Zeiler and Fergus, ECCV 2014). It needs
// no gradient, and so explains any model. Each value of the map is the mean
// fall over the windows that cover it.
type Occlusion struct {
	Model    Predictor
	Kind     clinical.Kind
	Window   []int    // one size an axis of the example; nil: by kind
	Stride   []int    // nil: half of the window
	Baseline Baseline // nil: Mean
	Progress Progress
}

// Name is MethodOcclusion.
func (o *Occlusion) Name() string { return MethodOcclusion }

// Explain runs the model once for every place of the window. Errors: USAGE for
// windows that do not fit, INPUT_TOO_LARGE for too many places, and those of the model.
func (o *Occlusion) Explain(ctx context.Context, input []float32, class int) (Map, error) {
	if err := check(o.Model, input, class); err != nil {
		return Map{}, err
	}
	grid, err := newGrid(o.Kind, o.Model.Shape(), o.Window, o.Stride)
	if err != nil {
		return Map{}, err
	}
	baseline := o.Baseline
	if baseline == nil {
		baseline = Mean()
	}
	cover := baseline(o.Kind, grid.shape, input)
	whole, err := o.Model.Predict(ctx, 1, func(_ int, into []float32) { copy(into, input) })
	if err != nil {
		return Map{}, err
	}
	before := logOdds(whole, class)
	sums, counts := make([]float64, len(input)), make([]int32, len(input))
	for first := 0; first < grid.count; first += occlusionChunk {
		n := min(occlusionChunk, grid.count-first)
		logits, err := o.Model.Predict(ctx, n, func(i int, into []float32) {
			copy(into, input)
			grid.visit(first+i, func(at int) { into[at] = cover[at] })
		})
		if err != nil {
			return Map{}, err
		}
		k := o.Model.Classes()
		for i := range n {
			fall := before - logOdds(logits[i*k:(i+1)*k], class)
			grid.visit(first+i, func(at int) { sums[at] += fall; counts[at]++ })
		}
		o.Progress.report(first+n, grid.count)
	}
	out := Map{Shape: grid.shape, Values: make([]float32, len(input))}
	for i, n := range counts {
		out.Values[i] = float32(sums[i] / float64(max(n, 1)))
	}
	return out, finite(out.Values, "the map")
}

// grid is a window that slides over an example; the last place on each axis
// touches the end, so that everything is covered.
type grid struct {
	shape, window, stride, places []int
	count                         int
}

func newGrid(kind clinical.Kind, shape, window, stride []int) (*grid, error) {
	if window == nil {
		window = defaultWindow(kind, shape)
	}
	if stride == nil {
		for _, w := range window {
			stride = append(stride, max(1, w/2))
		}
	}
	g := &grid{shape: shape, window: window, stride: stride, count: 1}
	if len(window) != len(shape) || len(stride) != len(shape) {
		return nil, fault.New(fault.Usage, fmt.Sprintf("window %v and stride %v for an input of %v", window, stride, shape), "give one size an axis")
	}
	for i, d := range shape {
		if window[i] < 1 || window[i] > d || stride[i] < 1 || stride[i] > window[i] {
			return nil, fault.New(fault.Usage, fmt.Sprintf("window %v and stride %v for an input of %v", window, stride, shape),
				"windows must fit into the input, strides must not exceed windows")
		}
		n := (d-window[i]+stride[i]-1)/stride[i] + 1
		g.places = append(g.places, n)
		g.count *= n
		if g.count > maxWindows {
			return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("more than %d windows", maxWindows), "use a larger window or stride")
		}
	}
	return g, nil
}

// visit calls f with the index of every value that window number n covers.
func (g *grid) visit(n int, f func(at int)) {
	low := make([]int, len(g.shape))
	for i := len(low) - 1; i >= 0; i-- {
		low[i] = min(n%g.places[i]*g.stride[i], g.shape[i]-g.window[i])
		n /= g.places[i]
	}
	inner := len(low) - 1
	for r := range engine.Size(g.window[:inner]) {
		at, rest := 0, r
		place := 1
		for i := inner; i >= 0; i-- {
			x := low[i]
			if i < inner {
				x += rest % g.window[i]
				rest /= g.window[i]
			}
			at += x * place
			place *= g.shape[i]
		}
		for j := range g.window[inner] {
			f(at + j)
		}
	}
}

// defaultWindow is a seventh of a picture's side (all channels), a fifth of a
// volume's, 1/25 of one ECG lead (0.4 s of 10 s), 1/20 of a sound (all bands), one column of a table.
func defaultWindow(kind clinical.Kind, shape []int) []int {
	parts := map[clinical.Kind]int{clinical.KindVolume: 5, clinical.KindECG: 25, clinical.KindSound: 20}[kind]
	if parts == 0 {
		parts = 7
	}
	l, window := layoutOf(kind, shape), make([]int, len(shape))
	for i, d := range shape {
		switch {
		case l.channel < 0 || i == l.channel && kind == clinical.KindECG:
			window[i] = 1
		case i == l.channel:
			window[i] = d
		default:
			window[i] = max(1, (d+parts/2)/parts)
		}
	}
	return window
}
