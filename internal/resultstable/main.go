// Command resultstable gathers the reports of training runs, given as files,
// into one Markdown text: our figures over seeds with their intervals and the
// trivial baseline, beside published rows for the same test split. `make
// results` ends with it; no figure in docs is written by hand.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"consilium/train/report"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "resultstable:", err)
		os.Exit(1)
	}
}

func run(paths []string) error {
	if len(paths) == 0 {
		return errors.New("usage: resultstable REPORT [REPORT]")
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var r report.Run
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if len(r.Seeds) == 0 {
			return fmt.Errorf("%s: a report without seeds", path)
		}
		if err := write(os.Stdout, r); err != nil {
			return err
		}
	}
	return nil
}
