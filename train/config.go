package train

import (
	"fmt"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// Config is a training recipe. The same recipe serves every data set of a kind: nothing is chosen by a set's name.
type Config struct {
	Arch      string        `json:"arch"`
	Epochs    int           `json:"epochs"` // 0: as many as make Steps
	Steps     int           `json:"steps"`  // wanted in all, when Epochs is 0: small sets get more passes than large ones
	Batch     int           `json:"batch"`
	Rate      float64       `json:"rate"` // peak learning rate of AdamW, after warm-up, before cosine decay
	WarmUp    float64       `json:"warm_up"`
	Decay     float64       `json:"weight_decay"`
	Average   float64       `json:"average"` // decay a step of the exponential average of weights, which is what is evaluated and kept
	Patience  int           `json:"patience"`
	Loss      Loss          `json:"loss"`
	Balance   float64       `json:"balance"` // 0 = every example counts alike, 1 = every class does
	Augment   Augment       `json:"augment"`
	PerEpoch  int           `json:"per_epoch,omitempty"` // examples an epoch; 0 = all
	Seed      uint64        `json:"seed"`
	TimeLimit time.Duration `json:"time_limit,omitempty"`
	Backend   string        `json:"backend"`
	Library   string        `json:"-"`
	Resume    string        `json:"-"` // checkpoint file, read if it exists and written after every epoch
}

// Recipe is the default recipe for a kind of input. Chosen on validation splits only.
func Recipe(kind clinical.Kind) Config {
	c := Config{Steps: 1000, Batch: 64, Rate: 3e-3, WarmUp: 0.05, Decay: 0.05, Average: 0.99, Patience: 20,
		Loss: Loss{Smoothing: 0.05}, Seed: 1}
	switch kind {
	case clinical.KindImage:
		c.Augment = Augment{Shift: 0.08, Rotate: 10, Scale: 0.1, Contrast: 0.3, Brightness: 0.15, Erase: 0.25}
	case clinical.KindVolume:
		c.Batch, c.Rate = 32, 2e-3
		c.Augment = Augment{Shift: 0.08, Contrast: 0.2, Brightness: 0.1}
	case clinical.KindECG:
		c.Augment = Augment{Time: 0.1, Gain: 0.2, Noise: 0.02, DropLead: 0.1}
	case clinical.KindSound:
		c.Batch, c.Steps, c.Rate = 32, 600, 2e-3
		c.Augment = Augment{Time: 0.2, Noise: 0.1, MaskTime: 0.15, MaskBand: 0.15}
	case clinical.KindTable:
		c.Batch, c.Steps, c.Rate = 32, 1500, 2e-3
	}
	return c
}

// fewestEpochs and mostEpochs bound what Steps asks for: a large set still gets a dozen passes (--time-limit cuts them short).
const fewestEpochs, mostEpochs = 12, 200

// planned gives the recipe its number of epochs for a set of n training examples.
func (c Config) planned(n int) Config {
	if c.PerEpoch > 0 {
		n = min(n, c.PerEpoch)
	}
	if c.Epochs == 0 && c.Batch > 0 {
		c.Epochs = min(max(c.Steps/max(n/c.Batch, 1), fewestEpochs), mostEpochs)
	}
	return c
}

func (c Config) check() error {
	bad := func(what string, v any) error {
		return fault.New(fault.Usage, fmt.Sprintf("%s of %v makes no sense", what, v), "see `consilium train --help`")
	}
	switch {
	case c.Epochs < 1:
		return bad("a number of epochs", c.Epochs)
	case c.Batch < 2 || c.Batch > 4096:
		return bad("a batch", c.Batch)
	case !(c.Rate > 0 && c.Rate < 1):
		return bad("a learning rate", c.Rate)
	case c.Decay < 0 || c.Average < 0 || c.Average >= 1:
		return bad("a weight decay or average", [2]float64{c.Decay, c.Average})
	case c.Loss.Smoothing < 0 || c.Loss.Smoothing >= 1 || c.Loss.Focal < 0 || c.Loss.Mix < 0 || c.Loss.Mix > 1:
		return bad("a loss", c.Loss)
	}
	return nil
}
