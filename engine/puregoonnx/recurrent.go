package puregoonnx

import (
	"fmt"
	"math"
	"slices"
)

// recurrent holds what GRU and LSTM share. Layout 0: x [T, B, I], weights
// [directions, gates*H, I], recurrence [directions, gates*H, H], bias [directions, 2*gates*H].
type recurrent struct {
	steps, batch, inputs, hidden, directions, gates int
	reverse                                         func(direction int) bool
	x, w, r, b                                      *array
	h0                                              *array // initial state [directions, B, H] or nil
}

func newRecurrent(c *call, gates int, activations []string) (*recurrent, error) {
	x, w := c.in[0], c.in[1]
	if len(x.shape) != 3 || len(w.shape) != 3 {
		return nil, fmt.Errorf("x %v and W %v", x.shape, w.shape)
	}
	rc := &recurrent{steps: x.shape[0], batch: x.shape[1], inputs: x.shape[2], gates: gates,
		hidden: c.int("hidden_size", w.shape[1]/gates), directions: w.shape[0], x: x, w: w, r: c.in[2]}
	direction := c.text("direction", "forward")
	rc.reverse = func(d int) bool { return direction == "reverse" || d == 1 }
	if a := c.attributes["activations"]; a != nil {
		for i, name := range a.GetStrings() {
			if string(name) != activations[i%len(activations)] {
				return nil, fmt.Errorf("activation %q is not supported", name)
			}
		}
	}
	if c.has("clip") || c.int("layout", 0) != 0 || c.int("input_forget", 0) != 0 {
		return nil, fmt.Errorf("clip, layout and input_forget are not supported")
	}
	if lengths := c.optional(4); lengths != nil {
		for _, n := range lengths.i {
			if int(n) != rc.steps {
				return nil, fmt.Errorf("sequences of different lengths are not supported")
			}
		}
	}
	want := 1
	if direction == "bidirectional" {
		want = 2
	}
	gh := gates * rc.hidden
	if rc.hidden < 1 || rc.directions != want ||
		!slices.Equal(w.shape, []int{want, gh, rc.inputs}) || !slices.Equal(rc.r.shape, []int{want, gh, rc.hidden}) {
		return nil, fmt.Errorf("weights %v and recurrence %v do not fit %d hidden units and direction %s", w.shape, rc.r.shape, rc.hidden, direction)
	}
	if rc.b = c.optional(3); rc.b != nil && !slices.Equal(rc.b.shape, []int{want, 2 * gh}) {
		return nil, fmt.Errorf("bias %v", rc.b.shape)
	}
	var err error
	rc.h0, err = rc.state(c.optional(5))
	return rc, err
}

// state checks an initial state, or makes one of zeros.
func (rc *recurrent) state(a *array) (*array, error) {
	shape := []int{rc.directions, rc.batch, rc.hidden}
	if a == nil {
		return newArray(float, shape...)
	}
	if !slices.Equal(a.shape, shape) {
		return nil, fmt.Errorf("initial state %v, want %v", a.shape, shape)
	}
	return a, nil
}

// bias gives the input and the recurrence bias of a direction (zeros when there is none).
func (rc *recurrent) bias(d int) (wb, rb []float32) {
	gh := rc.gates * rc.hidden
	if rc.b == nil {
		return make([]float32, gh), make([]float32, gh)
	}
	b := rc.b.f[d*2*gh:]
	return b[:gh], b[gh : 2*gh]
}

// project gives x W' + bias for all steps at once: [T*B, gates*H].
func (rc *recurrent) project(d int, wb []float32) ([]float32, error) {
	gh := rc.gates * rc.hidden
	out, err := newArray(float, rc.steps*rc.batch, gh)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(out.f); i += gh {
		copy(out.f[i:], wb)
	}
	multiply(rc.steps*rc.batch, gh, rc.inputs, rc.x.f, transposed(rc.w.f[d*gh*rc.inputs:], gh, rc.inputs), 1, out.f, gh)
	return out.f, nil
}

// transposed turns [rows, columns] into [columns, rows].
func transposed(m []float32, rows, columns int) []float32 {
	out := make([]float32, rows*columns)
	for r := range rows {
		for c := range columns {
			out[c*rows+r] = m[r*columns+c]
		}
	}
	return out
}

// each runs step for every time step of every direction; the state is updated in place.
func (rc *recurrent) each(c *call, step func(d, t int, h []float32)) (y, last *array, err error) {
	if y, err = newArray(float, rc.steps, rc.directions, rc.batch, rc.hidden); err != nil {
		return nil, nil, err
	}
	if last, err = newArray(float, rc.h0.shape...); err != nil {
		return nil, nil, err
	}
	copy(last.f, rc.h0.f)
	size := rc.batch * rc.hidden
	c.parallel(rc.directions, func(d int) {
		h := last.f[d*size : (d+1)*size]
		for i := 0; i < rc.steps && c.ctx.Err() == nil; i++ {
			t := i
			if rc.reverse(d) {
				t = rc.steps - 1 - i
			}
			step(d, t, h)
			copy(y.f[(t*rc.directions+d)*size:], h)
		}
	})
	return y, last, nil
}

