// Package explain says which parts of an input a model's answer rests on:
// Grad-CAM, integrated gradients and occlusion, drawn over the picture, the ECG
// or the sound, with measures of whether the explanation can be believed.
package explain

import (
	"context"
	"fmt"
	"math"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
)

// The methods' names, as they are written on pictures and in options.
const (
	MethodGradCAM    = "grad-cam"
	MethodIntegrated = "integrated-gradients"
	MethodOcclusion  = "occlusion"
)

// Map has one value for each value of the input: how much it speaks for
// (positive) or against (negative) a class. Units depend on the method.
type Map struct {
	Shape  []int     `json:"shape"` // of one example, as the network gets it
	Values []float32 `json:"values"`
}

// Explainer makes a map for one example and one class. Equal inputs give equal
// maps. Implementations are safe for concurrent Explain.
type Explainer interface {
	Name() string
	Explain(ctx context.Context, input []float32, class int) (Map, error)
}

// Progress is told how much of the work is done. It may be nil.
type Progress func(done, total int)

func (p Progress) report(done, total int) {
	if p != nil {
		p(done, total)
	}
}

// Predictor gives the logits of n examples, n x classes, in a bounded amount of
// memory: fill writes example i when its turn comes.
type Predictor interface {
	Shape() []int // of one example
	Classes() int
	Predict(ctx context.Context, n int, fill func(i int, into []float32)) ([]float32, error)
}

// Model is a classifier of a bundle, with its gradient when the bundle has one.
// It is a Predictor.
type Model struct {
	Kind clinical.Kind
	// Batch bounds the examples in one call, and so the memory.
	Batch             int
	session, gradient *engine.Session
	input, logits     string
	shape             []int
	classes           int
}

// A call holds at most mostBatch examples, and fewer of large ones: about batchValues input values.
const (
	mostBatch   = 8
	batchValues = 1 << 17
)

// Names of the ports of gradient.onnx.
const (
	portInput            = "input"
	portClass            = "class"
	portLogits           = "logits"
	portInputGradient    = "input_gradient"
	portFeatures         = "features"
	portFeaturesGradient = "features_gradient"
)

// NewModel checks that session is a classifier of one input with a fixed
// example shape, and that gradient, which may be nil, is its gradient. The
// sessions stay the caller's. Errors: MODEL_SHAPE.
func NewModel(kind clinical.Kind, session, gradient *engine.Session) (*Model, error) {
	in, out := session.Inputs(), session.Outputs()
	if len(in) != 1 || len(in[0].Shape) < 2 {
		return nil, fault.New(fault.ModelShape, "the model does not take one batch of examples", "explain models with one input")
	}
	m := &Model{Kind: kind, session: session, gradient: gradient,
		input: in[0].Name, logits: out[0].Name, shape: in[0].Shape[1:]}
	for _, p := range out {
		if p.Name == portLogits {
			m.logits = p.Name
		}
	}
	for _, p := range out {
		if p.Name == m.logits && len(p.Shape) == 2 {
			m.classes = p.Shape[1]
		}
	}
	for _, d := range m.shape {
		if d < 1 {
			return nil, fault.New(fault.ModelShape, fmt.Sprintf("input shape %v is not fixed", m.shape), "export the model with a fixed example shape")
		}
	}
	m.Batch = min(max(batchValues/engine.Size(m.shape), 1), mostBatch)
	if m.classes < 1 {
		return nil, fault.New(fault.ModelShape, "the model does not give [batch, classes] logits", "export the model with logits of fixed width")
	}
	return m, m.checkGradient()
}

func (m *Model) checkGradient() error {
	if m.gradient == nil {
		return nil
	}
	want := map[string]int{portInput: len(m.shape) + 1, portClass: 2}
	for _, p := range m.gradient.Inputs() {
		if rank, ok := want[p.Name]; !ok || rank != len(p.Shape) {
			return fault.New(fault.ModelShape, fmt.Sprintf("the gradient model takes %q of shape %v", p.Name, p.Shape), "it must take input and class")
		}
		delete(want, p.Name)
	}
	if len(want) > 0 {
		return fault.New(fault.ModelShape, "the gradient model lacks an input", "it must take input and class")
	}
	for _, p := range m.gradient.Outputs() {
		if p.Name == portInputGradient {
			return nil
		}
	}
	return fault.New(fault.ModelShape, "the gradient model does not give input_gradient", "export it again")
}

// Shape of one example.
func (m *Model) Shape() []int { return m.shape }

// Classes is the number of logits.
func (m *Model) Classes() int { return m.classes }

