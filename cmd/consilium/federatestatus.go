package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/page"
)

// standing is what `status --json` prints.
type standing struct {
	Jobs  []federation.History `json:"jobs"`
	Sites []federation.Member  `json:"sites,omitempty"`
}

func newFederateStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status [JOB]",
		Short: "Show jobs and sites, what is waited for and until when",
		Long: "Reads the folder of a hub or a site, also while it runs: every job with its phase, round and step, what it waits\n" +
			"for, for whom and until when, who agreed, and at the hub every site with its link, clock, version and memory.",
		Example: "  consilium federate status\n  consilium federate status films-1 --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: a.inFolder(func(_ *cobra.Command, dir string, args []string) error {
			s, err := standingOf(dir, args)
			if err != nil {
				return err
			}
			var failed error
			err = a.show(s, func(w io.Writer) { failed = printStanding(w, s) })
			if err != nil {
				return err
			}
			return failed
		}),
	}
}

func standingOf(dir string, only []string) (standing, error) {
	var s standing
	err := folder.ReadJSON(filepath.Join(dir, membersFile), 16<<20, &s.Sites)
	if err != nil && fault.CodeOf(err) != fault.NotFound { // a site keeps no such file
		return s, err
	}
	ids := only
	if len(ids) == 0 {
		if ids, err = folder.Jobs(dir); err != nil {
			return s, err
		}
	}
	for _, id := range ids {
		h, err := folder.History(dir, id)
		if err != nil {
			return s, err
		}
		s.Jobs = append(s.Jobs, h)
	}
	return s, nil
}

func printStanding(w io.Writer, s standing) error {
	if len(s.Jobs) == 0 {
		fmt.Fprintln(w, "no job has been proposed")
		return page.Status(w, federation.History{}, s.Sites, time.Now())
	}
	for i, h := range s.Jobs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		var sites []federation.Member
		if i == len(s.Jobs)-1 {
			sites = s.Sites // once, under the last job
		}
		if err := page.Status(w, h, sites, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

func newFederateReport(a *app) *cobra.Command {
	var html string
	c := &cobra.Command{
		Use:   "report JOB",
		Short: "Tell the story of a job: curves, bytes, epsilon, who dropped when",
		Long: "Prints what the rounds did, site by site as far as the job lets the hub know, and writes it as one page with\n" +
			"figures (--html), also while the job runs. At a site it is the site's own part.",
		Example: "  consilium federate report films-1\n  consilium federate report films-1 --html films-1.html",
		Args:    jobArgument,
		RunE: a.inFolder(func(_ *cobra.Command, dir string, args []string) error {
			h, err := folder.History(dir, args[0])
			if err != nil {
				return err
			}
			return a.tell(h, html)
		}),
	}
	c.Flags().StringVar(&html, "html", "", "write the page here")
	return c
}

// tell prints a job's story, and writes its page.
func (a *app) tell(h federation.History, html string) error {
	var text bytes.Buffer
	if err := page.Text(&text, h); err != nil {
		return err
	}
	if a.json {
		if err := a.show(h, nil); err != nil {
			return err
		}
	} else if _, err := a.out.Write(text.Bytes()); err != nil { // it ends with the disclaimer
		return fault.Wrap(err, fault.IO, "the report cannot be written", "check where the output goes")
	}
	return a.page(html, func(w io.Writer) error { return page.HTML(w, h) })
}

// watch follows a job until it is finished, and prints its story.
func (a *app) watch(ctx context.Context, dir, id string) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var said string
	for {
		h, err := folder.History(dir, id)
		if err != nil {
			return err
		}
		if line := position(h); line != said {
			a.progress("%s", line)
			said = line
		}
		if h.State.Phase == federation.Finished {
			if err := a.tell(h, ""); err != nil {
				return err
			}
			return ended(h)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Interrupted, "the job "+id+" goes on without anybody watching", "see `consilium federate status "+id+"`")
		}
	}
}

func position(h federation.History) string {
	s := h.State
	line := h.Job.ID + ": " + string(s.Phase)
	if s.Phase == federation.Running {
		line += fmt.Sprintf(", round %d of %d", s.Round, h.Job.Plan.Rounds)
		if s.Attempt > 1 {
			line += fmt.Sprintf(" (attempt %d)", s.Attempt)
		}
	}
	return line
}

// ended is the error of a job that did not end well.
func ended(h federation.History) error {
	if h.State.Outcome == federation.OK {
		return nil
	}
	return fault.New(fault.QuorumMissed, "the job "+h.Job.ID+" ended "+string(h.State.Outcome)+": "+h.State.Reason, "see `consilium federate report "+h.Job.ID+"`")
}
