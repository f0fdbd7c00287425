package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"consilium/fault"
)

// Splits are all splits in their usual order.
var Splits = [...]Split{Train, Validation, Test}

// Fractions are the shares of groups that each split gets. They sum to 1.
type Fractions struct{ Train, Validation, Test float64 }

// DefaultFractions are used wherever a data set has no official split. The
// zero value of Fractions stands for them.
var DefaultFractions = Fractions{Train: 0.70, Validation: 0.10, Test: 0.20}

// Check refuses fractions that are negative, leave nothing to train on, or do
// not sum to 1.
func (f Fractions) Check() error {
	if f == (Fractions{}) {
		return nil
	}
	sum := f.Train + f.Validation + f.Test
	if !(f.Train > 0) || !(f.Validation >= 0) || !(f.Test >= 0) || !(math.Abs(sum-1) < 1e-9) {
		return fault.New(fault.Usage, fmt.Sprintf("split fractions %v", f),
			"give three shares, none negative, the first above 0, that sum to 1")
	}
	return nil
}

// AssignSplit puts a group (a patient, a recording source) into a split. The
// answer depends on group and seed alone: examples of one group never cross
// splits, and a group stays where it is when others join or leave the set.
//
// The first 53 bits of SHA-256(seed as 8 big-endian bytes, then group) are the
// group's place in 0..1.
func AssignSplit(group string, seed uint64, f Fractions) Split {
	if f == (Fractions{}) {
		f = DefaultFractions
	}
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(group)), seed)
	sum := sha256.Sum256(append(key, group...))
	place := float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
	switch {
	case place < f.Train:
		return Train
	case place < f.Train+f.Validation:
		return Validation
	default:
		return Test
	}
}

// Partition lists, for each split, which examples it holds, in the set's
// order; groups[i] is the group of example i.
func Partition(groups []string, seed uint64, f Fractions) map[Split][]int {
	parts := make(map[Split][]int, len(Splits))
	for i, group := range groups {
		split := AssignSplit(group, seed, f)
		parts[split] = append(parts[split], i)
	}
	return parts
}