// Methods lists what can explain this model, best first.
func (m *Model) Methods() []string {
	var names []string
	if m.hasFeatures() {
		names = append(names, MethodGradCAM)
	}
	if m.gradient != nil {
		names = append(names, MethodIntegrated)
	}
	return append(names, MethodOcclusion)
}

func (m *Model) hasFeatures() bool {
	if m.gradient == nil {
		return false
	}
	found := 0
	for _, p := range m.gradient.Outputs() {
		if p.Name == portFeatures || p.Name == portFeaturesGradient {
			found++
		}
	}
	return found == 2
}

// New makes the explainer of a name with its defaults. Errors: USAGE for an
// unknown name, MODEL_UNSUPPORTED when the model has no gradient for it.
func New(method string, m *Model, progress Progress) (Explainer, error) {
	switch method {
	case MethodOcclusion:
		return &Occlusion{Model: m, Kind: m.Kind, Progress: progress}, nil
	case MethodIntegrated:
		if m.gradient != nil {
			return &IntegratedGradients{Model: m, Progress: progress}, nil
		}
	case MethodGradCAM:
		if m.hasFeatures() {
			return &GradCAM{Model: m}, nil
		}
	default:
		return nil, fault.New(fault.Usage, fmt.Sprintf("unknown explanation method %q", method), "use grad-cam, integrated-gradients or occlusion")
	}
	return nil, fault.New(fault.ModelUnsupported, method+" needs gradients, which this model does not carry", "use occlusion")
}

// Predict runs the model in chunks of m.Batch.
func (m *Model) Predict(ctx context.Context, n int, fill func(i int, into []float32)) ([]float32, error) {
	logits := make([]float32, 0, n*m.classes)
	err := m.session.RunBatches(ctx, m.input, n,
		func(i int, into []float32) error { fill(i, into); return nil }, max(m.Batch, 1),
		func(_ int, out map[string]engine.Tensor) error {
			logits = append(logits, out[m.logits].Data...)
			return nil
		})
	if err != nil {
		return nil, err
	}
	if len(logits) != n*m.classes {
		return nil, fault.New(fault.ModelShape, fmt.Sprintf("%d logits for %d examples", len(logits), n), "export the model with logits [batch, classes]")
	}
	return logits, finite(logits, "logits")
}

// gradients runs the gradient model on a few examples for one class.
func (m *Model) gradients(ctx context.Context, n, class int, examples []float32) (map[string]engine.Tensor, error) {
	if m.gradient == nil {
		return nil, fault.New(fault.ModelUnsupported, "this model carries no gradient", "use occlusion")
	}
	oneHot := make([]float32, n*m.classes)
	for i := range n {
		oneHot[i*m.classes+class] = 1
	}
	return m.gradient.Run(ctx, map[string]engine.Tensor{
		portInput: {Shape: append([]int{n}, m.shape...), Data: examples},
		portClass: {Shape: []int{n, m.classes}, Data: oneHot},
	})
}

// check refuses examples and classes that do not fit.
func check(p Predictor, input []float32, class int) error {
	if len(input) != engine.Size(p.Shape()) {
		return fault.New(fault.ModelShape, fmt.Sprintf("an example has %d values, the model wants %v", len(input), p.Shape()), "")
	}
	if class < 0 || class >= p.Classes() {
		return fault.New(fault.Usage, fmt.Sprintf("class %d of %d", class, p.Classes()), "classes count from 0")
	}
	return finite(input, "the input")
}

// finite refuses NaN and infinity: a map made of them would look like an answer.
func finite(values []float32, what string) error {
	for _, v := range values {
		if v-v != 0 {
			return fault.New(fault.InputNotFinite, what+" holds NaN or infinite values", "check the file")
		}
	}
	return nil
}

// probability is the softmax of one class; with a single logit, its sigmoid.
func probability(logits []float32, class int) float64 {
	return 1 / (1 + math.Exp(-logOdds(logits, class)))
}

// logOdds of a class against all others. Unlike the probability it does not
// saturate, so that small effects on a sure answer stay visible.
func logOdds(logits []float32, class int) float64 {
	if len(logits) == 1 {
		return float64(logits[0])
	}
	top := math.Inf(-1)
	for k, v := range logits {
		if k != class {
			top = max(top, float64(v))
		}
	}
	sum := 0.0
	for k, v := range logits {
		if k != class {
			sum += math.Exp(float64(v) - top)
		}
	}
	return float64(logits[class]) - top - math.Log(sum)
}
