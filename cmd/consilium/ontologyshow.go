package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/ontology"
)

func newOntologyShow(a *app) *cobra.Command {
	var n int
	c := &cobra.Command{
		Use:   "show [TERM|DISEASE|WORDS]",
		Short: "Look up a term, a disease, or words",
		Long: "A term is shown with its definition, its place and the diseases in which it is most frequent; a disease with its\n" +
			"findings and their frequencies. Identifiers that were merged or replaced are followed. Words are searched in\n" +
			"labels, synonyms and names of diseases.",
		Example: "  consilium ontology show HP:0001250\n  consilium ontology show OMIM:154700\n  consilium ontology show stiff joint --json",
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := a.home()
			if err != nil {
				return err
			}
			b, err := ontology.Open(dir)
			if err != nil {
				return err
			}
			found, err := b.Find(strings.Join(args, " "), max(1, n))
			if err != nil {
				return err
			}
			return a.show(struct {
				ontology.Answer
				Notice     string `json:"notice"`
				Disclaimer string `json:"disclaimer"`
			}{found, b.Notice(), clinical.Disclaimer}, func(w io.Writer) {
				printAnswer(w, found)
				fmt.Fprintf(w, "\n%s\n", b.Notice())
			})
		},
	}
	c.Flags().IntVarP(&n, "number", "n", 10, "how many diseases or names to list at most")
	return c
}

func printAnswer(w io.Writer, a ontology.Answer) {
	if a.Term != nil {
		printTerm(w, a.Term)
	}
	if a.Disease != nil {
		printDisease(w, a.Disease)
	}
	printNames(w, "Terms with these words", a.Terms)
	printNames(w, "Diseases with these words", a.Diseases)
}

func printTerm(w io.Writer, t *ontology.TermSheet) {
	if t.Asked != "" {
		fmt.Fprintf(w, "%s was %s\n", t.Asked, map[string]string{"alternative": "merged into", "replaced": "replaced by"}[t.Status])
	}
	fmt.Fprintf(w, "%s  %s\n", t.ID, t.Name)
	if t.Definition != "" {
		fmt.Fprintf(w, "\n%s\n", t.Definition)
	}
	if len(t.Synonyms) > 0 {
		fmt.Fprintf(w, "\nAlso called: %s\n", strings.Join(t.Synonyms, "; "))
	}
	printNames(w, "Above it", t.Parents)
	printNames(w, "Below it", t.Children)
	fmt.Fprintf(w, "\n%d diseases have it or a term below it. Information content %.2f nats.\n", t.Diseases, t.InformationContent)
	if len(t.Top) > 0 {
		fmt.Fprintln(w, "Most frequent in:")
		printTable(w, t.Top)
	}
}

func printDisease(w io.Writer, d *ontology.DiseaseSheet) {
	fmt.Fprintf(w, "%s  %s\n", d.ID, d.Name)
	if len(d.Genes) > 0 {
		fmt.Fprintf(w, "\nGenes: %s\n", strings.Join(d.Genes, ", "))
	}
	printNames(w, "Inheritance", d.Inheritance)
	printNames(w, "Onset and course", d.Course)
	fmt.Fprintf(w, "\n%d findings\n", len(d.Findings))
	printTable(w, d.Findings)
	if len(d.Excluded) > 0 {
		fmt.Fprintf(w, "\nLooked for and not found\n")
		printTable(w, d.Excluded)
	}
	printNames(w, "Also recorded", d.Other)
}

func printNames(w io.Writer, title string, names []ontology.Named) {
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, n := range names {
		fmt.Fprintf(t, "  %s\t%s\n", n.ID, n.Name)
	}
	t.Flush()
}

// printTable draws the shares as bars of 20 characters.
func printTable(w io.Writer, rows []ontology.FrequentRow) {
	const width = 20
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		bar := strings.Repeat("·", width)
		if r.Share != nil {
			full := int(math.Round(*r.Share * width))
			bar = strings.Repeat("█", full) + strings.Repeat("░", width-full)
		}
		var more []string
		if r.Term != nil {
			more = append(more, "as "+r.Term.Name)
		}
		if r.Onset != nil {
			more = append(more, r.Onset.Name)
		}
		if r.Sex != "" {
			more = append(more, "in "+r.Sex+"s")
		}
		for _, m := range r.Modifiers {
			more = append(more, m.Name)
		}
		name := r.Name
		if more != nil {
			name += "\t" + strings.Join(more, "; ")
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", bar, r.Frequency, r.ID, name)
	}
	t.Flush()
}
