package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/evidence"
	"consilium/evidence/encoder"
	"consilium/evidence/encoder/sentence"
	"consilium/fault"
)

func newEvidence(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "evidence",
		Short: "Index your own documents, and search them for passages that answer",
		Long: "An index is a folder on this machine; documents never leave it. Every passage and sentence that is shown\n" +
			"names its document, source and place. Nothing is written anew.",
		Example: "  consilium evidence index pubmed.xml.gz guidelines/\n  consilium evidence search \"symptoms of Marfan syndrome\"\n  consilium evidence answer \"Do statins reduce mortality after stroke?\"",
		Args:    noVerb,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	e := &evidenceFlags{app: a}
	c.PersistentFlags().StringVar(&e.folder, "index", "", "folder of the index (default: evidence in the data directory)")
	c.AddCommand(newEvidenceIndex(a, e), newEvidenceSearch(a, e), newEvidenceAnswer(a, e), newEvidenceDelete(a, e), newEvidenceStatus(a, e), newEvidenceEval(a), newEvidenceTrain(a))
	return c
}

// evidenceFlags say which index is meant, and with which encoder.
type evidenceFlags struct {
	app     *app
	folder  string
	encoder string
}

const noEncoder = "none"

func (e *evidenceFlags) withEncoder(c *cobra.Command) {
	c.Flags().StringVar(&e.encoder, "encoder", "", "text encoder: a model file, a folder with model.onnx and vocab.txt, or none (default: the shipped one)")
}

func (e *evidenceFlags) dir() (string, error) {
	if e.folder != "" {
		return filepath.Abs(e.folder)
	}
	home, err := e.app.home()
	return filepath.Join(home, "evidence"), err
}

// open opens the index with its encoder.
func (e *evidenceFlags) open(ctx context.Context, o evidence.Options) (*evidence.Index, error) {
	dir, err := e.dir()
	if err != nil {
		return nil, err
	}
	of, exists, err := evidence.EncoderOf(dir)
	if err != nil {
		return nil, err
	}
	if e.encoder != "" || !exists || of != "" { // an index without vectors needs no encoder
		if o.Encoder, err = e.app.encoder(ctx, e.encoder); err != nil {
			return nil, err
		}
	}
	return evidence.Open(ctx, dir, o)
}

// encoder opens a text encoder: "" is the shipped one, "none" is none.
func (a *app) encoder(ctx context.Context, name string) (evidence.Encoder, error) {
	switch info, err := os.Stat(name); {
	case name == noEncoder:
		return nil, nil
	case name == "":
		return encoder.New()
	case err != nil:
		return nil, fault.Wrap(err, fault.ModelMissing, "there is no encoder "+name, "name a model file, a folder with model.onnx and vocab.txt, or none")
	case info.IsDir():
		return sentence.Open(ctx, name, a.engine())
	}
	return encoder.Load(name)
}

func newEvidenceIndex(a *app, e *evidenceFlags) *cobra.Command {
	var size int
	var rebuild bool
	c := &cobra.Command{
		Use:   "index FILE|FOLDER...",
		Short: "Put documents into the index",
		Long: "Reads JSON lines (id, title or question, text or answer, source, url, year), PubMed XML, PDF (through pdftotext) and\n" +
			"plain text, packed with gzip or not; what a file is, its content decides. An unchanged document costs nothing, a\n" +
			"changed one replaces the old. After Ctrl-C or a crash the same command goes on where it stopped.",
		Example: "  consilium evidence index medquad.jsonl.gz\n  consilium evidence index papers/ --passage 1000 --index papers.index\n  consilium evidence index --rebuild",
		RunE: func(c *cobra.Command, args []string) (err error) {
			if rebuild != (len(args) == 0) {
				return fault.New(fault.Usage, "name files to index, or --rebuild alone", "see the examples in --help")
			}
			if rebuild {
				return e.rebuild(c.Context())
			}
			ix, err := e.open(c.Context(), evidence.Options{Passage: size})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, ix.Close()) }()
			report, err := ix.Add(c.Context(), evidence.Read(c.Context(), args...), func(r evidence.Report) {
				a.progress("%d documents: %d added, %d changed, %d unchanged, %d refused", r.Seen(), r.Added, r.Changed, r.Unchanged, r.Refused)
			})
			if err != nil {
				return err
			}
			return a.showIndexed(report)
		},
	}
	e.withEncoder(c)
	c.Flags().IntVar(&size, "passage", 0, fmt.Sprintf("length of a passage in bytes, for a new index (default %d); -1 for whole documents", evidence.DefaultPassage))
	c.Flags().BoolVar(&rebuild, "rebuild", false, "make the word index again from the stored documents")
	return c
}

