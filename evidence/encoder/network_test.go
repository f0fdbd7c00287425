package encoder

import (
	"math"
	"math/rand/v2"
	"testing"
)

// smallBatch makes a network with examples whose rows repeat, so that gradients of one row add up.
func smallBatch() (*network, [2][]example) {
	rng := rand.New(rand.NewPCG(3, 4))
	n := newNetwork(12, 5, rng)
	for s := range n.side {
		for i := range n.side[s] {
			n.side[s][i] += float32(rng.NormFloat64() * 0.2)
		}
	}
	var sides [2][]example
	for s := range sides {
		for range 4 {
			var e example
			for _, b := range []*bag{&e.whole, &e.opening} {
				for range 3 {
					b.add(int32(rng.IntN(12)), float32(rng.Float64()+0.2))
				}
			}
			sides[s] = append(sides[s], e)
		}
	}
	return n, sides
}

const testSharpness = 3

func related(i, j int) bool { return i == 1 && j == 2 || i == 2 && j == 1 }

func lossOf(n *network, sides [2][]example) float64 {
	loss, _, _ := contrast(n.forward(question, sides[question]).unit, n.forward(passage, sides[passage]).unit, n.d, testSharpness, related)
	return loss
}

// The derivatives of every parameter must be those of finite differences.
func TestGradient(t *testing.T) {
	n, sides := smallBatch()
	q, p := n.forward(question, sides[question]), n.forward(passage, sides[passage])
	_, dq, dp := contrast(q.unit, p.unit, n.d, testSharpness, related)
	g := newGradient(n)
	n.backward(question, q, dq, g)
	n.backward(passage, p, dp, g)
	for name, c := range map[string]struct{ parameters, derivatives []float32 }{
		"table": {n.table, g.table}, "question side": {n.side[question], g.side[question]}, "passage side": {n.side[passage], g.side[passage]},
	} {
		for i := range c.parameters {
			const h = 1e-2
			was := c.parameters[i]
			c.parameters[i] = was + h
			up := lossOf(n, sides)
			c.parameters[i] = was - h
			down := lossOf(n, sides)
			c.parameters[i] = was
			want := (up - down) / (2 * h)
			if math.Abs(want-float64(c.derivatives[i])) > 1e-3+1e-2*math.Abs(want) {
				t.Fatalf("%s %d: derivative %g, by finite difference %g", name, i, c.derivatives[i], want)
			}
		}
	}
}

// Related pairs must not push each other away: with everything related no loss is left.
func TestRelatedPairsAreNoNegatives(t *testing.T) {
	n, sides := smallBatch()
	q, p := n.forward(question, sides[question]), n.forward(passage, sides[passage])
	loss, dq, _ := contrast(q.unit, p.unit, n.d, testSharpness, func(int, int) bool { return true })
	if loss != 0 {
		t.Errorf("loss %g", loss)
	}
	for _, v := range dq {
		if v != 0 {
			t.Fatalf("derivative %g", v)
		}
	}
}

func TestResetForgetsOnlyWhatWasTouched(t *testing.T) {
	n, sides := smallBatch()
	g := newGradient(n)
	q := n.forward(question, sides[question])
	d := make([]float32, len(q.unit))
	for i := range d {
		d[i] = float32(i%3) - 1
	}
	n.backward(question, q, d, g)
	g.reset(n.d)
	for _, v := range append(append([]float32(nil), g.table...), g.side[question]...) {
		if v != 0 {
			t.Fatal("a derivative outlives reset")
		}
	}
}

func TestTextWithoutRowsGivesZeros(t *testing.T) {
	n, _ := smallBatch()
	p := n.forward(question, []example{{}})
	n.backward(question, p, make([]float32, n.d), newGradient(n)) // must not divide by zero
	for _, v := range p.unit {
		if v != 0 {
			t.Fatalf("vector %v", p.unit)
		}
	}
}
