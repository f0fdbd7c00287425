package dataset

import (
	"fmt"

	"consilium/fault"
)

// Size is the number of values in one example: the product of Shape.
func (i Info) Size() int {
	n := 1
	for _, d := range i.Shape {
		n *= d
	}
	return n
}

// CheckRead is the argument check that every Set.Read starts with: the split
// exists, i is inside it, and into has room for exactly one example.
func CheckRead(s Set, split Split, i int, into []float32) error {
	if n := s.Len(split); i < 0 || i >= n {
		return fault.New(fault.Usage, fmt.Sprintf("example %d of split %q, which has %d", i, split, n),
			"ask for an index from 0 up to, but not including, the split's length; the splits are train, val and test")
	}
	if want := s.Info().Size(); len(into) != want {
		return fault.New(fault.Usage, fmt.Sprintf("room for %d values, one example has %d", len(into), want),
			"pass a slice as long as the product of Info().Shape")
	}
	return nil
}

// Missing says that a data set is not at path, and how to get it.
func Missing(path, name, source string) error {
	return fault.New(fault.DataMissing, fmt.Sprintf("no data set at %q", path),
		fmt.Sprintf("get %s from %s and put it there, or name its real place with --data", name, source))
}
