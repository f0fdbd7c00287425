package puregoonnx

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gomlx/compute-onnx/support/protos"
)

// node is an ONNX node as the operators see it.
type node struct {
	name, op   string
	opset      int
	attributes map[string]*protos.AttributeProto
}

func newNode(n *protos.NodeProto, opset int) *node {
	out := &node{name: n.GetName(), op: n.GetOpType(), opset: opset, attributes: map[string]*protos.AttributeProto{}}
	for _, a := range n.GetAttribute() {
		out.attributes[a.GetName()] = a
	}
	return out
}

func (n *node) has(name string) bool { return n.attributes[name] != nil }

func (n *node) int(name string, otherwise int) int {
	if a := n.attributes[name]; a != nil {
		return int(a.GetI())
	}
	return otherwise
}

func (n *node) float(name string, otherwise float32) float32 {
	if a := n.attributes[name]; a != nil {
		return a.GetF()
	}
	return otherwise
}

func (n *node) text(name, otherwise string) string {
	if a := n.attributes[name]; a != nil {
		return string(a.GetS())
	}
	return otherwise
}

// ints gives an attribute's list, nil when it is not there.
func (n *node) ints(name string) []int {
	a := n.attributes[name]
	if a == nil {
		return nil
	}
	out := make([]int, len(a.GetInts()))
	for i, v := range a.GetInts() {
		out[i] = int(v)
	}
	return out
}

// call is one evaluation of a node.
type call struct {
	*node
	ctx     context.Context
	in      []*array // nil where an optional input is left out
	outputs int      // how many the node names
	threads int
}

// optional gives input i, or nil.
func (c *call) optional(i int) *array {
	if i < len(c.in) {
		return c.in[i]
	}
	return nil
}

// list gives the integers of input i (newer opsets) or else of the attribute
// (older ones); given is false when neither is there.
func (c *call) list(i int, attribute string) (values []int, given bool) {
	if a := c.optional(i); a != nil {
		return a.asInts(), true
	}
	return c.ints(attribute), c.has(attribute)
}

// parallel runs work for 0..n-1 on the call's threads. It stops early when the
// context ends; the caller's result is thrown away then.
func (c *call) parallel(n int, work func(i int)) {
	workers := min(c.threads, n)
	if workers <= 1 {
		for i := 0; i < n && c.ctx.Err() == nil; i++ {
			work(i)
		}
		return
	}
	var next atomic.Int64
	var failure atomic.Pointer[any]
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					failure.Store(&p)
				}
			}()
			for c.ctx.Err() == nil && failure.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				work(i)
			}
		})
	}
	wg.Wait()
	if p := failure.Load(); p != nil {
		panic(*p) // to the one place that turns panics into errors
	}
}

// operator is an entry of the table: what inputs it takes, and how it computes.
type operator struct {
	// takes has one letter an input: f float, i integer, b boolean, n integer or
	// float, a any. Letters after ? are optional; a final * repeats the last letter.
	takes    string
	evaluate func(c *call) ([]*array, error)
}

// accepts checks number and kinds of the inputs.
func (o operator) accepts(in []*array) error {
	required, letters, repeats := 0, []byte{}, false
	optional := false
	for i := range len(o.takes) {
		switch ch := o.takes[i]; ch {
		case '?':
			optional = true
		case '*':
			repeats = true
		default:
			letters = append(letters, ch)
			if !optional {
				required++
			}
		}
	}
	if len(in) > len(letters) && !repeats {
		return fmt.Errorf("%d inputs are too many", len(in))
	}
	for i := range max(len(in), required) {
		if i >= len(in) || in[i] == nil {
			if i < required {
				return fmt.Errorf("input %d is missing", i)
			}
			continue
		}
		letter, k := letters[min(i, len(letters)-1)], in[i].kind
		ok := letter == 'a' || letter == byte(k) || letter == 'n' && k != boolean
		if !ok {
			return fmt.Errorf("input %d has an element type that is not supported here", i)
		}
	}
	return nil
}

// single adapts an operator with one output.
func single(f func(c *call) (*array, error)) func(c *call) ([]*array, error) {
	return func(c *call) ([]*array, error) {
		a, err := f(c)
		if err != nil {
			return nil, err
		}
		return []*array{a}, nil
	}
}
