package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/evidence/benchmark"
	"consilium/evidence/stance"
)

func newEvidenceTrainStance(a *app) *cobra.Command {
	var data, out string
	var folds, seeds int
	c := &cobra.Command{
		Use:   "stance --data pqal.json",
		Short: "Train and measure what says yes, no or maybe",
		Long: "Cross-validates on PubMedQA's expert-labelled questions (question and abstract without its conclusion), nested and\n" +
			"repeated, beside a majority vote; with --out also trains on all of them and writes the weights and their card.",
		Example: "  consilium evidence train stance --data pqal_cv_500.json\n  consilium evidence train stance --data pqal_cv_500.json --out my-stance --json",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			abstracts, err := benchmark.ReadPubMedQA(data)
			if err != nil {
				return err
			}
			examples := benchmark.Examples(abstracts)
			bar := newBar(a)
			e, err := stance.Evaluate(c.Context(), examples, folds, seeds, func(done, all int) {
				if bar != nil {
					bar.ChangeMax(all)
					_ = bar.Set(done)
				}
			})
			if bar != nil {
				_ = bar.Exit()
				fmt.Fprintln(a.err)
			}
			if err != nil {
				return err
			}
			if out != "" {
				if err := stance.Ship(c.Context(), examples, e, commandLine(os.Args[1:]), out); err != nil {
					return err
				}
			}
			v := struct {
				stance.Evaluation
				Disclaimer string `json:"disclaimer"`
			}{e, clinical.Disclaimer}
			return a.show(v, func(w io.Writer) { _, _ = io.WriteString(w, e.Text()) })
		},
	}
	f := c.Flags()
	f.StringVar(&data, "data", "", "questions with answers, in PubMedQA's form")
	f.StringVar(&out, "out", "", "folder for the weights trained on all questions, and their card")
	f.IntVar(&folds, "folds", 10, "folds of the cross-validation")
	f.IntVar(&seeds, "seeds", 5, "times that it is repeated with other folds")
	return c
}
