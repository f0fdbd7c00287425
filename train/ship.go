package train

import (
	"context"
	"fmt"

	"consilium/calibration"
	"consilium/dataset"
	"consilium/fault"
	"consilium/metric"
	"consilium/registry"
	"consilium/train/report"
)

// Finished is a network whose weights were found elsewhere: in a federation, for one.
type Finished struct {
	Arch            string
	Parameters      int
	Logits          func(ctx context.Context, split dataset.Split) ([][]float64, error) // of the set's examples, in order
	Model, Gradient []byte                                                              // ONNX; Gradient may be nil
}

// Ship makes a bundle of a finished network, not signed yet: calibrated and made conformal on the set's validation
// split, measured on its test split. card holds what the maker states; the rest is filled in. A validation split that
// cannot carry a calibration leaves the model uncalibrated, and the card says so.
func Ship(ctx context.Context, set dataset.Set, f Finished, card registry.Card, command string) (registry.Bundle, error) {
	e := &experiment{ctx: ctx, set: set, info: set.Info(), plan: Plan{Config: Config{Arch: f.Arch}, Seeds: 1, Coverage: 0.9, Card: card, Command: command}}
	if err := e.labels(); err != nil {
		return registry.Bundle{}, err
	}
	t := &trained{}
	var err error
	if t.val, err = f.Logits(ctx, dataset.Validation); err != nil {
		return registry.Bundle{}, err
	}
	if t.test, err = f.Logits(ctx, dataset.Test); err != nil {
		return registry.Bundle{}, err
	}
	if err := e.valid(t); err != nil {
		return registry.Bundle{}, err
	}
	rule, err := e.promise(t)
	if err != nil {
		return registry.Bundle{}, err
	}
	r := report.Run{Seeds: []report.Seed{{}}}
	if len(t.test) > 0 {
		if t.probs, err = apply(t.fitted.Map, t.test); err != nil {
			return registry.Bundle{}, err
		}
		if r.Seeds[0].Test, err = metric.Evaluate(t.probs, e.testLabel, e.options()); err != nil {
			return registry.Bundle{}, err
		}
	}
	c, err := e.card(t, rule, r)
	if err != nil {
		return registry.Bundle{}, err
	}
	c.Parameters = f.Parameters
	return registry.Bundle{Card: c, Model: f.Model, Gradient: f.Gradient}, c.Validate()
}

// valid reads the labels of the validation split, which labels() leaves to the run of the network.
func (e *experiment) valid(t *trained) error {
	x := make([]float32, e.info.Size())
	for i := range e.set.Len(dataset.Validation) {
		s, err := e.set.Read(dataset.Validation, i, x)
		if err != nil {
			return err
		}
		e.valLabels = append(e.valLabels, s.Label)
	}
	if len(t.val) != len(e.valLabels) || len(t.test) != len(e.testLabel) {
		return fault.New(fault.Internal, "logits and examples differ in number", "please report it")
	}
	return nil
}

// promise fits calibration and conformal rule, or notes on the card why there are none.
func (e *experiment) promise(t *trained) (rule calibration.Conformal, err error) {
	err = e.calibrate(t)
	if err == nil {
		rule, err = e.conformal(t.fitted.Held)
	}
	if fault.CodeOf(err) == fault.DataUnfit {
		t.fitted.Map, err = calibration.Map{Method: calibration.None}, nil
		e.plan.Card.Limits = append([]string{fmt.Sprintf("Not calibrated: %d validation examples were too few, or of one kind only.", len(t.val))}, e.plan.Card.Limits...)
	}
	return rule, err
}
