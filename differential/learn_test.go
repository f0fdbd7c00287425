package differential

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"consilium/clinical"
	"consilium/fault"
	"consilium/ontology"
)

// planted makes lists of which the right one was drawn by a rule.
func planted(n int, rule map[feature]float64) []Example {
	rng := rand.New(rand.NewPCG(3, 4))
	var out []Example
	for i := range n {
		e := Example{Disease: fmt.Sprint(i), Group: fmt.Sprint(i), Listed: true, q: &query{}, rows: make([]row, 12)}
		scores := make([]float64, len(e.rows))
		for k := range e.rows {
			for f := range e.rows[k] {
				e.rows[k][f] = rng.NormFloat64()
			}
			for f, w := range rule {
				scores[k] += w * e.rows[k][f]
			}
		}
		u := rng.Float64()
		for k, p := range softmax(scores) {
			if e.right = k; u < p {
				break
			}
			u -= p
		}
		out = append(out, e)
	}
	return out
}

func TestFitRecoversAPlantedRule(t *testing.T) {
	rule := map[feature]float64{ratioSum: 1.5, covered: 0.8, knownTerms: -0.7, absentRatio: exclusionWeight, absentMost: 0.9}
	examples := planted(1500, rule)
	for _, published := range []bool{false, true} {
		r, err := fit(t.Context(), examples, allFeatures(), LearnOptions{Epochs: 10, published: published}.filled())
		if err != nil {
			t.Fatal(err)
		}
		again, err := fit(t.Context(), examples, allFeatures(), LearnOptions{Epochs: 10, published: published}.filled())
		if err != nil || !slices.Equal(again.Weight, r.Weight) {
			t.Error("the same seed gives other weights", err)
		}
		for i, f := range r.at {
			want := rule[f]
			if f == absentMost && !published { // it has the wrong sign, which only the ranker of published cases may learn
				want = 0
			}
			if got := r.Weight[i] / r.Scale[i]; math.Abs(got-want) > 0.2 {
				t.Errorf("published %v: %s %g, planted %g", published, names[f], got, want)
			}
			if f == absentRatio && !published && r.Weight[i] != exclusionWeight*r.Scale[i] {
				t.Errorf("%s was learned: %g", names[f], r.Weight[i]/r.Scale[i])
			}
			if s := signs[f]; s*r.Weight[i] < 0 && !published {
				t.Errorf("%s has the wrong sign", names[f])
			}
		}
	}
}

// sick draws a patient from a disease: findings by their frequency, some told more
// broadly, one that has nothing to do with it, and what was looked for in vain.
func sick(m *Model, d int, rng *rand.Rand) clinical.Phenotype {
	var p clinical.Phenotype
	tell := func(t ontology.Index, excluded bool) {
		p.Features = append(p.Features, clinical.PhenotypicFeature{Term: m.base.ID(t), Excluded: excluded})
	}
	for _, e := range m.profiles[d].direct {
		switch had := rng.Float64() < float64(e.p); {
		case had && rng.Float64() < 0.2:
			tell(m.base.Parents(e.term)[0], false)
		case had && rng.Float64() < 0.7:
			tell(e.term, false)
		case !had && rng.Float64() < 0.2:
			tell(e.term, true)
		}
	}
	other := m.profiles[rng.IntN(m.Len())].direct
	for range 2 {
		tell(other[rng.IntN(len(other))].term, false)
	}
	p.Diagnoses = []clinical.Coded{{ID: m.disease(int32(d)).ID}}
	return p
}

// cohort draws n patients of each disease, and of well-known ones five times as
// many: what likelihood ratios do not tell, and published cases are like that.
func cohort(m *Model, n int, seed uint64) []Example {
	rng := rand.New(rand.NewPCG(seed, 0))
	var out []Example
	for d := range m.profiles {
		times := n
		if len(m.profiles[d].direct) >= 7 {
			times *= 5
		}
		for range times {
			p := sick(m, d, rng)
			id := p.Diagnoses[0].ID
			if d%7 == 0 { // of some diseases nothing is known
				id = "INVENTED:" + id
			}
			e := m.Example(p, id, nil)
			e.Group = id
			out = append(out, e)
		}
	}
	return out
}

func TestLearnBeatsLikelihoodsOnSyntheticPatients(t *testing.T) {
	m := many(t, 130)
	w, err := Learn(t.Context(), cohort(m, 2, 1), LearnOptions{Folds: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*Ranker{&w.Reranked, &w.Plain, &w.Published} {
		copied := *r
		if err := copied.open(r == &w.Published); err != nil {
			t.Error(err)
		}
	}
	test := cohort(m, 3, 2)
	var first [2]int
	var known [2]float64 // probability of "not known", of known and of unknown diseases
	listed := 0
	for i := range test {
		for k, r := range []*Ranker{&w.Plain, &w.Reranked} {
			o := m.Try(&test[i], r)
			if o.Rank == 1 {
				first[k]++
			}
			if !test[i].Listed && (o.Rank != 0 || o.Covered && o.Set == shortlist) {
				t.Errorf("an unknown disease has rank %d", o.Rank)
			}
			if o.Rank == 1 && o.First != test[i].Disease {
				t.Errorf("first %s, right %s", o.First, test[i].Disease)
			}
			if k == 1 && test[i].Listed {
				known[0] += o.Unlisted
			} else if k == 1 {
				known[1] += o.Unlisted
			}
		}
		if test[i].Listed {
			listed++
		}
	}
	t.Logf("first in %d of %d; by likelihood ratios in %d", first[1], listed, first[0])
	if first[1] < first[0] || first[1] < listed/4 {
		t.Errorf("first in %d of %d; by likelihood ratios in %d", first[1], listed, first[0])
	}
	if a, b := known[0]/float64(listed), known[1]/float64(len(test)-listed); a > b+0.02 {
		t.Errorf("said to be unknown: the known with %g, the unknown with %g", a, b)
	}
}

func TestLearnRefuses(t *testing.T) {
	for name, examples := range map[string][]Example{"none": nil, "too few": planted(19, nil), "unlisted only": make([]Example, 100)} {
		for i := range examples {
			if name == "unlisted only" {
				examples[i] = Example{right: -1, q: &query{}}
			}
		}
		if _, err := Learn(t.Context(), examples, LearnOptions{}); fault.CodeOf(err) != fault.DataUnfit {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Learn(ctx, planted(100, nil), LearnOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestFoldsAreFixedAndEven(t *testing.T) {
	var count [5]int
	for i := range 5000 {
		f := Fold(fmt.Sprintf("OMIM:%06d", 100000+i), 5)
		if f != Fold(fmt.Sprintf("OMIM:%06d", 100000+i), 5) {
			t.Fatal("a group moves")
		}
		count[f]++
	}
	for f, n := range count {
		if n < 850 || n > 1150 {
			t.Errorf("fold %d has %d of 5000", f, n)
		}
	}
	if Fold("", 1) != 0 {
		t.Error("fold")
	}
}
