package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/evidence"
	"consilium/evidence/stance"
)

func newEvidenceAnswer(a *app, e *evidenceFlags) *cobra.Command {
	q := evidence.Query{Fusion: evidence.DefaultFusion}
	var count int
	c := &cobra.Command{
		Use:   "answer QUESTION",
		Short: "Quote the sentences that answer, and say yes, no, maybe or cannot tell",
		Long: "Quotes sentences as they stand in the documents, each with its source. For a question that yes or no can answer,\n" +
			"the best document that speaks of all that was asked is judged: what it says is yes, no, maybe, or cannot be told.",
		Example: "  consilium evidence answer \"Is mammography use increased by counselling?\"\n  consilium evidence answer \"What causes gout?\" --sentences 5 --json",
		Args:    exactly("QUESTION"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			ix, err := e.open(c.Context(), evidence.Options{ReadOnly: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, ix.Close()) }()
			judge, err := stance.New()
			if err != nil {
				return err
			}
			q.Text = args[0]
			answer, err := ix.Answer(c.Context(), q, count)
			if err != nil {
				return err
			}
			position, err := ix.Position(answer, func(question string, sentences []string) (string, map[string]float64, []int) {
				s := judge.Judge(question, sentences)
				return s.Label, s.Probabilities, s.Because
			})
			if err != nil {
				return err
			}
			v := struct {
				evidence.Answer
				Position   evidence.Position `json:"position"`
				Disclaimer string            `json:"disclaimer"`
			}{answer, position, clinical.Disclaimer}
			return a.show(v, func(w io.Writer) { writeAnswer(w, answer, position) })
		},
	}
	e.withEncoder(c)
	c.Flags().IntVar(&q.Top, "top", 5, "passages to take sentences from")
	c.Flags().IntVar(&count, "sentences", 3, "sentences to quote")
	c.Flags().StringVar(&q.Mode, "mode", evidence.Fused, "fused, words (BM25) or dense (vectors)")
	c.Flags().Float64Var(&q.Fusion.Dense, "share", evidence.DefaultFusion.Dense, "share of the vectors when fused, 0 to 1")
	return c
}

func writeAnswer(w io.Writer, answer evidence.Answer, position evidence.Position) {
	fmt.Fprintf(w, "%s\n", position.Label)
	if p := position.Probabilities; p != nil {
		fmt.Fprintf(w, "  yes %.2f, no %.2f, maybe %.2f; judged: %s\n", p[stance.Yes], p[stance.No], p[stance.Maybe], printable(position.Document))
	}
	if position.Note != "" {
		fmt.Fprintf(w, "  %s\n", position.Note)
	}
	writeSentences(w, "because", position.Because)
	writeSentences(w, "found", answer.Sentences)
	writeNotes(w, answer.Notes)
}

func writeSentences(w io.Writer, heading string, sentences []evidence.Sentence) {
	if len(sentences) > 0 {
		fmt.Fprintf(w, "\n%s\n", heading)
	}
	for _, s := range sentences {
		fmt.Fprintf(w, "  %s\n    %s, bytes %d to %d\n", printable(strings.Join(strings.Fields(s.Span.Text), " ")),
			sourceLine(s.Document, s.Title, s.Source, s.Year, s.Page, s.Retracted), s.Span.Start, s.Span.End)
	}
}
