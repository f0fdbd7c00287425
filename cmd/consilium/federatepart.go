package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation/simulate"
)

// partFlags let a site train on one of several parts of a data set: for trials of a federation on one machine, with
// the very parts that `federate simulate` makes.
type partFlags struct {
	part string
	cut  simulate.Cut
	rare string
	seed uint64
}

func (p *partFlags) register(f *pflag.FlagSet) {
	f.StringVar(&p.part, "part", "", "for trials: train on part I/N of the data, cut as `federate simulate` cuts it")
	f.Float64Var(&p.cut.Alpha, "alpha", 0.3, "with --part: how alike the parts are (Dirichlet)")
	f.StringVar(&p.rare, "rare", "", "with --part: thin a class of train and validation first, CLASS:SHARE")
	f.Uint64Var(&p.seed, "part-seed", 1, "with --part: seed of the cut")
}

// of gives the part of a set, or the set itself.
func (p *partFlags) of(set dataset.Set) (dataset.Set, error) {
	if p.part == "" {
		return set, nil
	}
	var i int
	if n, err := fmt.Sscanf(p.part, "%d/%d", &i, &p.cut.Sites); n != 2 || err != nil || i < 1 || i > p.cut.Sites {
		return nil, fault.New(fault.Usage, fmt.Sprintf("there is no part %q", p.part), "write I/N, for example 3/23")
	}
	if p.rare != "" {
		var err error
		if p.cut.Rare, p.cut.Share, err = rareClass(set, p.rare); err != nil {
			return nil, err
		}
	}
	cohort, err := p.cut.World(set)(p.seed)
	if err != nil {
		return nil, err
	}
	return cohort.Sites[i-1], nil
}
