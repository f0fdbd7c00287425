package puregoonnx

import (
	"fmt"
	"slices"
)

// kind is an element type. Doubles are kept as float32, every integer as int64.
type kind byte

const (
	float   kind = 'f'
	integer kind = 'i'
	boolean kind = 'b' // kept as int64 0 or 1
)

// array is a dense row-major value. Arrays are never changed once an operator
// has returned them, so reshaping shares the data.
type array struct {
	kind  kind
	shape []int
	f     []float32 // kind float
	i     []int64   // kinds integer and boolean
}

// newArray makes a zero array and refuses shapes beyond the limits.
func newArray(k kind, shape ...int) (*array, error) {
	n, err := count(shape)
	if err != nil {
		return nil, err
	}
	a := &array{kind: k, shape: slices.Clone(shape)}
	if k == float {
		a.f = make([]float32, n)
	} else {
		a.i = make([]int64, n)
	}
	return a, nil
}

// count multiplies a shape out, within maxRank and maxValues.
func count(shape []int) (int, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("rank %d exceeds %d", len(shape), maxRank)
	}
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("negative dimension in %v", shape)
		}
		if d > 0 && n > maxValues/d {
			return 0, fmt.Errorf("shape %v exceeds %d values", shape, maxValues)
		}
		n *= d
	}
	return n, nil
}

func (a *array) size() int {
	if a.kind == float {
		return len(a.f)
	}
	return len(a.i)
}

// reshaped shares the data under another shape of the same size.
func (a *array) reshaped(shape []int) (*array, error) {
	n, err := count(shape)
	if err != nil {
		return nil, err
	}
	if n != a.size() {
		return nil, fmt.Errorf("%v does not reshape to %v", a.shape, shape)
	}
	return &array{kind: a.kind, shape: slices.Clone(shape), f: a.f, i: a.i}, nil
}

// like makes a zero array of the same kind.
func (a *array) like(shape ...int) (*array, error) { return newArray(a.kind, shape...) }

// copyRun copies n consecutive elements between arrays of one kind.
func copyRun(dst *array, to int, src *array, from, n int) {
	if dst.kind == float {
		copy(dst.f[to:to+n], src.f[from:from+n])
	} else {
		copy(dst.i[to:to+n], src.i[from:from+n])
	}
}

// asInts gives the values of an integer array as ints.
func (a *array) asInts() []int {
	out := make([]int, len(a.i))
	for i, v := range a.i {
		out[i] = int(v)
	}
	return out
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// strides of a row-major shape, in elements.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// axis resolves a possibly negative axis of a rank.
func axis(a, rank int) (int, error) {
	if a < -rank || a >= rank {
		return 0, fmt.Errorf("axis %d is outside rank %d", a, rank)
	}
	if a < 0 {
		a += rank
	}
	return a, nil
}

// axesSet resolves axes and marks them; no axes means all when all is set.
func axesSet(axes []int, rank int, all bool) ([]bool, error) {
	set := make([]bool, rank)
	for _, a := range axes {
		a, err := axis(a, rank)
		if err != nil {
			return nil, err
		}
		set[a] = true
	}
	if len(axes) == 0 && all {
		for i := range set {
			set[i] = true
		}
	}
	return set, nil
}