func tanh(x float32) float32 { return float32(math.Tanh(float64(x))) }

// gru has the gates z, r, h. linear_before_reset applies the reset to the recurrence's result.
func gru(c *call) ([]*array, error) {
	rc, err := newRecurrent(c, 3, []string{"Sigmoid", "Tanh"})
	if err != nil {
		return nil, err
	}
	linear := c.int("linear_before_reset", 0) != 0
	cells := make([]*gruCell, rc.directions)
	for d := range cells {
		wb, rb := rc.bias(d)
		gates, err := rc.project(d, wb)
		if err != nil {
			return nil, err
		}
		h := rc.hidden
		cells[d] = &gruCell{rc: rc, gates: gates, rb: rb, linear: linear,
			r:      transposed(rc.r.f[d*3*h*h:], 3*h, h),
			rh:     transposed(rc.r.f[(d*3+2)*h*h:], h, h),
			inner:  make([]float32, rc.batch*3*h),
			hidden: make([]float32, rc.batch*h), reset: make([]float32, rc.batch*h)}
	}
	y, last, err := rc.each(c, func(d, t int, h []float32) { cells[d].step(t, h) })
	return []*array{y, last}, err
}

// gruCell is one direction of a GRU with its working space.
type gruCell struct {
	rc                   *recurrent
	gates, rb            []float32
	r, rh                []float32 // transposed recurrence: all gates, and gate h alone
	linear               bool
	inner, hidden, reset []float32
}

func (g *gruCell) step(t int, h []float32) {
	n, batch := g.rc.hidden, g.rc.batch
	multiply(batch, 3*n, n, h, g.r, 0, g.inner, 3*n)
	if !g.linear { // the reset state needs its own product
		for b := range batch {
			x, u := g.gates[(t*batch+b)*3*n:], g.inner[b*3*n:]
			for j := range n {
				g.reset[b*n+j] = sigmoid(x[n+j]+u[n+j]+g.rb[n+j]) * h[b*n+j]
			}
		}
		multiply(batch, n, n, g.reset, g.rh, 0, g.hidden, n)
	}
	for b := range batch {
		x, u := g.gates[(t*batch+b)*3*n:], g.inner[b*3*n:]
		for j := range n {
			z := sigmoid(x[j] + u[j] + g.rb[j])
			var inner float32
			if g.linear {
				inner = sigmoid(x[n+j]+u[n+j]+g.rb[n+j]) * (u[2*n+j] + g.rb[2*n+j])
			} else {
				inner = g.hidden[b*n+j] + g.rb[2*n+j]
			}
			h[b*n+j] = (1-z)*tanh(x[2*n+j]+inner) + z*h[b*n+j]
		}
	}
}

// lstm has the gates i, o, f, c. Peepholes are not supported.
func lstm(c *call) ([]*array, error) {
	rc, err := newRecurrent(c, 4, []string{"Sigmoid", "Tanh", "Tanh"})
	if err != nil {
		return nil, err
	}
	if c.optional(7) != nil {
		return nil, fmt.Errorf("peepholes are not supported")
	}
	c0, err := rc.state(c.optional(6))
	if err != nil {
		return nil, err
	}
	cell := &array{kind: float, shape: c0.shape, f: slices.Clone(c0.f)}
	n, batch := rc.hidden, rc.batch
	gates, r, rb, inner := make([][]float32, rc.directions), make([][]float32, rc.directions), make([][]float32, rc.directions), make([][]float32, rc.directions)
	for d := range rc.directions {
		var wb []float32
		wb, rb[d] = rc.bias(d)
		if gates[d], err = rc.project(d, wb); err != nil {
			return nil, err
		}
		r[d] = transposed(rc.r.f[d*4*n*n:], 4*n, n)
		inner[d] = make([]float32, batch*4*n)
	}
	y, last, err := rc.each(c, func(d, t int, h []float32) {
		multiply(batch, 4*n, n, h, r[d], 0, inner[d], 4*n)
		for b := range batch {
			x, u, bias := gates[d][(t*batch+b)*4*n:], inner[d][b*4*n:], rb[d]
			state := cell.f[(d*batch+b)*n:]
			for j := range n {
				in := sigmoid(x[j] + u[j] + bias[j])
				out := sigmoid(x[n+j] + u[n+j] + bias[n+j])
				forget := sigmoid(x[2*n+j] + u[2*n+j] + bias[2*n+j])
				state[j] = forget*state[j] + in*tanh(x[3*n+j]+u[3*n+j]+bias[3*n+j])
				h[b*n+j] = out * tanh(state[j])
			}
		}
	})
	return []*array{y, last, cell}, err
}
