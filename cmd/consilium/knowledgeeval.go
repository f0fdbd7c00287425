package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/knowledge"
	"consilium/metric"
)

func newKnowledgeEval(a *app) *cobra.Command {
	var part string
	c := &cobra.Command{
		Use:   "eval MODEL...",
		Short: "Rank held-out links by models and baselines",
		Long: "Ranks the links that the models were kept from, filtered (other right answers do not count) and with ties in the\n" +
			"middle. Models of one configuration are seeds of one row. Beside them: how often a term is annotated (degree),\n" +
			"what follows from the ontology (true path), what similar diseases have (neighbours). Intervals are 95%, by\n" +
			"bootstrap over diseases; differences are paired.",
		Example: "  consilium knowledge eval runs/graph/*.model\n  consilium knowledge eval runs/graph/*.model --part valid --json",
		Args:    files("model"),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := a.base()
			if err != nil {
				return err
			}
			var models []*knowledge.Model
			for _, file := range args {
				m, err := knowledge.Load(file)
				if err != nil {
					return err
				}
				models = append(models, m)
			}
			g, err := knowledge.FromBase(b, models[0].Sources...)
			if err != nil {
				return err
			}
			result, err := knowledge.Compare(c.Context(), g, models, part, func(s string) { a.progress("%s", s) })
			if err != nil {
				return err
			}
			return a.show(struct {
				*knowledge.Comparison
				Notice     string `json:"notice"`
				Disclaimer string `json:"disclaimer"`
			}{result, b.Notice(), clinical.Disclaimer}, func(w io.Writer) {
				writeLinkRanks(w, result)
				fmt.Fprintf(w, "\n%s\n", b.Notice())
			})
		},
	}
	c.Flags().StringVar(&part, "part", "test", "test, or valid: the part that configurations are chosen on")
	return c
}

func writeLinkRanks(w io.Writer, c *knowledge.Comparison) {
	counts := func(m map[string]int) (out string) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			out += fmt.Sprintf(" %d %s", m[name], name)
		}
		return out
	}
	fmt.Fprintf(w, "entities:%s\nlinks:%s\n", counts(c.Entities), counts(c.Links))
	fmt.Fprintf(w, "%s part: %d links of %d diseases, kept from training (split seed %d)\n\n", c.Part, c.HeldOut, c.Diseases, c.HoldOut.Seed)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\tSEEDS\tTAIL MRR\t95%\tSEEDS' SD\tHITS@1\tHITS@10\t95%\tHEAD MRR\t95%\tHITS@10")
	for _, r := range c.Rows {
		fmt.Fprintf(t, "%s\t%s\t%.4f\t%s\t%.4f\t%.3f\t%.3f\t%s\t%.4f\t%s\t%.3f\n", r.Name, orDash(len(r.Seeds)), r.Tail.MRR.Value, figureRange(r.Tail.MRR), r.SeedSD,
			r.Tail.Hits1.Value, r.Tail.Hits10.Value, figureRange(r.Tail.Hits10), r.Head.MRR.Value, figureRange(r.Head.MRR), r.Head.Hits10.Value)
	}
	fmt.Fprintf(t, "\nTAIL MRR OF LINKS THAT ARE")
	for _, s := range c.Strata {
		fmt.Fprintf(t, "\t%s\t95%%", s.Name)
	}
	fmt.Fprint(t, "\nnumber")
	for _, s := range c.Strata {
		fmt.Fprintf(t, "\t%d\t", s.Links)
	}
	fmt.Fprintln(t)
	for _, r := range c.Rows {
		fmt.Fprint(t, r.Name)
		for _, s := range c.Strata {
			f, measured := r.Parts[s.Name]
			if !measured {
				fmt.Fprint(t, "\t-\t")
				continue
			}
			fmt.Fprintf(t, "\t%.4f\t%s", f.MRR.Value, figureRange(f.MRR))
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, "\nDIFFERENCE OF TAIL MRR, PAIRED\tLINKS\t\t95%\tp")
	for _, d := range c.Differences {
		fmt.Fprintf(t, "%s - %s\t%s\t%+.4f\t%s\t%.4f\n", d.A, d.B, d.Links, d.D.Value, figureRange(d.D), d.P)
	}
	t.Flush()
}

func figureRange(f metric.Estimate) string { return fmt.Sprintf("%.4f to %.4f", f.Low, f.High) }

// orDash stands for a number that does not apply: baselines have no seed.
func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
