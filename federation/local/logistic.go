package local

import (
	"math"

	"consilium/fault"
)

// logistic is multinomial logistic regression: w [classes, features], then b [classes].
type logistic struct{ features, classes int }

func (l *logistic) Size() int       { return l.classes * (l.features + 1) }
func (l *logistic) Params() []Param { return dense(l.features, l.classes) }
func (l *logistic) Close() error    { return nil }

// Initial is zero: the problem is convex, and zero favours nobody.
func (l *logistic) Initial(uint64) []float32 { return make([]float32, l.Size()) }

func (l *logistic) check(w, x []float32, n int) error {
	if len(w) != l.Size() || len(x) != n*l.features {
		return fault.New(fault.ModelShape, "weights or examples do not have the network's shape", "they belong to another job")
	}
	return nil
}

// rest fills r with probabilities minus truth, and gives the loss.
func (l *logistic) rest(w, x []float32, label int, r []float64) float64 {
	bias := w[l.classes*l.features:]
	top := math.Inf(-1)
	for k := range r {
		r[k] = float64(bias[k]) + dot(w[k*l.features:(k+1)*l.features], x)
		top = max(top, r[k])
	}
	var total float64
	truth := r[label] - top
	for k := range r {
		r[k] = math.Exp(r[k] - top)
		total += r[k]
	}
	for k := range r {
		r[k] /= total
	}
	r[label]--
	return math.Log(total) - truth
}

func (l *logistic) Gradient(w, x []float32, labels []int, importance []float32, grad []float32) (loss float64, err error) {
	if err := l.check(w, x, len(labels)); err != nil {
		return 0, err
	}
	sum := make([]float64, l.Size())
	r := make([]float64, l.classes)
	for i, label := range labels {
		row := x[i*l.features : (i+1)*l.features]
		weight := 1.0
		if importance != nil {
			weight = float64(importance[i])
		}
		loss += weight * l.rest(w, row, label, r)
		l.add(sum, row, r, weight)
	}
	n := float64(max(len(labels), 1))
	for i, s := range sum {
		grad[i] = float32(s / n)
	}
	return loss / n, nil
}

// add puts scale times the gradient of one example into sum.
func (l *logistic) add(sum []float64, x []float32, r []float64, scale float64) {
	bias := sum[l.classes*l.features:]
	for k, v := range r {
		v *= scale
		bias[k] += v
		into := sum[k*l.features : (k+1)*l.features]
		for i, f := range x {
			into[i] += v * float64(f)
		}
	}
}

// Clipped needs no gradient to know its norm: that of r x' and r together is |r| sqrt(|x|^2 + 1).
func (l *logistic) Clipped(w, x []float32, labels []int, clip float64, sum []float64) error {
	if err := l.check(w, x, len(labels)); err != nil {
		return err
	}
	r := make([]float64, l.classes)
	for i, label := range labels {
		row := x[i*l.features : (i+1)*l.features]
		l.rest(w, row, label, r)
		var square float64
		for _, v := range r {
			square += v * v
		}
		norm := math.Sqrt(square * (dot(row, row) + 1))
		l.add(sum, row, r, min(1, clip/max(norm, 1e-300)))
	}
	return nil
}

func (l *logistic) Logits(w, x []float32, n int) ([]float32, error) {
	if err := l.check(w, x, n); err != nil {
		return nil, err
	}
	out := make([]float32, n*l.classes)
	bias := w[l.classes*l.features:]
	for i := range n {
		for k := range l.classes {
			out[i*l.classes+k] = float32(float64(bias[k]) + dot(w[k*l.features:(k+1)*l.features], x[i*l.features:(i+1)*l.features]))
		}
	}
	return out, nil
}

func dot(a, b []float32) (s float64) {
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return s
}
