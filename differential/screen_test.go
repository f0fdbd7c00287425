package differential

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"consilium/ontology"
)

// finding draws any term that is an abnormality.
func finding(t *rapid.T, m *Model) ontology.Index {
	var all []ontology.Index
	for i := range ontology.Index(m.base.Len()) {
		if i != m.base.Abnormality() && m.base.IsAncestor(m.base.Abnormality(), i) {
			all = append(all, i)
		}
	}
	return rapid.SampledFrom(all).Draw(t, "term")
}

// The best by histogram are the best by sorting all.
func TestTopIsSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.SampledFrom([]float32{0, 1e-30, 1e-3, 1, 50, 1e6}).Draw(t, "scale")
		shift := rapid.SampledFrom([]float32{0, -3, 1e5}).Draw(t, "shift")
		values := rapid.SliceOfN(rapid.Float32Range(-1, 1), 1, 300).Draw(t, "scores")
		if rapid.Bool().Draw(t, "ties") {
			for i := range values {
				values[i] = float32(math.Round(float64(values[i]) * 3))
			}
		}
		s := &scratch{}
		s.reset(len(values))
		for i, v := range values {
			s.score[i] = v*scale + shift
		}
		want := make([]int32, len(values))
		for i := range want {
			want[i] = int32(i)
		}
		slices.SortStableFunc(want, func(a, b int32) int { return cmp.Compare(s.score[b], s.score[a]) })
		n := rapid.IntRange(1, 320).Draw(t, "n")
		if got := s.top(n); !slices.Equal(got, want[:min(n, len(want))]) {
			t.Errorf("top %d of %v: %v, want %v", n, s.score, got, want)
		}
	})
}

// The screen's score of each disease is what one gets disease by disease.
func TestScreenIsBruteForce(t *testing.T) {
	m := sample(t)
	rapid.Check(t, func(t *rapid.T) {
		p := anyPatient(t, m)
		q := m.ask(p, nil)
		want := make([]float64, m.Len())
		for d := range m.profiles {
			p := &m.profiles[d]
			for _, f := range q.observed {
				best := 0.0
				for _, a := range m.base.Ancestors(f) {
					if e, ok := find(p.closure, a); ok && m.ic[a] >= 0.2 {
						best = math.Max(best, m.speaks(e.logp, a, f)-floor)
					}
				}
				want[d] += best
			}
			for _, f := range q.excluded {
				if e, ok := find(p.closure, f); ok {
					want[d] += screenExcluded * absence(float64(e.p))
				}
			}
			want[d] += float64(m.overlapOf(p, q))
		}
		got := m.screen(q)
		if len(got) != m.Len() {
			t.Fatalf("%d of %d", len(got), m.Len())
		}
		for i := 1; i < len(got); i++ {
			if want[got[i]] > want[got[i-1]]+1e-3 {
				t.Errorf("%d (%g) comes after %d (%g)", got[i], want[got[i]], got[i-1], want[got[i-1]])
			}
		}
	})
}

// many is a base of n invented diseases, each of up to 8 findings of the sample.
func many(t testing.TB, n int) *Model {
	t.Helper()
	base, err := ontology.Sample()
	if err != nil {
		t.Fatal(err)
	}
	part := *base
	part.Diseases = nil
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		d := ontology.Disease{ID: fmt.Sprintf("INVENTED:%04d", i), Name: "Invented"}
		for range 2 + rng.IntN(7) {
			a := base.Diseases[rng.IntN(len(base.Diseases))].Annotations
			d.Annotations = append(d.Annotations, a[rng.IntN(len(a))])
		}
		part.Diseases = append(part.Diseases, d)
	}
	return newModel(t, &part)
}

// Looking closely at every disease finds no other leaders than looking at the shortlist.
func TestShortlistHoldsTheLeaders(t *testing.T) {
	m := many(t, 1000)
	for n, p := range patients(m, 40, 6, 2) {
		q := m.ask(p, nil)
		rows := make([]row, m.Len())
		all := make([]int32, m.Len())
		for d := range rows {
			all[d] = int32(d)
			rows[d] = m.look(q, &m.profiles[d], m.twins[d])
		}
		full := m.sort(q, &m.weights.Reranked, all, rows)
		short := m.list(q, RankOptions{})
		if len(short.ids) != shortlist {
			t.Fatalf("%d on the shortlist", len(short.ids))
		}
		for i := range 3 {
			if full.ids[full.order[i]] != short.ids[short.order[i]] {
				t.Errorf("case %d: the %d-th of all is %d, of the shortlist %d", n, i+1, full.ids[full.order[i]], short.ids[short.order[i]])
			}
		}
	}
}

