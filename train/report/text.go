package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"consilium/fault"
	"consilium/figure"
)

// WriteText writes the run for a terminal: what it is, the metrics with
// intervals and baseline, the confusion matrix, and what the sets promise.
func WriteText(w io.Writer, r Run) error {
	r, err := r.complete()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", r.Title, r.Task)
	if r.Synthetic != "" {
		fmt.Fprintf(&b, "%s\n", r.Synthetic)
	}
	fmt.Fprintf(&b, "%s (%s), %s %s\n\n%s\n", r.Data.Name, r.Data.Licence, r.Model.Arch, r.Model.Version, basis(r))
	writeMetrics(&b, r)
	writeMatrix(&b, r)
	if r.Calibration != nil {
		fmt.Fprintf(&b, "\nCalibration: %s, fitted on %s\n", describeMap(r), r.Calibration.Split)
	}
	if r.Conformal != nil && r.Conformal.Test.Examples > 0 {
		c := r.Conformal.Test
		fmt.Fprintf(&b, "Conformal sets: promised %s, measured %s; one answer in %s, cannot tell in %s\n",
			figure.Percent(c.Promised), figure.Percent(c.Measured), figure.Percent(c.Answered), figure.Percent(1-c.Answered))
	}
	for _, n := range append(append([]string{}, r.test().Notes...), r.Notes...) {
		fmt.Fprintf(&b, "Note: %s\n", n)
	}
	fmt.Fprintf(&b, "\n%s\n", r.Disclaimer)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fault.Wrap(err, fault.IO, "the report was not written", "check the disk and the permissions")
	}
	return nil
}

func writeMetrics(w io.Writer, r Run) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := fmt.Sprintf("METRIC\tVALUE\t%s INTERVAL\tBASELINE", level(r.test()))
	if len(r.Across) > 0 {
		head += fmt.Sprintf("\tMEAN OF %d SEEDS\tSEEDS AND CASES", len(r.Seeds))
	}
	fmt.Fprintln(tw, head)
	for _, m := range metricRows(r) {
		line := strings.Join([]string{m.Name, m.Value, m.Interval, m.Baseline}, "\t")
		if len(r.Across) > 0 {
			line += "\t" + m.Mean + "\t" + m.Both
		}
		fmt.Fprintln(tw, line)
	}
	tw.Flush() // into memory: cannot fail
}

func writeMatrix(w io.Writer, r Run) {
	t := r.test()
	if len(t.Confusion) > maxConfusion {
		return
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "\nTRUE \\ PREDICTED")
	for _, c := range t.Classes {
		fmt.Fprintf(tw, "\t%s", c.Label)
	}
	fmt.Fprintln(tw)
	for i, row := range t.Confusion {
		fmt.Fprint(tw, t.Classes[i].Label)
		for _, n := range row {
			fmt.Fprintf(tw, "\t%d", n)
		}
		fmt.Fprintln(tw)
	}
	tw.Flush() // into memory: cannot fail
}
