package simulate

import (
	"fmt"

	"consilium/dataset"
	"consilium/dataset/heart"
	"consilium/dataset/partition"
	"consilium/federation/harmonise"
)

// Cut says how one data set becomes many sites.
type Cut struct {
	Sites int     `json:"sites"`
	Alpha float64 `json:"alpha"`
	// Rare thins a class to a share of train and validation; Share 0: none is.
	Rare  int     `json:"rare"`
	Share float64 `json:"share"`
	// Scanner is how unlike the sites' scanners are; 0: there is one for all.
	Scanner float64 `json:"scanner"`
}

// scannerSeed is one for all seeds: site 7 keeps its scanner when the patients are dealt anew.
const scannerSeed = 1

// World cuts a set by Dirichlet shares, anew for every seed. With scanners of their own, sites are judged on the
// whole test split as their own scanner shows it. The set stays the caller's to close.
func (c Cut) World(set dataset.Set) World {
	return func(seed uint64) (*Cohort, error) {
		thin := set
		var err error
		if c.Share > 0 {
			if thin, err = partition.Rare(set, c.Rare, c.Share, seed); err != nil {
				return nil, err
			}
		}
		out := &Cohort{Own: c.Scanner > 0}
		if out.Sites, err = partition.Dirichlet(thin, partition.Options{Sites: c.Sites, Alpha: c.Alpha, Seed: seed}); err != nil {
			return nil, err
		}
		for i := range out.Sites {
			out.Names = append(out.Names, fmt.Sprintf("site-%02d", i+1))
			if c.Scanner > 0 {
				if out.Sites[i], _, err = partition.Scanner(out.Sites[i], scannerSeed, out.Names[i], c.Scanner); err != nil {
					return nil, err
				}
			}
		}
		return out, out.join(set)
	}
}

// join makes the union of all sites.
func (c *Cohort) join(test dataset.Set) (err error) {
	if c.Own {
		test = nil
	}
	c.All, err = partition.Union(c.Sites, test)
	return err
}

// Hearts are the four centres of Fed-Heart-Disease, split anew for every seed; an empty dir makes synthetic ones.
// Every centre is judged on its own test rows.
func Hearts(dir string) World {
	return func(seed uint64) (*Cohort, error) {
		out := &Cohort{Own: true}
		for _, centre := range heart.Centres() {
			var set *heart.Set
			var err error
			if dir == "" {
				set, err = heart.Generate(0, heart.Options{Centre: centre, Seed: seed})
			} else {
				set, err = heart.Open(dir, heart.Options{Centre: centre, Seed: seed})
			}
			if err != nil {
				return nil, err
			}
			out.Names, out.Sites = append(out.Names, centre), append(out.Sites, set)
		}
		return out, out.join(nil)
	}
}

// harmonised shows every site's examples as a federation with Plan.Harmonise would: moments are summed over sites,
// each site works out its own adjustment. Learners of all kinds are then compared on the same footing.
func (c *Cohort) harmonised(kind string, most int) (*Cohort, error) {
	if kind == "" {
		return c, nil
	}
	moments := make([]harmonise.Moments, len(c.Sites))
	var sum []float64
	for i, s := range c.Sites {
		var err error
		if moments[i], err = harmonise.Measure(s, dataset.Train); err != nil {
			return nil, err
		}
		share := harmonise.Share(moments[i], most)
		if sum == nil {
			sum = make([]float64, len(share))
		}
		for k, v := range share {
			sum[k] += float64(v)
		}
	}
	out := &Cohort{Names: c.Names, Own: c.Own}
	for i, s := range c.Sites {
		a, err := harmonise.Fit(kind, sum, most, len(c.Sites), moments[i])
		if err != nil {
			return nil, err
		}
		out.Sites = append(out.Sites, harmonise.Set(s, a))
	}
	// What was common is not: each site sees the test examples on its own scale.
	out.Own = true
	return out, out.join(nil)
}

// poisoned gives some sites wrong labels.
func (c *Cohort) poisoned(a Attack, victims []bool) *Cohort {
	if a.Kind != AttackLabel {
		return c
	}
	out := *c
	out.Sites = nil
	for i, s := range c.Sites {
		if victims[i] {
			s = partition.Flip(s)
		}
		out.Sites = append(out.Sites, s)
	}
	return &out
}
