package page

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"consilium/differential"
)

func TestTally(t *testing.T) {
	var y Tally
	add := func(id string, listed bool, rank int) {
		y.Add(differential.Differential{Verdict: differential.VerdictLikely, Truth: &differential.Truth{ID: id, Listed: listed, Rank: rank}})
	}
	add("A", true, 1) // disease A: places 1 and 4
	add("A", true, 4)
	add("B", true, 0) // not found
	add("C", false, 0)
	y.Add(differential.Differential{Verdict: differential.VerdictUnknown, Partial: true})
	y.Refuse()
	s := y.Summary()
	if s.Cases != 5 || s.Refused != 1 || s.Partial != 1 || s.Solved != 4 || s.Listed != 3 || len(s.Rows) != 4 {
		t.Fatalf("%+v", s)
	}
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	near("top-1 over listed cases", s.Rows[0].Top1.Value, 1.0/3)
	near("top-1 over listed diseases", s.Rows[1].Top1.Value, 0.25)
	near("top-3 over listed cases", s.Rows[0].Top3.Value, 1.0/3)
	near("top-10 over listed cases", s.Rows[0].Top10.Value, 2.0/3)
	near("MRR over listed cases", s.Rows[0].MRR.Value, 1.25/3)
	near("MRR over all solved", s.Rows[2].MRR.Value, 1.25/4)
	near("MRR over all diseases", s.Rows[3].MRR.Value, 0.625/3)
	if s.Rows[1].N != 2 || s.Rows[3].N != 3 {
		t.Error(s.Rows)
	}
	var b bytes.Buffer
	s.Write(&b)
	if out := b.String(); !strings.Contains(out, "5 cases ranked, 1 refused, 1 in part") || !strings.Contains(out, "all solved, mean over diseases") {
		t.Error(out)
	}
}

// Without recorded diagnoses there is nothing to measure.
func TestTallyOfUnsolvedCases(t *testing.T) {
	var y Tally
	y.Add(differential.Differential{Verdict: differential.VerdictSeveral})
	if s := y.Summary(); len(s.Rows) > 0 || s.Note != "" || s.Verdicts[differential.VerdictSeveral] != 1 {
		t.Errorf("%+v", s)
	}
}
