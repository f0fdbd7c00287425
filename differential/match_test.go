package differential

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"consilium/clinical"
)

func coded(id string) clinical.Coded { return clinical.Coded{ID: id} }

func TestHowAFindingMeetsADisease(t *testing.T) {
	lines := small
	for i := range 30 { // among many others, what these share is rare
		lines += fmt.Sprintf("OMIM:%d 545 - PMID:%d\n", 100+i, 100+i)
	}
	m := newModel(t, world(t, tree, lines))
	for name, c := range map[string]struct {
		finding, disease     string
		by                   string
		exact, within, vague bool
		relation             Relation
	}{
		"the very term":                    {"1250", "OMIM:1", "1250", true, true, false, RelationExact},
		"the disease has a form of it":     {"1250", "OMIM:2", "1250", false, true, false, RelationGeneral},
		"the disease has it more broadly":  {"7359", "OMIM:1", "1250", false, false, true, RelationSpecific},
		"two levels more broadly":          {"2384", "OMIM:1", "1250", false, false, true, RelationSpecific},
		"they share what lies above":       {"1629", "OMIM:3", "1627", false, false, false, RelationRelated},
		"they share nothing of note":       {"1083", "OMIM:3", "118", false, false, false, RelationNone},
		"looked for in the disease":        {"1631", "OMIM:1", "118", false, false, false, RelationNot},
		"found through the second parent":  {"1112", "OMIM:2", "1112", false, true, false, RelationGeneral},
		"vague through the first parent":   {"1111", "OMIM:1", "1288", false, false, true, RelationSpecific},
		"far below what is said to be NOT": {"1627", "OMIM:1", "118", false, false, false, RelationNone},
	} {
		t.Run(name, func(t *testing.T) {
			p := &m.profiles[at(t, m, c.disease)]
			q := term(t, m, c.finding)
			x := m.meet(q, p)
			if m.base.ID(x.by) != hp(c.by) && !(c.relation == RelationNone || c.relation == RelationNot) || x.exact != c.exact || x.within != c.within || x.vague != c.vague {
				t.Errorf("by %s, %+v", m.base.Label(x.by), x)
			}
			if r := m.reason(q, p); r.Relation != c.relation || r.LogRatio != x.ratio {
				t.Errorf("reason %+v", r)
			}
			if x.exact {
				e, _ := find(p.direct, q)
				if want := math.Log(float64(e.p) / float64(m.background[q])); math.Abs(x.ratio-want) > 1e-5 {
					t.Errorf("ratio %g, want that of frequencies, %g", x.ratio, want)
				}
			}
			if got := bruteRatio(m, c.finding, c.disease); !near(got, x.ratio) {
				t.Errorf("ratio %g, by brute force %g", x.ratio, got)
			}
		})
	}
}

// bruteRatio tries every term of the ontology.
func bruteRatio(m *Model, finding, disease string) float64 {
	q, _ := m.base.Lookup(hp(finding))
	best := float64(floor)
	for _, e := range m.profiles[m.byID[disease]].closure {
		if m.base.IsAncestor(e.term, q) {
			own, shared := float64(m.ic[q]), float64(m.ic[e.term])
			best = math.Max(best, math.Log(float64(e.p))+shared-blur*shared*(1-shared/own))
		}
	}
	return best
}

// A finding that one paper looked for in vain and another saw is there.
func TestWhatPapersDisagreeOn(t *testing.T) {
	m := newModel(t, world(t, tree, small+"\nOMIM:6 1083 3/4 PMID:20\nOMIM:6 1083 0/5 PMID:21\nOMIM:6 !478 - PMID:21"))
	p := &m.profiles[at(t, m, "OMIM:6")]
	for finding, want := range map[string]Relation{"1083": RelationExact, "478": RelationGeneral, "545": RelationNot} {
		if r := m.reason(term(t, m, finding), p); r.Relation != want {
			t.Errorf("%s is %s, want %s", finding, r.Relation, want)
		}
	}
	// Its exclusion agrees with one paper and contradicts the other: it does not speak for the disease.
	q := m.ask(patient("1250", "!1083"), nil)
	r := m.look(q, p, nil)
	if r[absentAgreed] != 0 || r[absentRatio] >= 0 {
		t.Errorf("agreed %g, ratio %g", r[absentAgreed], r[absentRatio])
	}
	if r := m.look(m.ask(patient("1250", "!1631"), nil), &m.profiles[at(t, m, "OMIM:1")], nil); r[absentAgreed] != 1 || r[absentRatio] != 0 {
		t.Errorf("an exclusion that the disease is known for: agreed %g, ratio %g", r[absentAgreed], r[absentRatio])
	}
}

func TestNoFindingSpeaksBelowTheFloor(t *testing.T) {
	m := tiny(t)
	if x := m.meet(term(t, m, "1083"), &profile{}); x.by >= 0 || x.ratio != floor {
		t.Errorf("%+v", x)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := m
		q := finding(t, m)
		p := &m.profiles[rapid.IntRange(0, m.Len()-1).Draw(t, "disease")]
		x := m.meet(q, p)
		if x.ratio < floor || x.ratio > float64(m.ic[q])+1e-6 {
			t.Errorf("ratio %g: outside the floor and what the finding tells at most, %g", x.ratio, m.ic[q])
		}
		if x.within && x.vague || x.exact && !x.within {
			t.Errorf("%+v", x)
		}
	})
}

func TestAbsenceIsNeverAboveZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64Range(0, ceilingFrequency).Draw(t, "p"), rapid.Float64Range(0, ceilingFrequency).Draw(t, "p2")
		if absence(a) > 0 || math.IsInf(absence(a), 0) {
			t.Error(a, absence(a))
		}
		if a < b && absence(a) < absence(b) {
			t.Errorf("what is more frequent is missed less: %g, %g", a, b)
		}
	})
	if absence(0) != 0 || !near(absence(0.5), math.Log(0.55)) {
		t.Error(absence(0), absence(0.5))
	}
}
