package ontology

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"consilium/fault"
)

// maxLine bounds one line of an annotation file.
const maxLine = 1 << 20

// columns of phenotype.hpoa, in the order of the releases since 2018.
const hpoaColumns = 12

// maxGeneColumns is more than genes_to_phenotype.txt has had in any release (9).
const maxGeneColumns = 16

// Skipped counts lines that could not be used, by reason.
type Skipped map[string]int

// Reasons lists them in order.
func (s Skipped) Reasons() []string { return slices.Sorted(maps.Keys(s)) }

// annotated is what an annotation file holds.
type annotated struct {
	diseases  []Disease
	version   string
	synthetic bool // the file says of itself that it is invented
	skipped   Skipped
}

// readHPOA reads phenotype.hpoa: one line for each disease and term. Lines that
// name a term the ontology does not know are counted, not fatal: an annotation
// file is often of another release than the ontology.
func readHPOA(r io.Reader, o *Ontology) (annotated, error) {
	out := annotated{skipped: Skipped{}}
	at := map[string]int{}
	lines := 0
	err := eachLine(r, func(n int, line string) error {
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			out.header(comment)
			return nil
		}
		if line == "" || strings.HasPrefix(line, "DatabaseID\t") || strings.HasPrefix(line, "database_id\t") {
			return nil
		}
		f := strings.SplitN(line, "\t", hpoaColumns+1)
		if len(f) != hpoaColumns {
			return fault.New(fault.InputMalformed, fmt.Sprintf("line %d has %d columns instead of %d", n, strings.Count(line, "\t")+1, hpoaColumns), "import phenotype.hpoa of an HPO release, as it was downloaded")
		}
		lines++
		a, reason := annotation(f, o)
		if reason != "" {
			out.skipped[reason]++
			return nil
		}
		i, known := at[f[0]]
		if !known {
			i = len(out.diseases)
			at[f[0]] = i
			out.diseases = append(out.diseases, Disease{ID: f[0], Name: f[1]})
		}
		out.diseases[i].Annotations = append(out.diseases[i].Annotations, a)
		return nil
	})
	if err != nil {
		return annotated{}, err
	}
	if lines == 0 {
		return annotated{}, fault.New(fault.InputMalformed, "the annotation file holds no line", "import phenotype.hpoa of an HPO release, as it was downloaded")
	}
	if len(out.diseases) == 0 {
		return annotated{}, fault.New(fault.InputMalformed, fmt.Sprintf("none of the %d lines names a term of the ontology", lines), "import ontology and annotations that belong together")
	}
	if len(out.skipped) == 0 {
		out.skipped = nil
	}
	slices.SortFunc(out.diseases, func(a, b Disease) int { return compareText(a.ID, b.ID) })
	return out, nil
}

// header reads a line of the comments above the table.
func (a *annotated) header(comment string) {
	key, value, _ := strings.Cut(comment, ":")
	value = strings.TrimSpace(value)
	switch strings.TrimSpace(key) {
	case "date", "version":
		a.version = value
	case "description":
		a.synthetic = strings.HasPrefix(value, "SYNTHETIC")
	}
}

// annotation reads one line; a reason says why it cannot be used.
func annotation(f []string, o *Ontology) (Annotation, string) {
	if f[0] == "" {
		return Annotation{}, "disease without identifier"
	}
	term, ok := o.Lookup(f[3])
	if !ok {
		return Annotation{}, "term unknown"
	}
	frequency, ok := parseFrequency(f[7])
	if !ok {
		return Annotation{}, "frequency unreadable"
	}
	a := Annotation{Term: term, Excluded: strings.EqualFold(f[2], "NOT"), Frequency: frequency, Evidence: f[5], Onset: None}
	a.References = fields(f[4])
	if onset, ok := o.Lookup(f[6]); ok {
		a.Onset = onset
	}
	switch strings.ToUpper(f[8]) {
	case "MALE", "M":
		a.Sex = 'M'
	case "FEMALE", "F":
		a.Sex = 'F'
	}
	for _, m := range fields(f[9]) {
		if i, ok := o.Lookup(m); ok {
			a.Modifiers = append(a.Modifiers, i)
		}
	}
	if f[10] != "" {
		a.Aspect = f[10][0]
	}
	if a.Frequency.Known && a.Frequency.Share == 0 {
		a.Excluded = true
	}
	return a, ""
}

func fields(s string) []string {
	list := strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
	if len(list) == 0 {
		return nil
	}
	return list
}

// readGenes reads genes_to_phenotype.txt and gives the genes of each disease.
// Releases differ in their columns; the header names them, in the older ones
// behind "#Format:". Without one, the symbol is the second and the disease the last.
func readGenes(r io.Reader) (map[string][]string, error) {
	genes := map[string][]string{}
	seen := map[[2]string]bool{}
	symbol, disease := 1, -1
	err := eachLine(r, func(n int, line string) error {
		if line == "" || strings.HasPrefix(line, "#") {
			return nil
		}
		f := strings.SplitN(line, "\t", maxGeneColumns+1)
		if strings.HasPrefix(line, "ncbi_gene_id\t") {
			symbol, disease = slices.Index(f, "gene_symbol"), slices.Index(f, "disease_id")
			if symbol < 0 || disease < 0 {
				return fault.New(fault.InputMalformed, "the header names no gene_symbol or no disease_id", "import genes_to_phenotype.txt of an HPO release, as it was downloaded")
			}
			return nil
		}
		at := disease
		if at < 0 {
			at = len(f) - 1
		}
		if len(f) < 4 || len(f) > maxGeneColumns || at >= len(f) || symbol >= len(f) {
			return fault.New(fault.InputMalformed, fmt.Sprintf("line %d has %d columns, 4 to %d are known", n, strings.Count(line, "\t")+1, maxGeneColumns), "import genes_to_phenotype.txt of an HPO release, as it was downloaded")
		}
		key := [2]string{f[at], f[symbol]}
		if key[0] == "" || key[1] == "" || key[1] == "-" || seen[key] {
			return nil
		}
		seen[key] = true
		genes[key[0]] = append(genes[key[0]], key[1])
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, g := range genes {
		slices.Sort(g)
	}
	return genes, nil
}

// eachLine calls use with every line, without its end.
func eachLine(r io.Reader, use func(n int, line string) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; s.Scan(); n++ {
		if err := use(n, string(bytes.TrimRight(s.Bytes(), "\r"))); err != nil {
			return err
		}
	}
	if err := s.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fault.New(fault.InputTooLarge, fmt.Sprintf("a line is longer than %d KB", maxLine>>10), "check what this file is")
	} else if err != nil {
		return cut(err, "the file cannot be read to its end", "take the file again from its publisher")
	}
	return nil
}
