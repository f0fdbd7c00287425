package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/engine"
	"consilium/fault"
	"consilium/federation/link"
	"consilium/federation/site"
	"consilium/govern"
	"consilium/store"
)

func newFederateJoin(a *app) *cobra.Command {
	var o link.JoinOptions
	c := &cobra.Command{
		Use:   "join CODE",
		Short: "Join a federation with a one-time code",
		Long: "Makes this site's keys here, in the data directory, which they never leave; checks that the hub is the one that\n" +
			"the code names; and fetches a certificate. Afterwards start `consilium federate site`.",
		Example: "  consilium federate join ward-east:7KQ2M-... --hub hub.example.org:4747\n" +
			"  consilium federate join ward-east:7KQ2M-... --hub wss://hub.example.org:8443 --proxy http://proxy:3128",
		Args: exactly("CODE"),
		RunE: a.inFolder(func(c *cobra.Command, dir string, args []string) error {
			o.Dir, o.Code, o.Version = dir, args[0], version
			ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
			defer cancel()
			if err := link.Join(ctx, o); err != nil {
				return err
			}
			return a.show(map[string]string{"joined": o.Hub}, func(w io.Writer) {
				fmt.Fprintf(w, "joined %s\nnext: consilium federate site --data WHAT-IT-TRAINS-ON\n", o.Hub)
			})
		}),
	}
	f := c.Flags()
	f.StringVar(&o.Hub, "hub", "", "address of the hub: HOST:PORT, or wss://HOST:PORT")
	f.StringVar(&o.Proxy, "proxy", "", "HTTP proxy that lets connections out (CONNECT), for example http://proxy:3128")
	_ = c.MarkFlagRequired("hub")
	return c
}

// siteFlags are the flags of `federate site`.
type siteFlags struct {
	data     dataFlags
	part     partFlags
	link     link.SiteOptions
	consents string
	desk     deskFlags
}

func newFederateSite(a *app) *cobra.Command {
	f := &siteFlags{}
	c := &cobra.Command{
		Use:   "site",
		Short: "Run this hospital's side of the federation",
		Long: "Runs until Ctrl-C: connects to the hub that this site has joined, shows what is proposed, and trains on the\n" +
			"examples of --data in the jobs that were agreed to (`consilium federate consent`). The link may fall and come\n" +
			"back, and the process be killed: it goes on where it was. policy.json in the folder says what this site never\n" +
			"takes part in. With --consents only patients whose consent covers federation are used, asked anew every round.\n\n" +
			"With --watch the same process also diagnoses what appears in a folder, over the same link, as `federate edge`\n" +
			"does; read there what leaves the house with it.",
		Example: "  consilium federate site --data films.npz\n  consilium federate site --data films.npz --watch /srv/films --hand-over\n" +
			"  consilium federate site --data registry.csv --label died --group patient --consents /srv/consilium",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := f.data.open(c)
			if err != nil {
				return err
			}
			defer set.Close()
			part, err := f.part.of(set)
			if err != nil {
				return err
			}
			return a.runSite(c.Context(), f, part)
		},
	}
	f.data.register(c)
	f.part.register(c.Flags())
	f.desk.register(c.Flags())
	c.Flags().StringVar(&f.link.Proxy, "proxy", "", "HTTP proxy that lets connections out; default: that of join")
	c.Flags().StringVar(&f.consents, "consents", "", "data directory of the node that keeps the patients' consent; examples are matched by --group")
	return c
}

// siteMemory is what the collector aims at: a site runs beside a hospital's other programs. A site that diagnoses too
// holds its models, and takes what they need.
const siteMemory = 96 << 20

