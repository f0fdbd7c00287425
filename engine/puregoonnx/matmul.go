package puregoonnx

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// multiply is c[m x n] = a[m x k] b[k x n] + beta c, rows of c being ldc apart.
func multiply(m, n, k int, a, b []float32, beta float32, c []float32, ldc int) {
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		if beta == 0 {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	gonum.Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, 1, a, k, b, n, beta, c, ldc)
}

// matMul is NumPy's matmul: rank 1 is a row on the left and a column on the right, leading dimensions broadcast.
func matMul(c *call) (*array, error) {
	a, b := c.in[0], c.in[1]
	if len(a.shape) == 0 || len(b.shape) == 0 {
		return nil, fmt.Errorf("a scalar has no matrix product")
	}
	as, bs := a.shape, b.shape
	if len(as) == 1 {
		as = []int{1, as[0]}
	}
	if len(bs) == 1 {
		bs = []int{bs[0], 1}
	}
	ra, rb := len(as), len(bs)
	m, k, n := as[ra-2], as[ra-1], bs[rb-1]
	if bs[rb-2] != k {
		return nil, fmt.Errorf("%v and %v do not multiply", a.shape, b.shape)
	}
	lead, err := broadcastShape(as[:ra-2], bs[:rb-2])
	if err != nil {
		return nil, err
	}
	out, err := newArray(float, append(slices.Clone(lead), m, n)...)
	if err != nil {
		return nil, err
	}
	if rb == 2 { // one matrix on the right: all rows of a in one product
		multiply(product(lead)*m, n, k, a.f, b.f, 0, out.f, n)
	} else {
		offsets := func(shape []int) []int64 {
			at, _ := newArray(integer, lead...)
			own := &array{kind: integer, shape: shape, i: sequence(product(shape))}
			s := broadcastStrides(shape, lead)
			zip(at.i, lead, own.i, s, own.i, s, func(x, _ int64) int64 { return x })
			return at.i
		}
		oa, ob := offsets(as[:ra-2]), offsets(bs[:rb-2])
		c.parallel(len(oa), func(i int) {
			multiply(m, n, k, a.f[int(oa[i])*m*k:], b.f[int(ob[i])*k*n:], 0, out.f[i*m*n:], n)
		})
	}
	shape := slices.Clone(lead)
	if len(a.shape) > 1 {
		shape = append(shape, m)
	}
	if len(b.shape) > 1 {
		shape = append(shape, n)
	}
	return out.reshaped(shape)
}

func sequence(n int) []int64 {
	s := make([]int64, n)
	for i := range s {
		s[i] = int64(i)
	}
	return s
}

// gemm is alpha A' B' + beta C, where ' is an optional transposition and C broadcasts.
func gemm(c *call) (*array, error) {
	a, b := c.in[0], c.in[1]
	if len(a.shape) != 2 || len(b.shape) != 2 {
		return nil, fmt.Errorf("only matrices multiply here, not %v and %v", a.shape, b.shape)
	}
	flip := func(name string) blas.Transpose {
		if c.int(name, 0) != 0 {
			return blas.Trans
		}
		return blas.NoTrans
	}
	ta, tb := flip("transA"), flip("transB")
	m, k := a.shape[0], a.shape[1]
	if ta == blas.Trans {
		m, k = k, m
	}
	kb, n := b.shape[0], b.shape[1]
	if tb == blas.Trans {
		kb, n = n, kb
	}
	if k != kb {
		return nil, fmt.Errorf("%v and %v do not multiply", a.shape, b.shape)
	}
	out, err := newArray(float, m, n)
	if err != nil {
		return nil, err
	}
	beta := c.float("beta", 1)
	if bias := c.optional(2); bias != nil && beta != 0 {
		shape, err := broadcastShape(bias.shape, out.shape)
		if err != nil || !slices.Equal(shape, out.shape) {
			return nil, fmt.Errorf("the addend %v does not broadcast to %v", bias.shape, out.shape)
		}
		if out, err = expandTo(bias, out.shape); err != nil {
			return nil, err
		}
	}
	if m*n*k != 0 {
		gonum.Implementation{}.Sgemm(ta, tb, m, n, k, c.float("alpha", 1), a.f, a.shape[1], b.f, b.shape[1], beta, out.f, n)
	} else {
		for i := range out.f {
			out.f[i] *= beta
		}
	}
	return out, nil
}

