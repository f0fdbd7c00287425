package main

import (
	"github.com/spf13/cobra"

	"consilium/dataset"
	"consilium/dataset/open"
	"consilium/fault"
)

// dataFlags are the flags of every verb that opens a data set.
type dataFlags struct {
	ref string
	o   open.Options
}

func (d *dataFlags) register(c *cobra.Command) {
	d.offer(c)
	c.Flags().StringVar(&d.o.Label, "label", "", "label column of a table, or COLUMN>NUMBER")
	_ = c.MarkFlagRequired("data")
}

// offer registers the flags for a verb that can do without a data set and has its own --label.
func (d *dataFlags) offer(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.ref, "data", "", "data set: a MedMNIST .npz, a table (.arff .csv .data), a folder, heart:FOLDER, or synthetic:ecg|film|cough|nodule|heart")
	f.StringVar(&d.o.Group, "group", "", "patient column of a table, or a regular expression on file names of a folder of pictures")
	f.StringSliceVar(&d.o.Drop, "drop", nil, "table columns that are not fed")
	f.StringVar(&d.o.Task, "finding", "", "one label of a multi-label set (ChestMNIST)")
	f.StringVar(&d.o.Source, "source", "", "cough recordings: call-center (default), telegram or all")
	f.IntVar(&d.o.Size, "size", 0, "side in pixels that a folder's pictures are fitted to")
	f.IntVar(&d.o.Count, "count", 0, "number of synthetic examples (default 1200)")
	f.Uint64Var(&d.o.Seed, "split-seed", 0, "seed of the split, where it is not official, and of synthetic data")
}

func (d *dataFlags) open(c *cobra.Command) (dataset.Set, error) {
	return open.SetContext(c.Context(), d.ref, d.o)
}

// splitNamed is the split of a --split flag.
func splitNamed(name string) (dataset.Split, error) {
	split := dataset.Split(name)
	if split != dataset.Train && split != dataset.Validation && split != dataset.Test {
		return "", fault.New(fault.Usage, "there is no split "+name, "choose train, val or test")
	}
	return split, nil
}
