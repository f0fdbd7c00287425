package phenotype

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"consilium/clinical"
)

// row is what was said of one term in one way, wherever it was said.
type row struct {
	clinical.PhenotypicFeature
	lines []string
	words []string
}

// WriteTable writes what Extract found in a text: term, what is said of it, the
// lines and the words.
func WriteTable(w io.Writer, text string, p clinical.Phenotype) {
	if len(p.Features) == 0 {
		fmt.Fprintln(w, "No term of the ontology was found in the text.")
	} else {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "TERM\tLABEL\tIS\tSIDE\tLINE\tWORDS")
		for _, r := range rows(text, p.Features) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Term, r.Label, said(r.PhenotypicFeature), r.Laterality, strings.Join(r.lines, ","), strings.Join(r.words, "; "))
		}
		_ = t.Flush() // into memory or a stream whose errors the caller sees
	}
	for _, term := range contradictions(p.Features) {
		fmt.Fprintf(w, "note: %s is said to be present and absent; a profile takes it for present\n", term)
	}
	for _, r := range p.Refusals {
		fmt.Fprintf(w, "%s: %s (%s)\n", r.Code, r.What, r.Do)
	}
}

// said names subject and assertion: present, absent, uncertain; of a relative: family.
func said(f clinical.PhenotypicFeature) string {
	switch {
	case !f.Family:
		return Assertion(f)
	case Assertion(f) == "present":
		return "family"
	}
	return "family, " + Assertion(f)
}

func rows(text string, features []clinical.PhenotypicFeature) []*row {
	var out []*row
	byKey := map[string]*row{}
	for _, f := range features {
		key := f.Term + " " + said(f) + " " + f.Laterality
		r := byKey[key]
		if r == nil {
			r = &row{PhenotypicFeature: f}
			byKey[key] = r
			out = append(out, r)
		}
		if f.Span == nil {
			continue
		}
		if line := strconv.Itoa(1 + strings.Count(text[:f.Span.Start], "\n")); !slices.Contains(r.lines, line) {
			r.lines = append(r.lines, line)
		}
		if words := strings.Join(strings.Fields(f.Span.Text), " "); !slices.Contains(r.words, words) {
			r.words = append(r.words, words)
		}
	}
	return out
}

func contradictions(features []clinical.PhenotypicFeature) (terms []string) {
	said := map[string]string{}
	for _, f := range features {
		if f.Family || f.Uncertain {
			continue
		}
		if before, ok := said[f.Term]; ok && before != Assertion(f) && !slices.Contains(terms, f.Label) {
			terms = append(terms, f.Label)
		}
		said[f.Term] = Assertion(f)
	}
	return terms
}

// Colours of Highlight: what is there, is not, may be, and is said of relatives.
var colours = map[string]string{"present": "\x1b[1;32m", "absent": "\x1b[9;31m", "uncertain": "\x1b[33m", "family": "\x1b[36m"}

// Highlight writes the text with the found words in colour, for a terminal.
// Control characters of the text itself are taken out.
func Highlight(w io.Writer, text string, p clinical.Phenotype) {
	at := 0
	for _, f := range p.Features {
		if f.Span == nil || f.Span.Start < at {
			continue
		}
		kind := said(f)
		if f.Family {
			kind = "family"
		}
		fmt.Fprint(w, plainText(text[at:f.Span.Start]), colours[kind], plainText(text[f.Span.Start:f.Span.End]), "\x1b[0m")
		at = f.Span.End
	}
	fmt.Fprintln(w, strings.TrimRight(plainText(text[at:]), "\n"))
	fmt.Fprintln(w, colours["present"]+"present\x1b[0m", colours["absent"]+"absent\x1b[0m", colours["uncertain"]+"uncertain\x1b[0m", colours["family"]+"family\x1b[0m")
}

func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// Write writes an evaluation as a table.
func (e Evaluation) Write(w io.Writer) {
	fmt.Fprintf(w, "%d sentences. Intervals: 95%%, bootstrap over sentences. Baseline: labels word for word, all taken for present.\n\n", e.Sentences)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "FOUND\tMARKED\tPRECISION\tRECALL\tF1\t95% INTERVAL\tBASELINE F1")
	for i, s := range e.Scores {
		fmt.Fprintf(t, "%s\t%d\t%.3f\t%.3f\t%.3f\t%.3f to %.3f\t%.3f\n", s.Name, s.Marked, s.Precision, s.Recall, s.F1, s.Low, s.High, e.Baseline[i].F1)
	}
	_ = t.Flush()
	fmt.Fprintf(w, "\ntriple F1 above the baseline: %.3f (%.3f to %.3f)\n", e.Gain[0], e.Gain[1], e.Gain[2])
	fmt.Fprintf(w, "subject and polarity right where the term was found: %.3f\n", e.Assertion)
}

// WriteDifferences lists the sentences that were not read as marked.
func (e Evaluation) WriteDifferences(w io.Writer) {
	for _, d := range e.Differences {
		fmt.Fprintf(w, "\n> %s\n", d.Text)
		for _, m := range d.Missed {
			fmt.Fprintf(w, "  missed  %s\n", m)
		}
		for _, m := range d.Wrong {
			fmt.Fprintf(w, "  wrong   %s\n", m)
		}
	}
}
