package panel

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/engine"
	"consilium/explain"
	"consilium/fault"
	"consilium/intake"
	"consilium/registry"
	"consilium/signal"
)

// agent is one model with what it needs to answer. Its sessions are opened
// when the first fitting item comes.
type agent struct {
	bundle    *registry.Bundle
	engine    engine.Options
	session   *engine.Session   // nil until it is needed
	gradient  *engine.Session   // nil until it is needed, or when the bundle has none
	explained explain.Explainer // nil until it is needed
	into      []float32         // the tensor of the item at hand
}

func newAgent(b *registry.Bundle, o engine.Options) *agent { return &agent{bundle: b, engine: o} }

// open loads the model and runs it once on zeros.
func (a *agent) open(ctx context.Context) error {
	if a.session != nil {
		return nil
	}
	s, err := engine.OpenSession(a.bundle.Model, a.engine)
	if err != nil {
		return err
	}
	if err := s.Warm(ctx, 1); err != nil {
		s.Close()
		return err
	}
	a.session = s
	a.into = make([]float32, engine.Size(a.bundle.Card.Input.Shape))
	return nil
}

func (a *agent) close() {
	for _, s := range []*engine.Session{a.session, a.gradient} {
		if s != nil {
			s.Close()
		}
	}
	a.session, a.gradient, a.explained = nil, nil, nil
}

// examine answers for one item: tensor, logits, calibration, conformal set.
func (a *agent) examine(ctx context.Context, item intake.Item) (clinical.Finding, error) {
	if err := a.open(ctx); err != nil {
		return clinical.Finding{}, err
	}
	card := a.bundle.Card
	if err := Tensor(card, item, a.into); err != nil {
		return clinical.Finding{}, err
	}
	logits, err := a.run(ctx)
	if err != nil {
		return clinical.Finding{}, err
	}
	probs, err := card.Calibration.Apply(logits)
	if err != nil {
		return clinical.Finding{}, err
	}
	f := clinical.Finding{
		Input: item.Path, Kind: card.Kind, Task: card.Task, Model: card.Name, Version: card.Version, Synthetic: item.Synthetic(),
		Outcomes: outcomes(card, logits, probs),
	}
	f.Verdict, f.Answer, f.Coverage = verdict(card, probs)
	f.Notes = cardNotes(card, item)
	return f, nil
}

// run gives the logits of the tensor at hand.
func (a *agent) run(ctx context.Context) ([]float64, error) {
	card := a.bundle.Card
	port := cmp.Or(card.Input.Port, registry.PortInput)
	out, err := a.session.Run(ctx, map[string]engine.Tensor{port: {Shape: slices.Concat([]int{1}, card.Input.Shape), Data: a.into}})
	if err != nil {
		return nil, err
	}
	raw := out[registry.PortLogits].Data
	if len(raw) != len(card.Labels) {
		return nil, fault.New(fault.ModelShape, fmt.Sprintf("model %s gives %d logits for %d labels", card.Name, len(raw), len(card.Labels)), "export the model again")
	}
	logits := make([]float64, len(raw))
	for i, v := range raw {
		logits[i] = float64(v)
		if v-v != 0 {
			return nil, fault.New(fault.InputNotFinite, "model "+card.Name+" gives no number for this input", "the input is unlike what the model was trained on; have it read by a person")
		}
	}
	return logits, nil
}

// outcomes lists the labels, the most probable first.
func outcomes(card registry.Card, logits, probs []float64) []clinical.Outcome {
	list := make([]clinical.Outcome, len(probs))
	for i, p := range probs {
		list[i] = clinical.Outcome{Concept: card.Labels[i], Probability: p}
	}
	for _, i := range conformalSet(card, probs) {
		list[i].InSet = true
	}
	if low, high, ok := card.Calibration.Interval(logits); ok {
		notLow, notHigh := 1-high, 1-low
		list[0].Low, list[0].High = &notLow, &notHigh
		list[1].Low, list[1].High = &low, &high
	}
	slices.SortStableFunc(list, func(a, b clinical.Outcome) int { return cmp.Compare(b.Probability, a.Probability) })
	return list
}

// verdict puts the conformal set into words. A card without a conformal rule
// answers with its most probable label and promises no coverage.
func verdict(card registry.Card, probs []float64) (verdict, answer string, coverage float64) {
	set := conformalSet(card, probs)
	var names []string
	for _, i := range set {
		names = append(names, card.Labels[i].Name)
	}
	if card.Conforms() {
		coverage = card.Conformal.Coverage
	}
	switch len(names) {
	case 1:
		return clinical.VerdictFinding, names[0], coverage
	case 0:
		return clinical.VerdictCannotTell, "cannot tell: unlike anything the model was calibrated on", coverage
	}
	last := len(names) - 1
	return clinical.VerdictCannotTell, "cannot tell: " + strings.Join(names[:last], ", ") + " or " + names[last], coverage
}

// conformalSet gives the indices of the labels that cannot be excluded.
func conformalSet(card registry.Card, probs []float64) []int {
	if card.Conforms() {
		return card.Conformal.Set(probs)
	}
	best := 0
	for i, p := range probs {
		if p > probs[best] {
			best = i
		}
	}
	return []int{best}
}

// cardNotes are the warnings that go with every answer of a model.
func cardNotes(card registry.Card, item intake.Item) []string {
	var notes []string
	if card.Kind == clinical.KindECG && item.Recording != nil {
		in := card.Input
		if flat := signal.FlatLeads(*item.Recording, signal.ECGSpec{Leads: in.Leads, Rate: in.Rate, MinRate: in.MinRate, Seconds: in.Seconds}); len(flat) > 0 {
			notes = append(notes, "No signal in "+strings.Join(flat, ", ")+": an electrode may have come off. Read as zero.")
		}
	}
	if card.Synthetic {
		notes = append(notes, "The model learnt from SYNTHETIC data only; its probabilities say nothing about patients.")
	}
	if !card.Calibrated() {
		notes = append(notes, "Uncalibrated: the probabilities are the network's own and may be far too sure.")
	}
	if !card.Conforms() {
		notes = append(notes, "The model carries no conformal rule: it always answers, also where it should not.")
	}
	if item.Synthetic() && !card.Synthetic {
		notes = append(notes, "The input is synthetic; the model learnt from real recordings, so its answer shows only that the program works.")
	}
	if n := len(card.Limits); n > 0 {
		notes = append(notes, fmt.Sprintf("Known limits of the model: %d; its card lists them.", n))
	}
	return notes
}
