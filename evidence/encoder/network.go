package encoder

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// The two sides of the network.
const (
	question = 0
	passage  = 1
)

// network is the encoder in the form that is trained. Arrays are row-major.
type network struct {
	d     int
	table []float32    // rows x d
	side  [2][]float32 // d x 2d: from the pooled text and its pooled opening to the vector
}

// newNetwork draws the embeddings, and starts both sides as the mean of text and opening.
func newNetwork(rows, d int, rng *rand.Rand) *network {
	n := &network{d: d, table: make([]float32, rows*d)}
	for i := range n.table {
		n.table[i] = float32(rng.NormFloat64() / math.Sqrt(float64(d)))
	}
	for s := range n.side {
		n.side[s] = make([]float32, 2*d*d)
		for i := range d {
			n.side[s][i*2*d+i] = math.Sqrt2 / 2
			n.side[s][i*2*d+d+i] = math.Sqrt2 / 2
		}
	}
	return n
}

// example is one text as the network takes it: the bag of all its words and that of its opening.
type example struct{ whole, opening bag }

// pass is what a forward pass of one side leaves for the backward pass.
type pass struct {
	examples []example
	pooled   []float32 // n x 2d
	norm     []float32 // n
	unit     []float32 // n x d: the vectors
}

// forward encodes examples on one side. A text without any row gives the zero vector.
func (n *network) forward(side int, examples []example) pass {
	d, count := n.d, len(examples)
	p := pass{examples, make([]float32, count*2*d), make([]float32, count), make([]float32, count*d)}
	for i, e := range examples {
		n.pool(e.whole, p.pooled[i*2*d:][:d])
		n.pool(e.opening, p.pooled[i*2*d+d:][:d])
	}
	multiply(blas.NoTrans, blas.Trans, count, d, 2*d, p.pooled, n.side[side], p.unit, 0)
	for i := range count {
		p.norm[i] = normalise(p.unit[i*d:][:d])
	}
	return p
}

func (n *network) pool(b bag, into []float32) {
	for k, row := range b.rows {
		axpy(b.weights[k], n.table[int(row)*n.d:][:n.d], into)
	}
}

// gradient collects derivatives of the loss: dense for the sides, of touched rows for the table.
type gradient struct {
	table   []float32 // as network.table; only rows of touched are meaningful
	touched []int32
	marked  []bool
	side    [2][]float32
}

func newGradient(n *network) *gradient {
	g := &gradient{table: make([]float32, len(n.table)), marked: make([]bool, len(n.table)/n.d)}
	for s := range g.side {
		g.side[s] = make([]float32, len(n.side[s]))
	}
	return g
}

// reset zeroes what the last step wrote.
func (g *gradient) reset(d int) {
	for _, row := range g.touched {
		clear(g.table[int(row)*d:][:d])
		g.marked[row] = false
	}
	g.touched = g.touched[:0]
	for s := range g.side {
		clear(g.side[s])
	}
}

// backward adds the derivatives that dUnit (n x d, overwritten) causes on one side.
func (n *network) backward(side int, p pass, dUnit []float32, g *gradient) {
	d, count := n.d, len(p.examples)
	for i := range count { // through v/|v|
		unit, du := p.unit[i*d:][:d], dUnit[i*d:][:d]
		if p.norm[i] == 0 {
			clear(du)
			continue
		}
		along := dot(unit, du)
		for j := range du {
			du[j] = (du[j] - along*unit[j]) / p.norm[i]
		}
	}
	multiply(blas.Trans, blas.NoTrans, d, 2*d, count, dUnit, p.pooled, g.side[side], 1)
	dPooled := make([]float32, count*2*d)
	multiply(blas.NoTrans, blas.NoTrans, count, 2*d, d, dUnit, n.side[side], dPooled, 0)
	for i, e := range p.examples {
		g.scatter(e.whole, dPooled[i*2*d:][:d])
		g.scatter(e.opening, dPooled[i*2*d+d:][:d])
	}
}

func (g *gradient) scatter(b bag, dPooled []float32) {
	d := len(dPooled)
	for k, row := range b.rows {
		if !g.marked[row] {
			g.marked[row] = true
			g.touched = append(g.touched, row)
		}
		axpy(b.weights[k], dPooled, g.table[int(row)*d:][:d])
	}
}

// multiply is c = a b + beta c for row-major matrices: op(a) is m x k, op(b) k x n.
func multiply(ta, tb blas.Transpose, m, n, k int, a, b, c []float32, beta float32) {
	general := func(t blas.Transpose, rows, cols int, data []float32) blas32.General {
		if t == blas.Trans {
			rows, cols = cols, rows
		}
		return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: data}
	}
	blas32.Gemm(ta, tb, 1, general(ta, m, k, a), general(tb, k, n, b), beta, general(blas.NoTrans, m, n, c))
}

// normalise brings v to length one and gives the length it had.
func normalise(v []float32) float32 {
	norm := float32(math.Sqrt(float64(dot(v, v))))
	if norm > 0 {
		for i := range v {
			v[i] /= norm
		}
	}
	return norm
}

func dot(a, b []float32) float32 {
	sum := float32(0)
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// axpy adds a x to y.
func axpy(a float32, x, y []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += a * v
	}
}
