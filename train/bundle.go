package train

import (
	"context"
	"fmt"
	"math"
	"time"

	"consilium/calibration"
	"consilium/clinical"
	"consilium/dataset"
	"consilium/engine"
	"consilium/metric"
	"consilium/registry"
	"consilium/train/report"
)

// bundle makes the model that ships: graphs, card, preprocessing, calibration, conformal rule. It is not signed here.
func (e *experiment) bundle(t *trained, rule calibration.Conformal, r report.Run) (registry.Bundle, error) {
	model, gradient, err := t.fit.Model.Export(context.WithoutCancel(e.ctx), e.plan.Config.Library)
	if err != nil {
		return registry.Bundle{}, err
	}
	c, err := e.card(t, rule, r)
	c.Parameters = t.fit.Model.Layout.Size
	return registry.Bundle{Card: c, Model: model, Gradient: gradient}, err
}

// card fills in what the data, the calibration and the test have to say.
func (e *experiment) card(t *trained, rule calibration.Conformal, r report.Run) (registry.Card, error) {
	input, err := e.input()
	if err != nil {
		return registry.Card{}, err
	}
	c := e.plan.Card
	c.Format, c.Kind, c.Arch = registry.CardFormat, e.info.Kind, e.plan.Config.Arch
	if len(c.Labels) != len(e.info.Labels) {
		c.Labels = e.info.Labels
	}
	c.Synthetic = e.info.Synthetic
	c.Data = registry.Data{Name: e.info.Name, Licence: e.info.Licence, Citation: e.info.Citation, SplitBy: e.info.SplitBy,
		Caveats: e.info.Caveats, Splits: map[string]int{}}
	for _, s := range e.splits {
		c.Data.Splits[string(s.Name)] = s.Examples
	}
	input.Modalities, input.BodyParts = c.Input.Modalities, c.Input.BodyParts
	c.Input, c.Calibration, c.Conformal = input, t.fitted.Map, rule
	c.Figures = figures(r)
	c.MadeBy, c.Trained = e.plan.Command, time.Now().UTC().Format(time.DateOnly)
	if c.Synthetic {
		c.Limits = append([]string{clinical.SyntheticNotice}, c.Limits...)
	}
	return c, nil
}

// figures puts the shipped model's test results and the mean over seeds on the card.
func figures(r report.Run) []registry.Figure {
	var out []registry.Figure
	test := r.Seeds[r.Shipped].Test
	for _, v := range test.Values {
		if v.ID == metric.IDAccuracy && v.Value != nil && *v.Value == 1 {
			out = append(out, flawless(v, test.Examples))
			continue
		}
		if v.Value == nil || v.Low == nil || v.High == nil || v.Baseline == nil || *v.Low == *v.High {
			continue
		}
		out = append(out, registry.Figure{Metric: v.ID, Split: string(dataset.Test), Value: *v.Value,
			Low: min(*v.Low, *v.Value), High: max(*v.High, *v.Value), Baseline: v.Baseline, Note: "this model, 95% bootstrap interval"})
	}
	for _, v := range r.Across {
		if len(r.Seeds) < 2 || (v.ID != "auc" && v.ID != "accuracy") || v.Mean == nil || v.BothLow == nil || v.BothHigh == nil || *v.BothLow == *v.BothHigh {
			continue
		}
		out = append(out, registry.Figure{Metric: v.ID, Split: string(dataset.Test), Value: *v.Mean, Low: min(*v.BothLow, *v.Mean), High: max(*v.BothHigh, *v.Mean),
			Baseline: v.Baseline, Note: fmt.Sprintf("mean of %d seeds, 95%% two-way bootstrap interval over seeds and examples", len(r.Seeds))})
	}
	return out
}

// flawless is an accuracy of 1: every bootstrap draw gives 1 again, so the interval is the exact binomial one
// (Clopper and Pearson 1934), whose lower end is 0.025^(1/n).
func flawless(v metric.Value, n int) registry.Figure {
	return registry.Figure{Metric: v.ID, Split: string(dataset.Test), Value: 1, Low: math.Pow(0.025, 1/float64(n)), High: 1,
		Baseline: v.Baseline, Note: "this model, exact binomial 95% interval"}
}

// input measures the tensors of the train split, so that a diagnosis can refuse what training never saw:
// another value range, an inverted or blank picture.
func (e *experiment) input() (registry.Input, error) {
	in := registry.Input{Port: registry.PortInput, Shape: e.info.Shape}
	if f := e.info.Front; f != nil {
		in.Rate, in.MinRate, in.Seconds, in.Leads, in.Mels = f.Rate, f.MinRate, f.Seconds, f.Leads, f.Mels
	}
	low, high, meanLow, meanHigh := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	x := make([]float32, engine.Size(e.info.Shape))
	n := e.set.Len(dataset.Train)
	for i := range min(n, 2000) {
		if _, err := e.set.Read(dataset.Train, i*max(n/2000, 1)%n, x); err != nil {
			return in, err
		}
		var sum float64
		for _, v := range x {
			low, high = min(low, float64(v)), max(high, float64(v))
			sum += float64(v)
		}
		meanLow, meanHigh = min(meanLow, sum/float64(len(x))), max(meanHigh, sum/float64(len(x)))
	}
	switch e.info.Kind {
	case clinical.KindImage, clinical.KindVolume:
		margin := 0.5 * (meanHigh - meanLow)
		in.Low, in.High = 0, 1
		in.MeanLow, in.MeanHigh = max(round(meanLow-margin), 0.02), min(round(meanHigh+margin), 0.98)
	case clinical.KindECG:
		in.Low, in.High = -maxMillivolts, maxMillivolts // the mean says nothing: the baseline was removed
	default:
		in.Low, in.High = round(low-2*(high-low)), round(high+2*(high-low))
	}
	return in, nil
}

// maxMillivolts is beyond what a heart gives; package signal refuses more than that as well.
const maxMillivolts = 20

func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }
