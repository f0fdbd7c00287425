// Command testreport reads `go test -json` from standard input and prints what
// a person wants to know: one line a package, the output of what failed, every
// skip with its reason, and totals. It fails when a test failed or none ran, so
// that an empty run is never green.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	title := flag.String("title", "tests", "name of this run in the totals")
	brief := flag.Bool("brief", false, "leave out skips and the packages that pass")
	flag.Parse()

	report, err := read(os.Stdin, os.Stdout, *brief)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	report.print(os.Stdout, *title, *brief)
	if !report.green() {
		os.Exit(1)
	}
}
