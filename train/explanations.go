package train

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"consilium/dataset"
	"consilium/engine"
	"consilium/explain"
	"consilium/fault"
	"consilium/registry"
)

// Explanations says what a finished model's heat maps are worth on a split of a data set.
type Explanations struct {
	Model    string          `json:"model"`
	Version  string          `json:"version"`
	Data     dataset.Info    `json:"data"`
	Split    dataset.Split   `json:"split"`
	Examples int             `json:"examples"` // drawn
	Of       int             `json:"of"`       // in the split
	Seed     uint64          `json:"seed"`
	Backend  string          `json:"backend"`
	Methods  []explain.Check `json:"methods"`
}

// ExplanationOptions tune CheckExplanations.
type ExplanationOptions struct {
	Methods  []string // nil: all that the model has
	Examples int      // drawn from the split; all of it when it has fewer
	explain.CheckOptions
}

// CheckExplanations draws examples evenly from a split, explains the most
// probable class of each and measures whether the explanations can be believed.
// Errors: USAGE, MODEL_SHAPE, DATA_MISSING, and those of explain.CheckMethods.
func CheckExplanations(ctx context.Context, b *registry.Bundle, set dataset.Set, split dataset.Split, o ExplanationOptions) (*Explanations, error) {
	if o.Examples < 1 {
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d examples", o.Examples), "check on one at least")
	}
	if err := suits(b, set, split); err != nil {
		return nil, err
	}
	s, err := engine.OpenSession(b.Model, o.Engine)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	e := &Explanations{Model: b.Card.Name, Version: b.Card.Version, Data: set.Info(), Split: split, Of: set.Len(split), Seed: o.Seed, Backend: s.Backend()}
	drawn := sample{set, evenly(e.Of, o.Examples, o.Seed)}
	e.Examples = len(drawn.at)
	trials, err := trialsOf(ctx, b, s, drawn, split)
	if err != nil {
		return nil, err
	}
	e.Methods, err = explain.CheckMethods(ctx, explain.Network{Kind: b.Card.Kind, Model: b.Model, Gradient: b.Gradient}, o.Methods, trials, o.CheckOptions)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// trialsOf reads a split and takes the class to explain from the calibrated answer, as a diagnosis does.
func trialsOf(ctx context.Context, b *registry.Bundle, s *engine.Session, set dataset.Set, split dataset.Split) ([]explain.Trial, error) {
	probs, _, _, err := probabilities(ctx, b, s, set, split, nil)
	if err != nil {
		return nil, err
	}
	trials := make([]explain.Trial, len(probs))
	for i, p := range probs {
		input := make([]float32, engine.Size(b.Card.Input.Shape))
		if _, err := set.Read(split, i, input); err != nil {
			return nil, err
		}
		trials[i] = explain.Trial{Input: input, Class: slices.Index(p, slices.Max(p))}
	}
	return trials, nil
}

// sample is a data set of which only some examples are used.
type sample struct {
	dataset.Set
	at []int
}

func (s sample) Len(dataset.Split) int { return len(s.at) }

func (s sample) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	return s.Set.Read(split, s.at[i], into)
}

// evenly picks k of n places at equal distances, from a start that the seed draws: a split sorted by label
// gives each label its share.
func evenly(n, k int, seed uint64) []int {
	k = min(n, k)
	start := rand.New(rand.NewPCG(seed, 0xe7e)).IntN(n)
	at := make([]int, k)
	for i := range at {
		at[i] = (i*n + start) / k
	}
	return at
}
