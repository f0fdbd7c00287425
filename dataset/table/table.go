// Package table reads clinical tables, one patient or sample a row: ARFF
// (Weka's attribute-relation format) and CSV. Nominal variables become one
// column a level, numbers are standardised, missing values get an indicator;
// all of it is fitted on the train split alone.
package table

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
)

// Limits on a file.
const (
	maxBytes   = 128 << 20
	maxColumns = 4096
	maxCells   = 8 << 20 // rows x columns
	maxLine    = 1 << 20 // bytes, ARFF
	maxLevels  = 64      // of a nominal variable without declared levels; more is an identifier
	maxClasses = 100
	maxNumber  = 1e30 // absolute value of a number
)

// Options of Open. The zero value suits a file with a header whose last column is the label.
type Options struct {
	// Label is the name of the label column, by default the last (or what is
	// known of a published table). "num>0" makes two classes of a numeric
	// column: up to 0, and above 0.
	Label string
	// Group is the name of the column that says whose row it is; rows of one
	// group never cross splits. By default each distinct row is its own group.
	Group string
	// Drop lists columns that are not fed.
	Drop []string
	// NoHeader: a CSV file begins with values; columns are called V1, V2, ...
	NoHeader bool
	Seed     uint64            // of the split
	Split    dataset.Fractions // zero: 0.7, 0.1, 0.2
}

// Set is an open table.
type Set struct {
	info     dataset.Info
	parts    map[dataset.Split][]int // rows
	encoders []encoder
	classes  []int    // by row; -1: no label
	groups   []string // by row
}

var _ dataset.Set = (*Set)(nil)

// Open reads a table: ARFF by the extension .arff, CSV otherwise (comma,
// semicolon or tab, found from the first line). Rows without a label are left out.
//
// Errors: DATA_MISSING, INPUT_EMPTY, INPUT_MALFORMED, INPUT_NOT_FINITE,
// INPUT_RANGE, INPUT_TOO_LARGE, INPUT_UNSUPPORTED, USAGE.
func Open(path string, o Options) (*Set, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, dataset.Missing(path, fmt.Sprintf("the table %q", filepath.Base(path)), "the UCI Machine Learning Repository or the publisher of the table")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, "the table cannot be opened", "check the path and its permissions")
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil || !stat.Mode().IsRegular() {
		return nil, fault.New(fault.InputMissing, fmt.Sprintf("%q is not a regular file", path), "name a .arff or .csv file")
	}
	if stat.Size() > maxBytes {
		return nil, tooLarge(fmt.Sprintf("the file has %d MiB, more than %d", stat.Size()>>20, maxBytes>>20))
	}
	base := filepath.Base(path)
	return read(f, base, strings.EqualFold(filepath.Ext(base), ".arff"), o)
}

func read(r io.Reader, name string, arff bool, o Options) (*Set, error) {
	if err := o.Split.Check(); err != nil {
		return nil, err
	}
	limited := bufio.NewReaderSize(io.LimitReader(r, maxBytes), 64<<10)
	var rel *relation
	var err error
	if arff {
		rel, err = readARFF(limited)
	} else {
		rel, err = readCSV(limited, o.NoHeader)
	}
	if err != nil {
		return nil, err
	}
	return assemble(rel, strings.TrimSuffix(name, filepath.Ext(name)), o)
}

// assemble turns the cells of a file into a split, encoded set.
func assemble(rel *relation, name string, o Options) (*Set, error) {
	known := find(rel, name)
	if o.Label == "" {
		o.Label = known.Label
	}
	if o.Group == "" {
		o.Group = known.Group
	}
	drop := append(slices.Clone(o.Drop), known.Drop...)
	for _, column := range o.Drop {
		if _, err := rel.find(column); err != nil {
			return nil, err
		}
	}
	if o.Label != known.Label {
		known.Classes = nil // they name the values of another column
	}
	s := &Set{info: known.info()}
	outcome, err := chooseLabel(rel, o.Label, known.Classes)
	if err != nil {
		return nil, err
	}
	s.classes, s.info.Labels = outcome.classes, outcome.labels
	if err := s.group(rel, o.Group); err != nil {
		return nil, err
	}
	if err := s.divide(o); err != nil {
		return nil, err
	}
	var left []string
	s.encoders, left, err = fit(rel, s.parts[dataset.Train], func(c *column) bool {
		return c == rel.columns[outcome.column] || c.name == o.Group || slices.Contains(drop, c.name)
	})
	if err != nil {
		return nil, err
	}
	for _, e := range s.encoders {
		s.info.Columns = append(s.info.Columns, e.names...)
	}
	s.info.Shape = []int{len(s.info.Columns)}
	s.note(left, known.Drop, outcome.dropped)
	return s, nil
}

