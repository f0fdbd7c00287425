// Package partition cuts one data set into the sets of many sites, and spoils sets on purpose: it thins a class,
// flips labels, and looks at pictures through another scanner. All of it are views: indexes over the set that is
// underneath, no copies.
//
// What comes out is for simulations. A hospital's real data are never drawn from a Dirichlet distribution.
package partition

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"consilium/dataset"
	"consilium/fault"
)

// place is where an example lies in the set underneath.
type place struct {
	split dataset.Split
	index int
}

// view shows some examples of a set, in splits of its own.
type view struct {
	inner dataset.Set
	info  dataset.Info
	parts map[dataset.Split][]place
}

func newView(inner dataset.Set, name, caveat string) *view {
	info := inner.Info()
	info.Name += name
	info.Caveats = append(slices.Clone(info.Caveats), caveat)
	return &view{inner: inner, info: info, parts: map[dataset.Split][]place{}}
}

// Info is the inner set's, with a caveat that says what was done to it.
func (v *view) Info() dataset.Info { return v.info }

// Len is the number of examples in a split of the view.
func (v *view) Len(split dataset.Split) int { return len(v.parts[split]) }

// Read reads through to the inner set.
func (v *view) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(v, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	p := v.parts[split][i]
	return v.inner.Read(p.split, p.index, into)
}

// Close leaves the inner set open: other views look at it.
func (v *view) Close() error { return nil }

// whole lists a split of the set underneath.
func whole(set dataset.Set, split dataset.Split) []place {
	list := make([]place, set.Len(split))
	for i := range list {
		list[i] = place{split, i}
	}
	return list
}

// member is an example with what decides where it goes.
type member struct {
	place
	group string
	label int
	order uint64 // of its group, by seed and purpose
}

// members reads every example of some splits once.
func members(set dataset.Set, seed uint64, purpose string, splits ...dataset.Split) ([]member, error) {
	into := make([]float32, set.Info().Size())
	classes := len(set.Info().Labels)
	var list []member
	for _, split := range splits {
		for i := range set.Len(split) {
			s, err := set.Read(split, i, into)
			if err != nil {
				return nil, err
			}
			if s.Label < 0 || s.Label >= classes {
				return nil, fault.New(fault.InputMalformed, fmt.Sprintf("%s %d has label %d of %d", split, i, s.Label, classes), "give a set with one label an example")
			}
			list = append(list, member{place{split, i}, s.Group, s.Label, keyed(seed, purpose, s.Group)})
		}
	}
	return list, nil
}

// keyed is a number that depends on seed, purpose and name alone.
func keyed(seed uint64, purpose, name string) uint64 {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, seed), purpose+"\n"+name...))
	return binary.BigEndian.Uint64(sum[:8])
}

// Counts gives the number of examples of each class in a split.
func Counts(set dataset.Set, split dataset.Split) ([]int, error) {
	list, err := members(set, 0, "", split)
	counts := make([]int, len(set.Info().Labels))
	for _, m := range list {
		counts[m.label]++
	}
	return counts, err
}
