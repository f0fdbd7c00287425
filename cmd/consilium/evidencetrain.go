package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/evidence"
	"consilium/evidence/encoder"
	"consilium/fault"
)

func newEvidenceTrain(a *app) *cobra.Command {
	var data []string
	var out, source, licence string
	var asPairs bool
	cfg := encoder.Recipe()
	c := &cobra.Command{
		Use:   "train --data FILE|FOLDER --out FOLDER",
		Short: "Train a text encoder on your own documents",
		Long: "Learns which passage answers which question: from titles (or questions) and their passages, and where a document has\n" +
			"no title, from single sentences and the rest of their passage. With --pairs the data are JSON lines of question,\n" +
			"answer and focus (MedQuAD's form), and passages on the same focus are each other's hard negatives. Subjects held\n" +
			"out by hash measure the result beside the shipped encoder. FOLDER gets encoder.bin (for --encoder) and a card.\n" +
			"Ctrl-C keeps the last whole epoch; the same command goes on.",
		Example: "  consilium evidence train --data papers/ --out my-encoder\n" +
			"  consilium evidence index papers/ --index papers.index --encoder my-encoder/encoder.bin\n" +
			"  consilium evidence train --pairs --data medquad.jsonl.gz --out medquad-encoder",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if len(data) == 0 || out == "" {
				return fault.New(fault.Usage, "--data and --out are needed", "see the examples in --help")
			}
			plan := encoder.Plan{Folder: out, Config: cfg, Card: encoder.Card{Data: source, Licence: licence, Command: commandLine(os.Args[1:])}}
			if source == "" {
				plan.Card.Data = "files " + strings.Join(bases(data), ", ")
			}
			add := func() error { return plan.AddDocuments(evidence.Read(c.Context(), data...)) }
			if asPairs {
				add = func() error { return plan.AddQuestions(data...) }
			}
			if err := add(); err != nil {
				return err
			}
			bar := newBar(a)
			result, err := plan.Run(c.Context(), func(s encoder.Step) { showStep(bar, s) })
			if bar != nil {
				_ = bar.Exit()
				fmt.Fprintln(a.err)
			}
			if err != nil {
				return err
			}
			v := struct {
				encoder.Result
				Disclaimer string `json:"disclaimer"`
			}{result, clinical.Disclaimer}
			return a.show(v, func(w io.Writer) { writeTrained(w, out, result) })
		},
	}
	f := c.Flags()
	f.StringArrayVar(&data, "data", nil, "documents, or pairs with --pairs; may be repeated")
	f.StringVar(&out, "out", "", "folder for encoder.bin, its card, and the checkpoint while it trains")
	f.BoolVar(&asPairs, "pairs", false, "the data are JSON lines of question, answer and focus")
	f.StringVar(&source, "source", "", "what the data are, for the card (default: the files' names)")
	f.StringVar(&licence, "licence", "not stated", "licence of the data, for the card")
	f.IntVar(&cfg.Epochs, "epochs", cfg.Epochs, "passes over the pairs")
	f.IntVar(&cfg.Dimensions, "dimensions", cfg.Dimensions, "length of a vector")
	f.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "seed of everything drawn")
	c.AddCommand(newEvidenceTrainStance(a))
	return c
}

func bases(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = filepath.Base(p)
	}
	return out
}

func showStep(bar *progressbar.ProgressBar, s encoder.Step) {
	if bar == nil {
		return
	}
	if bar.GetMax() != s.Epochs*s.Steps {
		bar.ChangeMax(s.Epochs * s.Steps)
	}
	bar.Describe(fmt.Sprintf("epoch %d/%d loss %.3f", s.Epoch+1, s.Epochs, s.Loss))
	_ = bar.Set(s.Epoch*s.Steps + s.Step)
}

func writeTrained(w io.Writer, out string, r encoder.Result) {
	fmt.Fprintf(w, "%s, trained on %d pairs\n", r.Card.Name, r.Card.Pairs)
	fmt.Fprintf(w, "\n%d questions held out, by vectors alone among their passages\n%-10s %8s   %-17s %s\n", r.Card.HeldOut, "", "value", "95% interval", "less the shipped encoder")
	for i, v := range r.Card.Figures {
		d := r.AgainstShipped[i]
		fmt.Fprintf(w, "%-10s %8.3f   %.3f to %.3f    %+.3f (%+.3f to %+.3f)\n", v.Name, v.Value, v.Low, v.High, d.Value, d.Low, d.High)
	}
	fmt.Fprintf(w, "\nuse it: consilium evidence index FILE... --encoder %s\n", filepath.Join(out, encoder.ModelFile))
}
