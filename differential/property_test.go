package differential

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"consilium/clinical"
)

// anyPatient draws up to 8 observed and 6 excluded findings, with or without an onset and a sex.
func anyPatient(t *rapid.T, m *Model) clinical.Phenotype {
	var p clinical.Phenotype
	for i := range rapid.IntRange(1, 14).Draw(t, "findings") {
		id := m.base.ID(finding(t, m))
		p.Features = append(p.Features, clinical.PhenotypicFeature{Term: id, Excluded: i > 7 || i > 0 && rapid.Bool().Draw(t, "excluded")})
	}
	p.Patient.Sex = rapid.SampledFrom([]string{"", "M", "F"}).Draw(t, "sex")
	p.Onset = rapid.SampledFrom([]string{"", "P3M", "P30Y", "HP:0003577"}).Draw(t, "onset")
	return p
}

// models are those that the properties must hold of.
func models(t *testing.T) map[string]*Model {
	return map[string]*Model{"sample, shipped weights": shipped(t), "sample": sample(t), "small": tiny(t)}
}

// every ranks all diseases with a kind of ranker.
func every(t *rapid.T, m *Model, p clinical.Phenotype, plain bool) Differential {
	d, err := m.Rank(p, RankOptions{Top: 1000, Plain: plain})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhatHoldsOfEveryAnswer(t *testing.T) {
	for name, m := range models(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				d := every(t, m, anyPatient(t, m), rapid.Bool().Draw(t, "plain"))
				total := d.Unlisted + d.Elsewhere
				seen := map[string]bool{}
				for i, c := range d.Candidates {
					total += c.Probability
					seen[c.ID] = true
					sum := 0.0
					for _, p := range c.Parts {
						sum += p.Value
					}
					if c.Rank != i+1 || math.Abs(sum-c.Score) > 1e-9 || c.Probability < 0 {
						t.Errorf("%d-th: rank %d, parts add up to %g of %g", i+1, c.Rank, sum, c.Score)
					}
					if i > 0 && (c.Score > d.Candidates[i-1].Score || c.Probability > d.Candidates[i-1].Probability) {
						t.Errorf("%s stands below what it is more probable than", c.ID)
					}
					if n := len(c.Findings); n < d.Observed || n > d.Observed+d.Excluded {
						t.Errorf("%d reasons for %d findings and %d exclusions", n, d.Observed, d.Excluded)
					}
				}
				if len(seen) != m.Len() || len(d.Candidates) != m.Len() {
					t.Errorf("%d candidates, %d different, of %d", len(d.Candidates), len(seen), m.Len())
				}
				if math.Abs(total-1) > 1e-9 {
					t.Errorf("probabilities add up to %g", total)
				}
				whole(t, d)
			})
		})
	}
}

// whole checks that the set reaches Coverage, and would not without its last, or holds all.
func whole(t *rapid.T, d Differential) {
	p := map[string]float64{outsideSet: d.Unlisted + d.Elsewhere}
	for _, c := range d.Candidates {
		p[c.ID] = c.Probability
	}
	sum, last := 0.0, 0.0
	for _, id := range d.Set {
		last = p[id]
		sum += last
	}
	if sum < Coverage-1e-9 && len(d.Set) != len(p) {
		t.Errorf("the set %v reaches %g", d.Set, sum)
	}
	if sum-last >= Coverage+1e-9 {
		t.Errorf("the set %v reaches %g without its last", d.Set, sum-last)
	}
	if slices.Sort(d.Set); len(slices.Compact(d.Set)) != len(d.Set) {
		t.Errorf("the set %v has something twice", d.Set)
	}
}

// An exclusion never raises a disease that can have the finding: neither its score,
// nor its score against that of a disease that cannot.
func TestAnExclusionRaisesNoDiseaseThatCanHaveTheFinding(t *testing.T) {
	for name, m := range models(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := anyPatient(t, m)
				x := finding(t, m)
				more := p
				more.Features = append(slices.Clone(p.Features), clinical.PhenotypicFeature{Term: m.base.ID(x), Excluded: true})
				plain := rapid.Bool().Draw(t, "plain")
				before, after := scores(every(t, m, p, plain)), scores(every(t, m, more, plain))
				most, least := math.Inf(-1), math.Inf(1)
				for d := range m.profiles {
					id := m.disease(int32(d)).ID
					change := after[id] - before[id]
					if _, can := find(m.profiles[d].closure, x); can {
						most = math.Max(most, change)
					} else {
						least = math.Min(least, change)
					}
				}
				if most > 1e-9 {
					t.Errorf("excluding %s raises a disease that can have it by %g", m.base.Label(x), most)
				}
				if most > least+1e-9 {
					t.Errorf("excluding %s changes one that can have it by %g, and one that cannot by %g", m.base.Label(x), most, least)
				}
			})
		})
	}
}

func scores(d Differential) map[string]float64 {
	out := map[string]float64{}
	for _, c := range d.Candidates {
		out[c.ID] = c.Score
	}
	return out
}

// With weights that count exclusions, they do count.
func TestAnExclusionLowers(t *testing.T) {
	m := tiny(t)
	before, _ := m.Rank(patient("1263"), RankOptions{})
	after, _ := m.Rank(patient("1263", "!1250"), RankOptions{})
	a, b := scores(before), scores(after)
	if !(b["OMIM:1"] < a["OMIM:1"]) || b["OMIM:4"] != a["OMIM:4"] {
		t.Errorf("%v, then %v", a, b)
	}
}

func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	for name, m := range models(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := anyPatient(t, m)
				q := p
				q.Features = rapid.Permutation(append(slices.Clone(p.Features), p.Features[:len(p.Features)/2]...)).Draw(t, "order")
				a, b := every(t, m, p, false), every(t, m, q, false)
				byText := func(x, y clinical.Refusal) int { return cmpText(x.Input+x.What, y.Input+y.What) }
				slices.SortFunc(a.Notes, byText)
				slices.SortFunc(b.Notes, byText)
				if !reflect.DeepEqual(a, b) {
					t.Error(cmp.Diff(a, b))
				}
			})
		})
	}
}

func cmpText(a, b string) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// What lies above a finding is said with it.
func TestAGeneralFindingBesideItsFormSaysNothing(t *testing.T) {
	m := tiny(t)
	a, _ := m.Rank(patient("7359", "1083"), RankOptions{})
	b, _ := m.Rank(patient("7359", "1083", "1250", "707", "478"), RankOptions{})
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
}

// One model answers many at once as it answers one (run with -race).
func TestAnswersAreTheSameAtOnce(t *testing.T) {
	m, other := sample(t), tiny(t) // scratch memory is shared between models of different size
	var want, cases []string
	var inputs []clinical.Phenotype
	for _, p := range patients(m, 12, 5, 3) {
		inputs = append(inputs, p)
		d, _ := m.Rank(p, RankOptions{})
		text, _ := json.Marshal(d)
		want = append(want, string(text))
	}
	cases = make([]string, len(inputs)*4)
	var group sync.WaitGroup
	for i := range cases {
		group.Go(func() {
			_, _ = other.Rank(patient("1250", "!1631"), RankOptions{})
			d, _ := m.Rank(inputs[i%len(inputs)], RankOptions{})
			text, _ := json.Marshal(d)
			cases[i] = string(text)
			_, _ = m.Ask(inputs[i%len(inputs)], 3)
		})
	}
	group.Wait()
	for i, got := range cases {
		if got != want[i%len(want)] {
			t.Fatalf("case %d:\n%s\n%s", i, got, want[i%len(want)])
		}
	}
}
