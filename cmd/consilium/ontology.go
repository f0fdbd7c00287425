package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/ontology"
)

func newOntology(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "ontology",
		Short: "Import and look up the terms of findings (HPO) and the diseases described with them",
		Long: "Terms of findings and the diseases that have been described with them, from the files of the Human Phenotype\n" +
			"Ontology. Until these are imported, a small generated sample stands in: it is no medical knowledge.",
		Example: "  consilium ontology import hp.json phenotype.hpoa genes_to_phenotype.txt\n  consilium ontology show HP:0001250\n  consilium ontology status",
		Args:    noVerb,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newOntologyImport(a), newOntologyShow(a), newOntologyStatus(a))
	return c
}

// ontologyLine is what import and status show.
type ontologyLine struct {
	Imported     bool              `json:"imported"`
	Synthetic    bool              `json:"synthetic"`
	Terms        int               `json:"terms"`
	Diseases     int               `json:"diseases"`
	Annotations  int               `json:"annotations"`
	Sources      []ontology.Source `json:"sources"`
	Milliseconds int64             `json:"milliseconds"`      // to open it
	Rebuilt      string            `json:"rebuilt,omitempty"` // why the cache was built again
	Notice       string            `json:"notice"`
	Disclaimer   string            `json:"disclaimer"`
}

func lineOfBase(b *ontology.Base) ontologyLine {
	l := ontologyLine{Synthetic: b.Synthetic, Terms: b.Len(), Diseases: len(b.Diseases), Sources: b.Sources, Notice: b.Notice(), Disclaimer: clinical.Disclaimer}
	for i := range b.Diseases {
		l.Annotations += len(b.Diseases[i].Annotations)
	}
	return l
}

func (l ontologyLine) print(w io.Writer) {
	fmt.Fprintf(w, "%d terms, %d diseases, %d annotations\n\n", l.Terms, l.Diseases, l.Annotations)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "FILE\tHOLDS\tVERSION\tSHA-256\tLINES LEFT OUT")
	for _, s := range l.Sources {
		var skipped []string
		for _, reason := range s.Skipped.Reasons() {
			skipped = append(skipped, fmt.Sprintf("%d %s", s.Skipped[reason], reason))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.16s\t%s\n", s.Name, s.Kind, s.Version, s.SHA256, strings.Join(skipped, ", "))
	}
	t.Flush()
	fmt.Fprintf(w, "\n%s\n", l.Notice)
}

func newOntologyImport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE...",
		Short: "Bring in hp.json, phenotype.hpoa and genes_to_phenotype.txt of an HPO release",
		Long: "Reads the ontology (obographs JSON), the annotations of diseases and, when given, their genes, each plain or\n" +
			"gzipped, in any order. The files are not altered: copies are kept byte for byte in the data directory, with a\n" +
			"cache beside them that loads fast and can always be built again from them.",
		Example: "  consilium ontology import hp.json phenotype.hpoa genes_to_phenotype.txt\n  consilium ontology import hp.json.gz phenotype.hpoa.gz --json",
		Args:    files("file of an ontology"),
		RunE: func(c *cobra.Command, args []string) error {
			dir, err := a.home()
			if err != nil {
				return err
			}
			start := time.Now()
			b, err := ontology.Import(c.Context(), dir, func(s string) { a.progress("%s", s) }, args...)
			if err != nil {
				return err
			}
			l := lineOfBase(b)
			l.Imported, l.Milliseconds = true, time.Since(start).Milliseconds()
			return a.show(l, l.print)
		},
	}
}

func newOntologyStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show what was imported, its versions, and whether it is whole",
		Long:    "Shows the files in use and compares the kept originals with their SHA-256. A cache that is damaged is built again.",
		Example: "  consilium ontology status\n  consilium ontology status --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.home()
			if err != nil {
				return err
			}
			s, err := ontology.Check(dir)
			if err != nil {
				return err
			}
			l := lineOfBase(s.Base)
			l.Imported, l.Milliseconds = s.Imported, s.Took.Milliseconds()
			if s.Stale != nil {
				l.Rebuilt = s.Stale.Error()
			}
			return a.show(l, func(w io.Writer) {
				if !l.Imported {
					fmt.Fprintln(w, "Nothing was imported: the built-in sample is in use.")
				}
				l.print(w)
				fmt.Fprintf(w, "Opened in %d ms.\n", l.Milliseconds)
			})
		},
	}
}
