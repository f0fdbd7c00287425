package differential

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/internal/golden"
)

// TestGolden holds the answers to some cases: what makes the ranking faster must
// not change them. The weights are fixed ones.
func TestGolden(t *testing.T) {
	var s strings.Builder
	for _, x := range []struct {
		name  string
		m     *Model
		cases []clinical.Phenotype
	}{{"sample", sample(t), patients(sample(t), 8, 5, 3)}, {"invented", many(t, 1000), patients(many(t, 1000), 8, 10, 10)}, {"small", tiny(t), patients(tiny(t), 3, 2, 1)}} {
		for i, p := range x.cases {
			p.Patient.Sex, p.Onset = "M", "P3M"
			for _, o := range []RankOptions{{}, {Plain: true}, {Without: []string{"PMID:1", "PMID:7"}}} {
				d, err := x.m.Rank(p, o)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&s, "%s %d plain %v without %v: %s unlisted %.5f elsewhere %.5f set %d\n", x.name, i, o.Plain, o.Without, d.Verdict, d.Unlisted, d.Elsewhere, len(d.Set))
				for _, c := range d.Candidates {
					fmt.Fprintf(&s, "  %s %.5f %.5f", c.ID, c.Score, c.Probability)
					for _, r := range c.Findings {
						fmt.Fprintf(&s, " %s %.4f", r.Relation, r.LogRatio)
					}
					s.WriteByte('\n')
				}
			}
		}
	}
	golden.Check(t, "testdata/rank.golden", s.String())
}

// Two models of one base agree to the last digit: no sum runs in the order of a map.
func TestModelsOfOneBaseAreTheSame(t *testing.T) {
	a, b := many(t, 300), many(t, 300)
	for i := range a.profiles {
		if !reflect.DeepEqual(a.profiles[i], b.profiles[i]) {
			t.Fatalf("disease %d: %+v, %+v", i, a.profiles[i], b.profiles[i])
		}
	}
}
