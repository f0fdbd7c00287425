package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"consilium/cmd/consilium/internal/doctor"
	"consilium/fault"
	"consilium/federation/link"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Examine backend, machine, data directory and models",
		Long: "Examines what diagnosis needs: compute backend and library, cores, memory, disk, data directory, and\n" +
			"every model with its signature and a trial run. In the data directory of a federation's hub or site also DNS,\n" +
			"proxy, TLS chain, clock, disk and versions of the link. Ends with exit status 5 when something is broken.",
		Example: "  consilium doctor\n  consilium doctor --backend onnx --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := a.home()
			if err != nil {
				return err
			}
			var linked []link.Check
			if folder := filepath.Join(dir, "federation"); exists(folder) {
				linked = link.Examine(c.Context(), folder)
			}
			report := doctor.Examine(c.Context(), doctor.Options{Engine: a.engine(), DataDir: dir, Store: a.store, Version: version})
			for _, x := range linked {
				report.Checks = append(report.Checks, doctor.Check{Level: x.Level, Name: "federation: " + x.Name, Found: x.Found, Do: x.Do})
			}
			if err := a.show(report, func(w io.Writer) { printChecks(w, report.Checks) }); err != nil {
				return err
			}
			if report.Broken() {
				return fault.New(fault.EngineFailed, "the installation is broken", "follow the advice of the checks above")
			}
			return nil
		},
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func printChecks(w io.Writer, checks []doctor.Check) {
	width := 0
	for _, c := range checks {
		width = max(width, len(c.Name))
	}
	for _, c := range checks {
		fmt.Fprintf(w, "%-7s  %-*s  %s\n", c.Level, width, c.Name, c.Found)
		if c.Do != "" {
			fmt.Fprintf(w, "%-7s  %-*s  what to do: %s\n", "", width, "", c.Do)
		}
	}
}
