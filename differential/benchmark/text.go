package benchmark

import (
	"fmt"
	"io"
	"text/tabwriter"

	"consilium/metric"
)

// WriteText prints a report as tables.
func (r *Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\n\n%d cases of %d diseases; %d cases of %d diseases have annotations; %d of those cases are in papers that annotations rest on.\n", r.Notice, r.Cases, r.Diseases, r.Listed, r.Annotated, r.Own)
	fmt.Fprintf(w, "Ranked among %d diseases. %d-fold %s (%d groups).\n", r.Candidates, r.Folds, r.Protocol, r.Groups)
	for _, papers := range []string{"kept", "removed"} {
		for _, over := range []string{"annotated", "all"} {
			what := map[string]string{"annotated": "cases whose disease is annotated", "all": "all cases; a disease that is not annotated counts as a miss"}[over]
			fmt.Fprintf(w, "\nAnnotations from the case's own paper %s; %s\n", papers, what)
			if err := r.table(w, papers, over); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(w, "\nPaired differences in top-1, annotated diseases\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\town paper\tmean over cases\tmean over diseases")
	for _, g := range r.Gains {
		fmt.Fprintf(t, "%s - %s\t%s\t%s\t%s\n", g.Of, g.Over, g.Papers, signed(g.Top1), signed(g.Top1D))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return r.Probability.text(w, r.Milliseconds)
}

func (r *Report) table(w io.Writer, papers, over string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ranker\ttop-1 (95%)\ttop-3\ttop-10\tMRR\tover diseases: top-1 (95%)\ttop-3\ttop-10\tMRR")
	for _, x := range r.Rows {
		if x.Papers == papers && x.Over == over {
			fmt.Fprintf(t, "%s\t%s\t%.3f\t%.3f\t%.3f\t%s\t%.3f\t%.3f\t%.3f\n", x.Ranker, plain(x.Top1), x.Top3.Value, x.Top10.Value, x.MRR.Value, plain(x.Top1D), x.Top3D.Value, x.Top10D.Value, x.MRRD.Value)
		}
	}
	return t.Flush()
}

func plain(e metric.Estimate) string {
	return fmt.Sprintf("%.3f (%.3f to %.3f)", e.Value, e.Low, e.High)
}
func signed(e metric.Estimate) string {
	return fmt.Sprintf("%+.3f (%+.3f to %+.3f)", e.Value, e.Low, e.High)
}

func (p *Probability) text(w io.Writer, ms float64) error {
	fmt.Fprintf(w, "\nProbabilities, over all cases, own papers kept\n")
	fmt.Fprintf(w, "  of the first: expected calibration error %.3f\n", p.Error)
	for _, b := range p.Bins {
		if b.Count > 0 {
			fmt.Fprintf(w, "    said %3.0f%%  was %3.0f%%  %5d cases\n", 100*b.Predicted, 100*b.Observed, b.Count)
		}
	}
	fmt.Fprintf(w, "  \"not among the known diseases\": AUC %.3f, calibration error %.3f\n", p.UnlistedAUC, p.UnlistedOut)
	fmt.Fprintf(w, "  the set holds the right answer in %.1f%% of cases, with %.1f diseases on average\n", 100*p.Covered, p.Set)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  verdict\tcases\tright")
	for _, s := range p.Verdicts {
		fmt.Fprintf(t, "  %s\t%d\t%.3f\n", s.Verdict, s.Cases, s.Right)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%.1f ms a case\n", ms)
	return err
}
