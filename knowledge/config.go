package knowledge

import (
	"fmt"

	"consilium/fault"
)

// Config is what a training run is made of. Both factorisations take the same.
type Config struct {
	Model      string  `json:"model"`      // ComplEx or TuckER
	Dim        int     `json:"dim"`        // of an embedding, in real numbers
	Core       int     `json:"core"`       // coordinates of a relation (TuckER)
	Epochs     int     `json:"epochs"`     // passes over all queries of training
	Batch      int     `json:"batch"`      // queries in a step
	Candidates int     `json:"candidates"` // answers that a step's softmax runs over, about: the right ones and a random sample
	Rate       float64 `json:"rate"`       // of Adagrad
	Dropout    float64 `json:"dropout"`    // of entity and query
	N3         float64 `json:"n3"`         // weight of the cubed moduli
	Seed       uint64  `json:"seed"`       // of weights, order, sample and dropout
}

// Recipe is the configuration that a model is trained by when nothing else is asked
// for. Dropout was chosen on the validation links of HPO; everything else is the same
// for both (docs/knowledge.md).
func Recipe(model string) Config {
	c := Config{Model: model, Dim: 64, Core: 8, Epochs: 30, Batch: 256, Candidates: 1024, Rate: 0.1, Dropout: 0.3, Seed: 1}
	if model == TuckER {
		c.Dropout = 0.2
	}
	return c
}

func (c Config) check() error {
	wrong := func(what string, v any) error {
		return fault.New(fault.Usage, fmt.Sprintf("%s cannot be %v", what, v), "see `consilium knowledge train --help`")
	}
	switch {
	case c.Model != ComplEx && c.Model != TuckER:
		return wrong("the model", c.Model)
	case c.Dim < 2 || c.Dim > 1024 || c.Dim%2 != 0:
		return wrong("the dimension", c.Dim)
	case c.Core < 1 || c.Core > 64:
		return wrong("the size of the core", c.Core)
	case c.Epochs < 1 || c.Epochs > 10000:
		return wrong("the number of epochs", c.Epochs)
	case c.Batch < 1 || c.Batch > 1<<14:
		return wrong("the batch", c.Batch)
	case c.Candidates < 1 || c.Candidates > maxEntities:
		return wrong("the number of candidates", c.Candidates)
	case !(c.Rate > 0 && c.Rate <= 10):
		return wrong("the rate", c.Rate)
	case !(c.Dropout >= 0 && c.Dropout < 1):
		return wrong("the dropout", c.Dropout)
	case !(c.N3 >= 0 && c.N3 <= 10):
		return wrong("the weight of N3", c.N3)
	}
	return nil
}
