package partition

import (
	"slices"

	"consilium/dataset"
	"consilium/fault"
)

// union is several sets' examples, and the test split of one that all share, or of all.
type union struct {
	*view
	sets []dataset.Set
	at   map[dataset.Split][]int // by example: which set
}

const everything = "The examples of all simulated sites together."

// Union joins sites again: what a learner would see that had everything. The test split is that of test; where test
// is nil, that of all sites, one after the other.
func Union(sites []dataset.Set, test dataset.Set) (dataset.Set, error) {
	if len(sites) == 0 {
		return nil, fault.New(fault.Usage, "a union of no sites", "name at least one")
	}
	like := test
	if like == nil {
		like = sites[0]
	}
	u := &union{view: newView(like, ", all sites", everything), sets: sites, at: map[dataset.Split][]int{}}
	for _, s := range sites { // what is true of one site alone is not true of all
		if test == nil {
			u.info.Caveats = slices.DeleteFunc(u.info.Caveats, func(c string) bool { return c != everything && !slices.Contains(s.Info().Caveats, c) })
		}
	}
	for k, s := range sites {
		if s.Info().Size() != like.Info().Size() || len(s.Info().Labels) != len(like.Info().Labels) {
			return nil, fault.New(fault.DataUnfit, "sites of unlike shapes or labels cannot be joined", "cut them from one set")
		}
		for _, split := range dataset.Splits {
			if split != dataset.Test || test == nil {
				u.take(k, split)
			}
		}
	}
	if test != nil {
		u.sets = append(append([]dataset.Set{}, sites...), test)
		u.take(len(sites), dataset.Test)
	}
	return u, nil
}

func (u *union) take(k int, split dataset.Split) {
	for _, p := range whole(u.sets[k], split) {
		u.parts[split] = append(u.parts[split], p)
		u.at[split] = append(u.at[split], k)
	}
}

// Read finds the site that has the example.
func (u *union) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(u, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	p := u.parts[split][i]
	return u.sets[u.at[split][i]].Read(p.split, p.index, into)
}
