// Package benchmark measures retrieval on public question sets: their readers,
// one split by disease that training and measuring share, and the figures with
// bootstrap intervals.
package benchmark

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"unicode"
)

// The parts of a split.
const (
	Train = "train"
	Test  = "test"
)

// testShare is the percentage of focuses in the test part.
const testShare = 30

// Split says to which part the questions about a focus (disease, drug, topic)
// belong: Train, or Test for about 30% of the focuses. It depends on nothing
// but the focus, written in any case, spacing and punctuation.
func Split(focus string) string {
	if bucket(focus, "split")%100 < testShare {
		return Test
	}
	return Train
}

// Fold divides the focuses of the training part into folds 0 to folds-1, for
// cross-validation: whatever is chosen by a figure is chosen there.
func Fold(focus string, folds int) int { return int(bucket(focus, "fold") % uint64(folds)) }

// bucket is uniform in the focus, and independent for each purpose.
func bucket(focus, purpose string) uint64 {
	h := sha256.Sum256([]byte(purpose + "\x00" + normal(focus)))
	return binary.BigEndian.Uint64(h[:])
}

// normal writes a focus in lower case with single spaces for what is no letter or digit.
func normal(focus string) string {
	words := strings.FieldsFunc(strings.ToLower(focus), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, " ")
}

// Partition divides pairs by Split. Training pairs whose answer is also that of
// a test pair are left out: MedQuAD gives some answers under several focuses.
func Partition(pairs []Pair) (train, test []Pair) {
	held := map[string]bool{}
	for _, p := range pairs {
		if Split(p.Focus) == Test {
			test = append(test, p)
			held[p.Answer] = true
		}
	}
	for _, p := range pairs {
		if Split(p.Focus) == Train && !held[p.Answer] {
			train = append(train, p)
		}
	}
	return train, test
}
