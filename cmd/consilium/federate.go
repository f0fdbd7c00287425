package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"consilium/fault"
	"consilium/govern"
)

func newFederate(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "federate",
		Short: "Learn together with other hospitals: examples stay, a protected sum leaves",
		Long: "A hub runs the rounds, sites train on their own examples. A site opens no port: it makes one outbound\n" +
			"connection, takes part only in jobs that a person there has agreed to, and sends a sum that is protected as\n" +
			"the job promises. Everything is kept in the folder `federation` of the data directory, with an audit log.\n" +
			"docs/federation.md tells a hospital's administrator what leaves the house.",
		Example: "  consilium federate hub --listen 0.0.0.0:4747\n  consilium federate invite ward-east\n" +
			"  consilium federate join ward-east:7KQ2M-... --hub hub.example.org:4747\n  consilium federate site --data films.npz",
		Args: noVerb,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newFederateHub(a), newFederateInvite(a), newFederateRevoke(a), newFederateJoin(a), newFederateSite(a),
		newFederatePropose(a), newFederateConsent(a), newFederateStart(a), newFederateAbort(a), newFederateStatus(a),
		newFederateReport(a), newFederateModel(a), newFederatePeers(a), newFederateEdge(a), newFederateSimulate(a))
	return c
}

// federation is the folder of the hub or site of this data directory.
func (a *app) federation() (string, error) {
	home, err := a.home()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, federationDir), nil
}

// inFolder is the work of a verb in the folder of a hub or site.
func (a *app) inFolder(work func(c *cobra.Command, dir string, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		dir, err := a.federation()
		if err != nil {
			return err
		}
		return work(c, dir, args)
	}
}

// federationLog opens the audit log of a hub or site.
func federationLog(ctx context.Context, dir string) (note func(context.Context, govern.Event) error, done func(), err error) {
	l, err := govern.OpenLog(ctx, govern.Options{DataDir: dir})
	if err != nil {
		return nil, nil, err
	}
	note = func(ctx context.Context, e govern.Event) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_, err := l.Append(ctx, e)
		return err
	}
	return note, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = l.Close(ctx) // what was acknowledged is in its journal
	}, nil
}

// events is where a hub and a site tell what happens, for people who watch.
func (a *app) events() *slog.Logger {
	if a.quiet {
		return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// jobArgument is the one argument of verbs about a job.
func jobArgument(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fault.New(fault.Usage, c.CommandPath()+" takes the id of one job", "see `consilium federate status`")
	}
	return nil
}
