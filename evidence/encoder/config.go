package encoder

import (
	"fmt"

	"consilium/fault"
)

// Pair is a question and a passage that answers it.
type Pair struct {
	Question, Passage string
	// Group is what the pair is about: a disease, a document. Pairs of one group are trained in one
	// batch, each the hard negatives of the others. Empty: a group of its own.
	Group string
}

// Config says how a model is trained. Recipe gives the values that were chosen on the training part of MedQuAD.
type Config struct {
	Dimensions int     `json:"dimensions"` // of the vector
	Vocabulary int     `json:"vocabulary"` // words with a row of their own, most frequent first
	Buckets    int     `json:"buckets"`    // rows for hashed n-grams
	MinCount   int     `json:"min_count"`  // texts that a word of the vocabulary occurs in
	Opening    int     `json:"opening"`    // words of a text's opening
	Batch      int     `json:"batch"`      // pairs in one step
	PerGroup   int     `json:"per_group"`  // pairs of one group in one batch, at most
	Epochs     int     `json:"epochs"`
	Rate       float64 `json:"rate"`      // Adagrad's step size at the start; it falls linearly to zero
	Sharpness  float64 `json:"sharpness"` // inverse temperature of the loss
	Spell      float64 `json:"spell"`     // chance that a known word is spelt by its n-grams in a step
	Drop       float64 `json:"drop"`      // chance that a word is left out in a step
	Seed       uint64  `json:"seed"`
}

// Recipe is the configuration of the shipped model: chosen by the mean reciprocal rank on subjects that
// were held back within the training part of MedQuAD (docs/evidence.md).
func Recipe() Config {
	return Config{Dimensions: 128, Vocabulary: 6000, Buckets: 7500, MinCount: 3, Opening: 10, Batch: 256, PerGroup: 8,
		Epochs: 20, Rate: 0.1, Sharpness: 12, Spell: 0.05, Drop: 0.1, Seed: 1}
}

// Limits on a configuration, which may come with a foreign file.
const (
	maxDimensions = 1024
	maxRows       = 1 << 20
	maxBatch      = 4096
	maxEpochs     = 10_000
)

// check refuses what cannot be trained. The error is USAGE.
func (c Config) check() error {
	bad := func(what string, v any) error {
		return fault.New(fault.Usage, fmt.Sprintf("%s is %v", what, v), "start from encoder.Recipe")
	}
	switch {
	case c.Dimensions < 1 || c.Dimensions > maxDimensions:
		return bad("the number of dimensions", c.Dimensions)
	case c.Vocabulary < 0 || c.Buckets < 0 || c.Vocabulary+c.Buckets < 1 || c.Vocabulary > maxRows || c.Buckets > maxRows:
		return bad("the size of the table", c.Vocabulary+c.Buckets)
	case c.Opening < 0 || c.Opening > MaxWords:
		return bad("the length of the opening", c.Opening)
	case c.Batch < 2 || c.Batch > maxBatch:
		return bad("the batch", c.Batch)
	case c.PerGroup < 1:
		return bad("the number of pairs of a group in a batch", c.PerGroup)
	case c.Epochs < 1 || c.Epochs > maxEpochs:
		return bad("the number of epochs", c.Epochs)
	case !(c.Rate > 0 && c.Rate <= 10):
		return bad("the rate", c.Rate)
	case !(c.Sharpness > 0 && c.Sharpness <= 1000):
		return bad("the sharpness", c.Sharpness)
	case !(c.Spell >= 0 && c.Spell <= 1) || !(c.Drop >= 0 && c.Drop < 1):
		return bad("a chance", fmt.Sprint(c.Spell, " or ", c.Drop))
	}
	return nil
}
