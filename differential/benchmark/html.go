package benchmark

import (
	_ "embed"
	"fmt"
	"io"

	"consilium/clinical"
	"consilium/differential"
	"consilium/fault"
	"consilium/figure"
	"consilium/metric"
)

//go:embed page.html.tmpl
var pageSource string

var pageTemplate = figure.Page(pageSource)

// page is what the template prints: a report with its figures drawn and its numbers written out.
type page struct {
	*Report
	Marked   string // the notice of synthetic data
	Covered  string
	Tiles    []tile
	Figures  []figure.Figure
	Verdicts figure.Table
	Results  []results
}

// tile is one of the few figures that stand on top.
type tile struct{ Name, Value, Note string }

// results is the table of all measures under one condition.
type results struct {
	Title string
	Table figure.Table
}

// WriteHTML writes the report as one HTML page that needs nothing else.
func WriteHTML(w io.Writer, r *Report) error {
	p := page{Report: r, Covered: figure.Percent(r.Probability.Covered), Tiles: r.tiles(), Figures: r.figures(), Verdicts: r.Probability.verdicts(), Results: r.results()}
	if r.Synthetic {
		p.Marked = clinical.SyntheticNotice
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fault.Wrap(err, fault.IO, "the report was not written", "check the disk and the permissions")
	}
	return nil
}

// row finds a way of ranking; nil when the report has none.
func (r *Report) row(ranker, papers, over string) *Row {
	for i := range r.Rows {
		if x := &r.Rows[i]; x.Ranker == ranker && x.Papers == papers && x.Over == over {
			return x
		}
	}
	return nil
}

// tiles show what a patient of a known disease gets, without the gift of the own paper.
func (r *Report) tiles() []tile {
	var out []tile
	if x := r.row(Reranked, "removed", "annotated"); x != nil {
		note := func(e metric.Estimate) string { return interval(e) + " · own paper removed" }
		out = append(out, tile{"Right disease first", figure.Fixed(x.Top1.Value), note(x.Top1)},
			tile{"Among the first ten", figure.Fixed(x.Top10.Value), note(x.Top10)},
			tile{"First, mean over diseases", figure.Fixed(x.Top1D.Value), note(x.Top1D)})
	}
	return append(out, tile{"Calibration error", figure.Fixed(r.Probability.Error), "of the first's probability, over all cases"})
}

func interval(e metric.Estimate) string { return figure.Interval(&e.Low, &e.High) }

// cell writes an estimate with its interval on a line of its own.
func cell(e metric.Estimate) string { return figure.Fixed(e.Value) + "\n" + interval(e) }

// results gives the tables of all rows, one a condition.
func (r *Report) results() []results {
	var out []results
	for _, over := range []string{"annotated", "all"} {
		for _, papers := range papersWays {
			t := figure.Table{Head: []string{"Ranker", "Top-1", "Top-3", "Top-10", "MRR", "Top-1 over diseases", "Top-3 over diseases", "Top-10 over diseases", "MRR over diseases"}}
			for _, ranker := range rankers {
				if x := r.row(ranker, papers, over); x != nil {
					t.Rows = append(t.Rows, []string{ranker, cell(x.Top1), cell(x.Top3), cell(x.Top10), cell(x.MRR), cell(x.Top1D), cell(x.Top3D), cell(x.Top10D), cell(x.MRRD)})
				}
			}
			if len(t.Rows) > 0 {
				out = append(out, results{overWords[over] + "; annotations from the case's own paper " + papers, t})
			}
		}
	}
	return out
}

var (
	rankers    = []string{Overlap, Plain, Reranked, Published}
	papersWays = []string{"kept", "removed"}
	overWords  = map[string]string{"annotated": "Cases whose disease is annotated", "all": "All cases; a disease that is not annotated counts as a miss"}
)

// What a verdict says, and what being right means under it.
var verdictWords = map[differential.Verdict][2]string{
	differential.VerdictLikely:   {"one disease stands out", "the first is the recorded disease"},
	differential.VerdictSeveral:  {"a few diseases share the probability", "the first is the recorded disease"},
	differential.VerdictUnlisted: {"more likely none of the known ones", "the recorded disease is indeed not annotated"},
	differential.VerdictUnknown:  {"the findings say too little", "the first is the recorded disease"},
}

func (p *Probability) verdicts() figure.Table {
	t := figure.Table{Head: []string{"Verdict", "It says", "Cases", "Share", "Right", "Right means"}}
	total := 0
	for _, s := range p.Verdicts {
		total += s.Cases
	}
	for _, s := range p.Verdicts {
		words := verdictWords[s.Verdict]
		t.Rows = append(t.Rows, []string{string(s.Verdict), words[0], fmt.Sprint(s.Cases),
			figure.Percent(float64(s.Cases) / float64(max(total, 1))), figure.Percent(s.Right), words[1]})
	}
	return t
}
