// Package open finds the reader that fits a data set: by what it is named, and
// by what lies there.
package open

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"consilium/dataset"
	"consilium/dataset/npz"
	"consilium/dataset/table"
	"consilium/fault"
)

// Options are those of all readers. An option that the reader of the set does
// not have is refused, not ignored; only Seed fits every set, because an
// official split has none.
type Options struct {
	Seed  uint64            // of the split, where it is not official; of synthetic data
	Split dataset.Fractions // where it is not official; zero: 0.7, 0.1, 0.2
	// Label is the label column of a table, or COLUMN>NUMBER.
	Label string
	// Group is the patient's column of a table, or a regular expression on the
	// file names of a folder of pictures.
	Group string
	// Drop are columns of a table that are not fed.
	Drop []string
	// NoHeader: the table begins with values. Files named .data always do.
	NoHeader bool
	// Task is one label of a multi-label set (ChestMNIST).
	Task string
	// Source is where coughs come from: call-center (default), telegram or all.
	Source string
	// Size is the side in pixels that a folder's pictures are fitted to.
	Size int
	// Count is the number of synthetic examples; 0 is 1200.
	Count int
}

// Set opens what ref names:
//
//	synthetic:ecg, synthetic:film, synthetic:cough, synthetic:nodule
//	synthetic:heart, synthetic:heart-cleveland ...  four hospitals, or one
//	heart:FOLDER, heart:cleveland=FOLDER ...  the UCI set Heart Disease by FLamby's protocol, all or one centre
//	FILE.npz                  a MedMNIST file
//	FILE.arff, .csv, .tsv, .data  a clinical table
//	FOLDER                    of 12-lead WFDB records, of coughs, or of pictures
//
// Errors: those of the readers; DATA_MISSING says where a missing set is found.
func Set(ref string, o Options) (dataset.Set, error) {
	return SetContext(context.Background(), ref, o)
}

// SetContext is Set that can be stopped: a large .npz file takes minutes to decode.
func SetContext(ctx context.Context, ref string, o Options) (dataset.Set, error) {
	if name, ok := strings.CutPrefix(ref, "synthetic:"); ok {
		return generate(name, o)
	}
	if rest, ok := strings.CutPrefix(ref, "heart:"); ok {
		return hearts(rest, o)
	}
	stat, err := os.Stat(ref)
	if os.IsNotExist(err) {
		return nil, missing(ref)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, fmt.Sprintf("%q cannot be opened", ref), "check the path and its permissions")
	}
	if stat.IsDir() {
		return folder(ref, o)
	}
	switch ext := strings.ToLower(filepath.Ext(ref)); ext {
	case ".npz":
		if err := o.refuse("a .npz file", "Task"); err != nil {
			return nil, err
		}
		return plain(npz.Open(ctx, ref, npz.Options{Task: o.Task}))
	case ".arff", ".csv", ".tsv", ".data":
		if err := o.refuse("a table", "Label", "Group", "Drop", "NoHeader", "Split"); err != nil {
			return nil, err
		}
		return plain(table.Open(ref, table.Options{Label: o.Label, Group: o.Group, Drop: o.Drop,
			NoHeader: o.NoHeader || ext == ".data", Seed: o.Seed, Split: o.Split}))
	}
	return nil, fault.New(fault.InputUnknown, fmt.Sprintf("no data set reader knows %q", ref),
		"give a .npz, .arff or .csv file, a folder of pictures or recordings, or synthetic:ecg")
}

// refuse is an error when an option is set that is not among those taken.
func (o Options) refuse(what string, taken ...string) error {
	set := map[string]bool{
		"Split": o.Split != dataset.Fractions{}, "Label": o.Label != "", "Group": o.Group != "",
		"Drop": len(o.Drop) > 0, "NoHeader": o.NoHeader, "Task": o.Task != "", "Source": o.Source != "", "Size": o.Size != 0, "Count": o.Count != 0,
	}
	for _, name := range taken {
		delete(set, name)
	}
	for _, name := range []string{"Label", "Group", "Drop", "NoHeader", "Task", "Source", "Size", "Count", "Split"} {
		if set[name] {
			return fault.New(fault.Usage, fmt.Sprintf("%s does not take the option %s", what, strings.ToLower(name)), "leave it out")
		}
	}
	return nil
}
