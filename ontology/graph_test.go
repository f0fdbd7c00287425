package ontology

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// anyDraft draws a graph with one root: each term but the first has parents among
// those before it. The order in which the draft lists the terms is shuffled.
func anyDraft(t *rapid.T) draft {
	n := rapid.IntRange(1, 40).Draw(t, "terms")
	names := rapid.Permutation(slices.Collect(func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("T:%03d", i)) {
				return
			}
		}
	})).Draw(t, "names")
	d := draft{above: map[string][]string{}}
	for i, id := range names {
		d.terms = append(d.terms, term{ID: id, Label: "label of " + id})
		if i > 0 {
			d.above[id] = rapid.SliceOfNDistinct(rapid.SampledFrom(names[:i]), 1, min(i, 4), rapid.ID[string]).Draw(t, "parents of "+id)
		}
	}
	d.terms = rapid.Permutation(d.terms).Draw(t, "order in the file")
	return d
}

func TestTheOrderOfTermsIsThatOfTheirParents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDraft(t)
		o, err := d.build()
		if err != nil {
			t.Fatal(err)
		}
		if o.Len() != len(d.terms) {
			t.Fatalf("%d terms of %d", o.Len(), len(d.terms))
		}
		for i := range Index(o.Len()) {
			checkTerm(t, o, d, i)
		}
	})
}

func checkTerm(t *rapid.T, o *Ontology, d draft, i Index) {
	parents := make([]string, 0, 4)
	for _, p := range o.Parents(i) {
		if p >= i {
			t.Fatalf("parent %d of %d comes after it", p, i)
		}
		if !slices.Contains(o.Children(p), i) {
			t.Fatalf("%d does not know its child %d", p, i)
		}
		parents = append(parents, o.ID(p))
	}
	want := slices.Sorted(slices.Values(d.above[o.ID(i)]))
	if !slices.Equal(slices.Sorted(slices.Values(parents)), want) {
		t.Fatalf("parents %v, want %v", parents, want)
	}
	if !slices.IsSorted(o.Children(i)) || !slices.IsSorted(o.Parents(i)) {
		t.Fatal("neighbours are not ascending")
	}
	// Closure and longest way up by brute force, on the draft.
	above := map[string]bool{}
	var climb func(id string) int
	climb = func(id string) (depth int) {
		above[id] = true
		for _, p := range d.above[id] {
			depth = max(depth, climb(p)+1)
		}
		return depth
	}
	if depth := climb(o.ID(i)); depth != o.Depth(i) {
		t.Fatalf("depth %d, want %d", o.Depth(i), depth)
	}
	for a := range Index(o.Len()) {
		if o.IsAncestor(a, i) != above[o.ID(a)] {
			t.Fatalf("IsAncestor(%s, %s) is %v", o.ID(a), o.ID(i), !above[o.ID(a)])
		}
	}
	run := o.Ancestors(i)
	if len(run) != len(above) || !slices.IsSorted(run) || run[len(run)-1] != i || run[0] != 0 {
		t.Fatalf("ancestors of %d: %v, %d expected", i, run, len(above))
	}
}

func TestTheSameTermsInAnyOrderGiveTheSameOntology(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDraft(t)
		a, err := d.build()
		if err != nil {
			t.Fatal(err)
		}
		d.terms = rapid.Permutation(d.terms).Draw(t, "another order")
		b, err := d.build()
		if err != nil {
			t.Fatal(err)
		}
		for i := range Index(a.Len()) {
			if a.ID(i) != b.ID(i) {
				t.Fatalf("%d is %s or %s", i, a.ID(i), b.ID(i))
			}
		}
	})
}

// A term that also lies above one of its own ancestors is found, wherever it is.
func TestACircleIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDraft(t)
		o, err := d.build()
		if err != nil || o.Len() < 2 {
			t.Skip("no room for a circle")
		}
		low := Index(rapid.IntRange(1, o.Len()-1).Draw(t, "low"))
		high := rapid.SampledFrom(o.Ancestors(low)).Draw(t, "high")
		d.above[o.ID(high)] = append(d.above[o.ID(high)], o.ID(low))
		if _, err := d.build(); err == nil {
			t.Fatalf("%s below %s was taken", o.ID(high), o.ID(low))
		}
	})
}
