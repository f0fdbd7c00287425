package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/ontology"
	"consilium/phenotype"
)

func newPhenotype(a *app) *cobra.Command {
	var file, marked string
	var differences bool
	c := &cobra.Command{
		Use:   "phenotype TEXT|-",
		Short: "Find the terms of findings in a clinical note, with negation, family, doubt and side",
		Long: "Reads a note (as arguments, from --file, or from standard input with -) and shows which terms of the ontology it\n" +
			"names, whether each is present, absent, uncertain or said of a relative, on which side, and the words it came from.\n" +
			"--json writes a GA4GH phenopacket, one feature a term, that `consilium rank` reads. Nothing leaves the computer.\n" +
			"--eval measures the reader on a set of sentences that a person has marked.",
		Example: "  consilium phenotype \"Seizures and hypotonia, no ataxia. Mother has migraine.\"\n  consilium phenotype --file note.txt --json > case.json\n" +
			"  consilium phenotype --eval phenotype/testdata/marked/test.txt",
		RunE: func(c *cobra.Command, args []string) error {
			base, x, err := a.extractor()
			if err != nil {
				return err
			}
			if marked != "" {
				return a.measureExtractor(c.Context(), x, base, marked, differences)
			}
			source, text, err := note(file, args, c.InOrStdin())
			if err != nil {
				return err
			}
			p, err := x.Extract(c.Context(), source, text)
			if err != nil {
				return err
			}
			return a.showPhenotype(base, text, p)
		},
	}
	c.Flags().StringVar(&file, "file", "", "read the note from this file")
	c.Flags().StringVar(&marked, "eval", "", "measure on this marked set (format: docs/phenotype.md)")
	c.Flags().BoolVar(&differences, "differences", false, "with --eval: list the sentences that were read otherwise")
	return c
}

// extractor reads the names of the imported ontology, or of the sample.
func (a *app) extractor() (*ontology.Base, *phenotype.Extractor, error) {
	dir, err := a.home()
	if err != nil {
		return nil, nil, err
	}
	base, err := ontology.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	x, err := phenotype.NewExtractor(base.Ontology)
	return base, x, err
}

// note gives the text and its name: a file, standard input, or the arguments.
func note(file string, args []string, in io.Reader) (source, text string, err error) {
	var r io.Reader
	switch {
	case file != "" && len(args) > 0, file == "" && len(args) == 0:
		return "", "", fault.New(fault.Usage, "give the text, or --file, or - for standard input", "see the examples in --help")
	case file == "" && len(args) == 1 && args[0] == "-":
		source, r = "stdin", in
	case file == "":
		return "text", strings.Join(args, " "), nil
	default:
		info, err := os.Stat(file)
		if err == nil && !info.Mode().IsRegular() {
			return "", "", fault.New(fault.InputUnsupported, file+" is not a file", "name a text file")
		}
		f, err := os.Open(file)
		if err != nil {
			return "", "", fault.Wrap(err, fault.InputMissing, file+" cannot be opened", "check the path and its permissions")
		}
		defer f.Close()
		source, r = filepath.Base(file), f
	}
	raw, err := io.ReadAll(io.LimitReader(r, phenotype.MaxText+1))
	if err != nil {
		return "", "", fault.Wrap(err, fault.IO, source+" cannot be read", "check the disk")
	}
	return source, string(raw), nil
}

func (a *app) showPhenotype(base *ontology.Base, text string, p clinical.Phenotype) error {
	p.Synthetic = base.Synthetic
	if a.json {
		raw, err := phenotype.Phenopacket(phenotype.Merge(p), base.Version, time.Now())
		if err != nil {
			return err
		}
		for _, r := range p.Refusals {
			fmt.Fprintf(a.err, "%s: %s (%s)\n", r.Code, r.What, r.Do)
		}
		if _, err := fmt.Fprintf(a.out, "%s\n", raw); err != nil {
			return fault.Wrap(err, fault.IO, "the result cannot be written", "check where the output goes")
		}
		return nil
	}
	return a.show(nil, func(w io.Writer) {
		if atTerminal(a.out) {
			phenotype.Highlight(w, text, p)
			fmt.Fprintln(w)
		}
		phenotype.WriteTable(w, text, p)
		fmt.Fprintf(w, "\n%s\n", base.Notice())
	})
}

func (a *app) measureExtractor(ctx context.Context, x *phenotype.Extractor, base *ontology.Base, path string, differences bool) error {
	f, err := os.Open(path)
	if err != nil {
		return fault.Wrap(err, fault.InputMissing, path+" cannot be opened", "name a marked set, such as phenotype/testdata/marked/test.txt")
	}
	defer f.Close()
	set, err := phenotype.ReadMarked(f)
	if err != nil {
		return err
	}
	e, err := x.Evaluate(ctx, set, 1)
	if err != nil {
		return err
	}
	if !differences {
		e.Differences = nil
	}
	out := struct {
		phenotype.Evaluation
		Notice     string `json:"notice"`
		Disclaimer string `json:"disclaimer"`
	}{e, base.Notice(), clinical.Disclaimer}
	return a.show(out, func(w io.Writer) {
		e.Write(w)
		e.WriteDifferences(w)
		fmt.Fprintf(w, "\n%s\n", base.Notice())
	})
}
