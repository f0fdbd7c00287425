package local

import (
	"context"

	"consilium/dataset"
	"consilium/engine"
	"consilium/fault"
	"consilium/federation"
	"consilium/nn"
	"consilium/registry"
	"consilium/train"
	"consilium/zoo"
)

// Bundle makes a model that the node can use of weights, as Settle gives them: calibrated and made conformal on the
// site's validation split, measured on its test split, with the site's harmonisation inside the graph. It is not
// signed. card holds name, version, task, intended use, limits and licence; what is missing of them comes from the job.
// ONNX Runtime has to be there, except for a head. Errors: ENGINE_MISSING, MODEL_UNSUPPORTED when the body cannot be
// part of a bundle, MODEL_MALFORMED for a card that says too little, and those of set and engine.
func (l *Learner) Bundle(ctx context.Context, weights []float32, card registry.Card, command string) (registry.Bundle, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.checkWeights(weights); err != nil {
		return registry.Bundle{}, err
	}
	f := train.Finished{Arch: l.job.Model.Arch, Parameters: l.net.Size()}
	var err error
	if f.Model, f.Gradient, err = l.export(ctx, weights); err != nil {
		return registry.Bundle{}, err
	}
	f.Logits = func(ctx context.Context, split dataset.Split) (rows [][]float64, err error) {
		which, err := l.own.permitted(ctx, split)
		if err != nil {
			return nil, err
		}
		err = l.each(ctx, weights, split, which, func(row []float64, _ int) error {
			rows = append(rows, row)
			return nil
		})
		return rows, err
	}
	set, err := l.rawView(ctx)
	if err != nil {
		return registry.Bundle{}, err
	}
	return train.Ship(ctx, set, f, completed(card, l.job), command)
}

// completed takes from the job what the caller leaves open.
func completed(card registry.Card, job federation.Job) registry.Card {
	set := func(to *string, text string) {
		if *to == "" {
			*to = text
		}
	}
	set(&card.Name, job.ID)
	set(&card.Version, "1.0.0")
	set(&card.Task, job.Data.Task)
	set(&card.Task, job.Title)
	set(&card.IntendedUse, job.Purpose)
	set(&card.Licence, "not stated")
	card.Labels = job.Data.Labels
	if len(card.Limits) == 0 {
		card.Limits = []string{"Trained in a federation of hospitals; measured on this site's patients only."}
	}
	return card
}

// rawView is the permitted part of the set as it is before harmonisation: what a diagnosis will see.
func (l *Learner) rawView(ctx context.Context) (dataset.Set, error) {
	v, err := l.own.view(ctx)
	v.Set = l.raw
	return v, err
}

func (l *Learner) export(ctx context.Context, weights []float32) (model, gradient []byte, err error) {
	shape, classes := l.raw.Info().Shape, len(l.job.Data.Labels)
	if h, ok := l.net.(*head); ok {
		model, err = train.WithHead(train.Headed{Body: l.job.Model.Body, Shape: shape, Native: h.shape, Affine: l.affine, Weights: weights, Classes: classes})
		return model, nil, err
	}
	var net nn.Network
	if _, ok := l.net.(*logistic); ok {
		net = zoo.Linear(classes)
	} else {
		arch, err := zoo.Get(l.job.Model.Arch)
		if err != nil {
			return nil, nil, err
		}
		net = arch.Build(classes)
	}
	backend, err := engine.Training(engine.BackendONNX, l.o.Library)
	if err != nil {
		return nil, nil, err
	}
	m, err := train.NewModel(backend, l.affine.Before(net, shape), shape, classes, 0)
	if err != nil {
		return nil, nil, err
	}
	if m.Layout.Size != len(weights) {
		return nil, nil, fault.New(fault.ModelUnsupported, "the network's weights have another order in a bundle", "please report it")
	}
	m.Weights = weights
	return m.Export(ctx, l.o.Library)
}
