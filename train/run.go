package train

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"consilium/calibration"
	"consilium/dataset"
	"consilium/engine"
	"consilium/fault"
	"consilium/metric"
	"consilium/registry"
	"consilium/train/report"
)

// Plan is a whole experiment: one recipe, several seeds, one model to ship.
type Plan struct {
	Config   Config
	Seeds    int           // Config.Seed, +1, +2 ...
	Coverage float64       // promised by the conformal sets; 0 = 0.9
	Card     registry.Card // what the maker states: name, version, task, intended use, limits; the rest is filled in
	Out      string        // folder for checkpoints; none = no checkpoints
	Command  string        // that repeats the run
	Progress Progress
}

// Result is what an experiment gives: the report of all seeds, and the bundle of the one that ships.
type Result struct {
	Report report.Run
	Bundle registry.Bundle
}

// trained is one seed's model with its logits on the splits that were not trained on.
type trained struct {
	fit       *Fitted
	val, test [][]float64
	fitted    calibration.Fitted
	probs     [][]float64 // calibrated, test
	report    metric.Report
}

// Run trains every seed, calibrates each on the validation split, measures each on the test split, and ships the
// seed with the lowest validation loss. The test split decides nothing.
func Run(ctx context.Context, set dataset.Set, p Plan) (*Result, error) {
	if p.Seeds < 1 || p.Seeds > 100 {
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d seeds make no sense", p.Seeds), "give --seeds between 1 and 100")
	}
	if p.Coverage == 0 {
		p.Coverage = 0.9
	}
	p.Config = p.Config.planned(set.Len(dataset.Train))
	e := &experiment{ctx: ctx, set: set, plan: p, info: set.Info(), start: time.Now()}
	if err := e.labels(); err != nil {
		return nil, err
	}
	for i := range p.Seeds {
		t, err := e.seed(i)
		if err != nil {
			return nil, err
		}
		e.runs = append(e.runs, t)
		if t.fit.Stopped == "interrupted" || t.fit.Stopped == "time limit" {
			e.notes = append(e.notes, fmt.Sprintf("Stopped by %s in seed %d; the best so far was kept. The same command goes on.", t.fit.Stopped, i+1))
			break
		}
	}
	return e.result()
}

// experiment is a Plan under way.
type experiment struct {
	ctx       context.Context
	set       dataset.Set
	plan      Plan
	info      dataset.Info
	start     time.Time
	splits    []report.Split
	valLabels []int
	testLabel []int
	groups    []string // patient of each test example, when patients repeat
	prior     []float64
	runs      []*trained
	notes     []string
}

// labels reads the labels of all splits once.
func (e *experiment) labels() error {
	x := make([]float32, engine.Size(e.info.Shape))
	for _, split := range []dataset.Split{dataset.Train, dataset.Validation, dataset.Test} {
		s := report.Split{Name: split, Examples: e.set.Len(split), Classes: make([]int, len(e.info.Labels))}
		seen := map[string]bool{}
		for i := range e.set.Len(split) {
			one, err := e.set.Read(split, i, x)
			if err != nil {
				return err
			}
			s.Classes[one.Label]++
			if split == dataset.Test {
				e.testLabel = append(e.testLabel, one.Label)
				e.groups = append(e.groups, one.Group)
				seen[one.Group] = true
			}
		}
		if split == dataset.Test && len(seen) == len(e.groups) {
			e.groups = nil // nobody comes twice: examples are independent
		}
		if split == dataset.Train {
			for _, n := range s.Classes {
				e.prior = append(e.prior, float64(n)/float64(max(s.Examples, 1)))
			}
		}
		e.splits = append(e.splits, s)
	}
	return nil
}

func (e *experiment) seed(i int) (*trained, error) {
	cfg := e.plan.Config
	cfg.Seed += uint64(i)
	if e.plan.Out != "" {
		cfg.Resume = filepath.Join(e.plan.Out, "checkpoints", "seed-"+strconv.FormatUint(cfg.Seed, 10)+".ckpt")
	}
	var progress Progress
	if e.plan.Progress != nil {
		progress = func(s Step) { s.Seed = i; e.plan.Progress(s) }
	}
	fit, err := Fit(e.ctx, e.set, cfg, progress)
	if err != nil {
		return nil, err
	}
	t := &trained{fit: fit}
	// An interrupted run still ends well: the best so far is measured and kept.
	ctx := context.WithoutCancel(e.ctx)
	if t.val, e.valLabels, err = fit.Model.Logits(ctx, e.set, dataset.Validation); err != nil {
		return nil, err
	}
	if t.test, _, err = fit.Model.Logits(ctx, e.set, dataset.Test); err != nil {
		return nil, err
	}
	return t, e.measure(t)
}

// isotonicExamples is what isotonic calibration needs not to overfit (Niculescu-Mizil and Caruana 2005).
const isotonicExamples = 1000

func (e *experiment) measure(t *trained) (err error) {
	if err = e.calibrate(t); err != nil {
		return err
	}
	if t.probs, err = apply(t.fitted.Map, t.test); err != nil {
		return err
	}
	t.report, err = metric.Evaluate(t.probs, e.testLabel, e.options())
	return err
}