// group finds whose row each is.
func (s *Set) group(rel *relation, name string) error {
	s.groups = make([]string, rel.rows)
	if name == "" {
		// Identical rows stay together: a copy in the test split would be a leak.
		s.info.SplitBy = "row hash"
		for i := range s.groups {
			s.groups[i] = rel.fingerprint(i)
		}
		return nil
	}
	s.info.SplitBy = name + " hash"
	k, err := rel.find(name)
	if err != nil {
		return err
	}
	for i := range s.groups {
		s.groups[i] = rel.columns[k].text[i]
		if s.groups[i] == "" {
			s.groups[i] = "row " + rel.fingerprint(i)
		}
	}
	return nil
}

// divide splits the rows that have a label.
func (s *Set) divide(o Options) error {
	s.parts = dataset.Partition(s.groups, o.Seed, o.Split)
	for split, rows := range s.parts {
		s.parts[split] = slices.DeleteFunc(rows, func(row int) bool { return s.classes[row] < 0 })
	}
	if len(s.parts[dataset.Train]) == 0 {
		return fault.New(fault.InputEmpty, "no labelled row falls into the train split", "the table has too few rows or groups; give more, or another seed or fractions")
	}
	return nil
}

// note writes what a reader of the figures must know.
func (s *Set) note(left, known []string, dropped int) {
	if s.info.SplitBy == "row hash" {
		s.info.Caveats = append(s.info.Caveats, "No column names the patient: rows of one patient may lie in different splits (identical rows do not).")
	}
	if len(left) > 0 {
		s.info.Caveats = append(s.info.Caveats, "Not fed, because they look like identifiers or are empty or free text: "+strings.Join(left, ", ")+".")
	}
	if len(known) > 0 {
		s.info.Caveats = append(s.info.Caveats, "Not fed, because they give the outcome away or are identifiers: "+strings.Join(known, ", ")+".")
	}
	if dropped > 0 {
		s.info.Caveats = append(s.info.Caveats, fmt.Sprintf("%d rows without a label were left out.", dropped))
	}
}

// Info describes the set; Columns names what each value of an example is.
func (s *Set) Info() dataset.Info { return s.info }

// Len is the number of labelled rows in a split.
func (s *Set) Len(split dataset.Split) int { return len(s.parts[split]) }

// Read encodes one row: numbers as standard deviations from the train split's
// mean, within -10..10; levels and missing indicators as 0 or 1.
func (s *Set) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(s, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	row := s.parts[split][i]
	for _, e := range s.encoders {
		e.encode(row, into[:len(e.names)])
		into = into[len(e.names):]
	}
	return dataset.Sample{ID: fmt.Sprint("row ", row+1), Group: s.groups[row], Label: s.classes[row]}, nil
}

// Close has nothing to release: the table is in memory.
func (s *Set) Close() error { return nil }

// relation is a file's content as text, column by column; "" is missing.
type relation struct {
	name    string
	columns []*column
	rows    int
}

// column is one variable. Numbers are parsed once; missing is NaN.
type column struct {
	name    string
	kind    kind
	levels  []string // nominal: in declared order, or sorted
	text    []string
	numbers []float64
}

type kind int

const (
	numeric kind = iota
	nominal
	text // identifiers and free text: never fed
)

// find gives a column's place by its name.
func (r *relation) find(name string) (int, error) {
	names := make([]string, len(r.columns))
	for i, c := range r.columns {
		if c.name == name {
			return i, nil
		}
		names[i] = c.name
	}
	if len(names) > 40 {
		names = append(names[:40:40], "...")
	}
	return 0, fault.New(fault.Usage, fmt.Sprintf("the table has no column %q", name), "its columns are: "+strings.Join(names, ", "))
}

// fingerprint identifies a row by its cells.
func (r *relation) fingerprint(row int) string {
	h := sha256.New()
	for _, c := range r.columns {
		fmt.Fprintf(h, "%d:%s", len(c.text[row]), c.text[row])
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

func (k known) info() dataset.Info {
	return dataset.Info{Name: k.Name, Kind: clinical.KindTable, Licence: k.Licence, Citation: k.Citation, Caveats: slices.Clone(k.Caveats)}
}

func malformed(what string) error {
	return fault.New(fault.InputMalformed, what, "correct the file, or export it again")
}

func tooLarge(what string) error {
	return fault.New(fault.InputTooLarge, what, "cut the table down: fewer rows or columns")
}
