package encoder

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"

	"consilium/evidence"
	"consilium/fault"
)

// How pairs are made of documents.
const (
	passageSize   = 1500 // bytes of a passage, at most one sentence more
	leastCloze    = 3    // sentences of a passage that one is taken from
	keptInPassage = 0.1  // chance that the sentence also stays where it was (Lee et al., ACL 2019)
	maxPairs      = 2_000_000
	maxRefusals   = 1000
)

// Made says what became of a corpus.
type Made struct {
	Documents int `json:"documents"`
	Refused   int `json:"refused"` // could not be read
	Titles    int `json:"titles"`  // pairs of title and passage
	Cloze     int `json:"cloze"`   // pairs of a sentence and the rest of its passage
}

// Pairs makes training pairs of a corpus. The title, or question, of a document asks for each of its
// passages. A document without title gives inverse cloze tasks: a sentence asks for the rest of its passage
// (Lee et al., ACL 2019). Documents that could not be read are counted, and end it when there are over a
// thousand. No pair at all is DATA_UNFIT.
func Pairs(documents iter.Seq2[evidence.Document, error], seed uint64) ([]Pair, Made, error) {
	rng := rand.New(rand.NewPCG(seed, 0x636c6f7a65))
	var pairs []Pair
	var made Made
	for d, err := range documents {
		if err != nil {
			made.Refused++
			if made.Refused > maxRefusals || fault.CodeOf(err) == fault.Interrupted {
				return nil, made, err
			}
			continue
		}
		made.Documents++
		before := len(pairs)
		if strings.TrimSpace(d.Title) != "" {
			for _, p := range divide(d.Text) {
				pairs = append(pairs, Pair{Question: d.Title, Passage: d.Text[p[0][0]:p[len(p)-1][1]], Group: d.ID})
			}
			made.Titles += len(pairs) - before
		} else {
			for _, p := range divide(d.Text) {
				if len(p) >= leastCloze {
					pairs = append(pairs, cloze(d, p, rng))
				}
			}
			made.Cloze += len(pairs) - before
		}
		if len(pairs) > maxPairs {
			return nil, made, fault.New(fault.InputTooLarge, fmt.Sprintf("the corpus gives more than %d pairs", maxPairs), "train on a part of it")
		}
	}
	if len(pairs) == 0 {
		return nil, made, fault.New(fault.DataUnfit, fmt.Sprintf("%d documents give no pair to train on", made.Documents),
			"documents need a title, or passages of three sentences and more")
	}
	return pairs, made, nil
}

// divide groups the sentences of a text into passages.
func divide(text string) [][][2]int {
	var out [][][2]int
	for _, s := range evidence.Sentences(text) {
		last := len(out) - 1
		if last < 0 || s[1]-out[last][0][0] > passageSize {
			out = append(out, [][2]int{s})
		} else {
			out[last] = append(out[last], s)
		}
	}
	return out
}

// cloze takes one sentence of a passage as the question.
func cloze(d evidence.Document, sentences [][2]int, rng *rand.Rand) Pair {
	taken := rng.IntN(len(sentences))
	keep := rng.Float64() < keptInPassage
	var rest []string
	for i, s := range sentences {
		if i != taken || keep {
			rest = append(rest, d.Text[s[0]:s[1]])
		}
	}
	return Pair{Question: d.Text[sentences[taken][0]:sentences[taken][1]], Passage: strings.Join(rest, " "), Group: d.ID}
}
