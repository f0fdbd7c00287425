package ontology

import (
	"fmt"
	"slices"

	"consilium/fault"
)

// abnormalities are the terms above all that a patient can have: of HPO, and of the sample.
var abnormalities = []string{"HP:0000118", "EXAMPLE:0000002"}

// draft is an ontology as a file tells it, before it is put in order.
type draft struct {
	version string
	terms   []term // Parents and Children are not set
	above   map[string][]string
	alias   map[string]alias
}

// alias is an identifier that is not a term any more.
type alias struct {
	status   Status
	to       string
	consider []string
}

// build orders a draft and computes what is asked of it later.
func (d draft) build() (*Ontology, error) {
	order, err := d.order()
	if err != nil {
		return nil, err
	}
	o := &Ontology{Version: d.version, terms: make([]term, len(order)), byID: make(map[string]Resolution, len(order)+len(d.alias))}
	for i, at := range order {
		o.terms[i] = d.terms[at]
		o.byID[o.terms[i].ID] = Resolution{Term: Index(i), Status: Active}
	}
	for i := range o.terms {
		for _, id := range d.above[o.terms[i].ID] {
			o.terms[i].Parents = append(o.terms[i].Parents, o.byID[id].Term)
		}
		slices.Sort(o.terms[i].Parents)
	}
	o.adopt()
	o.name(d.alias)
	o.close()
	return o, nil
}

// adopt tells the parents of their children.
func (o *Ontology) adopt() {
	for i := range o.terms {
		for _, p := range o.terms[i].Parents {
			o.terms[p].Children = append(o.terms[p].Children, Index(i))
		}
	}
}

// name adds merged and obsolete identifiers. A replacement may itself have been
// replaced; a circle of replacements stays without a term.
func (o *Ontology) name(aliases map[string]alias) {
	for id, a := range aliases {
		if _, taken := o.byID[id]; taken {
			continue
		}
		to := a.to
		for hops := 0; hops < 8 && to != ""; hops++ {
			next, obsolete := aliases[to]
			if !obsolete {
				break
			}
			to = next.to
		}
		r := Resolution{Term: None, Status: Obsolete, Consider: a.consider}
		if target, ok := o.byID[to]; ok && target.Status == Active {
			r = Resolution{Term: target.Term, Status: a.status, Consider: a.consider}
		}
		o.byID[id] = r
	}
}

// close computes ancestors and depths, parents first.
func (o *Ontology) close() {
	o.starts = make([]int32, 1, len(o.terms)+1)
	o.depths = make([]int32, len(o.terms))
	var above []Index
	for i := range o.terms {
		above = above[:0]
		for _, p := range o.terms[i].Parents {
			above = append(above, o.Ancestors(p)...)
			o.depths[i] = max(o.depths[i], o.depths[p]+1)
		}
		slices.Sort(above)
		o.ancestors = append(append(o.ancestors, slices.Compact(above)...), Index(i))
		o.starts = append(o.starts, int32(len(o.ancestors)))
	}
	o.abnormal = 0
	for _, id := range abnormalities {
		if at, ok := o.Lookup(id); ok {
			o.abnormal = at
		}
	}
}

// order gives the terms so that parents come first (Kahn 1962), and among equals by identifier.
func (d draft) order() ([]int, error) {
	at := make(map[string]int, len(d.terms))
	for i, t := range d.terms {
		at[t.ID] = i
	}
	waits := make([]int, len(d.terms))
	below := make([][]int, len(d.terms))
	for id, parents := range d.above {
		for _, p := range parents {
			below[at[p]] = append(below[at[p]], at[id])
			waits[at[id]]++
		}
	}
	byID := func(a, b int) int { return compareText(d.terms[a].ID, d.terms[b].ID) }
	var ready []int
	for i := range d.terms {
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	if len(ready) != 1 {
		return nil, d.rootless(ready)
	}
	var out []int
	for len(ready) > 0 {
		out = append(out, ready...)
		var next []int
		for _, i := range ready {
			for _, b := range below[i] {
				if waits[b]--; waits[b] == 0 {
					next = append(next, b)
				}
			}
		}
		slices.SortFunc(next, byID)
		ready = next
	}
	if len(out) != len(d.terms) {
		return nil, fault.New(fault.InputMalformed, "the ontology is cyclic: "+d.circle(at, waits), "take the file again from its publisher; an is_a relation must not lead back to its own term")
	}
	return out, nil
}

func (d draft) rootless(roots []int) error {
	if len(roots) == 0 {
		return fault.New(fault.InputMalformed, "the ontology has no root: every term has a parent", "take the file again from its publisher")
	}
	return fault.New(fault.InputMalformed, fmt.Sprintf("the ontology has %d roots, among them %s and %s", len(roots), d.terms[roots[0]].ID, d.terms[roots[1]].ID),
		"import the whole ontology file, not a part of it")
}

// circle names a term that lies on a circle: from a term that still waits, go up through terms that wait until one comes again.
func (d draft) circle(at map[string]int, waits []int) string {
	i := slices.IndexFunc(waits, func(n int) bool { return n > 0 })
	seen := map[int]bool{}
	for !seen[i] {
		seen[i] = true
		for _, p := range d.above[d.terms[i].ID] {
			if waits[at[p]] > 0 {
				i = at[p]
				break
			}
		}
	}
	return d.terms[i].ID + " is its own ancestor"
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
