package calibration

import (
	"slices"
	"sort"
)

// block is a run of examples that share one fitted value.
type block struct {
	low, high   float64 // of x
	sum, weight float64 // of y
}

func (b block) value() float64 { return b.sum / b.weight }

// poolAdjacent fits rising values to y in order of x by pooling adjacent
// violators (Ayer et al. 1955), in O(n) once x is sorted. Equal x share a
// block from the start.
func poolAdjacent(x []float64, y []float64) []block {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	var stack []block
	for i := 0; i < len(order); {
		next := block{low: x[order[i]], high: x[order[i]]}
		for ; i < len(order) && x[order[i]] == next.low; i++ {
			next.sum += y[order[i]]
			next.weight++
		}
		stack = push(stack, next)
	}
	return stack
}

// push adds a block on the right and pools while the value before is not smaller.
func push(stack []block, next block) []block {
	for len(stack) > 0 {
		last := stack[len(stack)-1]
		if last.sum*next.weight < next.sum*last.weight {
			break
		}
		next = block{last.low, next.high, last.sum + next.sum, last.weight + next.weight}
		stack = stack[:len(stack)-1]
	}
	return append(stack, next)
}

// fitIsotonic fits each class against the rest on softmax probabilities; two
// classes need class 1 only. Values stay within 1/(n+2) of 0 and 1 (Laplace's
// rule): n examples are no ground for certainty.
func fitIsotonic(logits [][]float64, labels []int) Map {
	m := Map{Method: Isotonic}
	n, classes := len(logits), len(logits[0])
	probs := make([][]float64, n)
	for i, z := range logits {
		probs[i] = softmax(z, 1)
	}
	least := 1 / float64(n+2)
	x, y := make([]float64, n), make([]float64, n)
	for class := range classes {
		if classes == 2 && class == 0 {
			continue
		}
		for i, p := range probs {
			x[i], y[i] = p[class], 0
			if labels[i] == class {
				y[i] = 1
			}
		}
		var knots, values []float64
		for _, b := range poolAdjacent(x, y) {
			v := min(max(b.value(), least), 1-least)
			knots, values = append(knots, b.low), append(values, v)
			if b.high > b.low {
				knots, values = append(knots, b.high), append(values, v)
			}
		}
		knots, values = thinKnots(knots, values)
		m.Knots, m.Values = append(m.Knots, knots), append(m.Values, values)
	}
	return m
}

// thinKnots keeps the table within MaxKnots, evenly, with both ends.
func thinKnots(knots, values []float64) ([]float64, []float64) {
	if len(knots) <= MaxKnots {
		return knots, values
	}
	k, v := make([]float64, MaxKnots), make([]float64, MaxKnots)
	for i := range k {
		at := i * (len(knots) - 1) / (MaxKnots - 1)
		k[i], v[i] = knots[at], values[at]
	}
	return k, v
}

// isotonic looks each class up and makes the row sum to 1 again.
func (m Map) isotonic(logits []float64) ([]float64, error) {
	if err := m.checkKnots(len(logits)); err != nil {
		return nil, err
	}
	p := softmax(logits, 1)
	if len(m.Knots) == 1 {
		one := interpolate(m.Knots[0], m.Values[0], p[1])
		return []float64{1 - one, one}, nil
	}
	out, sum := make([]float64, len(p)), 0.0
	for class := range p {
		out[class] = interpolate(m.Knots[class], m.Values[class], p[class])
		sum += out[class]
	}
	if sum == 0 { // foreign maps may hold zeros: no class is favoured, so keep the model's word
		return p, nil
	}
	for class := range out {
		out[class] /= sum
	}
	return out, nil
}

// interpolate is linear between knots and level beyond them. Where a knot
// repeats, its last value counts.
func interpolate(knots, values []float64, x float64) float64 {
	i := sort.Search(len(knots), func(i int) bool { return knots[i] > x })
	switch {
	case i == 0:
		return values[0]
	case i == len(knots):
		return values[len(values)-1]
	}
	share := (x - knots[i-1]) / (knots[i] - knots[i-1])
	return values[i-1] + share*(values[i]-values[i-1])
}