func (e *evidenceFlags) rebuild(ctx context.Context) error {
	dir, err := e.dir()
	if err != nil {
		return err
	}
	err = evidence.Rebuild(ctx, dir, func(done, of int) { e.app.progress("%d of %d documents", done, of) })
	if err != nil {
		return err
	}
	return e.app.shown("rebuilt", dir)
}

// showIndexed prints what became of the documents. When every one was refused, that is a failure.
func (a *app) showIndexed(r evidence.Report) error {
	if r.Refused > 0 && r.Refused == r.Seen() {
		first := r.Refusals[0]
		return fault.New(fault.Code(first.Code), fmt.Sprintf("nothing was indexed; of %d refusals the first: %s", r.Refused, first.What), first.Do)
	}
	v := struct {
		evidence.Report
		Disclaimer string `json:"disclaimer"`
	}{r, clinical.Disclaimer}
	return a.show(v, func(w io.Writer) {
		fmt.Fprintf(w, "%d added, %d changed, %d unchanged", r.Added, r.Changed, r.Unchanged)
		if r.Renamed > 0 {
			fmt.Fprintf(w, ", %d of them with an identifier that another had (now ID#2)", r.Renamed)
		}
		fmt.Fprintln(w)
		for _, f := range r.Refusals {
			fmt.Fprintf(w, "refused  %s  %s: %s (%s)\n", printable(f.Input), f.Code, printable(f.What), printable(f.Do))
		}
		if more := r.Refused - len(r.Refusals); more > 0 {
			fmt.Fprintf(w, "refused  %d more\n", more)
		}
	})
}

func newEvidenceSearch(a *app, e *evidenceFlags) *cobra.Command {
	q := evidence.Query{Fusion: evidence.DefaultFusion}
	c := &cobra.Command{
		Use:     "search QUESTION",
		Short:   "Find the passages that fit best",
		Example: "  consilium evidence search \"how is phenylketonuria inherited\" --top 5\n  consilium evidence search ataxia --mode words --json",
		Args:    exactly("QUESTION"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			ix, err := e.open(c.Context(), evidence.Options{ReadOnly: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, ix.Close()) }()
			q.Text = args[0]
			found, err := ix.Search(c.Context(), q)
			if err != nil {
				return err
			}
			v := struct {
				evidence.Result
				Disclaimer string `json:"disclaimer"`
			}{found, clinical.Disclaimer}
			return a.show(v, func(w io.Writer) { writeFound(w, found) })
		},
	}
	e.withEncoder(c)
	c.Flags().IntVar(&q.Top, "top", 10, "passages to show")
	c.Flags().StringVar(&q.Mode, "mode", evidence.Fused, "fused, words (BM25) or dense (vectors)")
	c.Flags().Float64Var(&q.Fusion.Dense, "share", evidence.DefaultFusion.Dense, "share of the vectors when fused, 0 to 1")
	return c
}

const shownBytes = 400 // of a passage, on a terminal

func writeFound(w io.Writer, found evidence.Result) {
	for i, p := range found.Passages {
		text := p.Span.Text
		if len(text) > shownBytes {
			text = strings.ToValidUTF8(text[:shownBytes], "") + " ..."
		}
		fmt.Fprintf(w, "%2d. %s\n    %s\n    %s\n", i+1, sourceLine(p.Document, p.Title, p.Source, p.Year, p.Page, p.Retracted), foundBy(p), printable(strings.Join(strings.Fields(text), " ")))
		if p.URL != "" {
			fmt.Fprintf(w, "    %s\n", printable(p.URL))
		}
	}
	if len(found.Passages) == 0 {
		fmt.Fprintln(w, "nothing in the index fits")
	}
	writeNotes(w, found.Notes)
}

