package stance

import (
	"math"

	"gonum.org/v1/gonum/optimize"

	"consilium/fault"
)

// logistic is a multinomial logistic regression: logits = weights x + bias, for x as it is.
type logistic struct {
	Weights [][]float64 `json:"weights"` // a row for each class
	Bias    []float64   `json:"bias"`
}

func (l logistic) logits(x []float64) []float64 {
	out := make([]float64, len(l.Bias))
	for c, row := range l.Weights {
		out[c] = l.Bias[c]
		for j, w := range row {
			out[c] += w * x[j]
		}
	}
	return out
}

// fitLogistic minimises the mean negative log-likelihood plus penalty/2 times the squared weights of
// standardised features; the bias goes free. It is convex: the start does not matter.
func fitLogistic(x [][]float64, labels []int, classes int, penalty float64) (logistic, error) {
	mean, scale := standard(x)
	z := make([][]float64, len(x))
	for i, row := range x {
		z[i] = make([]float64, len(row))
		for j, v := range row {
			z[i][j] = (v - mean[j]) * scale[j]
		}
	}
	d := len(mean)
	objective := optimize.Problem{
		Func: func(w []float64) float64 { return loss(w, nil, z, labels, classes, penalty) },
		Grad: func(g, w []float64) { loss(w, g, z, labels, classes, penalty) },
	}
	settings := &optimize.Settings{GradientThreshold: 1e-5, MajorIterations: 500,
		Converger: &optimize.FunctionConverge{Absolute: 1e-9, Iterations: 20}}
	result, err := optimize.Minimize(objective, make([]float64, classes*(d+1)), settings, &optimize.LBFGS{})
	if result == nil || err != nil && math.IsNaN(result.F) {
		return logistic{}, fault.Wrap(err, fault.DataUnfit, "the regression found no minimum", "check the features for values that are not finite")
	}
	l := logistic{Bias: make([]float64, classes)} // back to features as they are
	for c := range classes {
		w := result.X[c*(d+1) : (c+1)*(d+1)]
		row := make([]float64, d)
		l.Bias[c] = w[d]
		for j := range row {
			row[j] = w[j] * scale[j]
			l.Bias[c] -= row[j] * mean[j]
		}
		l.Weights = append(l.Weights, row)
	}
	return l, nil
}

// standard gives mean and inverse deviation of each column; a constant column gets 0, and so no weight.
func standard(x [][]float64) (mean, scale []float64) {
	d := len(x[0])
	mean, scale = make([]float64, d), make([]float64, d)
	for _, row := range x {
		for j, v := range row {
			mean[j] += v / float64(len(x))
		}
	}
	for _, row := range x {
		for j, v := range row {
			scale[j] += (v - mean[j]) * (v - mean[j]) / float64(len(x))
		}
	}
	for j, v := range scale {
		if v > 1e-12 {
			scale[j] = 1 / math.Sqrt(v)
		} else {
			scale[j] = 0
		}
	}
	return mean, scale
}

// loss gives the objective at w (classes rows of weights and a bias) and, where g is not nil, its gradient.
func loss(w, g []float64, z [][]float64, labels []int, classes int, penalty float64) float64 {
	d := len(z[0])
	clear(g)
	total := 0.0
	p := make([]float64, classes)
	for i, row := range z {
		top := math.Inf(-1)
		for c := range p {
			part := w[c*(d+1) : (c+1)*(d+1)]
			p[c] = part[d]
			for j, v := range row {
				p[c] += part[j] * v
			}
			top = max(top, p[c])
		}
		sum := 0.0
		for _, v := range p {
			sum += math.Exp(v - top)
		}
		total += (top + math.Log(sum) - p[labels[i]]) / float64(len(z))
		if g == nil {
			continue
		}
		for c := range p {
			e := math.Exp(p[c]-top) / sum
			if c == labels[i] {
				e--
			}
			e /= float64(len(z))
			part := g[c*(d+1) : (c+1)*(d+1)]
			part[d] += e
			for j, v := range row {
				part[j] += e * v
			}
		}
	}
	for c := range classes {
		for j := range d {
			at := c*(d+1) + j
			total += penalty / 2 * w[at] * w[at]
			if g != nil {
				g[at] += penalty * w[at]
			}
		}
	}
	return total
}
