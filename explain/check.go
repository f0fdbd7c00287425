package explain

import (
	"context"

	"consilium/engine"
	"consilium/fault"
)

// CheckOptions tune CheckMethods. The zero value is good.
type CheckOptions struct {
	Seed     uint64
	Engine   engine.Options
	Progress func(method string, done, total int) // over all methods; may be nil
}

// Check is what both measures say of one method on the same examples.
type Check struct {
	Method       string       `json:"method"`
	Faithful     bool         `json:"faithful"` // better than random at deletion and at insertion
	Sane         bool         `json:"sane"`     // the maps depend on the weights
	Faithfulness Faithfulness `json:"faithfulness"`
	Sanity       Sanity       `json:"sanity"`
}

// CheckMethods measures faithfulness and sanity of each method on the trials;
// without methods, of all that the network has. Equal seeds give equal figures.
// Errors: USAGE without trials or for an unknown method, MODEL_UNSUPPORTED when
// the network has no gradient for one, and those of the engine.
func CheckMethods(ctx context.Context, n Network, methods []string, trials []Trial, o CheckOptions) ([]Check, error) {
	if len(trials) == 0 {
		return nil, fault.New(fault.Usage, "no examples to check on", "give at least one")
	}
	m, end, err := n.open(o.Engine)
	if err != nil {
		return nil, err
	}
	defer end()
	if len(methods) == 0 {
		methods = m.Methods()
	}
	explainers := make([]Explainer, len(methods))
	for i, name := range methods { // before the long work begins
		if explainers[i], err = New(name, m, nil); err != nil {
			return nil, err
		}
	}
	// Faithfulness counts the trials once; sanity once for each stage, of which a small network has fewer, and for the original.
	each := len(trials) * (defaultStages + 2)
	var checks []Check
	for i, e := range explainers {
		progress := func(done int) {
			if o.Progress != nil {
				o.Progress(e.Name(), i*each+done, len(explainers)*each)
			}
		}
		f, err := MeasureFaithfulness(ctx, m, n.Kind, e, trials, FaithfulnessOptions{Seed: o.Seed, Progress: func(done, _ int) { progress(done) }})
		if err != nil {
			return nil, err
		}
		s, err := CheckSanity(ctx, n, e.Name(), trials, SanityOptions{Seed: o.Seed, Engine: o.Engine, Progress: func(done, _ int) { progress(len(trials) + done) }})
		if err != nil {
			return nil, err
		}
		progress(each)
		checks = append(checks, Check{e.Name(), f.DeletionGain.Low > 0 && f.InsertionGain.Low > 0, s.Passed(), f, s})
	}
	return checks, nil
}

// open makes the network ready to be explained; end closes its sessions.
func (n Network) open(o engine.Options) (m *Model, end func(), err error) {
	var session, gradient *engine.Session
	end = func() {
		for _, s := range []*engine.Session{session, gradient} {
			if s != nil {
				s.Close()
			}
		}
	}
	session, err = engine.OpenSession(n.Model, o)
	if err == nil && n.Gradient != nil {
		gradient, err = engine.OpenSession(n.Gradient, o)
	}
	if err == nil {
		m, err = NewModel(n.Kind, session, gradient)
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return m, end, nil
}