// simGIC of two profiles, and the share that the screen adds, by sets.
func TestLikenessIsSimGIC(t *testing.T) {
	m := sample(t)
	set := func(p *profile) map[ontology.Index]bool {
		out := map[ontology.Index]bool{}
		for _, e := range p.direct {
			for _, a := range m.base.Ancestors(e.term) {
				out[a] = true
			}
		}
		return out
	}
	for i := range m.profiles {
		for j := range m.profiles {
			a, b := set(&m.profiles[i]), set(&m.profiles[j])
			var shared, union float64
			for t := range ontology.Index(m.base.Len()) {
				switch {
				case a[t] && b[t]:
					shared += float64(m.ic[t])
					union += float64(m.ic[t])
				case a[t] || b[t]:
					union += float64(m.ic[t])
				}
			}
			if got := m.likeness(&m.profiles[i], &m.profiles[j]); !near(got, shared/union) || (i == j) != near(got, 1) {
				t.Fatalf("%d and %d: %g, want %g", i, j, got, shared/union)
			}
		}
	}
	if m.likeness(&profile{}, &profile{}) != 0 {
		t.Error("nothing is like nothing")
	}
}

// The baseline's rank counts who stands above; a disease without its own paper is judged by the same formula.
func TestOverlapRanks(t *testing.T) {
	m := tiny(t)
	for _, without := range [][]string{nil, {"PMID:1"}, {"PMID:77"}} {
		p := patient("1250", "1263", "2650")
		for id := range m.byID {
			e := m.Example(p, id, without)
			q := m.ask(p, without)
			want := 1.0
			for other := range m.byID {
				a, b := m.overlapOf(m.profile(at(t, m, id), q), q), m.overlapOf(&m.profiles[at(t, m, other)], q)
				if other != id && b > a {
					want++
				}
				if other != id && b == a {
					want += 0.5
				}
			}
			if got := m.Overlap(&e); got != want {
				t.Errorf("%s without %v: rank %g, want %g", id, without, got, want)
			}
		}
	}
	if e := m.Example(patient("1250"), "OMIM:404", nil); m.Overlap(&e) != 0 || e.Listed {
		t.Error("an unknown disease has a rank")
	}
}

func TestTwins(t *testing.T) {
	m := tiny(t)
	fbn := m.twins[at(t, m, "OMIM:4")]
	if m.Len() != 5 || fbn == nil || len(fbn.direct) != 2 || fbn.total <= 0 || fbn.mass <= 0 {
		t.Fatalf("%d diseases, twin %+v", m.Len(), fbn)
	}
	for _, id := range []string{"OMIM:1", "OMIM:2", "OMIM:3", "OMIM:5"} { // no shared gene, or only with one that is ranked itself
		if m.twins[at(t, m, id)] != nil {
			t.Errorf("%s has a twin", id)
		}
	}
	q := m.ask(patient("1166", "1083"), nil)
	i := at(t, m, "OMIM:4")
	r, self := m.look(q, &m.profiles[i], fbn), m.look(q, &m.profiles[i], nil)
	if r[twinKnown] != 1 || self[twinKnown] != 0 || r[twinCovered] == 0 || self[twinCovered] != 0 {
		t.Errorf("with %v, without %v", r[twinKnown:], self[twinKnown:])
	}
	if r[ratioSum] != self[ratioSum] {
		t.Error("a twin changes what the findings say of the disease itself")
	}
	// The one that is most alike; unlike ones of the same gene are other diseases.
	m = newModel(t, world(t, tree, small+"\nORPHA:5 1166 - ORPHA:5\nORPHA:5 1083 - ORPHA:5\nORPHA:5 545 - ORPHA:5\nORPHA:6 1629 - ORPHA:6\ngene ORPHA:5 FBN\ngene ORPHA:6 FBN\ngene OMIM:5 X\ngene ORPHA:9 X"))
	if twin := m.twins[at(t, m, "OMIM:4")]; twin == nil || len(twin.direct) != 3 {
		t.Errorf("twin %+v", twin)
	}
	if m.twins[at(t, m, "OMIM:5")] != nil {
		t.Error("a disease of the same gene and another picture is a twin")
	}
}
