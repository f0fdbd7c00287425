// Package picture reads folders of PNG and JPEG pictures: one sub-folder a
// class, optionally below train, val and test, or a labels.csv with the
// columns file, label, group and split. Pictures are decoded one at a time.
package picture

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
	"consilium/imaging"
)

const (
	maxFiles    = 1 << 20
	maxClasses  = 1000
	defaultSize = 64
	maxSize     = 1024
)

// Options of Open.
type Options struct {
	// Size is the side in pixels of the square that pictures are fitted to
	// (centre crop, then resize); 0 is 64.
	Size int
	// Group is a regular expression on the file name; its last submatch is
	// the patient, as in `^(person\d+)_`. labels.csv has a column for that.
	Group string
	Seed  uint64            // of the split, where the folder has none
	Split dataset.Fractions // zero: 0.7, 0.1, 0.2
}

// Set is an open folder.
type Set struct {
	info  dataset.Info
	fsys  fs.FS
	spec  imaging.Spec
	parts map[dataset.Split][]example
}

type example struct {
	file, group string
	label       int
}

var _ dataset.Set = (*Set)(nil)

// Open lists a folder and reads the head of every picture, so that what cannot
// be read is known at once. Classes are sorted by name. The set is grey when
// every picture is, RGB otherwise.
//
// Errors: DATA_MISSING, INPUT_EMPTY, INPUT_MALFORMED, INPUT_TOO_LARGE, USAGE
// and those of Decode.
func Open(dir string, o Options) (*Set, error) {
	stat, err := os.Stat(dir)
	if os.IsNotExist(err) {
		return nil, dataset.Missing(dir, "a folder of pictures", "the publisher of the data set")
	}
	if err != nil || !stat.IsDir() {
		return nil, fault.New(fault.InputMissing, fmt.Sprintf("%q is not a folder that can be read", dir), "name a folder of PNG or JPEG pictures")
	}
	return open(os.DirFS(dir), filepath.Base(dir), o)
}

func open(fsys fs.FS, name string, o Options) (*Set, error) {
	size := cmp.Or(o.Size, defaultSize)
	if size < 1 || size > maxSize {
		return nil, fault.New(fault.Usage, fmt.Sprintf("pictures of %d pixels a side", size), fmt.Sprintf("choose a size from 1 to %d", maxSize))
	}
	if err := o.Split.Check(); err != nil {
		return nil, err
	}
	var group *regexp.Regexp
	if o.Group != "" {
		var err error
		if group, err = regexp.Compile(o.Group); err != nil {
			return nil, fault.Wrap(err, fault.Usage, "the group is no regular expression", `write one with a submatch for the patient, such as ^(person\d+)_`)
		}
	}
	entries, err := list(fsys, group)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, fault.New(fault.InputEmpty, "the folder has no PNG or JPEG pictures", "put pictures into one sub-folder a class")
	}
	s := &Set{fsys: fsys, parts: map[dataset.Split][]example{}}
	channels, err := s.channels(entries)
	if err != nil {
		return nil, err
	}
	s.spec = imaging.Spec{Channels: channels, Height: size, Width: size}
	s.info = dataset.Info{
		Name: name, Kind: clinical.KindImage, Shape: []int{channels, size, size}, Licence: "unknown", Citation: "unknown",
		Caveats: []string{"A folder of pictures: licence and origin are not stated."},
	}
	if err := s.arrange(entries, o); err != nil {
		return nil, err
	}
	return s, nil
}

// channels reads every head and gives 1 when all pictures are grey, 3 otherwise.
func (s *Set) channels(entries []entry) (int, error) {
	channels := 1
	for _, e := range entries {
		f, err := s.openFile(e.file)
		if err != nil {
			return 0, err
		}
		c, err := readConfig(f, e.file)
		f.Close()
		if err != nil {
			return 0, err
		}
		if !c.grey {
			channels = 3
		}
	}
	return channels, nil
}

// openFile opens a regular file only: a pipe would block for ever.
func (s *Set) openFile(file string) (fs.File, error) {
	stat, err := fs.Stat(s.fsys, file)
	if err == nil && !stat.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, fmt.Sprintf("picture %q cannot be opened", file), "correct labels.csv, or put the file back")
	}
	f, err := s.fsys.Open(file)
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, fmt.Sprintf("picture %q cannot be opened", file), "check its permissions")
	}
	return f, nil
}

// arrange numbers the classes and splits the pictures: as the folder says, or by group.
func (s *Set) arrange(entries []entry, o Options) error {
	var classes []string
	given, alone := 0, 0
	for _, e := range entries {
		classes = append(classes, e.class)
		if e.split != "" {
			given++
		}
		if e.group == e.file {
			alone++
		}
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if len(classes) < 2 || len(classes) > maxClasses {
		return fault.New(fault.InputUnsupported, fmt.Sprintf("%d classes", len(classes)), fmt.Sprintf("a set needs from 2 to %d class folders or labels", maxClasses))
	}
	for _, name := range classes {
		s.info.Labels = append(s.info.Labels, clinical.Concept{Name: name})
	}
	if given != 0 && given != len(entries) {
		return fault.New(fault.InputMalformed, fmt.Sprintf("%d of %d pictures name their split", given, len(entries)), "give all pictures a split, or none")
	}
	if alone > 0 {
		s.info.Caveats = append(s.info.Caveats, fmt.Sprintf("%d of %d pictures name no patient: each is its own group, so that pictures of one patient may lie in different splits.", alone, len(entries)))
	}
	s.info.SplitBy = "official"
	if given == 0 {
		s.info.SplitBy = "group hash"
	}
	return s.divide(entries, classes, o)
}

func (s *Set) divide(entries []entry, classes []string, o Options) error {
	home := map[string]dataset.Split{}
	for _, e := range entries {
		split := e.split
		if split == "" {
			split = dataset.AssignSplit(e.group, o.Seed, o.Split)
		}
		if before, ok := home[e.group]; ok && before != split {
			return fault.New(fault.InputMalformed, fmt.Sprintf("group %q is in %s and in %s", e.group, before, split),
				"a patient belongs into one split only: correct the split, or leave it out so that it is made by group")
		}
		home[e.group] = split
		label, _ := slices.BinarySearch(classes, e.class)
		s.parts[split] = append(s.parts[split], example{file: e.file, group: e.group, label: label})
	}
	if len(s.parts[dataset.Train]) == 0 {
		return fault.New(fault.InputEmpty, "no picture falls into the train split", "give more pictures, or another seed or fractions")
	}
	return nil
}

// Info describes the set.
func (s *Set) Info() dataset.Info { return s.info }

// Len is the number of pictures in a split.
func (s *Set) Len(split dataset.Split) int { return len(s.parts[split]) }

// Read decodes one picture and fits it to C,H,W in 0..1.
func (s *Set) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(s, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	e := s.parts[split][i]
	f, err := s.openFile(e.file)
	if err != nil {
		return dataset.Sample{}, err
	}
	defer f.Close()
	img, err := Decode(f, e.file)
	if err != nil {
		return dataset.Sample{}, err
	}
	if err := imaging.Tensor(img, s.spec, into); err != nil {
		return dataset.Sample{}, err
	}
	return dataset.Sample{ID: e.file, Group: e.group, Label: e.label}, nil
}

// Close has nothing to release.
func (s *Set) Close() error { return nil }
