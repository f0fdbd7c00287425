package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"consilium/cmd/consilium/internal/doctor"
	"consilium/fault"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Examine backend, machine, data directory and models",
		Long: "Examines what diagnosis needs: compute backend and library, cores, memory, disk, data directory, and\n" +
			"every model with its signature and a trial run. Ends with exit status 5 when something is broken.",
		Example: "  consilium doctor\n  consilium doctor --backend onnx --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := a.home()
			if err != nil {
				return err
			}
			report := doctor.Examine(c.Context(), doctor.Options{Engine: a.engine(), DataDir: dir, Store: a.store, Version: version})
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
