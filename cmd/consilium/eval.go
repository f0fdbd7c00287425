package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/train"
)

func newEval(a *app) *cobra.Command {
	var data dataFlags
	var split string
	c := &cobra.Command{
		Use:   "eval MODEL --data SET",
		Short: "Measure a model on a split of a data set",
		Long: "Runs MODEL (a name, or a bundle's folder or zip) over a split and prints every metric with its 95% bootstrap\n" +
			"interval beside what a trivial model reaches, and what the conformal sets kept of their promise.",
		Example: "  consilium eval pneumonia --data pneumoniamnist.npz --split test\n  consilium eval runs/ecg/bundle --data synthetic:ecg --json",
		Args:    exactly("MODEL"),
		RunE: func(c *cobra.Command, args []string) error {
			where, err := splitNamed(split)
			if err != nil {
				return err
			}
			b, err := a.model(args[0])
			if err != nil {
				return err
			}
			set, err := data.open(c)
			if err != nil {
				return err
			}
			defer set.Close()
			e, err := train.Evaluate(c.Context(), b, set, where, a.engine(), nil)
			if err != nil {
				return err
			}
			out := struct {
				*train.Evaluation
				Disclaimer string `json:"disclaimer"`
			}{e, clinical.Disclaimer}
			return a.show(out, func(w io.Writer) { writeEvaluation(w, e) })
		},
	}
	data.register(c)
	c.Flags().StringVar(&split, "split", "test", "train, val or test")
	return c
}

func writeEvaluation(w io.Writer, e *train.Evaluation) {
	fmt.Fprintf(w, "%s %s on %s, split %s: %d examples (%s)\n", e.Model, e.Version, e.Data.Name, e.Split, e.Metrics.Examples, e.Backend)
	if e.Data.Synthetic {
		fmt.Fprintln(w, clinical.SyntheticNotice)
	}
	fmt.Fprintf(w, "\n%-28s %8s   %-17s %8s\n", "", "value", "95% interval", "trivial")
	number := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf("%.3f", *v)
	}
	for _, v := range e.Metrics.Values {
		fmt.Fprintf(w, "%-28s %8s   %-17s %8s\n", v.Name, number(v.Value), number(v.Low)+" to "+number(v.High), number(v.Baseline))
	}
	fmt.Fprintln(w, "\ntruth by answer")
	for i, row := range e.Metrics.Confusion {
		fmt.Fprintf(w, "  %-40s", e.Metrics.Classes[i].Label)
		for _, n := range row {
			fmt.Fprintf(w, " %6d", n)
		}
		fmt.Fprintln(w)
	}
	if c := e.Coverage; c != nil {
		fmt.Fprintf(w, "\nconformal sets: promised %.2f, kept %.3f\n", c.Promised, c.Measured)
	}
	for _, n := range e.Data.Caveats {
		fmt.Fprintf(w, "caveat: %s\n", n)
	}
}
