package scenario

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Write prints results: a line for each scenario, and below it what came otherwise.
func Write(w io.Writer, results []Result) {
	passed := 0
	for _, r := range results {
		mark := "FAILED"
		if r.Passed {
			mark = "ok    "
			passed++
		}
		fmt.Fprintf(w, "%s  %s:%d  %s\n", mark, printable(r.File), r.Line, printable(r.Name))
		for _, f := range r.Failures {
			fmt.Fprintf(w, "          line %d: %s\n            but %s\n", f.Line, printable(f.Text), printable(f.Got))
		}
	}
	fmt.Fprintf(w, "\n%d of %d scenarios came out as expected\n", passed, len(results))
}

// printable keeps control characters of a file off the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, s)
}
