package ontology

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"consilium/fault"
)

// maxLine bounds one line of an annotation file.
const maxLine = 1 << 20

// columns of phenotype.hpoa, in the order of the releases since 2018.
const hpoaColumns = 12

// Skipped counts lines that could not be used, by reason.
type Skipped map[string]int

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
	if f[8] != "" {
		a.Sex = strings.ToUpper(f[8])[0]
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
	return strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
}

// readGenes reads genes_to_phenotype.txt and gives the genes of each disease. The
// releases differ in their columns: a gene symbol is the second, the disease the last.
func readGenes(r io.Reader) (map[string][]string, error) {
	genes := map[string][]string{}
	seen := map[[2]string]bool{}
	err := eachLine(r, func(n int, line string) error {
		if strings.HasPrefix(line, "#") || line == "" || strings.HasPrefix(line, "ncbi_gene_id\t") {
			return nil
		}
		f := strings.Split(line, "\t")
		if len(f) < 5 {
			return fault.New(fault.InputMalformed, fmt.Sprintf("line %d has %d columns, at least 5 are needed", n, len(f)), "import genes_to_phenotype.txt of an HPO release, as it was downloaded")
		}
		key := [2]string{f[len(f)-1], f[1]}
		if !seen[key] {
			seen[key] = true
			genes[key[0]] = append(genes[key[0]], key[1])
		}
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
	if err := s.Err(); err != nil {
		return cut(err, "the file cannot be read to its end", "take the file again from its publisher")
	}
	return nil
}
