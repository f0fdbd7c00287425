package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"consilium/fault"
	"consilium/panel"
	"consilium/panel/demo"
	"consilium/panel/page"
)

func newDemo(a *app) *cobra.Command {
	var once bool
	var dir, addr string
	var seed uint64
	c := &cobra.Command{
		Use:   "demo",
		Short: "Diagnose a synthetic patient and show the page",
		Long: "Makes up a patient (SYNTHETIC: a chest film as DICOM, a 12-lead ECG as WFDB, a cough as WAV), examines\n" +
			"the files exactly as `diagnose` would, and writes the assessment as an HTML page. Then it serves the\n" +
			"page on this machine until Ctrl-C; with --once it ends.",
		Example: "  consilium demo --once\n  consilium demo --seed 7 --out /tmp/demo",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			files, err := demo.Write(filepath.Join(dir, "patient"), seed)
			if err != nil {
				return err
			}
			a.progress("synthetic patient %d: %s", seed, filepath.Join(dir, "patient"))
			html := filepath.Join(dir, "assessment.html")
			assessment, err := a.assess(c.Context(), files.Paths, pictures{
				method: panel.MethodAuto, out: filepath.Join(dir, "heat-maps"), html: html, drawn: files.Truth,
			})
			if err != nil {
				return err
			}
			if !a.json {
				printDrawn(a.out, files.Truth)
			}
			if err := refused(assessment); err != nil || once {
				return err
			}
			return a.serve(c.Context(), addr, html)
		},
	}
	c.Flags().BoolVar(&once, "once", false, "end after the page is written")
	c.Flags().StringVarP(&dir, "out", "o", "consilium-demo", "folder for the patient's files, heat maps and page")
	c.Flags().StringVar(&addr, "listen", "127.0.0.1:0", "loopback address of the page; port 0 takes a free one")
	c.Flags().Uint64Var(&seed, "seed", 4, "which synthetic patient")
	return c
}

func printDrawn(w io.Writer, drawn []string) {
	fmt.Fprintln(w, "\nWhat the generator drew (the models did not see it):")
	for _, line := range drawn {
		fmt.Fprintln(w, "  "+line)
	}
}

// serve shows the page until Ctrl-C, which is the way to end and no error.
func (a *app) serve(ctx context.Context, addr, path string) error {
	html, err := os.ReadFile(path)
	if err != nil {
		return fault.Wrap(err, fault.IO, "the page cannot be read back", "check the disk")
	}
	return page.Serve(ctx, addr, html, func(url string) {
		a.progress("the assessment is at %s until Ctrl-C", url)
	})
}
