package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/evidence"
	"consilium/evidence/benchmark"
)

func newEvidenceEval(a *app) *cobra.Command {
	var data, coded, abstracts, html string
	var o benchmark.Options
	c := &cobra.Command{
		Use:   "eval --data medquad.jsonl.gz",
		Short: "Measure retrieval: find an answer by its question",
		Long: "Known-item retrieval on MedQuAD: all answers are indexed without their questions, and each question of the test\n" +
			"part (30% of the diseases, by hash) looks for its answer. An identical answer under another identifier counts.\n" +
			"Prints BM25, vectors and both, with 95% bootstrap intervals and the paired difference to BM25.",
		Example: "  consilium evidence eval --data medquad.jsonl.gz --sample 1000 --html retrieval.html\n  consilium evidence eval --data medquad.jsonl.gz --encoder none --all --sample 500 --json",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			pairs, err := benchmark.ReadMedQuAD(data)
			if err != nil {
				return err
			}
			if abstracts != "" {
				all, err := benchmark.ReadPubMedQA(abstracts)
				if err != nil {
					return err
				}
				o.Instead = benchmark.Pairs(all)
			}
			if o.Encoder, err = a.encoder(c.Context(), coded); err != nil {
				return err
			}
			result, err := benchmark.Compare(c.Context(), pairs, o, func(what string, done, of int) { a.progress("%s %d of %d", what, done, of) })
			if err != nil {
				return err
			}
			v := struct {
				benchmark.Comparison
				Disclaimer string `json:"disclaimer"`
			}{result, clinical.Disclaimer}
			if err := a.show(v, func(w io.Writer) { writeComparison(w, result) }); err != nil {
				return err
			}
			return a.page(html, func(w io.Writer) error { return benchmark.WriteHTML(w, &result) })
		},
	}
	f := c.Flags()
	f.StringVar(&data, "data", "", "medquad.jsonl or medquad.jsonl.gz")
	f.StringVar(&coded, "encoder", "", "text encoder: a model file, a folder with model.onnx and vocab.txt, or none (default: the shipped one)")
	f.StringVar(&abstracts, "abstracts", "", "file of PubMedQA: ask its questions for its abstracts, among the answers of --data")
	f.StringVar(&html, "html", "", "also write the figures as one self-contained HTML page with pictures")
	f.IntVar(&o.Passage, "passage", -1, "length of a passage in bytes; -1 for whole answers")
	f.IntVar(&o.Sample, "sample", 0, "ask so many questions, chosen by --seed (default: all)")
	f.StringVar(&o.Fusion.Method, "fusion", evidence.DefaultFusion.Method, "how the rankings are joined: convex or rrf")
	f.Float64Var(&o.Fusion.Dense, "share", evidence.DefaultFusion.Dense, "share of the vectors, 0 to 1")
	f.Uint64Var(&o.Seed, "seed", 1, "of the sample and of the bootstrap")
	f.BoolVar(&o.All, "all", false, "ask questions of all diseases, also those that an encoder was trained on")
	_ = c.MarkFlagRequired("data")
	return c
}

func writeComparison(w io.Writer, c benchmark.Comparison) {
	fmt.Fprintf(w, "%d of %d questions; %d answers, %d passages, indexed in %.1f s\n", c.Questions, c.Of, c.Documents, c.Passages, c.Seconds)
	if c.Encoder != "" {
		fmt.Fprintf(w, "encoder %s; fusion %s, share of the vectors %.2f\n", c.Encoder, c.Fusion.Method, c.Fusion.Dense)
	}
	for _, r := range c.Runs {
		fmt.Fprintf(w, "\n%s: a query takes %.1f ms, 99th percentile %.1f ms\n", r.Name, r.P50, r.P99)
		for i, f := range r.Figures {
			fmt.Fprintf(w, "  %-8s %.3f (%.3f to %.3f)", f.Name, f.Value, f.Low, f.High)
			if len(r.Less) > 0 {
				d := r.Less[i]
				fmt.Fprintf(w, "   less BM25: %+.3f (%+.3f to %+.3f)", d.Value, d.Low, d.High)
			}
			fmt.Fprintln(w)
		}
	}
}
