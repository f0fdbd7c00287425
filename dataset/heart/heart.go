// Package heart reads the four hospitals of the UCI set Heart Disease as a federation sees them: one set a centre,
// with its own train, validation and test rows, and one columns' meaning for all.
//
// It follows Fed-Heart-Disease of FLamby (Ogier du Terrail et al., NeurIPS 2022): the columns slope, ca and thal are
// dropped, then every row with a missing value; cp and restecg become dummies without their first level (13
// features); the label is num > 0. That leaves 303, 261, 46 and 130 rows. Two thirds of a centre's rows are for
// training, rounded as FLamby rounds (199/104, 172/89, 30/16, 85/45), drawn within each class where both classes
// have more than two rows. FLamby's own draw is scikit-learn's with a fixed seed; ours is another draw of the same
// sizes, and takes a seed, so that a figure can be given over several splits. A fifth of the training rows is set
// apart for choosing (FLamby has no validation rows).
//
// Cholesterol 0 is not a measurement: all of Switzerland and some of VA's rows write a missing value so. FLamby keeps
// them, and so do we: it is the kind of shift between hospitals that a federation has to live with.
//
// Values are shifted and divided by fixed, public constants (see columns), so that they are of order one and no
// hospital has to tell its mean before the first round. Standardising by data is a job's matter (harmonise).
package heart

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
)

// Centres are the four hospitals, in FLamby's order.
func Centres() []string { return []string{"cleveland", "hungarian", "switzerland", "va"} }

// DefaultValidation is the share of a centre's training rows that is set apart for choosing.
const DefaultValidation = 0.2

// Options of Open and Pooled.
type Options struct {
	// Centre is one of Centres.
	Centre string
	// Seed of the split.
	Seed uint64
	// Validation is the share of the training rows that is set apart for choosing; 0 is DefaultValidation.
	Validation float64
}

// Set is one centre's rows, or those of all.
type Set struct {
	info  dataset.Info
	parts map[dataset.Split][]row
}

var _ dataset.Set = (*Set)(nil)

// Open reads one centre from a folder with cleveland.csv and so on, or with UCI's processed.cleveland.data.
//
// Errors: DATA_MISSING, INPUT_EMPTY, INPUT_MALFORMED, INPUT_NOT_FINITE, INPUT_RANGE, INPUT_TOO_LARGE, IO, USAGE.
func Open(dir string, o Options) (*Set, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	rows, err := load(dir, o.Centre)
	if err != nil {
		return nil, err
	}
	return newSet(rows, o, o.Centre, false)
}

// Pooled reads all four centres as one set: what a federation is compared with. Every row is in the same split as in
// its centre's own set with the same seed. Options.Centre has to be empty.
func Pooled(dir string, o Options) (*Set, error) {
	if o.Centre != "" {
		return nil, fault.New(fault.Usage, "the pooled set is that of all centres", "leave the centre out, or open one centre")
	}
	return pool(o, func(o Options) (*Set, error) { return Open(dir, o) })
}

// pool joins the sets of all centres, split by split.
func pool(o Options, open func(Options) (*Set, error)) (*Set, error) {
	var all *Set
	for _, centre := range Centres() {
		o.Centre = centre
		one, err := open(o)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = &Set{info: describe("all", one.info.Synthetic), parts: map[dataset.Split][]row{}}
		}
		for split, rows := range one.parts {
			all.parts[split] = append(all.parts[split], rows...)
		}
	}
	return all, nil
}

func (o Options) check() error {
	if !slices.Contains(Centres(), o.Centre) {
		return fault.New(fault.Usage, fmt.Sprintf("there is no centre %q", o.Centre), "choose one of "+strings.Join(Centres(), ", "))
	}
	if !(o.Validation >= 0 && o.Validation < 1) {
		return fault.New(fault.Usage, fmt.Sprintf("a validation share of %v", o.Validation), "choose a share from 0 up to, but not including, 1")
	}
	return nil
}

