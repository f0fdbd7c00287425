package differential

import (
	"math"
	"testing"
)

func TestStagesOfAges(t *testing.T) {
	for text, want := range map[string]int{
		"P0D": 1, "P1D": 1, "P27D": 1, "P28D": 2, "P3W": 1, "P4W": 2, "P2M": 2, "P11M": 2, "P364D": 2, "P1Y": 3, "P4Y10M": 3, "P4Y11M30D": 3, "P5Y": 4, "P15Y": 4,
		"P16Y": 5, "P70Y": 5, "P1Y2M3W4D": 3, "PT5H": 1, "P1DT12H30M5S": 1, "PT700H": 2, "P999999Y": 5,
		"": -1, "P": -1, "PT": -1, "P1YT": -1, "P5": -1, "PY": -1, "5Y": -1, "-P1Y": -1, "P-1Y": -1, "P1.5Y": -1, "P1Y2": -1, "P1X": -1, "PTjunk": -1, "P1TY": -1, "PT1Y": -1, "PT1HT1M": -1,
		"p1y": -1, "P 1Y": -1, "P99999999999999999999999999Y": -1, "P１Y": -1, "HP:0003593": -1, "childhood": -1,
	} {
		if got := stageOfAge(text); got != want {
			t.Errorf("%q: stage %d, want %d", text, got, want)
		}
	}
}

func FuzzStageOfAge(f *testing.F) {
	for _, s := range []string{"P4Y10M", "PT5H", "P", "P1YT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := stageOfAge(s); got != -1 && (got < 1 || got >= stages) {
			t.Errorf("%q: stage %d", s, got)
		}
	})
}

func TestStagesOfTerms(t *testing.T) {
	m := tiny(t)
	for number, want := range map[string]int{
		"30674": 0, "3577": 1, "3623": 1, "3593": 2, "11463": 3, "3621": 4, "3581": 5,
		"9999": 3,  // below "Childhood onset"
		"3674": -1, // onset of any kind
		"1250": -1,
	} {
		if got := stage(m.base.Ontology, term(t, m, number)); got != want {
			t.Errorf("%s: stage %d, want %d", number, got, want)
		}
	}
	for onset, want := range map[string]int{hp("9999"): 3, hp("1250"): -1, "P4Y": 3, "": -1, "nonsense": -1} {
		p := patient("1250")
		p.Onset = onset
		if q := m.ask(p, nil); q.stage != want {
			t.Errorf("onset %q: stage %d, want %d", onset, q.stage, want)
		}
	}
}

func TestOnsetRatio(t *testing.T) {
	m := newModel(t, world(t, tree, small+`
OMIM:1 3593 8/10 PMID:1 C
OMIM:1 3623 2/10 PMID:1 C
OMIM:2 3581 - PMID:3 C
OMIM:3 3577 HP:0040281 PMID:5 C
OMIM:3 !3581 - PMID:5 C`))
	infant, adult, none := &m.profiles[at(t, m, "OMIM:1")].onsets, &m.profiles[at(t, m, "OMIM:2")].onsets, &m.profiles[at(t, m, "OMIM:4")].onsets
	if infant.weight != [stages]float32{1: 2, 2: 8} || adult.weight != [stages]float32{5: 1} || m.profiles[at(t, m, "OMIM:3")].onsets.sum != 2*0.895 {
		t.Errorf("weights %v, %v, %v", infant, adult, m.profiles[at(t, m, "OMIM:3")].onsets)
	}
	all := &m.onsets
	for s := -1; s < stages; s++ {
		if none.ratio(s, all) != 0 {
			t.Errorf("an onset that is not recorded speaks at stage %d", s)
		}
	}
	if infant.ratio(-1, all) != 0 {
		t.Error("an onset that is not told speaks")
	}
	if own, next, far := infant.ratio(2, all), infant.ratio(3, all), infant.ratio(5, all); own <= 0 || next <= far || far >= 0 {
		t.Errorf("own %g, next %g, far %g", own, next, far)
	}
	// By hand: stage 2 of OMIM:1 is 8*0.7 + 2*0.15 near, with two patients' worth of all; sum 12.79.
	base := (all.weight[2] + 1) / (all.sum + stages)
	want := math.Log((8*0.7 + 2*0.15 + 2*float64(base)) / 12)
	if got := math.Log(infant.smooth(2, all)); math.Abs(got-want) > 1e-5 {
		t.Errorf("ln smoothed %g, want %g", got, want)
	}
}

func TestSexRatio(t *testing.T) {
	for name, c := range map[string]struct {
		modes        []string
		male, female float64
	}{
		"not recorded":            {nil, 0, 0},
		"recessive":               {[]string{"6"}, 0, 0},
		"X-linked recessive":      {[]string{"1419"}, math.Log(1.7), math.Log(0.3)},
		"X-linked":                {[]string{"1417"}, math.Log(1.7), math.Log(0.3)},
		"X-linked dominant":       {[]string{"1423"}, 0, 0},
		"X-linked or another way": {[]string{"1417", "6"}, 0, 0},
	} {
		var m modes
		for _, number := range c.modes {
			m.add(hp(number))
		}
		if !near(m.ratio("M"), c.male) || !near(m.ratio("F"), c.female) || m.ratio("") != 0 || m.ratio("O") != 0 || m.ratio("male") != 0 {
			t.Errorf("%s: male %g, female %g, none %g", name, m.ratio("M"), m.ratio("F"), m.ratio(""))
		}
	}
}