// einsum handles one or two operands without repeated letters or dots: the
// letters are sorted into batch, left, shared and right, and the rest is one batched product.
func einsum(c *call) (*array, error) {
	equation := strings.ReplaceAll(c.text("equation", ""), " ", "")
	from, to, explicit := strings.Cut(equation, "->")
	terms := strings.Split(from, ",")
	if !explicit || strings.Contains(equation, ".") || len(terms) != len(c.in) || len(terms) > 2 {
		return nil, fmt.Errorf("equation %q is not supported", equation)
	}
	size := map[rune]int{}
	for i, term := range terms {
		if len(term) != len(c.in[i].shape) {
			return nil, fmt.Errorf("equation %q does not fit %v", equation, c.in[i].shape)
		}
		for j, letter := range term {
			d, seen := size[letter]
			if seen && d != c.in[i].shape[j] || strings.Count(term, string(letter)) > 1 {
				return nil, fmt.Errorf("equation %q does not fit %v", equation, c.in[i].shape)
			}
			size[letter] = c.in[i].shape[j]
		}
	}
	for _, letter := range to {
		if _, ok := size[letter]; !ok || strings.Count(to, string(letter)) > 1 {
			return nil, fmt.Errorf("equation %q is not supported", equation)
		}
	}
	right := ""
	b := &array{kind: float, shape: []int{}, f: []float32{1}}
	if len(terms) == 2 {
		right, b = terms[1], c.in[1]
	}
	return contract(c, terms[0], right, to, c.in[0], b, size)
}

// contract sums a and b over the letters that are not in to.
func contract(c *call, left, right, to string, a, b *array, size map[rune]int) (*array, error) {
	var batch, onlyA, onlyB, shared, lostA, lostB string
	for _, l := range left {
		inB, kept := strings.ContainsRune(right, l), strings.ContainsRune(to, l)
		switch {
		case inB && kept:
			batch += string(l)
		case inB:
			shared += string(l)
		case kept:
			onlyA += string(l)
		default:
			lostA += string(l)
		}
	}
	for _, l := range right {
		switch {
		case strings.ContainsRune(left, l):
		case strings.ContainsRune(to, l):
			onlyB += string(l)
		default:
			lostB += string(l)
		}
	}
	a, err := arrange(a, left, batch+onlyA+shared+lostA, len(lostA))
	if err != nil {
		return nil, err
	}
	b, err = arrange(b, right, batch+shared+onlyB+lostB, len(lostB))
	if err != nil {
		return nil, err
	}
	dims := func(letters string) (shape []int) {
		for _, l := range letters {
			shape = append(shape, size[l])
		}
		return shape
	}
	nb, m, k, n := product(dims(batch)), product(dims(onlyA)), product(dims(shared)), product(dims(onlyB))
	out, err := newArray(float, dims(batch+onlyA+onlyB)...)
	if err != nil {
		return nil, err
	}
	c.parallel(nb, func(i int) { multiply(m, n, k, a.f[i*m*k:], b.f[i*k*n:], 0, out.f[i*m*n:], n) })
	return arrange(out, batch+onlyA+onlyB, to, 0)
}

// arrange transposes from one order of letters to another, then sums over the last lost ones.
func arrange(a *array, from, to string, lost int) (*array, error) {
	order := make([]int, 0, len(to))
	for _, l := range to {
		order = append(order, strings.IndexRune(from, l))
	}
	a, err := transposeTo(a, order)
	if err != nil || lost == 0 {
		return a, err
	}
	keep := len(to) - lost
	out, err := newArray(float, a.shape[:keep]...)
	if err != nil {
		return nil, err
	}
	inner := product(a.shape[keep:])
	for i := range out.f {
		for _, v := range a.f[i*inner : (i+1)*inner] {
			out.f[i] += v
		}
	}
	return out, nil
}
