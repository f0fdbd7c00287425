package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/edge"
	"consilium/federation/link"
	"consilium/govern"
	"consilium/panel"
	"consilium/registry"
	"consilium/train"
)

// edgeFlags are the flags of `federate edge`.
type edgeFlags struct {
	desk      deskFlags
	dir       string
	once, cut bool
	link      link.SiteOptions
	trial     edgeTrialFlags
}

// deskFlags say what a site diagnoses, and what it hands over.
type deskFlags struct {
	watch   string
	policy  edge.Policy
	room    int64
	workers int
	every   time.Duration
}

func (d *deskFlags) register(f *pflag.FlagSet) {
	f.StringVar(&d.watch, "watch", "", "folder whose files are diagnosed")
	f.BoolVar(&d.policy.HandOver, "hand-over", false, "cases may leave the house, de-identified, for a second opinion of the hub")
	f.Float64Var(&d.policy.Unsure, "unsure", 0.8, "a second opinion is wanted when the top probability is below it")
	f.IntVar(&d.policy.Longest, "longest", 20, "queue above which the newest cases are handed over")
	f.DurationVar(&d.policy.Deadline, "deadline", 30*time.Second, "how long the hub may take; a later answer is still added")
	f.Int64Var(&d.room, "room", 256<<20, "bytes that may wait for the hub; beyond it results are kept and sent later")
	f.IntVar(&d.workers, "workers", 1, "cases that are diagnosed at once")
	f.DurationVar(&d.every, "every", 2*time.Second, "how often the folder is looked at")
}

func newFederateEdge(a *app) *cobra.Command {
	f := &edgeFlags{}
	c := &cobra.Command{
		Use:   "edge --watch FOLDER",
		Short: "Diagnose at a site also while the link to the hub is cut",
		Long: "Takes every input that appears in FOLDER, diagnoses it with this site's models, and keeps the result in\n" +
			"edge/results of the federation's folder (--dir). FOLDER is never changed. A case that was taken is on the disk:\n" +
			"a cut link or kill -9 loses nothing and repeats nothing. The hub gets a summary of every case, when the link\n" +
			"allows it: a pseudonym, the model's name, labels, probabilities and times; no picture, no name.\n\n" +
			"With --hand-over pictures of patients LEAVE THE HOUSE: cases in which the own answer is unsure (--unsure, or a\n" +
			"conformal set with not exactly one label), and the newest ones while more than --longest wait. DICOM is\n" +
			"de-identified first; of PNG and JPEG only the pixels go, and text that is burned into them is not found; what\n" +
			"cannot be made safe stays. The own answer stands until the hub's comes; without a link nothing waits for it.\n\n" +
			"--benchmark measures a small model at the site against the hub's on the test split of --data, with both ends in\n" +
			"this process: accuracy and agreement by threshold, share handed over, latency, and a link that is cut.",
		Example: "  consilium federate edge --watch /srv/films\n  consilium federate edge --watch /srv/films --hand-over --unsure 0.85 --longest 20\n" +
			"  consilium federate edge --benchmark --data pneumoniamnist.npz",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case f.trial.on:
				return a.edgeTrial(c, f)
			case f.desk.watch == "":
				return fault.New(fault.Usage, "no folder is named", "use --watch FOLDER, or --benchmark")
			}
			return a.runEdge(c.Context(), f)
		},
	}
	flags := c.Flags()
	f.desk.register(flags)
	flags.StringVar(&f.dir, "dir", "", "folder of the site (default: federation in the data directory)")
	flags.BoolVar(&f.once, "once", false, "end when everything in the folder is diagnosed")
	flags.BoolVar(&f.cut, "no-link", false, "do not connect: results wait for a later run")
	flags.StringVar(&f.link.Proxy, "proxy", "", "HTTP proxy that lets connections out; default: that of join")
	f.trial.register(c)
	return c
}

