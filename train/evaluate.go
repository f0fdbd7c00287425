package train

import (
	"context"

	"consilium/calibration"
	"consilium/dataset"
	"consilium/engine"
	"consilium/fault"
	"consilium/metric"
	"consilium/registry"
)

// Evaluation is a finished model measured on a split of a data set.
type Evaluation struct {
	Model    string                `json:"model"`
	Version  string                `json:"version"`
	Data     dataset.Info          `json:"data"`
	Split    dataset.Split         `json:"split"`
	Metrics  metric.Report         `json:"metrics"`
	Coverage *calibration.Coverage `json:"coverage,omitempty"`
	Backend  string                `json:"backend"`
}

// Evaluate runs a bundle over a split, a batch at a time, and measures its calibrated probabilities.
func Evaluate(ctx context.Context, b *registry.Bundle, set dataset.Set, split dataset.Split, o engine.Options, progress func(done, all int)) (*Evaluation, error) {
	if err := suits(b, set, split); err != nil {
		return nil, err
	}
	s, err := engine.OpenSession(b.Model, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	probs, labels, groups, err := probabilities(ctx, b, s, set, split, progress)
	if err != nil {
		return nil, err
	}
	e := &Evaluation{Model: b.Card.Name, Version: b.Card.Version, Data: set.Info(), Split: split, Backend: s.Backend()}
	options := metric.Options{Groups: groups}
	for _, l := range b.Card.Labels {
		options.Labels = append(options.Labels, l.Name)
	}
	if e.Metrics, err = metric.Evaluate(probs, labels, options); err != nil {
		return nil, err
	}
	if b.Card.Conforms() {
		c, err := b.Card.Conformal.Assess(probs, labels)
		if err != nil {
			return nil, err
		}
		e.Coverage = &c
	}
	return e, nil
}

// suits refuses a set that the bundle was not made for, and an empty split.
func suits(b *registry.Bundle, set dataset.Set, split dataset.Split) error {
	info := set.Info()
	if info.Kind != b.Card.Kind || engine.Size(info.Shape) != engine.Size(b.Card.Input.Shape) || len(info.Labels) != len(b.Card.Labels) {
		return fault.New(fault.ModelShape, "the model "+b.Card.Name+" and the data set "+info.Name+" have different inputs or labels",
			"choose data of the kind, shape and labels that `consilium models show` prints")
	}
	if set.Len(split) == 0 {
		return fault.New(fault.DataMissing, "the data set has no examples in split "+string(split), "choose --split train, val or test")
	}
	return nil
}

func probabilities(ctx context.Context, b *registry.Bundle, s *engine.Session, set dataset.Set, split dataset.Split, progress func(done, all int)) (probs [][]float64, labels []int, groups []string, err error) {
	size, n := engine.Size(b.Card.Input.Shape), set.Len(split)
	x := make([]float32, predictBatch*size)
	distinct := map[string]bool{}
	for from := 0; from < n; from += predictBatch {
		count := min(predictBatch, n-from)
		for i := range count {
			one, err := set.Read(split, from+i, x[i*size:(i+1)*size])
			if err != nil {
				return nil, nil, nil, err
			}
			labels, groups = append(labels, one.Label), append(groups, one.Group)
			distinct[one.Group] = true
		}
		out, err := s.Run(ctx, map[string]engine.Tensor{registry.PortInput: {Shape: append([]int{count}, b.Card.Input.Shape...), Data: x[:count*size]}})
		if err != nil {
			return nil, nil, nil, err
		}
		logits, classes := out[registry.PortLogits], len(b.Card.Labels)
		for i := range count {
			row := make([]float64, classes)
			for k := range row {
				row[k] = float64(logits.Data[i*classes+k])
			}
			p, err := b.Card.Calibration.Apply(row)
			if err != nil {
				return nil, nil, nil, err
			}
			probs = append(probs, p)
		}
		if progress != nil {
			progress(from+count, n)
		}
	}
	if len(distinct) == len(groups) {
		groups = nil
	}
	return probs, labels, groups, nil
}
