package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/differential/scenario"
	"consilium/fault"
)

func newScenario(a *app) *cobra.Command {
	var k knows
	c := &cobra.Command{
		Use:   "scenario FILE|FOLDER...",
		Short: "Run examples of how a differential should come out, written in words",
		Long: "Reads scenarios (docs/scenarios.md): a patient in words, and what is expected of the answer. Each is ranked, and what\n" +
			"came otherwise is told with its line. Of a folder, all files *.scenario are read. When one fails, the exit status is 7:\n" +
			"run your own before you take over a new ontology or a new version of the program.",
		Example: "  consilium scenario testdata/scenarios/sample.scenario --sample\n  consilium scenario our-cases/",
		Args:    files("file"),
		RunE: func(c *cobra.Command, args []string) error {
			paths, err := scenarioFiles(args)
			if err != nil {
				return err
			}
			m, err := k.model(a)
			if err != nil {
				return err
			}
			r := scenario.NewReader(m)
			var results []scenario.Result
			for _, path := range paths {
				more, err := runScenarios(c, r, path)
				results = append(results, more...)
				if err != nil {
					return err
				}
			}
			return a.showScenarios(results, m.Base().Notice())
		},
	}
	k.register(c)
	return c
}

// scenarioFiles lists files, and those of folders.
func scenarioFiles(args []string) ([]string, error) {
	var paths []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err != nil:
			return nil, fault.Wrap(err, fault.InputMissing, arg+" cannot be opened", "check the path")
		case !info.IsDir():
			paths = append(paths, arg)
			continue
		}
		found, err := filepath.Glob(filepath.Join(arg, "*.scenario"))
		if err != nil || len(found) == 0 {
			return nil, fault.New(fault.InputEmpty, arg+" holds no file *.scenario", "name a file, or another folder")
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

func runScenarios(c *cobra.Command, r *scenario.Reader, path string) ([]scenario.Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, path+" cannot be opened", "check the path and its permissions")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, scenario.MaxFile+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, path+" cannot be read", "check the disk")
	}
	file, err := r.Read(filepath.Base(path), text)
	if err != nil {
		return nil, err
	}
	var out []scenario.Result
	for _, s := range file.Scenarios {
		result, err := r.Run(c.Context(), file, s)
		if err != nil {
			return out, err
		}
		out = append(out, result)
	}
	return out, nil
}

// showScenarios prints the results; the error says how many failed.
func (a *app) showScenarios(results []scenario.Result, notice string) error {
	failed := 0
	for _, r := range results {
		if !r.Passed {
			failed++
		}
	}
	out := struct {
		Scenarios  []scenario.Result `json:"scenarios"`
		Failed     int               `json:"failed"`
		Notice     string            `json:"notice"`
		Disclaimer string            `json:"disclaimer"`
	}{results, failed, notice, clinical.Disclaimer}
	err := a.show(out, func(w io.Writer) {
		scenario.Write(w, results)
		fmt.Fprintf(w, "\n%s\n", notice)
	})
	if err == nil && failed > 0 {
		err = fault.New(fault.ScenarioFailed, fmt.Sprintf("%d of %d scenarios failed", failed, len(results)), "the lines that were not met are listed; correct them, or find out what changed")
	}
	return err
}
