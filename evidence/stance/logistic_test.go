package stance

import (
	"math"
	"math/rand/v2"
	"testing"
)

func randomProblem(n, d int) (x [][]float64, y []int) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range n {
		row := make([]float64, d)
		for j := range row {
			row[j] = rng.NormFloat64()*float64(j+1) + float64(j)
		}
		x, y = append(x, row), append(y, rng.IntN(3))
	}
	return x, y
}

func TestLossGradient(t *testing.T) {
	x, y := randomProblem(20, 4)
	rng := rand.New(rand.NewPCG(3, 4))
	w, g := make([]float64, 3*5), make([]float64, 3*5)
	for i := range w {
		w[i] = rng.NormFloat64()
	}
	loss(w, g, x, y, 3, 0.3)
	for i := range w {
		const h = 1e-6
		was := w[i]
		w[i] = was + h
		up := loss(w, nil, x, y, 3, 0.3)
		w[i] = was - h
		down := loss(w, nil, x, y, 3, 0.3)
		w[i] = was
		if want := (up - down) / (2 * h); math.Abs(want-g[i]) > 1e-6*max(1, math.Abs(want)) {
			t.Errorf("weight %d: derivative %g, by finite difference %g", i, g[i], want)
		}
	}
}

// Without a feature that varies, the probabilities are the shares of the classes.
func TestInterceptGivesTheShares(t *testing.T) {
	x := make([][]float64, 10)
	for i := range x {
		x[i] = []float64{7}
	}
	l, err := fitLogistic(x, []int{0, 0, 0, 0, 0, 0, 1, 1, 1, 2}, 3, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	z := l.logits([]float64{7})
	sum := math.Exp(z[0]) + math.Exp(z[1]) + math.Exp(z[2])
	for c, want := range []float64{0.6, 0.3, 0.1} {
		if got := math.Exp(z[c]) / sum; math.Abs(got-want) > 1e-4 {
			t.Errorf("class %d has probability %g, its share is %g", c, got, want)
		}
	}
}

// The minimum has no slope, whatever the scale of the features; a higher penalty gives smaller weights.
func TestFitIsTheMinimum(t *testing.T) {
	x, y := randomProblem(60, 4)
	size := func(penalty float64) float64 {
		l, err := fitLogistic(x, y, 3, penalty)
		if err != nil {
			t.Fatal(err)
		}
		mean, scale := standard(x)
		z := make([][]float64, len(x))
		w, g := make([]float64, 3*5), make([]float64, 3*5)
		for i, row := range x {
			z[i] = make([]float64, len(row))
			for j, v := range row {
				z[i][j] = (v - mean[j]) * scale[j]
			}
		}
		sum := 0.0
		for c, row := range l.Weights {
			w[c*5+4] = l.Bias[c]
			for j, v := range row {
				w[c*5+j] = v / scale[j]
				w[c*5+4] += v * mean[j]
				sum += w[c*5+j] * w[c*5+j]
			}
		}
		loss(w, g, z, y, 3, penalty)
		for i, v := range g {
			if math.Abs(v) > 1e-3 {
				t.Errorf("penalty %g: slope %g at weight %d", penalty, v, i)
			}
		}
		return sum
	}
	if weak, strong := size(0.01), size(1); strong >= weak {
		t.Errorf("squared weights %g with penalty 0.01, %g with 1", weak, strong)
	}
}