func writeNotes(w io.Writer, notes []string) {
	for _, n := range notes {
		fmt.Fprintf(w, "note: %s\n", printable(n))
	}
}

// sourceLine names where a text is from.
func sourceLine(id, title, source string, year, page int, retracted bool) string {
	line := ""
	if retracted {
		line = "RETRACTED  "
	}
	if title != "" {
		line += title + ". "
	}
	if source != "" {
		line += source
	}
	if year > 0 {
		line += fmt.Sprintf(", %d", year)
	}
	if page > 0 {
		line += fmt.Sprintf(", page %d", page)
	}
	return printable(line + " [" + id + "]")
}

func foundBy(p evidence.Passage) string {
	var by []string
	if p.WordRank > 0 {
		by = append(by, fmt.Sprintf("words %d (%.2f)", p.WordRank, p.WordScore))
	}
	if p.DenseRank > 0 {
		by = append(by, fmt.Sprintf("vectors %d (%.3f)", p.DenseRank, p.Cosine))
	}
	return fmt.Sprintf("bytes %d to %d; by %s", p.Span.Start, p.Span.End, strings.Join(by, ", "))
}

func newEvidenceDelete(a *app, e *evidenceFlags) *cobra.Command {
	var ids, sources []string
	c := &cobra.Command{
		Use:     "delete",
		Short:   "Take documents out of the index",
		Example: "  consilium evidence delete --id PMID:10808977\n  consilium evidence delete --source old-guideline.pdf",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if len(ids)+len(sources) == 0 {
				return fault.New(fault.Usage, "nothing was named", "give --id or --source")
			}
			dir, err := e.dir()
			if err != nil {
				return err
			}
			if _, exists, err := evidence.EncoderOf(dir); err != nil {
				return err
			} else if !exists {
				return fault.New(fault.NotFound, "there is no index in "+dir, "make one: consilium evidence index FILE...")
			}
			ix, err := evidence.Open(c.Context(), dir, evidence.Options{})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, ix.Close()) }()
			removed, absent, err := ix.Delete(c.Context(), ids, sources)
			if err != nil {
				return err
			}
			if removed == 0 {
				return fault.New(fault.NotFound, fmt.Sprintf("the index has none of %s", strings.Join(absent, ", ")), "see consilium evidence status")
			}
			v := map[string]any{"removed": removed, "absent": absent, "disclaimer": clinical.Disclaimer}
			return a.show(v, func(w io.Writer) {
				fmt.Fprintf(w, "%d documents removed\n", removed)
				for _, id := range absent {
					fmt.Fprintf(w, "not there: %s\n", printable(id))
				}
			})
		},
	}
	c.Flags().StringArrayVar(&ids, "id", nil, "identifier of a document; may be repeated")
	c.Flags().StringArrayVar(&sources, "source", nil, "all documents of a source; may be repeated")
	return c
}

func newEvidenceStatus(a *app, e *evidenceFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Tell what the index holds",
		Example: "  consilium evidence status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			dir, err := e.dir()
			if err != nil {
				return err
			}
			ix, err := evidence.Open(c.Context(), dir, evidence.Options{ReadOnly: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, ix.Close()) }()
			s, err := ix.Status()
			if err != nil {
				return err
			}
			return a.show(map[string]any{"index": s, "disclaimer": clinical.Disclaimer}, func(w io.Writer) { writeStatus(w, s) })
		},
	}
}

func writeStatus(w io.Writer, s evidence.Status) {
	coded := "none"
	if s.Encoder != "" {
		coded = s.Encoder
	}
	size := "whole documents"
	if s.Passage > 0 {
		size = fmt.Sprintf("up to %d bytes", s.Passage)
	}
	fmt.Fprintf(w, "%d documents, %d passages (%s), %.1f MB in %s\nencoder: %s\n", s.Documents, s.Passages, size, float64(s.Bytes)/1e6, s.Folder, coded)
	for _, source := range slices.Sorted(maps.Keys(s.Sources)) {
		fmt.Fprintf(w, "%8d  %s\n", s.Sources[source], printable(source))
	}
}
