package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/differential"
	"consilium/differential/benchmark"
	"consilium/fault"
	"consilium/ontology"
	"consilium/phenotype"
)

func newDifferential(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "differential",
		Short: "Measure and learn the ranking of diseases on solved cases",
		Long: "What `consilium rank` does is measured here on cases whose diagnosis is known, and its weights are\n" +
			"learned from them. docs/differential.md explains the model.",
		Example: "  consilium differential eval phenopackets.zip --html differential.html\n  consilium differential learn phenopackets.zip --out weights",
		Args:    noVerb,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newDifferentialEval(a), newDifferentialLearn(a))
	return c
}

func newDifferentialEval(a *app) *cobra.Command {
	var catalogues []string
	var html string
	o := benchmark.Options{}
	c := &cobra.Command{
		Use:   "eval CASES...",
		Short: "Cross-validate the ranking on solved cases",
		Long: "Reads phenopackets (a file, or a zip of many) with a recorded diagnosis. Every case is ranked with weights\n" +
			"that were learned without its disease and without any disease that shares a gene with it. Prints top-1,\n" +
			"top-3, top-10 and MRR over cases and over diseases, with the annotations from each case's own paper kept\n" +
			"and removed, beside the trivial baseline; and whether the probabilities hold.",
		Example: "  consilium differential eval phenopackets.zip\n  consilium differential eval phenopackets.zip --json --html differential.html > differential.json",
		Args:    files("file"),
		RunE: func(c *cobra.Command, args []string) error {
			m, cases, err := a.solved(c.Context(), catalogues, args)
			if err != nil {
				return err
			}
			o.Progress = a.counter()
			r, err := benchmark.Run(c.Context(), m, cases, o)
			if err != nil {
				return err
			}
			var failed error
			err = a.show(r, func(w io.Writer) { failed = r.WriteText(w) })
			if err = cmp.Or(err, failed); err != nil {
				return err
			}
			return a.page(html, func(w io.Writer) error { return benchmark.WriteHTML(w, &r) })
		},
	}
	c.Flags().StringSliceVar(&catalogues, "catalogues", nil, "diseases to rank, by the prefix of their identifier (default: OMIM,DECIPHER)")
	c.Flags().StringVar(&html, "html", "", "also write the figures as one self-contained HTML page with pictures")
	c.Flags().IntVar(&o.Folds, "folds", 5, "folds of the cross-validation")
	c.Flags().Uint64Var(&o.Seed, "seed", 0, "seed of the order of cases and of the bootstrap")
	return c
}

func newDifferentialLearn(a *app) *cobra.Command {
	var out, data, licence string
	o := benchmark.Options{}
	c := &cobra.Command{
		Use:   "learn CASES...",
		Short: "Learn the weights of the ranking from solved cases",
		Long: "Writes weights.json and card.json into a folder. The card holds the figures of a cross-validation, since\n" +
			"the weights themselves have then seen all cases. Those that ship with the program were made so.",
		Example: "  consilium differential learn phenopackets.zip --out weights --describe \"phenopacket-store\" --licence BSD-3-Clause",
		Args:    files("file"),
		RunE: func(c *cobra.Command, args []string) error {
			m, cases, err := a.solved(c.Context(), nil, args)
			if err != nil {
				return err
			}
			o.Progress = a.counter()
			r, err := benchmark.Run(c.Context(), m, cases, o)
			if err != nil {
				return err
			}
			w, n, err := benchmark.Learn(c.Context(), m, cases, o)
			if err != nil {
				return err
			}
			card := benchmark.NewCard(&r, sources(m.Base()), data, licence, "consilium differential learn "+strings.Join(names(args), " "))
			for name, v := range map[string]any{"weights.json": w, "card.json": card} {
				if err := writeJSON(filepath.Join(out, name), v); err != nil {
					return err
				}
			}
			a.progress("learned from %d cases: %s", n, out)
			return r.WriteText(a.out)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "weights", "folder for weights.json and card.json")
	c.Flags().StringVar(&data, "describe", "", "what the cases are, for the card")
	c.Flags().StringVar(&licence, "licence", "", "their licence, for the card")
	c.Flags().Uint64Var(&o.Seed, "seed", 0, "seed of the order of cases")
	return c
}

// solved opens the knowledge that was imported, and reads cases.
func (a *app) solved(ctx context.Context, catalogues, paths []string) (*differential.Model, []clinical.Phenotype, error) {
	base, err := a.base()
	if err != nil {
		return nil, nil, err
	}
	// What is learned here does not rest on what was learned before.
	m, err := differential.New(base, differential.Options{Catalogues: catalogues, Weights: &differential.Weights{}})
	if err != nil {
		return nil, nil, err
	}
	var cases []clinical.Phenotype
	for _, path := range paths {
		err := phenotype.ReadFile(ctx, path, func(p clinical.Phenotype) error {
			cases = append(cases, p)
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return m, cases, nil
}

// counter prints how far a long job is.
func (a *app) counter() func(what string, done, of int) {
	return func(what string, done, of int) { a.progress("%s: %d of %d", what, done, of) }
}

// sources names what a base was made of.
func sources(b *ontology.Base) []string {
	var out []string
	for _, s := range b.Sources {
		out = append(out, fmt.Sprintf("%s %s, SHA-256 %s", s.Name, s.Version, s.SHA256))
	}
	return out
}

// names leaves out folders: a card does not tell how a machine is laid out.
func names(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, filepath.Base(p))
	}
	return out
}

func writeJSON(path string, v any) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fault.Wrap(err, fault.IO, "the folder cannot be made", "check where it is to be")
	}
	return writeFile(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(v)
	})
}
