package explain

import (
	"context"
	"fmt"
	"slices"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
)

// GradCAM weighs the last convolution's features with their mean gradient and
// keeps what speaks for the class (Selvaraju et al., ICCV 2017). The map is
// non-negative, the same for all channels, and as coarse as the features; its
// unit is that of the logit.
type GradCAM struct{ Model *Model }

// Name is MethodGradCAM.
func (g *GradCAM) Name() string { return MethodGradCAM }

// Explain runs the gradient model once. Errors: MODEL_UNSUPPORTED without
// features, MODEL_SHAPE when they do not fit the input, and those of the session.
func (g *GradCAM) Explain(ctx context.Context, input []float32, class int) (Map, error) {
	m := g.Model
	if err := check(m, input, class); err != nil {
		return Map{}, err
	}
	if !m.hasFeatures() {
		return Map{}, fault.New(fault.ModelUnsupported, "grad-cam needs a layer of features, which this model does not give", "use occlusion")
	}
	out, err := m.gradients(ctx, 1, class, input)
	if err != nil {
		return Map{}, err
	}
	features, gradient := out[portFeatures], out[portFeaturesGradient]
	if len(features.Shape) < 3 || !slices.Equal(features.Shape, gradient.Shape) {
		return Map{}, fault.New(fault.ModelShape, fmt.Sprintf("features %v with gradient %v", features.Shape, gradient.Shape), "export the model again")
	}
	coarse := classActivation(features, gradient)
	return spread(m.Kind, m.shape, features.Shape[2:], coarse)
}

// classActivation is ReLU(sum over c of mean(gradient[c]) * features[c]).
func classActivation(features, gradient engine.Tensor) []float32 {
	n := engine.Size(features.Shape[2:])
	sums := make([]float64, n)
	for c := range features.Shape[1] {
		weight := 0.0
		for _, v := range gradient.Data[c*n : (c+1)*n] {
			weight += float64(v)
		}
		weight /= float64(n)
		for i, v := range features.Data[c*n : (c+1)*n] {
			sums[i] += weight * float64(v)
		}
	}
	out := make([]float32, n)
	for i, v := range sums {
		out[i] = float32(max(v, 0))
	}
	return out
}

// spread enlarges a coarse map to the input and repeats it over the channels.
// Features over one axis of sound run along its frames; of an ECG along its samples.
func spread(kind clinical.Kind, shape, coarseShape []int, coarse []float32) (Map, error) {
	l := layoutOf(kind, shape)
	if len(coarseShape) == len(shape) { // features over every axis: two-dimensional networks on frames x mels
		return Map{Shape: shape, Values: resize(coarse, coarseShape, shape)}, finite(coarse, "the features")
	}
	places := l.positions()
	if len(coarseShape) != len(places) {
		return Map{}, fault.New(fault.ModelShape, fmt.Sprintf("features over %v do not lie on an input of %v", coarseShape, shape), "export the model again")
	}
	fine, n := resize(coarse, coarseShape, places), engine.Size(places)
	out := Map{Shape: shape, Values: make([]float32, engine.Size(shape))}
	for p, v := range fine {
		for c := range l.channels() {
			out.Values[l.at(p, c, n)] = v
		}
	}
	return out, finite(out.Values, "the features")
}

// resize interpolates linearly along every axis, with cell centres aligned.
func resize(x []float32, from, to []int) []float32 {
	shape := slices.Clone(from)
	for axis := range from {
		x = resizeAxis(x, shape, axis, to[axis])
		shape[axis] = to[axis]
	}
	return x
}

func resizeAxis(x []float32, shape []int, axis, to int) []float32 {
	from, inner := shape[axis], engine.Size(shape[axis+1:])
	outer := engine.Size(shape[:axis])
	out := make([]float32, outer*to*inner)
	for i := range to {
		at := min(max((float64(i)+0.5)*float64(from)/float64(to)-0.5, 0), float64(from-1))
		lo := int(at)
		hi, w := min(lo+1, from-1), float32(at-float64(lo))
		for o := range outer {
			a, b := x[(o*from+lo)*inner:], x[(o*from+hi)*inner:]
			row := out[(o*to+i)*inner : (o*to+i+1)*inner]
			for j := range row {
				row[j] = a[j]*(1-w) + b[j]*w
			}
		}
	}
	return out
}
