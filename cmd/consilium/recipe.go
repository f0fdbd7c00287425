package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"consilium/train"
)

// progressThrottle keeps the bar from costing time.
const progressThrottle = 200 * time.Millisecond

// recipeFlags change single settings of the default recipe.
type recipeFlags struct {
	c     train.Config
	plain bool
}

func (r *recipeFlags) register(f *pflag.FlagSet) {
	f.IntVar(&r.c.Epochs, "epochs", 0, "passes over the train split (default: by kind)")
	f.IntVar(&r.c.Batch, "batch", 0, "examples a step (default: by kind)")
	f.Float64Var(&r.c.Rate, "rate", 0, "peak learning rate (default: by kind)")
	f.Float64Var(&r.c.Decay, "weight-decay", 0, "weight decay (default: by kind)")
	f.IntVar(&r.c.Patience, "patience", 0, "epochs without a better validation result before stopping; 0 never stops early (default: by kind)")
	f.Float64Var(&r.c.Loss.Smoothing, "smoothing", 0, "label smoothing (default: by kind)")
	f.Float64Var(&r.c.Loss.Focal, "focal", 0, "gamma of the focal loss; 0 is cross-entropy")
	f.Float64Var(&r.c.Loss.Mix, "mix", 1, "share of the focal loss, the rest is cross-entropy")
	f.Float64Var(&r.c.Balance, "balance", 0, "0: every example counts alike, 1: every class does")
	f.IntVar(&r.c.PerEpoch, "per-epoch", 0, "examples an epoch; 0 is all")
	f.Uint64Var(&r.c.Seed, "seed", 1, "first seed")
	f.DurationVar(&r.c.TimeLimit, "time-limit", 0, "stop well before this much time has passed for a seed, with the best so far (10m, 2h)")
	f.BoolVar(&r.plain, "no-augment", false, "do not vary the training examples")
}

// apply lays the flags that were given over a recipe.
func (r *recipeFlags) apply(c *cobra.Command, base train.Config) train.Config {
	set := map[string]func(){
		"epochs": func() { base.Epochs = r.c.Epochs }, "batch": func() { base.Batch = r.c.Batch }, "rate": func() { base.Rate = r.c.Rate },
		"weight-decay": func() { base.Decay = r.c.Decay }, "patience": func() { base.Patience = r.c.Patience },
		"smoothing": func() { base.Loss.Smoothing = r.c.Loss.Smoothing }, "focal": func() { base.Loss.Focal, base.Loss.Mix = r.c.Loss.Focal, r.c.Loss.Mix },
		"balance": func() { base.Balance = r.c.Balance }, "per-epoch": func() { base.PerEpoch = r.c.PerEpoch },
		"time-limit": func() { base.TimeLimit = r.c.TimeLimit }, "no-augment": func() { base.Augment = train.Augment{} },
	}
	for name, f := range set {
		if c.Flags().Changed(name) {
			f()
		}
	}
	base.Seed = r.c.Seed
	return base
}
