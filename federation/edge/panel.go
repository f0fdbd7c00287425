package edge

import (
	"context"
	"os"
	"path/filepath"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
	"consilium/federation/folder"
	"consilium/intake"
	"consilium/panel"
	"consilium/registry"
)

// Panel diagnoses as `consilium diagnose` does, with as many panels as are used at once. Files are written below tmp
// for the time of the reading, since the readers of formats want files. Close it after Run has ended.
type Panel struct {
	tmp   string
	free  chan *panel.Panel
	seats []*panel.Panel
}

// NewPanel seats models. Errors: MODEL_MISSING.
func NewPanel(bundles []*registry.Bundle, o engine.Options, tmp string, seats int) (*Panel, error) {
	seats = max(seats, 1)
	p := &Panel{tmp: tmp, free: make(chan *panel.Panel, seats)}
	for range seats {
		one, err := panel.New(bundles, panel.Options{Engine: o, Method: panel.MethodOff})
		if err != nil {
			p.Close()
			return nil, err
		}
		p.seats = append(p.seats, one)
		p.free <- one
	}
	return p, nil
}

// Close releases the models.
func (p *Panel) Close() {
	for _, one := range p.seats {
		one.Close()
	}
}

// Diagnose reads the case's first file and asks every model that fits.
func (p *Panel) Diagnose(ctx context.Context, c Case) (Answer, error) {
	var seat *panel.Panel
	select {
	case seat = <-p.free:
	case <-ctx.Done():
		return Answer{}, fault.Wrap(ctx.Err(), fault.Interrupted, "the diagnosis was stopped", "")
	}
	defer func() { p.free <- seat }()
	item, err := p.read(ctx, c)
	if err != nil {
		return refusal(err)
	}
	findings, refusals, err := seat.Examine(ctx, item)
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	for _, f := range findings {
		a.Findings = append(a.Findings, FromFinding(f))
	}
	for _, r := range refusals {
		a.Refusals = append(a.Refusals, fault.Code(r.Code))
	}
	return a, nil
}

func (p *Panel) read(ctx context.Context, c Case) (intake.Item, error) {
	if err := os.MkdirAll(p.tmp, 0o700); err != nil {
		return intake.Item{}, folder.Failed(err, "the folder "+p.tmp+" cannot be made")
	}
	dir, err := os.MkdirTemp(p.tmp, "case-*")
	if err != nil {
		return intake.Item{}, folder.Failed(err, "a case cannot be unpacked")
	}
	defer os.RemoveAll(dir)
	for _, f := range c.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Body, 0o600); err != nil {
			return intake.Item{}, folder.Failed(err, "a case cannot be unpacked")
		}
	}
	return intake.Read(ctx, filepath.Join(dir, c.Files[0].Name))
}

// refusal is the answer to a file that cannot be judged; what is not the file's fault stays an error.
func refusal(err error) (Answer, error) {
	if fault.ExitStatus(err) != fault.ExitInput {
		return Answer{}, err
	}
	return Answer{Refusals: []fault.Code{fault.CodeOf(err)}}, nil
}

// FromFinding keeps of a finding what may be told: no path, no picture, no note.
func FromFinding(f clinical.Finding) Finding {
	return Finding{Task: f.Task, Model: f.Model, Version: f.Version, Verdict: f.Verdict, Answer: f.Answer, Outcomes: f.Outcomes}
}
