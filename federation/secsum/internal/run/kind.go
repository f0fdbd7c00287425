package run

import "slices"

// The steps, as they stand in a message.
const (
	StepKeys    byte = iota + 1
	StepShares       // of each site's secrets, sealed for the others
	StepVector       // the hidden values
	StepConfirm      // a signature under whose values came, and under all that was heard before
	StepOpen         // what opens the sum
	stepOver
)

// KeyBytes is the length of a public key.
const KeyBytes = 32

// Kind tells one way to a secure sum from another, in what can be seen of it: all take the same five steps.
type Kind struct {
	Name    string    // in the hash of the terms; sites that differ in any number of the scheme must differ here
	Steps   [5]string // names of the steps; the first three are in the transcript too
	Keys    int       // bytes that a site publishes, its key for sealed boxes first
	Piece   int       // of a sealed share
	Vector  int       // of the hidden values
	Opening int       // of what a site says to open the sum
	// OpeningEach is added to Opening for every site that has shared.
	OpeningEach int
	// FewOpen has the hub name, with those whose values came, a threshold of them that open the sum. Otherwise all do
	// that are left.
	FewOpen bool
}

// length is what a site's message of a step has to have, by whose keys and whose shares came.
func (k *Kind) length(step byte, named, shared Set) int {
	switch step {
	case StepKeys:
		return k.Keys
	case StepShares:
		return hashBytes + (named.Count()-1)*k.Piece
	case StepVector:
		return hashBytes + k.Vector
	case StepConfirm:
		return hashBytes
	default:
		return hashBytes + k.Opening + shared.Count()*k.OpeningEach
	}
}

// The transcript is what a site heard, up to each step. Sites that heard different things never get to the end together.

func (k *Kind) heardKeys(r *Run, in Set, keys [][]byte) Hash {
	return Chain(k.Steps[0], r.ID, slices.Concat([][]byte{in.Bytes()}, keys)...)
}

func (k *Kind) heardShares(before Hash, in Set) Hash { return Chain(k.Steps[1], before, in.Bytes()) }

func (k *Kind) heardVectors(before Hash, in, openers Set) Hash {
	if k.FewOpen {
		return Chain(k.Steps[2], before, in.Bytes(), openers.Bytes())
	}
	return Chain(k.Steps[2], before, in.Bytes())
}
