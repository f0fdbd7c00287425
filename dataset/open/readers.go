package open

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"consilium/dataset"
	"consilium/dataset/cough"
	"consilium/dataset/ecg12"
	"consilium/dataset/picture"
	"consilium/dataset/synthetic"
	"consilium/fault"
)

// folderReader is a reader of folders and how it knows its own.
type folderReader struct {
	what  string
	takes []string
	fits  func(dir string) (bool, error)
	open  func(dir string, o Options) (dataset.Set, error)
}

// folders are asked in order; pictures are what is left.
var folders = []folderReader{
	{"a folder of ECG records", []string{"Split"}, has("*.hea"), openECGs},
	{"a folder of coughs", []string{"Source"}, labelsHave("covid19"), openCoughs},
	{"a folder of pictures", []string{"Size", "Group", "Split"}, func(string) (bool, error) { return true, nil }, openPictures},
}

// folder tells recordings from pictures by what lies there.
func folder(dir string, o Options) (dataset.Set, error) {
	for _, f := range folders {
		ok, err := f.fits(dir)
		if err != nil {
			return nil, fault.Wrap(err, fault.IO, fmt.Sprintf("folder %q cannot be read", dir), "check its permissions")
		}
		if ok {
			if err := o.refuse(f.what, f.takes...); err != nil {
				return nil, err
			}
			return f.open(dir, o)
		}
	}
	return nil, fault.New(fault.InputUnknown, fmt.Sprintf("no reader knows the folder %q", dir), "docs/datasets.md lists the layouts")
}

func openECGs(dir string, o Options) (dataset.Set, error) {
	return plain(ecg12.Open(dir, ecg12.Options{Seed: o.Seed, Fractions: o.Split}))
}

func openCoughs(dir string, o Options) (dataset.Set, error) {
	return plain(cough.Open(dir, cough.Options{Source: o.Source, Seed: o.Seed}))
}

func openPictures(dir string, o Options) (dataset.Set, error) {
	return plain(picture.Open(dir, picture.Options{Size: o.Size, Group: o.Group, Seed: o.Seed, Split: o.Split}))
}

// plain keeps a reader's nil pointer from becoming a Set that is not nil.
func plain[S dataset.Set](set S, err error) (dataset.Set, error) {
	if err != nil {
		return nil, err
	}
	return set, nil
}

const (
	defaultCount = 1200
	maxCount     = 1 << 20
)

// generators make synthetic sets of n examples.
var generators = map[string]func(n int, seed uint64) dataset.Set{
	"ecg":    synthetic.ECGSet,
	"film":   synthetic.FilmSet,
	"cough":  synthetic.CoughSet,
	"nodule": synthetic.NoduleSet,
}

// generate makes a synthetic set. It says in its Info that it is synthetic.
func generate(name string, o Options) (dataset.Set, error) {
	if name == "heart" || strings.HasPrefix(name, "heart-") {
		return generateHearts(name, o)
	}
	generator, ok := generators[name]
	if !ok {
		return nil, fault.New(fault.Usage, fmt.Sprintf("no synthetic set %q", name), "choose one of heart, "+strings.Join(slices.Sorted(maps.Keys(generators)), ", "))
	}
	if err := o.refuse("a synthetic set", "Count"); err != nil {
		return nil, err
	}
	n := cmp.Or(o.Count, defaultCount)
	if n < 10 || n > maxCount {
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d synthetic examples", n), fmt.Sprintf("choose from 10 to %d", maxCount))
	}
	return generator(n, o.Seed), nil
}
