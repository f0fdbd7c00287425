package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/hub"
	"consilium/federation/link"
	"consilium/govern"
)

// membersFile is where a running hub writes what it knows of its sites, for `status`.
const membersFile = "members.json"

func newFederateHub(a *app) *cobra.Command {
	var o link.HubOptions
	var edge bool
	c := &cobra.Command{
		Use:   "hub",
		Short: "Run the hub that sites connect to",
		Long: "Runs until Ctrl-C. Sites connect to the one port of --listen by TLS 1.3 with certificates of this hub's own\n" +
			"authority; nobody gets in without an invitation. Jobs that were under way go on where they were. By default only\n" +
			"this machine can connect: give the address that other houses reach.",
		Example: "  consilium federate hub\n  consilium federate hub --listen 0.0.0.0:4747 --websocket 0.0.0.0:8443",
		Args:    cobra.NoArgs,
		RunE: a.inFolder(func(c *cobra.Command, dir string, _ []string) error {
			o.Dir = dir
			return a.runHub(c.Context(), o, edge)
		}),
	}
	f := c.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:4747", "address that sites connect to")
	f.StringVar(&o.WebSocket, "websocket", "", "address for sites whose network lets only HTTPS out; none by default")
	f.BoolVar(&edge, "edge", false, "also answer cases that edge sites hand over, with this machine's models")
	f.StringVar(&o.Name, "name", "hub", "name of the hub, in certificates and reports")
	return c
}

// hubGarbage is how much garbage a hub bears, in percent of what it needs: a model's weights are large and quickly
// looked at, so collecting often costs little and saves most.
const hubGarbage = 25

func (a *app) runHub(ctx context.Context, o link.HubOptions, answers bool) error {
	debug.SetGCPercent(hubGarbage)
	o.Log = a.events()
	note, done, err := federationLog(ctx, o.Dir)
	if err != nil {
		return err
	}
	defer done()
	l, err := link.OpenHub(ctx, o)
	if err != nil {
		return err
	}
	defer unlinked(ctx, l)
	if err := note(ctx, govern.Event{Actor: "hub", Action: "federation.hub-started", Detail: map[string]string{"version": version}}); err != nil {
		return err
	}
	a.progress("hub %s: sites connect to %s", o.Name, strings.Join(l.Addresses(), " and "))
	ho := hub.Options{Dir: o.Dir, Name: o.Name + " " + version, End: l, Audit: note, Log: o.Log, Backend: a.backend, Library: a.library}
	var side sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer func() { cancel(); side.Wait() }()
	if answers {
		counter, done, err := a.edgeCounter(o.Dir, l)
		if err != nil {
			return err
		}
		defer func() { cancel(); side.Wait(); done() }()
		ho.Edge = counter.Handle
		side.Go(func() {
			if err := counter.Run(ctx); err != nil && ctx.Err() == nil {
				o.Log.Error("the counter for edge sites has stopped", "err", err)
			}
		})
	}
	side.Go(func() { writeMembers(ctx, o.Dir, l) })
	return hub.Open(ho).Run(ctx)
}

// writeMembers keeps the file that `status` reads: at once when a site comes, goes or does something else, and now and
// then for its figures.
func writeMembers(ctx context.Context, dir string, l federation.HubEnd) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var told string
	var written time.Time
	for {
		if m, err := l.Members(ctx); err == nil && (standingWords(m) != told || time.Since(written) > 2*time.Second) {
			if folder.WriteJSON(filepath.Join(dir, membersFile), m) == nil { // else the next time tries again
				told, written = standingWords(m), time.Now()
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// standingWords is what of the members is no figure.
func standingWords(members []federation.Member) string {
	var s strings.Builder
	for _, m := range members {
		fmt.Fprintln(&s, m.Name, m.Linked, m.Revoked, m.Version, m.Protocol, m.Doing)
	}
	return s.String()
}

// invitation is what `invite --json` prints.
type invitation struct {
	Site  string    `json:"site"`
	Code  string    `json:"code"`
	Until time.Time `json:"until"`
}

func newFederateInvite(a *app) *cobra.Command {
	valid := 24 * time.Hour
	c := &cobra.Command{
		Use:   "invite SITE",
		Short: "Make a one-time code with which a site joins",
		Long: "Prints a code that lets one site join once. Tell it to the site's administrator by telephone: it names this\n" +
			"hub's key too, so that nobody can pose as the hub. The hub need not be stopped.",
		Example: "  consilium federate invite ward-east\n  consilium federate invite ward-east --valid 2h --json",
		Args:    exactly("SITE"),
		RunE: a.inFolder(func(_ *cobra.Command, dir string, args []string) error {
			code, err := link.Invite(dir, args[0], valid)
			if err != nil {
				return err
			}
			i := invitation{Site: args[0], Code: code, Until: time.Now().Add(valid).UTC().Truncate(time.Second)}
			return a.show(i, func(w io.Writer) {
				fmt.Fprintf(w, "%s\n\nat the site:  consilium federate join %s --hub HOST:PORT\nvalid once, until %s\n", code, code, i.Until.Format(time.RFC3339))
			})
		}),
	}
	c.Flags().DurationVar(&valid, "valid", valid, "how long the code can be used")
	return c
}

func newFederateRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke SITE",
		Short: "Shut a site out of the federation",
		Long: "The hub, also while it runs, refuses the site's certificate and account from now on. Jobs go on without it. It\n" +
			"can come back by a new invitation only.",
		Example: "  consilium federate revoke ward-east",
		Args:    exactly("SITE"),
		RunE: a.inFolder(func(_ *cobra.Command, dir string, args []string) error {
			if err := link.Revoke(dir, args[0]); err != nil {
				return err
			}
			return a.show(map[string]string{"revoked": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "%s is shut out\n", args[0]) })
		}),
	}
}

// markVerb is a verb that leaves a mark for the running hub.
func markVerb(a *app, use, short, long, mark, said string) *cobra.Command {
	return &cobra.Command{
		Use: use + " JOB", Short: short, Long: long,
		Example: "  consilium federate " + use + " films-1",
		Args:    jobArgument,
		RunE: a.inFolder(func(_ *cobra.Command, dir string, args []string) error {
			h, err := folder.History(dir, args[0])
			if err != nil {
				return err
			}
			if h.State.Phase == federation.Finished {
				return fault.New(fault.Conflict, "the job "+args[0]+" is finished", "nothing is left to do")
			}
			if err := folder.Mark(dir, args[0], mark, time.Now().UTC().Format(time.RFC3339)); err != nil {
				return err
			}
			return a.show(map[string]string{"job": args[0], "mark": mark}, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", args[0], said) })
		}),
	}
}

func newFederateStart(a *app) *cobra.Command {
	return markVerb(a, "start", "Begin a job with the sites that have agreed, at the hub",
		"A job begins by itself when every site has answered. This begins it as soon as the quorum has agreed; a site that\n"+
			"agrees later takes part from then on.", folder.StartFile, "begins as soon as the quorum has agreed")
}

func newFederateAbort(a *app) *cobra.Command {
	return markVerb(a, "abort", "End a job, at the hub",
		"The running hub ends the job within a second, tells the sites, and keeps what the finished rounds have made.", folder.AbortFile, "is being ended")
}
