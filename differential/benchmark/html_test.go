package benchmark

import (
	"bytes"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/differential"
	"consilium/fault"
	"consilium/figure/pagetest"
	"consilium/metric"
)

var keep = flag.String("keep", "", "file to keep the example page in, to look at it")

// example is a report with invented figures.
func example() *Report {
	near := func(v float64) metric.Estimate { return metric.Estimate{Value: v, Low: v - 0.05, High: v + 0.06} }
	r := &Report{
		Disclaimer: clinical.Disclaimer, Notice: "This product uses the ontology <v1> & annotations.", Protocol: "cross-validation <by groups>",
		Cases: 400, Listed: 300, Diseases: 60, Annotated: 50, Own: 80, Groups: 55, Folds: 5, Candidates: 8000, Milliseconds: 4.5, Seed: 3, Synthetic: true,
		Probability: Probability{Error: 0.021, UnlistedAUC: 0.71, UnlistedOut: 0.03, Set: 6, Covered: 0.79,
			Bins:     []metric.Bin{{Low: 0, High: 0.5, Count: 300, Predicted: 0.2, Observed: 0.18}, {Low: 0.5, High: 0.9}, {Low: 0.9, High: 1, Count: 100, Predicted: 0.94, Observed: 0.98}},
			Verdicts: []Said{{differential.VerdictLikely, 100, 0.76}, {differential.VerdictUnlisted, 200, 0.5}, {differential.VerdictUnknown, 100, 0.09}}},
	}
	for _, over := range []string{"annotated", "all"} {
		for p, papers := range papersWays {
			for i, ranker := range rankers {
				v := 0.15 + 0.1*float64(i) - 0.05*float64(p)
				x := Row{ranker, papers, over, near(v), near(v + 0.1), near(v + 0.2), near(v + 0.05), near(v + 0.1), near(v + 0.2), near(v + 0.3), near(v + 0.15), nil}
				if over == "annotated" {
					for k := range reach {
						x.Within = append(x.Within, v+(0.9-v)*float64(k)/reach)
					}
				}
				r.Rows = append(r.Rows, x)
			}
		}
	}
	for _, papers := range papersWays {
		r.Gains = append(r.Gains, Gain{Plain, Overlap, papers, near(0.1), near(0.12)}, Gain{Reranked, Plain, papers, near(0.02), near(-0.01)})
	}
	return r
}

func TestPageIsWellFormedAndComplete(t *testing.T) {
	var b bytes.Buffer
	if err := WriteHTML(&b, example()); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if *keep != "" {
		if err := os.WriteFile(*keep, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen := pagetest.Check(t, page)
	for _, id := range []string{"top1", "top10", "gains", "within", "reliability"} {
		if !seen[id] {
			t.Errorf("there is no figure %q", id)
		}
	}
	for _, text := range []string{clinical.Disclaimer, clinical.SyntheticNotice, "the ontology &lt;v1&gt; &amp; annotations", "cross-validation &lt;by groups&gt;",
		"what was looked for gives the diagnosis away", "a case, on one core", "cannot tell", "likelihood − overlap", "+0.100 (+0.050 to +0.160)", "79.0%"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}

// Real data are not called synthetic, and a report of nothing still makes a page.
func TestEmptyReport(t *testing.T) {
	var b bytes.Buffer
	if err := WriteHTML(&b, &Report{Disclaimer: clinical.Disclaimer}); err != nil {
		t.Fatal(err)
	}
	if seen := pagetest.Check(t, b.String()); len(seen) > 0 || strings.Contains(b.String(), clinical.SyntheticNotice) {
		t.Errorf("figures %v of nothing, or a notice that is not due", seen)
	}
	if err := WriteHTML(broken{}, example()); fault.CodeOf(err) != fault.IO {
		t.Errorf("to a broken writer: %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWithin(t *testing.T) {
	got := within([]float64{1, 3, 0, 1000})
	if len(got) != reach || got[0] != 0.25 || got[1] != 0.25 || got[2] != 0.5 || got[reach-1] != 0.5 || !slices.IsSorted(got) {
		t.Error(got)
	}
	if none := within(nil); none[0] != 0 {
		t.Error(none[0])
	}
}

// A card holds the figures of annotated cases, without curves.
func TestCardHasNoCurves(t *testing.T) {
	r := example()
	c := NewCard(r, nil, "", "", "")
	if len(c.Figures) != 8 || slices.ContainsFunc(c.Figures, func(x Row) bool { return x.Within != nil || x.Over != "annotated" }) {
		t.Errorf("%d figures", len(c.Figures))
	}
	if r.Rows[0].Within == nil {
		t.Error("the report lost its curves")
	}
}
