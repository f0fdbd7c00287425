package differential

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// bits is the entropy of a distribution.
func bits(p ...float64) float64 {
	h := 0.0
	for _, v := range p {
		if v > 0 {
			h -= v * math.Log2(v)
		}
	}
	return h
}

// Two diseases at 0.5 and 0.3, none of them at 0.2. The first has the finding in 3 of
// 3 (pooled: (3 + 1.2)/(3 + 2) = 0.84), the second has not. It is found when it is there in
// 0.84 * 0.9 = 0.756; under another disease in half its share among diseases,
// (0.84 + 0.5)/3/2 = 0.2233. So yes is expected in
// 0.5*0.756 + 0.5*0.2233 = 0.4897, and then the first disease has 0.378/0.4897 = 0.7719.
func TestAQuestionByHand(t *testing.T) {
	m := newModel(t, world(t, tree, "OMIM:1 1250 3/3 PMID:1\nOMIM:2 1083 3/3 PMID:2"))
	e := expectation{ids: []int32{0, 1}, profiles: []*profile{&m.profiles[0], &m.profiles[1]}, p: []float64{0.5, 0.3, 0.2}}
	e.entropy = entropy(e.p)
	x := m.question(&e, term(t, m, "1250"))
	const other = (0.84 + 0.5) / 3 / 2
	yes := 0.5*0.756 + 0.5*other
	after := yes*bits(0.378/yes, 0.3*other/yes, 0.2*other/yes) +
		(1-yes)*bits(0.5*0.244/(1-yes), 0.3*(1-other)/(1-yes), 0.2*(1-other)/(1-yes))
	if !near(x.Chance, yes) || math.Abs(yes-0.48967) > 1e-5 || math.Abs(x.Gain-(bits(0.5, 0.3, 0.2)-after)) > 1e-6 {
		t.Errorf("chance %g, gain %g; want %g, %g", x.Chance, x.Gain, yes, bits(0.5, 0.3, 0.2)-after)
	}
	if x.IfYes[0].ID != "OMIM:1" || math.Abs(x.IfYes[0].Probability-0.7719) > 1e-4 || x.IfNo[0].ID != "OMIM:2" || len(x.IfNo) != 2 {
		t.Errorf("if yes %v, if no %v", x.IfYes, x.IfNo)
	}
	if len(x.Synonyms) != 1 || x.Synonyms[0] != "Fits" {
		t.Errorf("words of patients %q", x.Synonyms)
	}
}

func TestQuestions(t *testing.T) {
	for name, m := range models(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := anyPatient(t, m)
				q := m.ask(p, nil)
				if len(q.observed) == 0 {
					return
				}
				n := rapid.IntRange(1, 12).Draw(t, "n")
				got, err := m.Ask(p, n)
				if err != nil || len(got) > n {
					t.Fatal(len(got), err)
				}
				l := m.list(q, RankOptions{})
				e := m.expect(q, &l)
				for i, x := range got {
					if x.Gain <= 0 || x.Gain > math.Min(1, e.entropy/math.Ln2)+1e-9 || x.Chance <= 0 || x.Chance >= 1 { // a yes or no tells one bit at most
						t.Errorf("gain %g of %g, chance %g", x.Gain, e.entropy/math.Ln2, x.Chance)
					}
					if i > 0 && x.Gain > got[i-1].Gain {
						t.Error("a better question comes later")
					}
					u, _ := m.base.Lookup(x.ID)
					if has(q.above, u) || m.excludedBy(q, u) {
						t.Errorf("%s is known already", x.Label)
					}
					for _, y := range got[:i] {
						if v, _ := m.base.Lookup(y.ID); m.base.IsAncestor(u, v) || m.base.IsAncestor(v, u) {
							t.Errorf("%s and %s are one question", x.Label, y.Label)
						}
					}
				}
				if best := bruteGain(m, &e); len(got) > 0 && math.Abs(got[0].Gain-best) > 1e-9 {
					t.Errorf("the first gains %g, the best of all %g", got[0].Gain, best)
				}
			})
		})
	}
}

// bruteGain asks about every term, by the definition of mutual information.
func bruteGain(m *Model, e *expectation) float64 {
	best := 0.0
	for _, t := range e.terms {
		likelihood := make([]float64, len(e.p))
		chance := 0.0
		for i := range e.p {
			likelihood[i] = math.Max(float64(m.background[t])/2, unrecorded)
			if i < len(e.profiles) {
				for _, x := range e.profiles[i].closure {
					switch {
					case x.term != t:
					case x.counted:
						likelihood[i] = math.Max(likelihood[i], 0.9*float64(x.p))
					default: // a frequency that nobody recorded
						likelihood[i] = math.Max(likelihood[i], 0.9*guessed*float64(x.p))
					}
				}
			}
			chance += e.p[i] * likelihood[i]
		}
		gain := 0.0
		for i, p := range e.p {
			if p > 0 {
				gain += p * (likelihood[i]*math.Log2(likelihood[i]/chance) + (1-likelihood[i])*math.Log2((1-likelihood[i])/(1-chance)))
			}
		}
		best = math.Max(best, gain)
	}
	return best
}

// What was excluded in general is not asked about in detail; what is excluded in detail may still be there in general.
func TestWhatIsKnownIsNotAsked(t *testing.T) {
	m := tiny(t)
	for _, c := range []struct {
		terms []string
		not   []string
	}{
		{[]string{"1083"}, []string{"1083", "478"}},
		{[]string{"1083", "!1626"}, []string{"1631", "1635", "1629"}},
		{[]string{"1083", "!545"}, []string{"545"}},
	} {
		got, err := m.Ask(patient(c.terms...), 100)
		if err != nil || len(got) == 0 {
			t.Fatal(got, err)
		}
		for _, x := range got {
			if slices.Contains(c.not, trim(x.ID)) {
				t.Errorf("%v: asks for %s", c.terms, x.Label)
			}
		}
	}
	if got, _ := m.Ask(patient("1083"), 0); len(got) != 5 {
		t.Errorf("%d questions when no number is given", len(got))
	}
}

func trim(id string) string {
	for len(id) > 3 && id[3] == '0' {
		id = id[:3] + id[4:]
	}
	return id[3:]
}