// edgeDir is where a desk or a counter keeps its folder.
func (a *app) edgeDir(dir string) (string, error) {
	if dir == "" {
		var err error
		if dir, err = a.federation(); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// edgePanel seats the installed models.
func (a *app) edgePanel(tmp string, seats int) (*edge.Panel, error) {
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	entries, err := store.List()
	if err != nil {
		return nil, err
	}
	a.warn(entries)
	return edge.NewPanel(panel.Newest(entries), a.engine(), tmp, seats)
}

// noteFunc writes into the audit log.
type noteFunc = func(context.Context, govern.Event) error

// openDesk opens the place where a site diagnoses, in its folder; end is nil while it works without a link. What leaves
// the house is in the audit log before. Call done at the end.
func (a *app) openDesk(ctx context.Context, dir string, f *deskFlags, end federation.SiteEnd, note noteFunc) (d *edge.Desk, done func() error, err error) {
	who := "edge"
	if end != nil {
		who = end.Name()
	}
	err = note(ctx, govern.Event{Actor: who, Action: "federation.edge-started", Detail: map[string]string{"version": version, "hand-over": fmt.Sprint(f.policy.HandOver)}})
	if err != nil {
		return nil, nil, err
	}
	leaving := func(ctx context.Context, pseudonym, reason string, bytes int) error {
		return note(ctx, govern.Event{Actor: who, Action: "federation.case-handed-over", Object: pseudonym, Detail: map[string]string{"reason": reason, "bytes": fmt.Sprint(bytes)}})
	}
	home := filepath.Join(dir, "edge")
	seats, err := a.edgePanel(filepath.Join(home, "tmp"), f.workers)
	if err != nil {
		return nil, nil, err
	}
	d, err = edge.Open(edge.Options{Dir: home, Link: end, Leaving: leaving, Diagnose: seats.Diagnose, Policy: f.policy, Workers: f.workers, Room: f.room,
		Tell: func(r edge.Result) { a.progress("%s: %s%s", r.Name, edgeLine(r), edgeReason(r)) },
		Warn: func(err error) { a.progress("warning: %v", err) }})
	if err != nil {
		seats.Close()
		return nil, nil, err
	}
	return d, func() error {
		defer seats.Close()
		return d.Close()
	}, nil
}

func (a *app) runEdge(ctx context.Context, f *edgeFlags) error {
	dir, err := a.edgeDir(f.dir)
	if err != nil {
		return err
	}
	var end federation.SiteEnd
	if !f.cut {
		l, unlink, err := a.siteLink(ctx, dir, f.link)
		if err != nil {
			return err
		}
		defer unlink()
		end = l
	}
	note, shut, err := federationLog(ctx, dir)
	if err != nil {
		return err
	}
	defer shut()
	d, done, err := a.openDesk(ctx, dir, &f.desk, end, note)
	if err != nil {
		return err
	}
	failed := errors.Join(workDesk(ctx, f, d, end), done())
	if err := a.show(d.Report(), d.Report().WriteText); err != nil {
		return err
	}
	return failed
}

// workDesk works until ctx ends, or with --once until the folder is worked off.
func workDesk(ctx context.Context, f *edgeFlags, d *edge.Desk, end federation.SiteEnd) error {
	ctx, cancel := context.WithCancel(ctx)
	var side sync.WaitGroup
	defer func() { cancel(); side.Wait() }()
	if end != nil {
		side.Go(func() { edge.Serve(ctx, end, d) })
	}
	if !f.once {
		return watchDesk(ctx, &f.desk, d)
	}
	side.Go(func() { _ = d.Run(ctx) })
	return drainDesk(ctx, f, d, end)
}

// watchDesk diagnoses what appears in the folder until ctx ends.
func watchDesk(ctx context.Context, f *deskFlags, d *edge.Desk) error {
	ctx, cancel := context.WithCancel(ctx)
	var side sync.WaitGroup
	defer func() { cancel(); side.Wait() }()
	side.Go(func() { _ = d.Run(ctx) })
	w := edge.NewWatcher(d, f.watch)
	if _, _, err := w.Look(ctx); err != nil { // a folder that is not there is said at once
		return err
	}
	return w.Watch(ctx, f.every)
}

// drainDesk works the folder off.
func drainDesk(ctx context.Context, f *edgeFlags, d *edge.Desk, end federation.SiteEnd) error {
	w := edge.NewWatcher(d, f.desk.watch)
	for {
		_, left, err := w.Look(ctx)
		if err != nil && fault.CodeOf(err) != fault.StoreFull {
			return err
		}
		if left == 0 {
			break
		}
		select {
		case <-time.After(min(f.desk.every, 500*time.Millisecond)):
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Interrupted, "stopped before the folder was worked off", "start it again: nothing is lost")
		}
	}
	if err := d.Drain(ctx, false); err != nil || end == nil {
		return err
	}
	send, stop := context.WithTimeout(ctx, f.desk.policy.Deadline)
	defer stop()
	if err := d.Drain(send, true); err != nil && ctx.Err() == nil {
		return nil // every case has its answer; the report says what still waits for the hub
	}
	return ctx.Err()
}

func edgeLine(r edge.Result) string {
	a := r.Local
	if r.Second != nil {
		a = r.Second
	}
	switch {
	case a == nil:
		return r.State
	case len(a.Findings) > 0:
		return a.Findings[0].Answer + ", " + r.State
	case len(a.Refusals) > 0:
		return "refused: " + string(a.Refusals[0])
	}
	return r.State
}

func edgeReason(r edge.Result) string {
	switch {
	case r.Reason == "":
		return ""
	case r.NotAsked != "":
		return " (" + r.Reason + "; not asked: " + string(r.NotAsked) + ")"
	}
	return " (" + r.Reason + ")"
}

// edgeCounter is the hub's side: it answers what sites hand over with the hub's models. Give its Handle to the hub,
// run it, and call done at the end.
func (a *app) edgeCounter(dir string, end federation.HubEnd) (c *edge.Counter, done func(), err error) {
	home := filepath.Join(dir, "edge")
	seats, err := a.edgePanel(filepath.Join(home, "tmp"), 1)
	if err != nil {
		return nil, nil, err
	}
	c, err = edge.OpenCounter(edge.CounterOptions{Dir: home, Link: end, Diagnose: seats.Diagnose, Warn: func(err error) { a.progress("warning: %v", err) }})
	if err != nil {
		seats.Close()
		return nil, nil, err
	}
	return c, func() { _ = c.Close(); seats.Close() }, nil
}

// edgeTrialFlags are those of --benchmark.
type edgeTrialFlags struct {
	on         bool
	data       dataFlags
	site, hub  string
	way        time.Duration
	cases      int
	thresholds []float64
}

func (t *edgeTrialFlags) register(c *cobra.Command) {
	t.data.offer(c)
	f := c.Flags()
	f.BoolVar(&t.on, "benchmark", false, "measure instead of watching")
	f.StringVar(&t.site, "site-model", "", "with --benchmark: the site's model (default: a linear one, trained now)")
	f.StringVar(&t.hub, "hub-model", "", "with --benchmark: the hub's model (default: pneumonia, or for synthetic films one that is trained now)")
	f.DurationVar(&t.way, "way", 20*time.Millisecond, "with --benchmark: what a mail takes from site to hub")
	f.IntVar(&t.cases, "cases", 0, "with --benchmark: at most so many films of the test split")
	f.Float64SliceVar(&t.thresholds, "thresholds", []float64{0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99}, "with --benchmark: thresholds of the curve")
}

func (a *app) edgeTrial(c *cobra.Command, f *edgeFlags) error {
	t := &f.trial
	if t.data.ref == "" {
		t.data.ref = "synthetic:film"
	}
	set, err := t.data.open(c)
	if err != nil {
		return err
	}
	defer set.Close()
	hub, err := a.edgeModel(c.Context(), t.hub, set, "cnn5", nil)
	if err != nil {
		return err
	}
	site, err := a.edgeModel(c.Context(), t.site, set, "linear", hub)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "consilium-edge-*")
	if err != nil {
		return fault.Wrap(err, fault.IO, "no folder for the trial could be made", "check the free space and $TMPDIR")
	}
	defer os.RemoveAll(dir)
	result, err := edge.RunTrial(c.Context(), edge.TrialOptions{Dir: dir, Set: set, Site: site, Hub: hub, Engine: a.engine(), Thresholds: t.thresholds,
		Unsure: f.desk.policy.Unsure, Longest: f.desk.policy.Longest, Way: t.way, Cases: t.cases, Seed: 1, Tell: func(s string) { a.progress("%s", s) }})
	if err != nil {
		return err
	}
	return a.show(result, func(w io.Writer) { result.WriteText(w) })
}