func load(dir, centre string) ([]row, error) {
	for _, name := range []string{centre + ".csv", "processed." + centre + ".data"} {
		path := filepath.Join(dir, name)
		f, err := os.Open(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.InputMissing, fmt.Sprintf("%q cannot be opened", path), "check the path and its permissions")
		}
		defer f.Close()
		if stat, err := f.Stat(); err != nil || !stat.Mode().IsRegular() {
			return nil, fault.New(fault.InputMissing, fmt.Sprintf("%q is not a regular file", path), "give the folder of the UCI set Heart Disease")
		}
		return readRows(f, centre)
	}
	return nil, dataset.Missing(filepath.Join(dir, centre+".csv"), "the processed tables", "the UCI set Heart Disease")
}

func newSet(rows []row, o Options, centre string, synthetic bool) (*Set, error) {
	s := &Set{info: describe(centre, synthetic), parts: split(rows, o)}
	if len(s.parts[dataset.Train]) == 0 {
		return nil, fault.New(fault.InputEmpty, "no complete row of "+centre+" is left to train on", "the file has too few rows without missing values")
	}
	return s, nil
}

func describe(centre string, synthetic bool) dataset.Info {
	info := dataset.Info{
		Name: "Fed-Heart-Disease (" + centre + ")", Kind: clinical.KindTable, Shape: []int{len(columns)},
		Labels:   []clinical.Concept{{Name: "no coronary disease"}, {Name: "coronary disease", Code: "I25.1", System: "ICD-10"}},
		Licence:  "CC BY 4.0",
		Citation: "Janosi, Steinbrunn, Pfisterer, Detrano, Heart Disease, UCI 1988; preprocessing of Ogier du Terrail et al., FLamby, NeurIPS 2022",
		SplitBy:  "row hash within class, sizes of FLamby",
		Caveats: []string{
			"Rows with missing values and the columns slope, ca and thal are left out, as FLamby does.",
			"Cholesterol 0 means not measured: all rows of Switzerland, some of VA. It is fed as 0, as FLamby does.",
			"Switzerland has 46 complete rows, one of them without disease: its figures alone say nothing.",
			"No column names the patient; two rows of VA are identical.",
		},
	}
	if synthetic {
		info.Name, info.Licence, info.Synthetic = "synthetic-heart ("+centre+")", "Apache-2.0 (generated)", true
		info.Citation = "generated: the columns and the shifts between centres of the UCI set Heart Disease, no row of it"
		info.SplitBy = "synthetic patient"
		info.Caveats = []string{clinical.SyntheticNotice, "The disease follows a logistic rule that was made up."}
	}
	for _, c := range columns {
		info.Columns = append(info.Columns, c.name)
	}
	return info
}

// Info describes the set.
func (s *Set) Info() dataset.Info { return s.info }

// Len is the number of rows in a split.
func (s *Set) Len(split dataset.Split) int { return len(s.parts[split]) }

// Read gives one row, its values by the public constants.
func (s *Set) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(s, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	r := s.parts[split][i]
	for k, c := range columns {
		into[k] = float32((c.value(r.cells) - c.centre) / c.scale)
	}
	return dataset.Sample{ID: r.id, Group: r.id, Label: r.label}, nil
}

// Close has nothing to release: the rows are in memory.
func (s *Set) Close() error { return nil }

// trainShare is FLamby's.
const trainShare = 0.66

// split deals a centre's rows: within each class in the order of a hash of seed and row, the sizes as FLamby's.
func split(rows []row, o Options) map[dataset.Split][]row {
	validation := o.Validation
	if validation == 0 {
		validation = DefaultValidation
	}
	train := int(math.Floor(trainShare * float64(len(rows))))
	parts := map[dataset.Split][]row{}
	rest, test := deal(rows, len(rows)-train, o.Seed, "test")
	parts[dataset.Test] = test
	parts[dataset.Train], parts[dataset.Validation] = deal(rest, int(math.Round(validation*float64(train))), o.Seed, "validation")
	return parts
}
