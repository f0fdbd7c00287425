package partition

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"consilium/dataset"
	"consilium/fault"
)

// Options of Dirichlet.
type Options struct {
	Sites int     // how many
	Alpha float64 // concentration: small is unequal, 100 nearly equal
	// Least is the fewest examples (training and validation together) of a site; 0 is 8.
	Least      int
	Validation float64 // share of a site's examples that it chooses by; 0 is 0.15
	Seed       uint64
}

// Defaults of Options.
const (
	DefaultLeast      = 8
	DefaultValidation = 0.15
)

// MaxSites bounds Options.Sites.
const MaxSites = 1000

// tries is how many draws are made in the hope of one where every site has enough.
const tries = 500

func (o Options) complete() (Options, error) {
	if o.Least == 0 {
		o.Least = DefaultLeast
	}
	if o.Validation == 0 {
		o.Validation = DefaultValidation
	}
	if o.Sites < 1 || o.Sites > MaxSites || !(o.Alpha > 0) || math.IsInf(o.Alpha, 0) || o.Least < 1 || !(o.Validation > 0 && o.Validation < 1) {
		return o, fault.New(fault.Usage, fmt.Sprintf("%d sites, alpha %v, at least %d examples, validation %v", o.Sites, o.Alpha, o.Least, o.Validation),
			fmt.Sprintf("choose 1 to %d sites, an alpha above 0, at least 1 example and a validation share between 0 and 1", MaxSites))
	}
	return o, nil
}

// Dirichlet cuts a set into sites of unlike mixtures: for every class, the shares of the sites are drawn from
// Dirichlet(alpha) (Yurochkin et al., ICML 2019; Li et al., ICDE 2022; Hsu, Qi and Brown 2019 draw each site's mixture
// of classes instead, with sites of one size). Train and validation examples of the set are dealt; the examples of a
// group stay together, with the label of the first. Each site's validation split is carved out of what it got. Every
// site sees the whole test split.
//
// Draws in which a site gets fewer than Least are thrown away; when 500 are, the best is kept and the poorest sites
// are filled up from the richest. Errors: USAGE, DATA_UNFIT, and those of the set's Read.
func Dirichlet(set dataset.Set, o Options) ([]dataset.Set, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	list, err := members(set, o.Seed, "dirichlet", dataset.Train, dataset.Validation)
	if err != nil {
		return nil, err
	}
	units := gather(list)
	if len(list) < o.Sites*o.Least || len(units) < o.Sites {
		return nil, fault.New(fault.DataUnfit, fmt.Sprintf("%d examples of %d groups are too few for %d sites with at least %d each", len(list), len(units), o.Sites, o.Least),
			"choose fewer sites, or a smaller least")
	}
	byClass := make([][]unit, len(set.Info().Labels))
	for _, u := range units {
		byClass[u[0].label] = append(byClass[u[0].label], u)
	}
	dealt := fill(draw(byClass, o), o.Least)
	sites := make([]dataset.Set, o.Sites)
	for i, mine := range dealt {
		v := newView(set, fmt.Sprintf(", site %d of %d", i+1, o.Sites),
			fmt.Sprintf("Cut into %d simulated sites, Dirichlet(%g) over sites for each class, seed %d.", o.Sites, o.Alpha, o.Seed))
		v.info.SplitBy = "group hash within the site; test: all of " + set.Info().Name
		v.carve(mine, o)
		v.parts[dataset.Test] = whole(set, dataset.Test)
		sites[i] = v
	}
	return sites, nil
}

// unit is the examples of one group.
type unit []member

// gather puts members of a group together, in the order of the groups' hashes.
func gather(list []member) []unit {
	at := map[string]int{}
	var units []unit
	for _, m := range list {
		k, ok := at[m.group]
		if !ok {
			k = len(units)
			at[m.group] = k
			units = append(units, nil)
		}
		units[k] = append(units[k], m)
	}
	slices.SortStableFunc(units, func(a, b unit) int { return cmp.Compare(a[0].order, b[0].order) })
	return units
}

func size(units []unit) int {
	n := 0
	for _, u := range units {
		n += len(u)
	}
	return n
}

// draw deals every class in shares of its own, until the smallest site has enough.
func draw(byClass [][]unit, o Options) [][]unit {
	source := rand.NewPCG(o.Seed, 0x6469726963686c65)
	var best [][]unit
	most := -1
	for range tries {
		sites := make([][]unit, o.Sites)
		for _, units := range byClass {
			from, sum := 0, 0.0
			for i, share := range shares(source, o) {
				sum += share
				to := int(math.Round(sum * float64(len(units))))
				if i == o.Sites-1 {
					to = len(units)
				}
				sites[i] = append(sites[i], units[from:max(from, to)]...)
				from = max(from, to)
			}
		}
		least := size(slices.MinFunc(sites, func(a, b []unit) int { return size(a) - size(b) }))
		if least > most {
			best, most = sites, least
		}
		if most >= o.Least {
			break
		}
	}
	return best
}

// shares draws from a symmetric Dirichlet distribution, by gammas. With a tiny alpha all gammas can underflow to 0;
// then one site gets all, which is what the distribution tends to.
func shares(source rand.Source, o Options) []float64 {
	out := make([]float64, o.Sites)
	gamma := distuv.Gamma{Alpha: o.Alpha, Beta: 1, Src: source}
	sum := 0.0
	for i := range out {
		out[i] = gamma.Rand()
		sum += out[i]
	}
	if !(sum > 0) {
		out[rand.New(source).IntN(o.Sites)], sum = 1, 1
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// fill moves groups from the richest site to the poorest until all have enough, or nothing can be moved.
func fill(sites [][]unit, least int) [][]unit {
	bySize := func(a, b []unit) int { return size(a) - size(b) }
	for {
		poor, rich := 0, 0
		for i := range sites {
			if bySize(sites[i], sites[poor]) < 0 {
				poor = i
			}
			if bySize(sites[i], sites[rich]) > 0 {
				rich = i
			}
		}
		last := len(sites[rich]) - 1
		if size(sites[poor]) >= least || last < 1 || size(sites[rich])-len(sites[rich][last]) < least {
			return sites
		}
		sites[poor] = append(slices.Clip(sites[poor]), sites[rich][last])
		sites[rich] = sites[rich][:last]
	}
}

// carve takes the validation share out of each class's groups, and at least one group where there are five.
func (v *view) carve(mine []unit, o Options) {
	slices.SortStableFunc(mine, func(a, b unit) int {
		return cmp.Compare(keyed(o.Seed, "validation", a[0].group), keyed(o.Seed, "validation", b[0].group))
	})
	var seen, taken [1 << 10]float64 // by class; sets have at most metric.MaxClasses
	carved := 0
	for i, u := range mine {
		class := u[0].label % len(seen)
		seen[class]++
		to := dataset.Train
		last := carved == 0 && i == len(mine)-1 && i >= 4
		if last || math.Round(o.Validation*seen[class]) > taken[class] {
			taken[class]++
			carved++
			to = dataset.Validation
		}
		for _, m := range u {
			v.parts[to] = append(v.parts[to], m.place)
		}
	}
	for _, split := range []dataset.Split{dataset.Train, dataset.Validation} {
		slices.SortFunc(v.parts[split], func(a, b place) int {
			// train before validation of the inner set, as its own order is
			if a.split != b.split {
				return -cmp.Compare(len(a.split), len(b.split))
			}
			return a.index - b.index
		})
	}
}