func (a *app) runSite(ctx context.Context, f *siteFlags, set dataset.Set) error {
	if f.desk.watch == "" {
		debug.SetMemoryLimit(siteMemory)
	}
	debug.SetGCPercent(25)
	dir, err := a.federation()
	if err != nil {
		return err
	}
	key, err := link.Identity(dir)
	if err != nil {
		return err
	}
	permit, closeStore, err := consentOf(ctx, f.consents)
	if err != nil {
		return err
	}
	defer closeStore()
	l, unlink, err := a.siteLink(ctx, dir, f.link) // first: a folder that is in use is said in its words
	if err != nil {
		return err
	}
	defer unlink()
	note, done, err := federationLog(ctx, dir)
	if err != nil {
		return err
	}
	defer done()
	o := site.Options{Dir: dir, End: l, Key: key, Sets: []dataset.Set{set}, Permit: permit, Audit: note, Log: a.events(), Backend: a.backend, Library: a.library}
	var desk func(context.Context) error
	if f.desk.watch != "" {
		d, done, err := a.openDesk(ctx, dir, &f.desk, l, note)
		if err != nil {
			return err
		}
		defer func() { _ = done() }()
		o.Edge = d.Take
		desk = func(ctx context.Context) error { return watchDesk(ctx, &f.desk, d) }
	}
	s, err := site.Open(o)
	if err != nil {
		return err
	}
	if err := note(ctx, govern.Event{Actor: l.Name(), Action: "federation.site-started", Detail: map[string]string{"version": version}}); err != nil {
		return err
	}
	if _, notice, err := engine.Choose(a.engine()); err == nil && notice != "" {
		a.progress("%s", notice)
	}
	a.progress("site %s: %d training examples of %s", l.Name(), set.Len(dataset.Train), set.Info().Name)
	if desk == nil {
		return s.Run(ctx)
	}
	return both(ctx, s.Run, desk)
}

// both runs two parts of one process until ctx ends. When one fails the other is stopped.
func both(ctx context.Context, one, other func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		ended <- other(ctx)
	}()
	err := one(ctx)
	cancel()
	return errors.Join(err, <-ended)
}

// siteLink connects a site to its hub; close takes no longer than 20 s.
func (a *app) siteLink(ctx context.Context, dir string, o link.SiteOptions) (l *link.Site, unlink func(), err error) {
	o.Dir, o.Log, o.Version = dir, a.events(), version
	l, err = link.OpenSite(ctx, o)
	if fault.CodeOf(err) == fault.Conflict {
		err = fault.Wrap(err, fault.Conflict, "this site runs already", "stop it first; `consilium federate site --watch FOLDER` trains and diagnoses in one process")
	}
	if err != nil {
		return nil, nil, err
	}
	return l, func() { unlinked(ctx, l) }, nil
}

// unlinked closes a link also when the process was told to stop.
func unlinked(ctx context.Context, l interface{ Close(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	_ = l.Close(ctx)
}

// consentOf asks a node's store whether a patient's consent covers federation. A store that does not answer is a no.
func consentOf(ctx context.Context, dir string) (permit func(string) bool, done func(), err error) {
	if dir == "" {
		return nil, func() {}, nil
	}
	s, err := store.Open(ctx, store.Options{DataDir: dir, Shared: true})
	if err != nil {
		return nil, nil, err
	}
	reader := store.Reader{Purpose: clinical.PurposeFederation}
	return func(patient string) bool {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		yes, err := s.Permitted(ctx, reader, patient, "")
		return err == nil && yes
	}, func() { s.Close() }, nil
}

func newFederateConsent(a *app) *cobra.Command {
	var d site.Decision
	var no bool
	c := &cobra.Command{
		Use:   "consent JOB",
		Short: "Agree to a proposed job, or refuse it, at a site",
		Long: "Leaves the decision for the site's running process, which signs it over the job's hash with the site's key and\n" +
			"sends it. What policy.json refuses cannot be agreed to. A later refusal withdraws: it holds from the next round.",
		Example: "  consilium federate consent films-1 --yes --by 'Dr. M. Okafor'\n  consilium federate consent films-1 --no --by 'Dr. M. Okafor' --reason 'no ethics vote yet'",
		Args:    jobArgument,
		RunE: func(c *cobra.Command, args []string) error {
			if d.Agree == no {
				return fault.New(fault.Usage, "a decision is either --yes or --no", "read the job with `consilium federate status "+args[0]+"` first")
			}
			dir, err := a.federation()
			if err != nil {
				return err
			}
			if d.By == "" {
				if u, err := user.Current(); err == nil {
					d.By = u.Username
				}
			}
			d.At = time.Now().UTC()
			if err := site.Decide(dir, args[0], d); err != nil {
				return err
			}
			return a.show(d, func(w io.Writer) {
				word := "refused"
				if d.Agree {
					word = "agreed"
				}
				fmt.Fprintf(w, "%s: %s by %s\n", args[0], word, d.By)
			})
		},
	}
	f := c.Flags()
	f.BoolVar(&d.Agree, "yes", false, "agree")
	f.BoolVar(&no, "no", false, "refuse, or withdraw")
	f.StringVar(&d.By, "by", "", "who decides (default: the user who is logged in)")
	f.StringVar(&d.Reason, "reason", "", "why it is refused")
	return c
}
