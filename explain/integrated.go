package explain

import (
	"context"
	"math"

	"gonum.org/v1/gonum/integrate/quad"

	"consilium/engine"
	"consilium/fault"
)

const (
	defaultSteps = 32
	maxSteps     = 4096
)

// IntegratedGradients averages the gradient on the straight way from a baseline
// to the input and multiplies it with their difference (Sundararajan et al.,
// ICML 2017). The values add up to the difference of the class's logit between
// input and baseline: completeness. The integral is a Gauss-Legendre rule.
type IntegratedGradients struct {
	Model    *Model
	Baseline Baseline // nil: Mean
	Steps    int      // 0: 32; at most 4096
	Progress Progress
}

// Completeness says how well the values add up.
type Completeness struct {
	Difference float64 `json:"difference"` // logit at the input minus logit at the baseline
	Sum        float64 `json:"sum"`        // of all values of the map
	Error      float64 `json:"error"`      // |Sum - Difference| / |Difference|
}

// Name is MethodIntegrated.
func (g *IntegratedGradients) Name() string { return MethodIntegrated }

// Explain is Attribute without the completeness.
func (g *IntegratedGradients) Explain(ctx context.Context, input []float32, class int) (Map, error) {
	m, _, err := g.Attribute(ctx, input, class)
	return m, err
}

// Attribute runs the gradient model Steps times, Model.Batch at a time, so that
// memory does not grow with Steps. Errors: MODEL_UNSUPPORTED without a gradient, USAGE, and those of the session.
func (g *IntegratedGradients) Attribute(ctx context.Context, input []float32, class int) (Map, Completeness, error) {
	m, steps, baseline := g.Model, g.Steps, g.Baseline
	if steps == 0 {
		steps = defaultSteps
	}
	if baseline == nil {
		baseline = Mean()
	}
	if steps < 1 || steps > maxSteps {
		return Map{}, Completeness{}, fault.New(fault.Usage, "the number of steps must lie between 1 and 4096", "")
	}
	if err := check(m, input, class); err != nil {
		return Map{}, Completeness{}, err
	}
	start := baseline(m.Kind, m.shape, input)
	sums, err := g.integrate(ctx, start, input, class, steps)
	if err != nil {
		return Map{}, Completeness{}, err
	}
	ends, err := m.gradients(ctx, 2, class, append(append([]float32{}, input...), start...))
	if err != nil {
		return Map{}, Completeness{}, err
	}
	out := Map{Shape: m.shape, Values: make([]float32, len(input))}
	logits := ends[portLogits].Data
	if len(logits) != 2*m.classes {
		return Map{}, Completeness{}, fault.New(fault.ModelShape, "the gradient model does not give logits", "export it again")
	}
	c := Completeness{Difference: float64(logits[class]) - float64(logits[m.classes+class])}
	for i := range out.Values {
		v := sums[i] * (float64(input[i]) - float64(start[i]))
		out.Values[i] = float32(v)
		c.Sum += v
	}
	c.Error = math.Abs(c.Sum-c.Difference) / max(math.Abs(c.Difference), 1e-6)
	return out, c, finite(out.Values, "the gradient")
}

// integrate gives the weighted mean of the input gradient on the way.
func (g *IntegratedGradients) integrate(ctx context.Context, start, input []float32, class, steps int) ([]float64, error) {
	m, size := g.Model, len(input)
	places, weights := make([]float64, steps), make([]float64, steps)
	quad.Legendre{}.FixedLocations(places, weights, 0, 1)
	sums := make([]float64, size)
	batch := min(max(m.Batch, 1), steps)
	chunk := make([]float32, batch*size)
	for first := 0; first < steps; first += batch {
		n := min(batch, steps-first)
		for s := range n {
			t := float32(places[first+s])
			for i, b := range start {
				chunk[s*size+i] = b + t*(input[i]-b)
			}
		}
		out, err := m.gradients(ctx, n, class, chunk[:n*size])
		if err != nil {
			return nil, err
		}
		gradient := out[portInputGradient]
		if len(gradient.Data) != n*engine.Size(m.shape) {
			return nil, fault.New(fault.ModelShape, "input_gradient has not the shape of the input", "export the gradient model again")
		}
		for s := range n {
			w := weights[first+s]
			for i, v := range gradient.Data[s*size : (s+1)*size] {
				sums[i] += w * float64(v)
			}
		}
		g.Progress.report(first+n, steps)
	}
	return sums, nil
}