// calibrate fits the map from logits to probabilities on the validation split.
func (e *experiment) calibrate(t *trained) (err error) {
	methods := []string{calibration.None, calibration.Temperature}
	if len(e.valLabels) >= isotonicExamples {
		methods = append(methods, calibration.Isotonic)
	}
	if flawlessOn(t.val, e.valLabels) {
		// Without one mistake the likelihood has no maximum: every map would make the answers surer without end
		// (Albert and Anderson 1984). The network's own probabilities stay.
		methods = methods[:1]
	}
	if t.fitted, err = calibration.Fit(t.val, e.valLabels, calibration.FitOptions{Methods: methods}); err != nil {
		return err
	}
	if t.fitted.Map.Method == calibration.None {
		// No map did better than none. That is a finding, not a gap: the card says so as a temperature of 1.
		t.fitted.Map.Method, t.fitted.Map.Temperature = calibration.Temperature, 1
	}
	return nil
}

func flawlessOn(logits [][]float64, labels []int) bool {
	for i, l := range logits {
		if metric.Argmax(l) != labels[i] {
			return false
		}
	}
	return true
}

func (e *experiment) options() metric.Options {
	o := metric.Options{Prior: e.prior, Groups: e.groups}
	for _, l := range e.info.Labels {
		o.Labels = append(o.Labels, l.Name)
	}
	return o
}

func apply(m calibration.Map, logits [][]float64) ([][]float64, error) {
	out := make([][]float64, len(logits))
	for i, l := range logits {
		var err error
		if out[i], err = m.Apply(l); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// shipped is the seed with the lowest validation loss.
func (e *experiment) shipped() int {
	best := 0
	for i, t := range e.runs {
		if t.fit.History[t.fit.Best].ValLoss < e.runs[best].fit.History[e.runs[best].fit.Best].ValLoss {
			best = i
		}
	}
	return best
}

// conformal fits the sets class by class when every class has enough held-out examples, else over all.
func (e *experiment) conformal(held [][]float64) (calibration.Conformal, error) {
	const enough = 20
	for _, n := range e.splits[1].Classes {
		if n < enough {
			return calibration.FitConformal(held, e.valLabels, e.plan.Coverage)
		}
	}
	return calibration.FitMondrian(held, e.valLabels, e.plan.Coverage)
}

func (e *experiment) result() (*Result, error) {
	k := e.shipped()
	t := e.runs[k]
	rule, err := e.conformal(t.fitted.Held)
	if err != nil {
		return nil, err
	}
	assessed, err := rule.Assess(t.probs, e.testLabel)
	if err != nil {
		return nil, err
	}
	sweep, err := report.SweepLike(rule, t.fitted.Held, e.valLabels, t.probs, e.testLabel)
	if err != nil {
		return nil, err
	}
	plain, err := apply(calibration.Map{Method: calibration.None}, t.test)
	if err != nil {
		return nil, err
	}
	before, err := metric.Evaluate(plain, e.testLabel, e.options())
	if err != nil {
		return nil, err
	}
	r := report.Run{
		Title: e.plan.Card.Name, Task: e.plan.Card.Task, Data: e.info, Splits: e.splits, Shipped: k,
		Model:       report.Model{Name: e.plan.Card.Name, Version: e.plan.Card.Version, Arch: e.plan.Config.Arch, Parameters: t.fit.Model.Layout.Size},
		Calibration: &report.Calibration{Map: t.fitted.Map, Split: dataset.Validation, Candidates: t.fitted.Candidates, Before: before},
		Conformal:   &report.Conformal{Rule: rule, Test: assessed, Sweep: sweep},
		Config:      e.plan.Config.settings(), Command: e.plan.Command, Notes: e.notes,
		Environment: []report.Setting{{Name: "backend", Value: t.fit.Model.backend.Name()}, {Name: "cores", Value: strconv.Itoa(runtime.NumCPU())},
			{Name: "Go", Value: runtime.Version()}},
		Started: e.start.UTC().Format(time.RFC3339), Seconds: time.Since(e.start).Seconds(),
	}
	var probs [][][]float64
	for i, t := range e.runs {
		probs = append(probs, t.probs)
		r.Seeds = append(r.Seeds, seedReport(e.plan.Config.Seed+uint64(i), t))
	}
	if r.Across, err = metric.AcrossSeeds(probs, e.testLabel, e.options()); err != nil {
		return nil, err
	}
	bundle, err := e.bundle(t, rule, r)
	if err != nil {
		return nil, err
	}
	return &Result{Report: r, Bundle: bundle}, nil
}

func seedReport(seed uint64, t *trained) report.Seed {
	s := report.Seed{Seed: seed, Best: t.fit.Best + 1, Test: t.report, Seconds: t.fit.Seconds}
	for _, h := range t.fit.History {
		s.Curve = append(s.Curve, report.Epoch{Epoch: h.Epoch + 1, Seconds: h.Seconds,
			Train:      report.Scores{Loss: &h.TrainLoss},
			Validation: report.Scores{Loss: &h.ValLoss, AUC: h.ValAUC}})
	}
	return s
}

// settings tells the recipe in reading order.
func (c Config) settings() []report.Setting {
	f := func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	return []report.Setting{
		{Name: "network", Value: c.Arch}, {Name: "epochs", Value: strconv.Itoa(c.Epochs)}, {Name: "patience", Value: strconv.Itoa(c.Patience)},
		{Name: "batch", Value: strconv.Itoa(c.Batch)}, {Name: "optimiser", Value: "AdamW"}, {Name: "peak learning rate", Value: f(c.Rate)},
		{Name: "warm-up share", Value: f(c.WarmUp)}, {Name: "weight decay", Value: f(c.Decay)}, {Name: "weight averaging", Value: f(c.Average)},
		{Name: "label smoothing", Value: f(c.Loss.Smoothing)}, {Name: "focal gamma", Value: f(c.Loss.Focal)}, {Name: "class balance", Value: f(c.Balance)},
		{Name: "augmentation", Value: fmt.Sprintf("%+v", c.Augment)},
	}
}
