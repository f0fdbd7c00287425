// Package npz reads MedMNIST data sets: a ZIP of NumPy arrays train_images,
// train_labels, val_images ... of uint8 pixels (Yang et al., MedMNIST v2,
// Scientific Data 10:41, 2023), in any of their sizes, 2-D, RGB and 3-D.
//
// Each array is decompressed once, at Open, into memory (up to 64 MiB) or a
// file; examples are read from there one at a time. The splits are the
// official ones.
package npz

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
)

// Limits on a file. The largest official one, PathMNIST at 224x224, decodes to 16 GB.
const (
	maxDecoded  = 32 << 30  // bytes of all images together
	maxExamples = 1 << 24   // in a split
	maxSide     = 1024      // of an image or volume
	maxExample  = 256 << 20 // bytes of one image or volume
)

// Options of Open.
type Options struct {
	// Task is the name of one column of a multi-label set, such as "effusion"
	// of ChestMNIST; other sets have only one task and take "".
	Task string
	// InMemory is the size in bytes up to which decoded images stay in memory; 0 is 64 MiB.
	InMemory int64
	// Spool is the directory for decoded images beyond InMemory; "" is
	// "consilium" in the user's cache directory.
	Spool string
}

// Set is an open .npz file.
type Set struct {
	info   dataset.Info
	parts  map[dataset.Split]*part
	store  *store
	buffer sync.Pool
}

// part is one split: where its images begin in the store, and its classes.
type part struct {
	offset  int64
	classes []int
}

var _ dataset.Set = (*Set)(nil)

// Open reads the arrays of a .npz file. The file's base name ("pneumoniamnist",
// "pathmnist_64") finds label names, licence and caveats; with another name
// any file of the same layout works, with classes named by number.
//
// Errors: DATA_MISSING, INPUT_MALFORMED, INPUT_TRUNCATED, INPUT_TOO_LARGE,
// INPUT_UNSUPPORTED, IO, INTERRUPTED.
func Open(ctx context.Context, path string, o Options) (*Set, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, dataset.Missing(path, Find(path).Name, Source)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, "the data set cannot be opened", "check the path and its permissions")
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil || !stat.Mode().IsRegular() {
		return nil, fault.New(fault.InputMissing, fmt.Sprintf("%q is not a regular file", path), "name a .npz file")
	}
	return read(ctx, f, stat.Size(), filepath.Base(path), o)
}

func read(ctx context.Context, r io.ReaderAt, size int64, name string, o Options) (*Set, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	known := Find(name)
	s := &Set{parts: map[dataset.Split]*part{}}
	if s.info, err = a.describe(known); err != nil {
		return nil, err
	}
	if err := s.readClasses(a, known, o.Task); err != nil {
		return nil, err
	}
	if s.store, err = newStore(a.decoded, o); err != nil {
		return nil, err
	}
	if err := s.readImages(ctx, a); err != nil {
		s.store.Close()
		return nil, err
	}
	s.buffer.New = func() any { b := make([]byte, s.info.Size()); return &b }
	return s, nil
}

// readClasses reads the labels of all splits and names the classes.
func (s *Set) readClasses(a *archive, known Known, task string) error {
	columns, top := 0, 0
	all := map[dataset.Split]labels{}
	for _, split := range dataset.Splits {
		l, err := a.labels(split)
		if err != nil {
			return err
		}
		if len(l.values) != a.count(split)*l.columns || columns != 0 && columns != l.columns {
			return malformed(fmt.Sprintf("split %q has %d images and %d labels in %d columns", split, a.count(split), len(l.values), l.columns))
		}
		columns = l.columns
		for _, v := range l.values {
			top = max(top, v)
		}
		all[split] = l
	}
	column, names, err := nameClasses(known, columns, top, task)
	if err != nil {
		return err
	}
	s.info.Labels = names
	for split, l := range all {
		s.parts[split] = &part{classes: l.task(column)}
	}
	return nil
}

// nameClasses gives the label column to use and the concepts of its values, top being the highest.
func nameClasses(known Known, columns, top int, task string) (int, []clinical.Concept, error) {
	names := known.Labels
	if columns > 1 {
		if len(names) != columns {
			names = numbered(columns)
		}
		column, err := chooseColumn(task, names)
		if err != nil {
			return 0, nil, err
		}
		return column, []clinical.Concept{{Name: "no " + names[column].Name}, names[column]}, nil
	}
	if task != "" {
		return 0, nil, fault.New(fault.Usage, fmt.Sprintf("task %q of a set that has only one", task), "leave the task out")
	}
	if names == nil {
		names = numbered(max(top+1, 2))
	}
	if top >= len(names) {
		return 0, nil, malformed(fmt.Sprintf("label %d of %s, which has %d classes", top, known.Name, len(names)))
	}
	return 0, names, nil
}

// readImages decompresses all images into the store.
func (s *Set) readImages(ctx context.Context, a *archive) error {
	offset := int64(0)
	for _, split := range dataset.Splits {
		p := s.parts[split]
		p.offset = offset
		n, err := a.copyImages(ctx, s.store, split)
		if err != nil {
			return err
		}
		offset += n
	}
	return nil
}

// Info describes the set.
func (s *Set) Info() dataset.Info { return s.info }

// Len is the number of examples in a split.
func (s *Set) Len(split dataset.Split) int {
	if p, ok := s.parts[split]; ok {
		return len(p.classes)
	}
	return 0
}

// unit is a pixel's value in 0..1.
var unit = func() (u [256]float32) {
	for i := range u {
		u[i] = float32(i) / 255
	}
	return u
}()

// Read gives image i as C,H,W (volume: 1,D,H,W) in 0..1. MedMNIST names no
// patients, so that each image is its own group.
func (s *Set) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(s, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	p := s.parts[split]
	buffer := s.buffer.Get().(*[]byte)
	defer s.buffer.Put(buffer)
	pixels := *buffer
	if _, err := s.store.ReadAt(pixels, p.offset+int64(i)*int64(len(pixels))); err != nil {
		return dataset.Sample{}, fault.Wrap(err, fault.IO, "decoded images cannot be read", "was the set closed?")
	}
	channels := s.info.Shape[0]
	size := len(pixels) / channels
	for c := range channels { // channels last -> first
		plane := into[c*size : (c+1)*size]
		for k := range plane {
			plane[k] = unit[pixels[k*channels+c]]
		}
	}
	id := fmt.Sprintf("%s/%d", split, i)
	return dataset.Sample{ID: id, Group: id, Label: p.classes[i]}, nil
}

// Close removes what Open decoded.
func (s *Set) Close() error { return s.store.Close() }
