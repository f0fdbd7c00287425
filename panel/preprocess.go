package panel

import (
	"fmt"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
	"consilium/imaging"
	"consilium/intake"
	"consilium/registry"
	"consilium/signal"
)

// Tensor fills into with what a model's card asks of an item: the same steps
// as in training. into has as many values as card.Input.Shape holds. Values or
// a mean outside the card's range are INPUT_RANGE; other errors are those of
// packages imaging and signal, and MODEL_SHAPE when the card contradicts itself.
func Tensor(card registry.Card, item intake.Item, into []float32) error {
	in := card.Input
	if len(into) != engine.Size(in.Shape) {
		return fault.New(fault.ModelShape, fmt.Sprintf("model %s wants %v, got room for %d values", card.Name, in.Shape, len(into)), "this is a defect; please report it")
	}
	if err := fill(card, item, into); err != nil {
		return err
	}
	return rangeOf(in).Check(into)
}

// maxFlatLeads is how many electrodes may have come off before an ECG is refused; the finding names them.
const maxFlatLeads = 3

// rangeOf is the card's range; a card without one checks nothing but finiteness.
func rangeOf(in registry.Input) imaging.Range {
	r := imaging.Range{Low: in.Low, High: in.High, MeanLow: in.MeanLow, MeanHigh: in.MeanHigh}
	if r.Low == r.High {
		const most = 1e6
		r.Low, r.High = -most, most
	}
	return r
}

func fill(card registry.Card, item intake.Item, into []float32) error {
	in := card.Input
	switch {
	case card.Kind == clinical.KindImage && item.Image != nil && len(in.Shape) == 3:
		return imaging.Tensor(*item.Image, imaging.Spec{Channels: in.Shape[0], Height: in.Shape[1], Width: in.Shape[2], Mean: in.Mean, Std: in.Std}, into)
	case card.Kind == clinical.KindVolume && item.Image != nil && len(in.Shape) == 4:
		return imaging.Volume(*item.Image, imaging.Spec{Channels: in.Shape[0], Depth: in.Shape[1], Height: in.Shape[2], Width: in.Shape[3], Mean: in.Mean, Std: in.Std}, into)
	case card.Kind == clinical.KindECG && item.Recording != nil && len(in.Shape) == 2:
		return signal.ECG(*item.Recording, signal.ECGSpec{Leads: in.Leads, Rate: in.Rate, MinRate: in.MinRate, Seconds: in.Seconds, MaxFlat: maxFlatLeads}, into)
	case card.Kind == clinical.KindSound && item.Recording != nil && len(in.Shape) == 2:
		return signal.LogMel(*item.Recording, SoundSpec(in), into)
	}
	return fault.New(fault.ModelShape, fmt.Sprintf("model %s takes %s of shape %v, which is not one of its kind's shapes", card.Name, card.Kind, in.Shape), "ask the model's maker for a correct card")
}

// SoundSpec is the log-mel front end that a card describes.
func SoundSpec(in registry.Input) signal.SoundSpec {
	return signal.SoundSpec{Rate: in.Rate, MinRate: in.MinRate, Seconds: in.Seconds, Mels: in.Mels}
}
