package differential

import (
	"math"
	"slices"
	"testing"

	"consilium/ontology"
)

func TestFrequenciesArePooled(t *testing.T) {
	for name, c := range map[string]struct {
		lines   string
		want    float64 // 0: the disease has no such term
		counted bool
	}{
		"counted":                       {"OMIM:1 1250 3/4 PMID:1", (3 + 1.2) / (4 + 2), true},
		"counted in two papers":         {"OMIM:1 1250 3/4 PMID:1\nOMIM:1 1250 1/10 PMID:2", (4 + 1.2) / (14 + 2), true},
		"counts go before ranges":       {"OMIM:1 1250 HP:0040280 PMID:1\nOMIM:1 1250 1/10 PMID:2", (1 + 1.2) / (10 + 2), true},
		"counts go before nothing":      {"OMIM:1 1250 - PMID:1\nOMIM:1 1250 1/10 PMID:2", (1 + 1.2) / (10 + 2), true},
		"one of one is not certain":     {"OMIM:1 1250 1/1 PMID:1", (1 + 1.2) / (1 + 2), true},
		"all of very many":              {"OMIM:1 1250 9000/9000 PMID:1", 0.98, true},
		"one of very many":              {"OMIM:1 1250 1/9000 PMID:1", 0.01, true},
		"very frequent":                 {"OMIM:1 1250 HP:0040281 PMID:1", 0.895, true},
		"two ranges":                    {"OMIM:1 1250 HP:0040281 PMID:1\nOMIM:1 1250 HP:0040282 PMID:2", (0.895 + 0.545) / 2, true},
		"percent":                       {"OMIM:1 1250 37% PMID:1", 0.37, true},
		"obligate is not quite":         {"OMIM:1 1250 HP:0040280 PMID:1", 0.98, true},
		"very rare":                     {"OMIM:1 1250 HP:0040284 PMID:1", 0.025, true},
		"unstated":                      {"OMIM:1 1250 - PMID:1", 0.6, false},
		"unstated twice":                {"OMIM:1 1250 - PMID:1\nOMIM:1 1250 - PMID:2", 0.6, false},
		"NOT":                           {"OMIM:1 !1250 - PMID:1", 0, false},
		"none of those counted":         {"OMIM:1 1250 0/7 PMID:1", 0, false},
		"NOT beside another's count":    {"OMIM:1 !1250 - PMID:1\nOMIM:1 1250 3/4 PMID:2", (3 + 1.2) / (4 + 2), true},
		"a form of it does not change":  {"OMIM:1 1250 1/2 PMID:1\nOMIM:1 7359 9/10 PMID:1", (1 + 1.2) / (2 + 2), true},
		"inheritance is not a finding":  {"OMIM:1 1250 3/4 PMID:1\nOMIM:1 6 - PMID:1 I", (3 + 1.2) / (4 + 2), true},
		"the course is not one, either": {"OMIM:1 1250 3/4 PMID:1\nOMIM:1 3577 - PMID:1 C", (3 + 1.2) / (4 + 2), true},
	} {
		t.Run(name, func(t *testing.T) {
			base := world(t, tree, c.lines)
			p := newProfile(base.Ontology, &base.Diseases[0], nil)
			seizure, _ := base.Lookup(hp("1250"))
			e, ok := find(p.direct, seizure)
			if ok != (c.want > 0) || math.Abs(float64(e.p)-c.want) > 1e-6 || e.counted != c.counted {
				t.Errorf("%v %+v, want %g", ok, e, c.want)
			}
			if ok && math.Abs(float64(e.logp)-math.Log(c.want)) > 1e-5 {
				t.Errorf("ln %g is not %g", c.want, e.logp)
			}
			if wantNot := len(c.lines) > 0 && !ok; wantNot != (len(p.excluded) == 1) && name != "NOT beside another's count" {
				t.Errorf("excluded %v", p.excluded)
			}
			for _, e := range p.direct {
				if !base.IsAncestor(base.Abnormality(), e.term) {
					t.Errorf("%s is no finding", base.Label(e.term))
				}
			}
		})
	}
}

// Who has a term has all that lies above it; a term above several has the probability of the likeliest.
func TestClosureFollowsTheTruePathRule(t *testing.T) {
	base := world(t, tree, "OMIM:1 2384 1/2 PMID:1\nOMIM:1 2197 70% PMID:1\nOMIM:1 1111 20% PMID:1")
	p := newProfile(base.Ontology, &base.Diseases[0], nil)
	got := map[string]float64{}
	for _, e := range p.closure {
		got[base.ID(e.term)] = math.Round(float64(e.p)*1000) / 1000
	}
	want := map[string]float64{
		hp("2384"): 0.55, hp("7359"): 0.55, hp("2197"): 0.7, hp("1250"): 0.7, // the likelier of two forms
		hp("1111"): 0.2, hp("1288"): 0.2, hp("1112"): 0.2, hp("924"): 0.2, // both ways up from "Wobbly gait"
		hp("707"): 0.7, hp("118"): 0.7, hp("1"): 0.7,
	}
	if len(got) != len(want) {
		t.Errorf("%v, want %v", got, want)
	}
	for id, p := range want {
		if got[id] != p {
			t.Errorf("%s: %g, want %g", id, got[id], p)
		}
	}
	if !slices.IsSortedFunc(p.closure, byTerm) || !slices.IsSortedFunc(p.direct, byTerm) {
		t.Error("not in the order of terms")
	}
}

func TestWhatIsKnownOfADisease(t *testing.T) {
	base := world(t, tree, small)
	d, _ := base.Disease("OMIM:1")
	p := newProfile(base.Ontology, d, nil)
	if p.papers != 2 || p.patients != 10 || p.counted != 2 || !p.gene || len(p.direct) != 3 || len(p.excluded) != 1 {
		t.Errorf("%+v", p)
	}
	if want := (9+1.2)/12 + (4+1.2)/7 + 0.6; !near(p.expected, want) {
		t.Errorf("%g findings expected, want %g", p.expected, want)
	}
}

// A term is as common as the diseases make it, and what lies above is never rarer.
func TestInformation(t *testing.T) {
	m := tiny(t)
	// Weak heart: 1 of 10 in OMIM:3 alone, among 5 diseases.
	if want := -math.Log(((1+1.2)/12 + 0.5) / 6); !near(float64(m.ic[term(t, m, "1635")]), want) {
		t.Errorf("information %g, want %g", m.ic[term(t, m, "1635")], want)
	}
	for i := range ontology.Index(m.base.Len()) {
		if m.ic[i] <= 0 {
			t.Errorf("%s tells %g", m.base.Label(i), m.ic[i])
		}
		for _, p := range m.base.Parents(i) {
			if m.ic[p] > m.ic[i] {
				t.Errorf("%s tells more than %s", m.base.Label(p), m.base.Label(i))
			}
		}
	}
	for term, list := range m.postings {
		for _, x := range list {
			if e, ok := find(m.profiles[x.disease].closure, ontology.Index(term)); !ok || e.logp != x.logp {
				t.Errorf("posting %d %v", term, x)
			}
		}
	}
}

func TestWithoutAPaper(t *testing.T) {
	m := newModel(t, world(t, tree, small+"\nOMIM:6 1631 - PMID:1\nOMIM:7 1629 1/2 PMID:1;PMID:9\nOMIM:8 1263 - OMIM:8"))
	q := m.ask(patient("1250", "1631"), []string{"PMID:1"})
	for id, want := range map[string]int{ // terms that are left
		"OMIM:1": 1, "OMIM:2": 3, "OMIM:3": 3, "OMIM:4": 4, "OMIM:5": 1,
		"OMIM:6": 0, // nothing else is known
		"OMIM:7": 1, // another paper says so too
		"OMIM:8": 1,
	} {
		p := m.profile(at(t, m, id), q)
		if len(p.direct) != want {
			t.Errorf("%s has %d terms, want %d", id, len(p.direct), want)
		}
		if same := p == &m.profiles[at(t, m, id)]; same != (id != "OMIM:1" && id != "OMIM:6" && id != "OMIM:7") {
			t.Errorf("%s: same profile %v", id, same)
		}
		if m.listed(id, q) != (want > 0) {
			t.Errorf("%s listed: %v", id, m.listed(id, q))
		}
	}
	for _, plain := range []bool{false, true} {
		with, _ := m.Rank(patient("1250", "1631"), RankOptions{Top: 100, Plain: plain})
		p := patient("1250", "1631")
		p.Diagnoses = append(p.Diagnoses, coded("OMIM:6"))
		d, _ := m.Rank(p, RankOptions{Top: 100, Plain: plain, Without: []string{"PMID:1", "PMID:unknown"}})
		if len(with.Candidates) != 8 || len(d.Candidates) != 7 || d.Truth.Listed || d.Truth.Rank != 0 {
			t.Errorf("%d and %d candidates, %+v", len(with.Candidates), len(d.Candidates), d.Truth)
		}
		for _, c := range d.Candidates {
			if c.ID == "OMIM:6" {
				t.Error("a disease of which nothing is known is a candidate")
			}
			i := slices.IndexFunc(with.Candidates, func(w Candidate) bool { return w.ID == c.ID })
			if same := with.Candidates[i].Score == c.Score; same != (c.ID != "OMIM:1") && c.ID != "OMIM:7" {
				t.Errorf("%s: score %g, was %g", c.ID, c.Score, with.Candidates[i].Score)
			}
		}
	}
	if got := m.CasePapers([]string{"PMID:9", "PMID:0", "OMIM:8"}); !slices.Equal(got, []string{"PMID:9"}) {
		t.Errorf("papers %v", got)
	}
}
