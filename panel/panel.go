// Package panel is the board of models that looks at a case. Each model that
// fits an input answers with calibrated probabilities and a conformal set, or
// says that it cannot tell; what no model may judge is refused with a reason.
package panel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
	"consilium/intake"
	"consilium/registry"
)

// Options say how a panel works.
type Options struct {
	Engine engine.Options
	Method string // of the heat maps: one of Methods; "" = MethodAuto
	Label  string // that the heat maps explain; "" = the most probable one
	Out    string // folder for the heat maps, made when needed; "" = no heat maps
}

// Panel holds the models. It is not safe for concurrent use: inputs are taken
// one after another, so that memory does not grow with their number.
type Panel struct {
	agents []*agent
	out    *gallery
	method string
	label  string
}

// New seats models on a panel. Nothing is loaded before an input needs it.
// Errors: MODEL_MISSING without models, USAGE for an unknown method or label.
func New(bundles []*registry.Bundle, o Options) (*Panel, error) {
	if len(bundles) == 0 {
		return nil, fault.New(fault.ModelMissing, "there is no model to ask", "see `consilium doctor`, and bring models in with `consilium models import`")
	}
	method, err := methodOf(o.Method)
	if err != nil {
		return nil, err
	}
	p := &Panel{method: method, label: o.Label}
	if o.Out != "" && method != MethodOff {
		p.out = newGallery(o.Out)
	}
	known := o.Label == ""
	for _, b := range bundles {
		known = known || classOf(b.Card, o.Label) >= 0
		p.agents = append(p.agents, newAgent(b, o.Engine))
	}
	if !known {
		return nil, fault.New(fault.Usage, fmt.Sprintf("no model has a label %q", o.Label), "`consilium models show MODEL` lists the labels")
	}
	return p, nil
}

// Newest keeps, of the models that open, the newest version of each name.
// entries come from registry.Store.List: by name, newest first.
func Newest(entries []registry.Entry) []*registry.Bundle {
	var list []*registry.Bundle
	for _, e := range entries {
		taken := slices.ContainsFunc(list, func(b *registry.Bundle) bool { return b.Card.Name == e.Name })
		if e.Bundle != nil && !taken {
			list = append(list, e.Bundle)
		}
	}
	return list
}

// Close releases the loaded models.
func (p *Panel) Close() {
	for _, a := range p.agents {
		a.close()
	}
}

// Backend names the backend that runs, with the engine's notice; both are
// empty while no model is loaded.
func (p *Panel) Backend() (name, notice string) {
	for _, a := range p.agents {
		if a.session != nil {
			return a.session.Backend(), a.session.Notice()
		}
	}
	return "", ""
}

// Cards gives the cards of the models that answered so far.
func (p *Panel) Cards() []registry.Card {
	var cards []registry.Card
	for _, a := range p.agents {
		if a.session != nil {
			cards = append(cards, a.bundle.Card)
		}
	}
	return cards
}

// Examine asks every fitting model about one item. A model that refuses the
// item is listed in refusals; err is for what ends the work: a broken model or
// backend, an ended context. Without a fitting model the refusal is
// INPUT_NO_MODEL.
func (p *Panel) Examine(ctx context.Context, item intake.Item) (findings []clinical.Finding, refusals []clinical.Refusal, err error) {
	fits := false
	for _, a := range p.agents {
		notes, ok := fit(a.bundle.Card, item)
		if !ok {
			continue
		}
		fits = true
		f, err := a.examine(ctx, item)
		if fatal(err) {
			return findings, refusals, err
		}
		if err != nil {
			refusals = append(refusals, intake.Refusal(item.Path, err))
			continue
		}
		f.Notes = slices.Concat(notes, f.Notes)
		if err := p.illustrate(ctx, a, item, &f); err != nil {
			return findings, refusals, err
		}
		findings = append(findings, f)
	}
	if !fits {
		err := fault.New(fault.InputNoModel, "no model fits "+describe(item), "`consilium models list` shows what the installed models read")
		refusals = append(refusals, intake.Refusal(item.Path, err))
	}
	return findings, refusals, nil
}

// fatal says whether an error ends the work, and is not about one input.
func fatal(err error) bool {
	return err != nil && fault.ExitStatus(err) != fault.ExitInput
}

// Observer hears of results as they come. An error stops the work.
type Observer interface {
	Finding(clinical.Finding) error
	Refusal(clinical.Refusal) error
}

// Assess reads and examines inputs one after another, tells the observer (nil
// for none) at once, and gives the assessment, most urgent first. Inputs that
// are refused do not stop the others. When err is not nil the assessment holds
// what was done until then.
func (p *Panel) Assess(ctx context.Context, paths []string, o Observer) (clinical.Assessment, error) {
	a := clinical.Assessment{Disclaimer: clinical.Disclaimer}
	inputs, refused := intake.List(ctx, paths)
	err := add(&a, o, nil, refused)
	for _, path := range inputs {
		if err != nil {
			break
		}
		err = p.assessOne(ctx, path, &a, o)
	}
	if err == nil {
		err = interrupted(ctx)
	}
	Sort(a.Findings)
	return a, err
}

func (p *Panel) assessOne(ctx context.Context, path string, a *clinical.Assessment, o Observer) error {
	if err := interrupted(ctx); err != nil {
		return err
	}
	item, err := intake.Read(ctx, path)
	if fatal(err) && fault.CodeOf(err) != fault.IO {
		return err
	}
	if err != nil {
		return add(a, o, nil, []clinical.Refusal{intake.Refusal(path, err)})
	}
	a.Synthetic = a.Synthetic || item.Synthetic()
	if a.Case == "" {
		a.Case = item.Patient().ID
	}
	findings, refusals, err := p.Examine(ctx, item)
	return errors.Join(err, add(a, o, findings, refusals))
}

// add puts results into the assessment and tells the observer.
func add(a *clinical.Assessment, o Observer, findings []clinical.Finding, refusals []clinical.Refusal) error {
	a.Findings = append(a.Findings, findings...)
	a.Refusals = append(a.Refusals, refusals...)
	if o == nil {
		return nil
	}
	for _, f := range findings {
		if err := o.Finding(f); err != nil {
			return err
		}
	}
	for _, r := range refusals {
		if err := o.Refusal(r); err != nil {
			return err
		}
	}
	return nil
}

func interrupted(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Timeout, "the deadline passed before the last input", "allow more time, or give fewer inputs")
	default:
		return fault.New(fault.Interrupted, "stopped before the last input", "start it again")
	}
}
