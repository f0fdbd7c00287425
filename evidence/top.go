package evidence

import (
	"cmp"
	"container/heap"
	"slices"
)

// scored is a passage with a score; higher is better.
type scored struct {
	passage uint64
	score   float32
}

// order puts the better one first; among equals the one that came first.
func order(a, b scored) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.passage, b.passage))
}

// top keeps the k best of what is added: a heap with the worst of them in front.
type top struct {
	k    int
	kept []scored
}

func newTop(k int) *top { return &top{k: k, kept: make([]scored, 0, k)} }

func (t *top) Len() int           { return len(t.kept) }
func (t *top) Less(i, j int) bool { return order(t.kept[i], t.kept[j]) > 0 }
func (t *top) Swap(i, j int)      { t.kept[i], t.kept[j] = t.kept[j], t.kept[i] }
func (t *top) Push(x any)         { t.kept = append(t.kept, x.(scored)) }
func (t *top) Pop() any           { panic("nothing is taken out") }

func (t *top) add(passage uint64, score float32) {
	s := scored{passage, score}
	switch {
	case len(t.kept) < t.k:
		heap.Push(t, s)
	case t.k > 0 && order(s, t.kept[0]) < 0:
		t.kept[0] = s
		heap.Fix(t, 0)
	}
}

// sorted gives what was kept, best first, and ends the use of t.
func (t *top) sorted() []scored {
	slices.SortFunc(t.kept, order)
	return t.kept
}