// edgeModel opens a model, or trains one for the trial. One that speaks of the same task as another can be compared
// with it: it takes over task, labels and inputs of like.
func (a *app) edgeModel(ctx context.Context, ref string, set dataset.Set, arch string, like *registry.Bundle) (*registry.Bundle, error) {
	if ref == "" && like == nil && !set.Info().Synthetic {
		ref = "pneumonia"
	}
	if ref != "" {
		return a.model(ref)
	}
	cfg := train.Recipe(set.Info().Kind)
	cfg.Arch, cfg.Backend, cfg.Library, cfg.Steps = arch, a.backend, a.library, 300
	card := registry.Card{Name: "edge-" + arch, Version: "0.0.1", Task: set.Info().Name, Licence: "not stated",
		IntendedUse: "Measuring.", Limits: []string{"Made in seconds, to be the smaller or larger one of two."}}
	if like != nil {
		card.Task, card.Labels = like.Card.Task, like.Card.Labels
		card.Input.Modalities, card.Input.BodyParts = like.Card.Input.Modalities, like.Card.Input.BodyParts
	}
	a.progress("training %s on %s", arch, set.Info().Name)
	r, err := train.Run(ctx, set, train.Plan{Config: cfg, Seeds: 1, Coverage: 0.9, Card: card, Command: "consilium federate edge --benchmark"})
	if err != nil {
		return nil, err
	}
	return &r.Bundle, nil
}
