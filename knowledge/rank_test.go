package knowledge

import (
	"context"
	"math"
	"slices"
	"testing"
)

func TestFilteredRank(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		scores []float32
		answer int
		known  []Entity
		want   float64
	}{
		"first":                 {[]float32{3, 2, 1}, 0, []Entity{0}, 1},
		"last":                  {[]float32{3, 2, 1}, 2, []Entity{2}, 3},
		"other answers are out": {[]float32{3, 2, 1}, 2, []Entity{0, 2}, 2},
		"ties count half":       {[]float32{1, 1, 1, 1, 1}, 3, []Entity{3}, 3},
		"ties among known":      {[]float32{1, 1, 1, 1, 1}, 3, []Entity{0, 3}, 2.5},
		"not a number":          {[]float32{1, nan, 1}, 1, []Entity{1}, 3},
		"rivals not a number":   {[]float32{nan, 1, nan}, 1, []Entity{1}, 3},
	} {
		if got := filteredRank(c.scores, c.answer, 0, c.known); got != c.want {
			t.Errorf("%s: rank %g, want %g", name, got, c.want)
		}
	}
}

// constant knows nothing.
type constant struct{}

func (constant) Name() string                     { return "constant" }
func (constant) Predict(_ []Query, out []float32) { clear(out) }

func TestKnowingNothingIsInTheMiddle(t *testing.T) {
	g := planted(t, 3, 10, 10)
	s, err := g.Split(HoldOut{Share: 0.1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	known := answersOf(s.Train, s.Valid, s.Test)
	ranks, err := g.Ranks(context.Background(), constant{}, known, s.Test)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range ranks {
		q, _ := s.Test[i].query(false)
		if want := 1 + float64(g.Count(Phenotype)-len(known[q]))/2; r.Tail != want {
			t.Fatalf("rank %g, want %g", r.Tail, want)
		}
	}
}

func TestBaselines(t *testing.T) {
	ids := [kinds][]string{Disease: {"D:0", "D:1", "D:2", "D:3"}, Phenotype: {"all", "a", "a1", "b", "c"}}
	const all, a, a1, b, c = 4, 5, 6, 7, 8
	train := []Triple{{a, IsA, all}, {a1, IsA, a}, {b, IsA, all}, {c, IsA, all},
		{0, HasPhenotype, a1}, {1, HasPhenotype, a1}, {1, HasPhenotype, c}, {2, HasPhenotype, b}, {3, HasPhenotype, b}}
	g, err := newGraph(ids, ids, train)
	if err != nil {
		t.Fatal(err)
	}
	first := func(p Predictor, q Query) Entity {
		from, to := g.candidates(q.Relation, q.Inverse)
		out := make([]float32, to-from)
		p.Predict([]Query{q}, out)
		return from + Entity(slices.Index(out, slices.Max(out)))
	}
	if got := first(NewDegree(g, train[:8]), Query{3, HasPhenotype, false}); got != a1 {
		t.Errorf("degree puts %s first", g.ID(got))
	}
	if got := first(NewTruePath(g, train), Query{0, HasPhenotype, false}); got != a && got != all {
		t.Errorf("true path puts %s first", g.ID(got))
	}
	n := NewNeighbour(g, train)
	row := make([]float32, 5)
	n.Predict([]Query{{0, HasPhenotype, false}}, row)
	if row[c-4] <= row[b-4] {
		t.Errorf("the neighbour of D:0 has c, not b: %v", row)
	}
	heads := make([]float32, 4)
	n.Predict([]Query{{c, HasPhenotype, true}}, heads)
	if heads[0] <= heads[2] {
		t.Errorf("D:0 is a neighbour of who has c, D:2 is not: %v", heads)
	}
}

func TestBootstrapDrawsWholeDiseases(t *testing.T) {
	links := []Triple{{0, HasPhenotype, 9}, {0, HasPhenotype, 8}, {0, HasPhenotype, 7}, {1, HasPhenotype, 9}}
	s := newSampler(links)
	f := s.figure([]float64{1, 1, 1, 0})
	if f.Value != 0.75 || f.Low != 0 || f.High != 1 {
		t.Errorf("%+v: a draw has only disease 0, only disease 1, or both", f)
	}
	row := func(name string, tail float64) Row {
		r := Rank{Tail: tail, Head: 1}
		return Row{Name: name, ranks: [][]Rank{{r, r, r, r}}}
	}
	d := s.compare(row("a", 2), row("b", 4))
	if d.D.Value != 0.25 || d.D.Low != 0.25 || d.P > 0.01 {
		t.Errorf("%+v", d)
	}
	if d := s.compare(row("a", 2), row("b", 2)); d.P != 1 {
		t.Errorf("equal predictors differ: %+v", d)
	}
}

func TestPredictLeavesOutWhatIsKnown(t *testing.T) {
	b, g := base(t), sampleGraph(t)
	c := small(ComplEx)
	c.Epochs = 3
	s := trained(t, g, c, HoldOut{}).Scorer()
	d := b.Diseases[0]
	hypotheses, err := s.Predict(b, d.ID, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if len(hypotheses) == 0 {
		t.Fatal("no hypothesis")
	}
	for _, h := range hypotheses {
		i, _ := b.Lookup(h.Term)
		for _, a := range d.Annotations {
			if !a.Excluded && b.IsAncestor(i, a.Term) {
				t.Errorf("%s follows from the annotation %s", h.Label, b.Label(a.Term))
			}
		}
	}
	if _, err := s.Predict(b, "OMIM:0", 10); err == nil {
		t.Error("a disease that is not there")
	}
}

// TestScorerIsAProbability: the exponentials of a disease's row sum to 1, and the mean of a column is its average.
func TestScorerIsAProbability(t *testing.T) {
	g := planted(t, 3, 8, 8)
	for _, name := range []string{ComplEx, TuckER} {
		c := small(name)
		c.Epochs = 5
		s := trained(t, g, c, HoldOut{}).Scorer()
		column := 0.0
		for d := range s.total {
			sum := 0.0
			for term := range s.ids {
				sum += math.Exp(float64(s.LogProbability(d, term)))
			}
			if math.Abs(sum-1) > 1e-4 {
				t.Fatalf("%s: probabilities sum to %g", name, sum)
			}
			column += math.Exp(float64(s.Score(d, 2))) / float64(len(s.total))
		}
		if math.Abs(column-1) > 1e-4 {
			t.Errorf("%s: the mean lift is %g", name, column)
		}
	}
}
