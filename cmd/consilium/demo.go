package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"consilium/clinic"
	"consilium/clinical"
	"consilium/fault"
	"consilium/panel"
	"consilium/panel/demo"
	"consilium/server"
)

func newDemo(a *app) *cobra.Command {
	var once bool
	var dir, addr string
	var seed uint64
	var patients int
	c := &cobra.Command{
		Use:   "demo",
		Short: "Diagnose a synthetic patient and show the page",
		Long: "Makes up a patient (SYNTHETIC: a chest film as DICOM, a 12-lead ECG as WFDB, a cough as WAV), examines\n" +
			"the files exactly as `diagnose` would, and writes the assessment as an HTML page. Then it opens a clinic\n" +
			"node with this patient on the worklist and prints its address, and an account to review and sign with.\n" +
			"The node runs until Ctrl-C; with --once it ends as soon as the patient is on the worklist.",
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
			if err := refused(assessment); err != nil {
				return err
			}
			folders, err := morePatients(dir, seed, patients)
			if err != nil {
				return err
			}
			return a.demoNode(c.Context(), dir, folders, addr, once)
		},
	}
	c.Flags().BoolVar(&once, "once", false, "end when the patient is on the worklist")
	c.Flags().StringVarP(&dir, "out", "o", "consilium-demo", "folder for the patient's files, heat maps, page and node")
	c.Flags().StringVar(&addr, "listen", "127.0.0.1:0", "loopback address of the node's page; port 0 takes a free one")
	c.Flags().IntVar(&patients, "patients", 1, "how many synthetic patients wait on the worklist, 1 to 50")
	c.Flags().Uint64Var(&seed, "seed", 4, "which synthetic patient")
	return c
}

func printDrawn(w io.Writer, drawn []string) {
	fmt.Fprintln(w, "\nWhat the generator drew (the models did not see it):")
	for _, line := range drawn {
		fmt.Fprintln(w, "  "+line)
	}
}

// morePatients writes the patients of the seeds that follow, and gives the folders
// of all of them.
func morePatients(dir string, seed uint64, n int) ([]string, error) {
	if n < 1 || n > 50 {
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d patients", n), "--patients takes 1 to 50")
	}
	folders := []string{filepath.Join(dir, "patient")}
	for i := 1; i < n; i++ {
		folder := filepath.Join(dir, "patients", strconv.FormatUint(seed+uint64(i), 10))
		if _, err := demo.Write(folder, seed+uint64(i)); err != nil {
			return nil, err
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

// demoNode opens a node with the synthetic patient on its worklist, until Ctrl-C
// or, with once, until the patient is there.
func (a *app) demoNode(ctx context.Context, dir string, patients []string, addr string, once bool) error {
	f := serveFlags{logFormat: "text", o: clinic.Options{
		HTTP: server.Listen{Address: addr}, DICOM: clinic.DICOM{Address: "127.0.0.1:0"}, Workers: 1, Method: panel.MethodAuto, Site: "SYNTHETIC DEMO",
	}}
	o, err := f.options(a)
	if err != nil {
		return err
	}
	o.DataDir, o.Log = filepath.Join(dir, "node"), nil
	c, err := clinic.Open(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	shown := make(chan error, 1)
	err = c.Run(ctx, func(at clinic.Addresses) {
		go func() {
			d, err := c.Show(ctx, patients)
			if err == nil {
				a.presentNode(at, d, dir, once)
			}
			if shown <- err; err != nil || once {
				cancel()
			}
		}()
	})
	select {
	case e := <-shown:
		return errors.Join(err, e)
	default:
		return err
	}
}

// presentNode prints where the synthetic patient waits.
func (a *app) presentNode(at clinic.Addresses, d clinic.Demo, dir string, once bool) {
	if a.json {
		_ = json.NewEncoder(a.err).Encode(map[string]any{"node": at, "demo": d}) // standard output has the assessment
		return
	}
	fmt.Fprintf(a.out, "\nThe clinic node is open, with the patient on its worklist:\n")
	fmt.Fprintf(a.out, "  %s  %s  %s  %s, %d findings, %s\n", d.Row.PatientName, d.Row.Description, strings.Join(d.Row.Modalities, "+"), d.Row.Headline, d.Row.Findings, d.Row.State)
	fmt.Fprintf(a.out, "  page    %s\n  sign in %s, password %s\n  DICOM   %s\n", at.Page, d.Name, d.Password, at.DICOM)
	if once {
		fmt.Fprintf(a.out, "It closes now (--once). Open it again with: consilium serve --data-dir %s\n", filepath.Join(dir, "node"))
	}
	fmt.Fprintf(a.out, "%s\n", clinical.Disclaimer)
}
